"""Trajectories side by side: the same iterates however many blocks at a time, and errors that arrive."""

import threading

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pcl import MLP
from pcl.dae import Law, Model, Trajectory, blocks, fit
from pcl.dae.laws import law as laws

T = np.linspace(0.0, 5.0, 9)
FEEDING = Model(states=("x", "y"), outputs="g", parameters="c", bounds={"c": (0.1, 3.0)},
                rates=lambda v: {"x": v.x * (1.0 - v.x / 4.0) - v.g, "y": v.c * v.g - 0.6 * v.y})


def rates(t, s):
    eaten = s[0] * s[1] / (1.0 + 0.5 * s[0])
    return [s[0] * (1.0 - s[0] / 4.0) - eaten, 0.7 * eaten - 0.6 * s[1]]


def seen(k, random):
    s = solve_ivp(rates, (0.0, 5.0), random.uniform(0.5, 2.5, 2), t_eval=T, rtol=1e-9, atol=1e-9).y
    s += 0.02 * random.standard_normal(s.shape)
    start = {"x": s[0, 0]} if k % 2 else {}         # some starts free
    return Trajectory(T, {"x": s[0], "y": s[1]}, start, name=f"pen {k}")


class Watched:
    """A network that knows the threads it is evaluated on, and fails on those of a pool if asked to."""

    n_in, n_out = 2, 1

    def __init__(self, fails=False):
        self.net, self.threads, self.fails = MLP((2, 6, 1)), set(), fails
        self.size, self.init = self.net.size, self.net.init

    def at(self, params, x):
        self.threads.add(threading.get_ident())
        if self.fails and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the rope has broken")
        return self.net.at(params, x)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "ENTRIES", 512)
    monkeypatch.setattr(laws, "LEAST", 16)


def iterates(n_jobs, net, maxiter=6):
    random, points = np.random.default_rng(0), []
    found = fit(FEEDING, [seen(k, random) for k in range(9)], Law(net, ("x", "y"), "g"), elements=5,
                n_jobs=n_jobs, maxiter=maxiter, smoothing=1.0, weight_decay=0.01, guess=None,
                start={"c": 0.5}, callback=lambda snapshot: points.append(snapshot.x))
    return found, points


def test_iterates_are_the_same_to_the_bit_for_one_and_two_at_a_time(small_blocks):
    nets = Watched(), Watched()
    (_, one), (_, two) = (iterates(n, net) for n, net in zip((1, 2), nets))
    assert len(one) == len(two) > 6
    assert all(np.array_equal(x, y) for x, y in zip(one, two))
    assert len(nets[0].threads) == 1 and len(nets[1].threads - nets[0].threads) == 2


def test_iterates_in_blocks_are_those_of_all_trajectories_at_once(monkeypatch):
    _, whole = iterates(1, MLP((2, 6, 1)))
    monkeypatch.setattr(blocks, "ENTRIES", 512)
    monkeypatch.setattr(laws, "LEAST", 16)
    _, parts = iterates(1, MLP((2, 6, 1)))
    assert len(whole) == len(parts) > 6
    assert not all(np.array_equal(x, y) for x, y in zip(whole, parts))      # there are several blocks
    for x, y in zip(whole, parts):
        assert np.linalg.norm(x - y) <= 1e-9 * np.linalg.norm(x)


@pytest.mark.parametrize("places", [None, [{"x": "a", "g": "p"}, {"x": "b", "g": "q"}]])
def test_a_law_in_blocks_has_the_derivatives_of_the_law(monkeypatch, places):
    random = np.random.default_rng(1)
    law = Law(MLP((1, 5, 1)), "x", "g", 0.3, 2.0, -1.0, 3.0, places=places).term
    theta, theta_dot = random.standard_normal((2, law.size))
    a, adjoint = (random.standard_normal((70, len(names))) for names in (law.inputs, law.outputs))
    whole = law.at(theta, a)
    monkeypatch.setattr(blocks, "ENTRIES", 64)
    monkeypatch.setattr(laws, "LEAST", 4)
    parts = law.at(theta, a)
    assert np.allclose(parts.value, whole.value, rtol=1e-12)
    for name, given in (("jacobian", ()), ("input_jacobian", ()), ("pullback", (adjoint,)),
                        ("curvature", (adjoint,)), ("curvature_product", (adjoint, theta_dot)),
                        ("input_curvature", (adjoint,)), ("mixed_curvature", (adjoint,))):
        found, expected = (getattr(point, name)(*given) for point in (parts, whole))
        assert found.shape == expected.shape, name
        assert np.allclose(found, expected, rtol=1e-11, atol=1e-12), name


def test_a_block_that_fails_says_so(small_blocks):
    found, _ = iterates(2, Watched(fails=True))
    assert not found.success and "the rope has broken" in found.status


def test_the_error_is_that_of_the_first_block_in_order():
    def work(piece):
        if piece.start:
            raise ValueError(f"block from {piece.start}")
        return np.zeros(1)
    pieces = [slice(0, 1), slice(1, 2), slice(2, 3)]
    for n in (1, 3):
        with blocks.side_by_side(n), pytest.raises(ValueError, match="block from 1"):
            blocks.total(work, pieces)


@pytest.mark.parametrize("n_jobs", [0, -2, 1.5])
def test_numbers_of_jobs_that_are_none_are_refused(n_jobs):
    with pytest.raises((TypeError, ValueError), match="n_jobs"):
        fit(FEEDING, seen(0, np.random.default_rng(0)), MLP((2, 3, 1)), n_jobs=n_jobs)
