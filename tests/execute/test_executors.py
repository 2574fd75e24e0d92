"""Every way to run independent work gives its results in order, and its errors to the caller."""

import contextvars
import threading
import time

import numpy as np
import pytest
from oracles import broken_promises
from small_problems import Rosenbrock
from threadpoolctl import threadpool_info, threadpool_limits

import pcl
from pcl.execute import threads
from pcl.execute.executor import Executor, Workers
from pcl.execute.local import Serial, Threads
from pcl.execute.processes import Processes
from pcl.support.context import having

EXECUTORS = {"threads": threads, "serial workers": Serial(), "two threads": Threads(2)}
WORKERS = {"serial": Serial(), "threads": Threads(2), "processes": Processes(2)}


@pytest.fixture(params=EXECUTORS)
def ordered(request, monkeypatch):
    """One of them, with two workers whatever the machine has."""
    monkeypatch.setattr(threads, "workers", lambda: 1 if threads._inside.get() else 2)
    return EXECUTORS[request.param].ordered


@pytest.mark.parametrize("name", EXECUTORS)
def test_executors_keep_the_protocol(name):
    assert broken_promises(Executor, EXECUTORS[name]) == []


@pytest.mark.parametrize("name", WORKERS)
def test_workers_keep_the_protocol(name):
    assert broken_promises(Workers, WORKERS[name]) == []


def test_context_variables_of_the_caller_are_seen(ordered):
    variable = contextvars.ContextVar("variable", default=0)
    with having(variable, 7):
        assert list(ordered(lambda i: variable.get() + i, range(5))) == [7, 8, 9, 10, 11]


def test_few_results_wait_for_their_turn(ordered):
    done = []
    results = ordered(done.append, range(50))
    next(results)
    time.sleep(0.1)
    assert len(done) <= 4       # the one given, and one more than there are workers


def test_results_come_in_the_order_of_the_items_not_of_their_end(ordered):
    def late(i):
        time.sleep(0.02 * (i % 2 == 0))
        return i
    assert list(ordered(late, range(9))) == list(range(9))


def test_an_error_reaches_the_caller_at_its_turn(ordered):
    def inverse(i):
        return 1 / (3 - i)
    results = ordered(inverse, range(6))
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_work_inside_work_stays_on_its_thread(ordered):
    def outer(i):
        inside = list(ordered(lambda j: threading.get_ident(), range(3)))
        return set(inside) == {threading.get_ident()}
    assert all(ordered(outer, range(4)))


def test_nothing_to_do_is_no_error(ordered):
    assert list(ordered(np.sqrt, [])) == []


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_small_systems_keep_every_blas_on_one_thread_and_large_ones_as_it_was():
    with threadpool_limits(2, user_api="blas"):
        with threads.for_small(threads.SMALL):
            assert blas_threads() == {2}
        with threads.for_small(threads.SMALL - 1), threads.for_small(1):
            assert blas_threads() == {1}
        assert blas_threads() == {2}


def test_a_small_fit_is_worked_on_by_one_blas_thread_and_leaves_them_as_they_were():
    seen = []
    with threadpool_limits(2, user_api="blas"):
        result = pcl.minimize(Rosenbrock(), "levenberg-marquardt",
                              callback=lambda *_, **__: seen.append(blas_threads()))
        assert result.success and blas_threads() == {2}
    assert seen and set.union(*seen) == {1}
