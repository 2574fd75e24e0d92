"""Experiments on workers that share no memory: what travels, what is lost, what is said."""

import concurrent.futures
import functools
import pickle
import sys

import numpy as np
import pytest
import stand_in
from parabolas import Parabola, Picky, centres

import pcl
from pcl.experiments import worker
from pcl.experiments.errors import ExperimentError, ExperimentFailure

THETA = np.array([0.3, -0.2])


@pytest.fixture
def cluster(monkeypatch):
    """A client of the stand-in, and `distributed` by name."""
    monkeypatch.setitem(sys.modules, "distributed", stand_in.module)
    client = stand_in.Client()
    yield client
    client.close()


def expected(items):
    return [functools.reduce(np.add, parts) for parts in zip(
        *[Parabola(item).value_and_gradient(THETA) for item in items])]


def test_a_cluster_gives_the_same_bits(cluster):
    items = centres(9)
    summed, here = pcl.Problem.sum(Parabola, items, cluster), pcl.Problem.sum(Parabola, items)
    np.testing.assert_array_equal(summed.value_and_gradient(THETA)[1], here.value_and_gradient(THETA)[1])
    np.testing.assert_allclose(summed.gradient(THETA), expected(items)[1], rtol=1e-14)
    np.testing.assert_array_equal(summed.jacobian(THETA), np.tile(np.eye(2), (9, 1)))
    np.testing.assert_array_equal(pcl.minimize(summed, "L-BFGS-B").x, pcl.minimize(here, "L-BFGS-B").x)


def test_items_travel_once_and_theta_each_time(cluster):
    items = [np.full((100_000, 2), float(i)) for i in range(6)]      # 1.6 MB each
    summed = pcl.Problem.sum(lambda item: Parabola(item[0]), items, cluster)
    summed.value(THETA)
    assert sum(cluster.sent) > 6 * 1.6e6
    cluster.sent.clear()
    for shift in range(5):
        summed.value_and_gradient(THETA + shift)
    assert len(cluster.sent) == 30 and max(cluster.sent) < 5000


def test_a_group_goes_to_the_worker_that_has_it(cluster):
    summed = pcl.Problem.sum(Parabola, centres(6), cluster)
    for shift in range(3):
        summed.value(THETA + shift)
    numbers = {name: {pickle.loads(order).question.numbers for _, order in given}
               for name, given in cluster.given.items()}
    assert numbers == {"tcp://worker-0": {(0,), (2,), (4,)}, "tcp://worker-1": {(1,), (3,), (5,)}}


def test_a_worker_that_lost_all_is_sent_it_again(cluster):
    items = centres(6)
    summed = pcl.Problem.sum(Parabola, items, cluster)
    summed.value_and_gradient(THETA)
    cluster.lose("tcp://worker-1")
    assert summed.value_and_gradient(1.0 * THETA + 0.0)[0] == expected(items)[0]
    cluster.lose("tcp://worker-0")
    again = summed.value_and_gradient(THETA + 1e-9)
    np.testing.assert_array_equal(
        again[1], pcl.Problem.sum(Parabola, items).value_and_gradient(THETA + 1e-9)[1])


def test_the_address_of_a_scheduler_and_dask_by_name(cluster):
    for executor in ("tcp://there:8786", "dask"):
        with pcl.Problem.sum(Parabola, centres(3), executor, workers=2) as summed:
            assert summed.value(THETA) == pytest.approx(expected(centres(3))[0], rel=1e-14)
    assert stand_in.Client.open_clients == [cluster]


def test_a_scheduler_that_cannot_be_reached_is_one_sentence(cluster):
    with pytest.raises(ConnectionError, match="no scheduler answers at 'tcp://nowhere:1' .*dask schedul"):
        pcl.Problem.sum(Parabola, centres(3), "tcp://nowhere:1")


def test_dask_that_is_not_there_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"executor='dask' needs the package 'distributed'.*\[dask\]"):
        pcl.Problem.sum(Parabola, centres(3), "dask")


def test_versions_that_differ_are_one_sentence(cluster, monkeypatch):
    summed = pcl.Problem.sum(Parabola, centres(3), cluster)
    monkeypatch.setattr(worker, "versions", lambda: {**summed._crew._versions, "numpy": "1.0"})
    with pytest.raises(ExperimentError, match=r"versions differ .* numpy \S+ here and 1.0 there"):
        summed.value(THETA)


def test_a_function_that_cannot_be_sent_is_one_sentence(cluster):
    problem = pcl.Problem(lambda t: t["x"] ** 2, {"x": 1.0})
    with pytest.raises(TypeError, match=r"make cannot be sent to another process: .*inside make"):
        pcl.Problem.sum(lambda item: problem, [1, 2], cluster)


def test_an_item_that_cannot_be_sent_is_named(cluster):
    summed = pcl.Problem.sum(lambda item: Parabola([1.0, 2.0]), [1.0, sys.stderr], cluster)
    with pytest.raises(TypeError, match=r"items\[1\], <.*>, cannot be sent"):
        summed.value(THETA)


@pytest.mark.parametrize("executor", ["serial", "threads", "cluster"])
def test_an_item_that_raises_is_named_and_the_others_are_computed(executor, cluster):
    items = [[1.0, 0.0], [8.0, 0.0], [2.0, 0.0], [8.0, 1.0]]
    summed = pcl.Problem.sum(Picky, items, cluster if executor == "cluster" else executor)
    with pytest.raises(ExperimentError, match=r"experiment 1 of 4, item \[8.0, 0.0\], raised KeyError: "
                                              r"'no such sensor'\. So did 3\.") as caught:
        summed.values(np.zeros(2))
    assert caught.value.others == {0: 1.0, 2: 4.0} and caught.value.items == ([8.0, 0.0], [8.0, 1.0])
    assert isinstance(caught.value.__cause__, KeyError) and "Traceback" in caught.value.failures[0].trace


def test_making_that_raises_is_named(cluster):
    def make(item):
        return Parabola([1.0, 1.0 / item])
    with pytest.raises(ExperimentError, match="experiment 0 of 2, item 0, raised ZeroDivisionError"):
        pcl.Problem.sum(make, [0, 1])
    summed = pcl.Problem.sum(make, [1, 0], cluster)
    with pytest.raises(ExperimentError, match="experiment 1 of 2, item 0, raised ZeroDivisionError"):
        summed.value(THETA)


@pytest.mark.parametrize("executor", ["serial", "cluster"])
def test_a_trial_without_a_value_in_one_experiment_is_stepped_back_from(executor, cluster):
    items = [[7.0, 0.0], [-6.5, 0.0]]       # the minimum at 0.25, steps beyond 0.5
    summed = pcl.Problem.sum(Picky, items, cluster if executor == "cluster" else executor)
    result = pcl.minimize(summed, "BFGS", x0=[-3.0, 1.0])
    np.testing.assert_allclose(result.x, [0.25, 0.0], atol=1e-6)
    with pytest.raises(ExperimentFailure, match=r"experiment 0 of 2, .* NotFinite: the loss is NaN"):
        summed.value_and_gradient([0.6, 0.0])


def test_blocks_that_do_not_fit_are_named():
    def make(shape):
        return pcl.Problem(lambda t: sum(x[0] ** 2 for x in t.values()), shape)
    with pytest.raises(ExperimentError, match=r"experiment 1 .* block 'y' is none of x; give .* blocks="):
        pcl.Problem.sum(make, [{"x": [1.0]}, {"x": [1.0], "y": [2.0]}]).value([1.0])
    with pytest.raises(ExperimentError, match=r"experiment 1 .* 'x' has shape \(2,\); expected \(1,\)"):
        pcl.Problem.sum(make, [{"x": [1.0]}, {"x": [1.0, 2.0]}]).value([1.0])


def test_any_executor_of_futures_computes_them():
    items = centres(5)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        summed = pcl.Problem.sum(Parabola, items, pool, workers=2)
        assert summed.value(THETA) == expected(items)[0]


def test_what_no_worker_answers_ends_in_time():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        import threading
        free = threading.Event()
        pool.submit(free.wait)
        summed = pcl.Problem.sum(Parabola, centres(2), pool, workers=1, timeout=0.2)
        with pytest.raises(TimeoutError, match="no worker answered for 0.2 s"):
            summed.value(THETA)
        free.set()


def test_a_worker_knows_few_runs_at_a_time(cluster):
    for _ in range(worker.RUNS + 3):
        pcl.Problem.sum(Parabola, centres(2), cluster).value(THETA)
    assert all(len(kept) == worker.RUNS for kept in cluster._kept.values())
