"""Many starts and many chains on the executors that experiments have."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from test_remote import Mortal

import pcl
from pcl.execute.surviving import surviving
from pcl.uncertainty import noise, prior


def make_problem():
    return pcl.Problem(lambda t: (t["k"] ** 2 - 1.0) ** 2 + 0.25 * t["k"], {"k": 0.0})


STARTS = [[-2.0], [2.0], [0.3]]


@pytest.mark.parametrize("executor", ["serial", "threads", "pool"])
def test_starts_end_alike_on_every_executor(executor):
    with ThreadPoolExecutor(2) as pool:
        runs = pcl.multi_start(make_problem, STARTS, "newton-trust-region", n_jobs=2,
                               executor=pool if executor == "pool" else executor)
    expected = pcl.multi_start(make_problem, STARTS, "newton-trust-region")
    assert [run.loss for run in runs.runs] == [run.loss for run in expected.runs]
    np.testing.assert_array_equal(runs.x, expected.x)


def test_a_start_that_kills_its_workers_is_a_row_and_the_others_go_on():
    workers = Mortal(1, blows={1, 3, 5})       # the second start, three times
    runs = pcl.multi_start(make_problem, STARTS, "newton-trust-region", executor=workers)
    assert [run.failed for run in runs.runs] == [False, True, False]
    assert "its process died" in runs.runs[1].message


def test_a_task_that_no_worker_survives_is_told_of_in_its_place():
    found = surviving(lambda number, square: (number, square * square), [(i, i) for i in range(5)],
                      Mortal(1, blows={2, 5, 8}), lambda task: (task[0], "died"))
    assert list(found) == [(0, 0), (1, 1), (2, "died"), (3, 9), (4, 16)]


def make_chain():
    return pcl.Problem.from_data(lambda t: t["k"], [0.4], noise.Gaussian(0.5), {"k": [0.0]},
                                 {"k": prior.Normal(0.0, 1.0)})


def test_chains_have_the_same_draws_on_an_executor():
    posterior = make_chain().posterior([0.32])
    settings = dict(method="pcn", chains=2, draws=40, warmup=10, seed=1)
    expected = pcl.uncertainty.sample(make_chain, posterior, **settings)
    with ThreadPoolExecutor(1) as pool:
        found = pcl.uncertainty.sample(make_chain, posterior, **settings, executor=pool)
    np.testing.assert_array_equal(found.blocks["k"], expected.blocks["k"])
    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError, match="a function without arguments"):
        pcl.uncertainty.sample(make_chain(), posterior, **settings, executor=pool)
