"""Approximate Hessians of collocated programs: what is exact in them, what the pairs of a step tell."""

import dae_programs as cases
import numpy as np
import pytest

from benchmarks.dae_cases import CASES, set_up
from pcl import interior_point
from pcl.dae.kkt.reduced import ReducedKKT
from pcl.dae.program import hessians
from pcl.dae.sequential import Sequential

NAMES = ["wide, Radau", "law of an algebraic variable", "no algebraic variables", "no network",
         "a law at places, Radau"]


def _dense(W):
    return W.tocsc().toarray()


def _weights(p):
    """Exact blocks −Σ λ ∂²z/∂θ² at (x, λ), from the exact Hessian without objective."""
    ends = p.elements.n + np.cumsum([0, *p.rows.sizes])
    return lambda x, lam: [_dense(p.hessian(x, lam, 0.0))[a:b, a:b] for a, b in zip(ends, ends[1:])]


@pytest.mark.parametrize("name", NAMES)
def test_gauss_newton_is_the_exact_hessian_without_multipliers(name):
    p, (x, lam) = cases.program(name), cases.point(name)
    W = _dense(hessians.GaussNewton(p).at(x, lam, 0.7))
    np.testing.assert_allclose(W, _dense(p.hessian(x, 0.0 * lam, 0.7)), atol=1e-14)
    assert np.linalg.eigvalsh(W).min() > -1e-12 * np.abs(W).max()


@pytest.mark.parametrize("name", NAMES)
def test_hybrid_is_exact_outside_the_blocks_of_the_weights(name):
    p, (x, lam) = cases.program(name), cases.point(name)
    difference = _dense(p.hessian(x, lam, 0.7)) - _dense(hessians.Hybrid(p).at(x, lam, 0.7))
    blocks, n = _weights(p)(x, lam), p.elements.n
    for block in blocks:
        place = slice(n, n + len(block))
        np.testing.assert_allclose(difference[place, place], block, atol=1e-13)
        difference[place, place], n = 0.0, place.stop
    assert np.abs(difference).max() < 1e-13


@pytest.mark.parametrize("name", NAMES[:3])
def test_pairs_of_the_hybrid_are_the_mean_curvature_along_the_step(name):
    """B s = ∫ C(a⁺, θ + τ s; λ⁺) s dτ over 0 … 1, with ten Gauss nodes: the rest is below 1e-8."""
    p, (x, lam) = cases.program(name), cases.point(name)
    step = 0.2 * np.random.default_rng(4).normal(size=p.n)
    hybrid, curvature = hessians.Hybrid(p), _weights(p)
    hybrid.accepted(x, x + step, lam, 1.0)
    nodes, weights = np.polynomial.legendre.leggauss(10)
    mean = [np.zeros_like(B) for B in hybrid._blocks]
    for node, weight in zip(nodes, weights):
        between = x + step
        between[p.elements.n:] -= 0.5 * (1.0 - node) * step[p.elements.n:]
        mean = [M + 0.5 * weight * C for M, C in zip(mean, curvature(between, lam))]
    for B, M, s in zip(hybrid._blocks, mean, p.rows.parameters(step)):
        np.testing.assert_allclose(B @ s, M @ s, atol=1e-8 * np.abs(M).max())
        np.testing.assert_allclose(B, B.T, atol=1e-14 * np.abs(B).max())


def test_small_steps_in_all_directions_give_the_exact_block():
    """SR1 on a quadratic function ends with its Hessian; steps of 1e-4 see the cubic part as 1e-4."""
    name = "law of an algebraic variable"
    p, (x, lam) = cases.program(name), cases.point(name)
    hybrid, rng = hessians.Hybrid(p), np.random.default_rng(2)
    for _ in range(2 * p.rows.sizes[0]):
        step = np.zeros(p.n)
        step[p.elements.n:] = 1e-4 * rng.normal(size=p.rows.sizes[0])
        hybrid.accepted(x - step, x, lam, 1.0)
    block, = _weights(p)(x, lam)
    np.testing.assert_allclose(hybrid._blocks[0], block, atol=1e-2 * np.abs(block).max())
    hybrid.accepted(x, x, 3.0 * lam, 1.0)       # no step: the new multipliers alone
    np.testing.assert_allclose(hybrid._blocks[0], 3.0 * block, atol=3e-2 * np.abs(block).max())


def test_a_fresh_hybrid_has_no_memory():
    p, (x, lam) = cases.program("wide, Radau"), cases.point("wide, Radau")
    hybrid = hessians.Hybrid(p)
    hybrid.accepted(x, x + 0.1, lam, 1.0)
    assert hybrid._blocks[0].any() and not hybrid.fresh()._blocks[0].any()


def test_names_become_strategies():
    p = cases.program("wide, Radau")
    assert isinstance(hessians.strategy("gauss-newton", p), hessians.GaussNewton)
    assert isinstance(hessians.strategy("hybrid", p), hessians.Hybrid)
    assert hessians.strategy("exact", p) == "exact" and hessians.strategy(p, p) is p


def test_the_hybrid_ends_where_the_exact_hessian_does():
    """From near the minimum, as there may be several."""
    made = set_up(CASES["fed-batch"], 0, width=3, elements=6)
    everywhere = {"reestimate_below": np.inf}               # as fits have it
    exact = interior_point.solve(made.program, made.x0, kkt=ReducedKKT(), tol=1e-7, **everywhere)
    near = exact.x * (1.0 + 1e-3 * np.random.default_rng(0).normal(size=made.program.n))
    hybrid = interior_point.solve(made.program, near, kkt=ReducedKKT(), tol=1e-7,
                                  hessian=hessians.strategy("hybrid", made.program), **everywhere)
    assert exact.success and hybrid.success
    np.testing.assert_allclose(hybrid.fun, exact.fun, rtol=1e-6)


def test_gauss_newton_finds_a_perfect_fit_fast():
    """Where data can be fitted exactly the multipliers vanish, and with them what Gauss–Newton drops."""
    p, (x, _) = cases.program("no network"), cases.point("no network")
    truth = Sequential(p, np.abs(x)).solution([1.2, 0.8, 0.3])
    kept, p.misfit.data = p.misfit.data, p.misfit.data + p.misfit.residuals(p.elements.local(truth))
    p._point = None
    try:
        result = interior_point.solve(p, truth + 0.02, kkt=ReducedKKT(), tol=1e-10,
                                      hessian=hessians.strategy("gauss-newton", p))
    finally:
        p.misfit.data, p._point = kept, None
    assert result.success and result.nit <= 12
    assert result.fun < 1e-18
