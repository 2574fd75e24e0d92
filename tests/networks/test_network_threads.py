"""Blocks of points on several threads give the serial results, in their order."""

import multiprocessing
import os
import threading

import numpy as np
import pytest

from pcl.execute import threads
from pcl.networks import point as network_point
from pcl.networks.mlp import MLP


@pytest.fixture
def blas(monkeypatch):
    """A BLAS of three threads, on a machine of eight processors."""
    state = [3]
    monkeypatch.setattr(threads._blas, "_get", lambda: state[0])
    monkeypatch.setattr(threads._blas, "_set", lambda n: state.__setitem__(0, n))
    monkeypatch.setattr(threads, "_processors", lambda: 8)
    return state


def derivatives(net, q, **options):
    rng = np.random.default_rng(0)
    params, x = net.init(seed=0), rng.standard_normal((q, net.n_in))
    adjoint, v = rng.standard_normal((q, net.n_out)), rng.standard_normal(net.size)
    point = net.at(params, x, **options)
    return [point.value, *point.pullback(adjoint, inputs=True), point.pushforward(v),
            point.curvature(adjoint), *point.curvature_product(adjoint, v, adjoint_dot=adjoint),
            point.input_jacobian(), point.input_curvature(adjoint)]


def test_results_come_in_order_and_blas_has_one_thread_meanwhile(blas):
    def work(i):
        threading.Event().wait(0.01 * (i % 3))
        return i, blas[0], threads.workers()
    assert list(threads.ordered(work, range(10))) == [(i, 1, 1) for i in range(10)]
    assert blas == [3] and threads.workers() == 3


def test_overlapping_callers_restore_the_threads_of_blas_once(blas):
    first, second = (threads.ordered(lambda i: i, range(9)) for _ in range(2))
    next(first), next(second)
    assert list(first)[-1] == 8 and blas == [1] and threads.workers() == 3
    assert list(second)[-1] == 8 and blas == [3]


def test_an_exception_in_a_block_reaches_the_caller_and_blas_is_restored(blas):
    with pytest.raises(ZeroDivisionError):
        list(threads.ordered(lambda i: 1 // i, [1, 0, 2, 3]))
    assert blas == [3]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10])
def test_shares_are_consecutive_and_cover_everything(blas, n):
    shares = threads.shares(range(n))
    assert [i for share in shares for i in share] == list(range(n))
    assert len(shares) == max(1, min(n, 3)) and max(map(len, shares)) - min(map(len, shares)) <= 1


def test_no_more_threads_than_processors_of_this_process(blas, monkeypatch):
    monkeypatch.setattr(threads, "_processors", lambda: 2)
    assert threads.workers() == 2


def test_derivatives_on_three_threads_are_those_on_one_to_rounding(blas):
    net = MLP([2, 8, 5, 2], "swish", "softplus")
    parallel, again = derivatives(net, 300, block=7), derivatives(net, 300, block=7)
    blas[0] = 1
    for a, b, c in zip(parallel, again, derivatives(net, 300, block=7)):
        np.testing.assert_array_equal(a, b)               # with one number of threads the same bits
        np.testing.assert_allclose(a, c, rtol=0, atol=1e-13 * np.abs(c).max())  # sums of 300 terms


def test_layers_computed_again_give_the_bits_of_those_held(monkeypatch):
    net = MLP([2, 8, 5, 2], "swish", "softplus")
    held = derivatives(net, 300, block=7)
    monkeypatch.setattr(network_point, "HELD_ENTRIES", 0)
    for a, b in zip(held, derivatives(net, 300, block=7)):
        np.testing.assert_array_equal(a, b)


def test_the_curvature_product_with_an_adjoint_tangent_is_the_tangent_of_the_pullback():
    # d/dε (Jᵀ(θ + ε v)(ȳ + ε ẏ)) = ∇²⟨ȳ, y⟩ v + Jᵀ ẏ
    net, rng = MLP([2, 6, 5, 2], "tanh", "exp"), np.random.default_rng(1)
    params, x, v = net.init(seed=0), rng.standard_normal((9, 2)), rng.standard_normal(net.size)
    adjoint, dot = rng.standard_normal((2, 9, 2))
    point = net.at(params, x)
    together = point.curvature_product(adjoint, v, adjoint_dot=dot)
    parts = zip(point.curvature_product(adjoint, v), point.pullback(dot, inputs=True))
    for whole, (a, b) in zip(together, parts):
        np.testing.assert_allclose(whole, a + b, rtol=0, atol=1e-13 * np.abs(whole).max())


def _child(queue):
    net = MLP([2, 8, 5, 1])
    queue.put(net.at(net.init(seed=0), np.ones((100, 2)), block=7).curvature(np.ones((100, 1))))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_starts_threads_of_its_own(blas):
    """A pool inherited by fork has no threads and would keep its caller waiting."""
    net = MLP([2, 8, 5, 1])
    expected = net.at(net.init(seed=0), np.ones((100, 2)), block=7).curvature(np.ones((100, 1)))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_child, args=(queue,), daemon=True)
    process.start()
    np.testing.assert_array_equal(queue.get(timeout=30), expected)
    process.join(timeout=30)


def test_memory_of_a_gradient_at_many_points_is_that_of_its_points():
    import tracemalloc
    net, q = MLP([2, 20, 20, 20, 1]), 200_000             # 13 million values of layers, above the limit
    x, adjoint = np.ones((q, 2)), np.ones((q, 1))
    tracemalloc.start()
    net.at(net.init(seed=0), x).pullback(adjoint)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # points, value, adjoint, their copies and finiteness masks: 8 numbers a point; 20 MB for the blocks
    assert peak < 8 * 8 * q + 20e6
