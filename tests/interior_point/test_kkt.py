"""KKT backends: the same step, the inertia of the eigenvalues, held and free entries."""
import numpy as np
import pytest
import scipy.sparse as sp

from pcl.interior_point.hessians import LimitedMemory
from pcl.interior_point.kkt.dense import HELD
from pcl.interior_point.kkt.low_rank import LowRankKKT
from pcl.interior_point.kkt.protocol import backend
from pcl.interior_point.kkt.sparse import feral_is_installed

NAMES = ["dense", "superlu", pytest.param("sparse", marks=pytest.mark.skipif(
    not feral_is_installed(), reason="feral-solver is not installed"))]


def matrices(n, m, shift, seed=0):
    """(W, J, d_x, d_c): W symmetric with eigenvalues around `shift`."""
    rng = np.random.RandomState(seed)
    A = rng.randn(n, n) * (rng.rand(n, n) < 0.4)
    J = rng.randn(m, n) * (rng.rand(m, n) < 0.5) + np.eye(m, n)
    return A + A.T + shift * np.eye(n), J, rng.rand(n), 0.1 * rng.rand(m)


def assembled(W, J, d_x, d_c):
    return np.block([[W + np.diag(d_x), J.T], [J, -np.diag(d_c)]])


def backend_of(name):
    return backend(name, None, np.zeros((0, 0)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(8))
def test_inertia_is_that_of_the_eigenvalues(name, seed):
    W, J, d_x, d_c = matrices(12, 5, 6.0 * (seed % 3), seed)
    eigenvalues = np.linalg.eigvalsh(assembled(W, J, d_x, d_c))
    factor = backend_of(name).factor(sp.csr_array(W), sp.csr_array(J), d_x, d_c)
    assert not factor.singular
    assert factor.right_inertia == ((eigenvalues > 0).sum() == 12)


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_is_that_of_the_full_matrix(name):
    W, J, d_x, d_c = matrices(12, 5, 8.0)
    r = np.random.RandomState(3).randn(17)
    dx, lam = backend_of(name).factor(W, J, d_x, d_c).solve(r[:12], r[12:])
    exact = np.linalg.solve(assembled(W, J, d_x, d_c), r)
    tolerance = 1e-5 if name == "superlu" else 1e-10     # SuperLU factorises K perturbed by 1e-8
    assert np.allclose(np.concatenate([dx, lam]), exact, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_w_none_is_zero(name):
    _, J, d_x, d_c = matrices(12, 5, 0.0)
    d_x, r = d_x + 1.0, np.ones(17)
    kkt = backend_of(name)
    with_zero = kkt.factor(sp.csr_array((12, 12)), sp.csr_array(J), d_x, d_c).solve(r[:12], r[12:])
    without = kkt.factor(None, sp.csr_array(J), d_x, d_c).solve(r[:12], r[12:])
    assert np.allclose(with_zero[0], without[0], atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_held_variables_and_free_rows_do_not_move(name):
    W, J, d_x, d_c = matrices(12, 5, 8.0)
    d_x[3], d_c[1] = HELD, HELD
    r = np.ones(17)
    factor = backend_of(name).factor(W, J, d_x, d_c)
    dx, lam = factor.solve(r[:12], r[12:])
    keep_x, keep_c = np.delete(np.arange(12), 3), np.delete(np.arange(5), 1)
    small = assembled(W[np.ix_(keep_x, keep_x)], J[np.ix_(keep_c, keep_x)], d_x[keep_x], d_c[keep_c])
    exact = np.linalg.solve(small, np.ones(15))
    assert factor.right_inertia and abs(dx[3]) < 1e-12 and abs(lam[1]) < 1e-12
    assert np.allclose(np.concatenate([dx[keep_x], lam[keep_c]]), exact, atol=1e-5)


@pytest.mark.parametrize("name", ["dense", NAMES[2]])
def test_a_row_twice_is_singular_or_of_the_wrong_inertia(name):
    W, J, d_x, _ = matrices(12, 5, 8.0)
    J[4] = J[3]
    kkt = backend_of(name)
    factor = kkt.factor(W, J, d_x, np.zeros(5))
    assert factor.singular or not factor.right_inertia or not np.abs(
        factor.solve(np.ones(12), np.arange(5.0))[1]).max() < 1e10
    assert kkt.factor(W, J, d_x, np.full(5, 1e-6)).right_inertia


@pytest.mark.parametrize("name", ["dense", NAMES[2]])
def test_a_zero_matrix_and_nan_do_not_raise(name):
    kkt = backend_of(name)
    for W in (np.full((2, 2), np.nan), np.zeros((2, 2))):
        assert not kkt.factor(W, np.zeros((1, 2)), np.zeros(2), np.zeros(1)).right_inertia


@pytest.mark.parametrize("name", NAMES)
def test_an_overtaken_factor_still_solves_its_own_system(name):
    W, J, d_x, d_c = matrices(12, 5, 8.0)
    kkt, r = backend_of(name), np.ones(17)
    first = kkt.factor(W, J, d_x, d_c)
    before = first.solve(r[:12], r[12:])[0]
    kkt.factor(W, J, d_x + 5.0, d_c)
    assert np.allclose(first.solve(r[:12], r[12:])[0], before, atol=1e-12)


def test_the_pattern_is_analysed_once():
    W, J, d_x, d_c = (sp.csr_array(a) if a.ndim == 2 else a for a in matrices(12, 5, 8.0))
    kkt = backend_of("superlu")
    for scale in (1.0, 2.0, 3.0):
        kkt.factor(scale * W, scale * J, d_x, d_c)
    assert kkt.analysed == 1


@pytest.mark.parametrize("name", NAMES[1:])
def test_the_pattern_of_a_hessian_serves_systems_without_one(name):
    W, J, d_x, d_c = (sp.csr_array(a) if a.ndim == 2 else a for a in matrices(12, 5, 8.0))
    kkt, fresh = backend_of(name), backend_of(name)
    for H in (W, None, W, None):
        dx, lam = kkt.factor(H, J, d_x + 1.0, d_c).solve(np.ones(12), np.ones(5))
    assert kkt.analysed == 1
    assert np.allclose(dx, fresh.factor(None, J, d_x + 1.0, d_c).solve(np.ones(12), np.ones(5))[0])


class Rows:
    """½ xᵀH x, for BFGS pairs."""

    def __init__(self, H):
        self.H = H

    def gradient(self, x):
        return self.H @ x

    def jacobian(self, x):
        return np.zeros((0, x.size))


def quasi_newton(n, steps):
    """(strategy, H, steps taken) after exact pairs of a quadratic."""
    rng = np.random.RandomState(1)
    A = rng.randn(n, n)
    H = A @ A.T + np.eye(n)
    strategy, x, taken = LimitedMemory(Rows(H)), np.zeros(n), []
    for _ in range(steps):
        s = rng.randn(n)
        strategy.accepted(x, x + s, np.zeros(0), 1.0)
        x, taken = x + s, taken + [s]
    return strategy, H, taken


def test_bfgs_satisfies_the_secant_equation_of_the_last_step():
    strategy, H, taken = quasi_newton(8, 9)
    B = strategy.at(np.zeros(8), np.zeros(0), 1.0)
    assert np.allclose(B @ taken[-1], H @ taken[-1], rtol=1e-9)


def test_bfgs_in_the_span_of_its_pairs_is_the_recursive_one():
    strategy, H, taken = quasi_newton(8, 5)
    B = max(s @ H @ s / (s @ s) for s in taken) * np.eye(8)
    for s in taken:
        B = B + np.outer(H @ s, H @ s) / (s @ H @ s) - np.outer(B @ s, B @ s) / (s @ B @ s)
    low_rank = strategy.at(np.zeros(8), np.zeros(0), 1.0)
    assert np.allclose(low_rank.toarray(), B, rtol=1e-8, atol=1e-8)
    assert np.allclose(np.array([low_rank @ e for e in np.eye(8)]), B, rtol=1e-8, atol=1e-8)


def test_bfgs_keeps_positive_eigenvalues_with_nearly_parallel_pairs():
    strategy = LimitedMemory(Rows(np.diag([1.0, 1e4, 1e8])))
    x = np.ones(3)
    for k in range(12):
        step = np.array([1.0, 1e-7, 1e-7]) * 10.0 ** -k + 1e-9 * np.eye(3)[k % 3] * 10.0 ** -k
        strategy.accepted(x, x + step, np.zeros(0), 1.0)
        x = x + step
    assert np.linalg.eigvalsh(strategy.at(x, np.zeros(0), 1.0).toarray()).min() > 0.0


@pytest.mark.parametrize("name", NAMES)
def test_dependent_rows_count_as_singular_where_the_hessian_is_positive(name):
    strategy, _, _ = quasi_newton(8, 9)
    J = np.tile(np.arange(1.0, 9.0), (2, 1))
    B = strategy.at(np.zeros(8), np.zeros(0), 1.0)
    factor = LowRankKKT(backend_of(name)).factor(B, J, np.zeros(8), np.zeros(2))
    assert factor.singular == (not factor.right_inertia)


def test_damped_bfgs_stays_positive_definite_where_the_curvature_is_negative():
    strategy = LimitedMemory(Rows(-np.eye(3)))
    strategy.accepted(np.zeros(3), np.ones(3), np.zeros(0), 1.0)
    B = strategy.at(np.zeros(3), np.zeros(0), 1.0)
    assert np.linalg.eigvalsh(np.array([B @ e for e in np.eye(3)])).min() > 0.0


@pytest.mark.parametrize("name", NAMES)
def test_woodbury_gives_the_step_of_the_assembled_matrix(name):
    strategy, _, _ = quasi_newton(8, 9)
    B = strategy.at(np.zeros(8), np.zeros(0), 1.0)
    _, J, d_x, d_c = matrices(8, 3, 0.0)
    dx, lam = LowRankKKT(backend_of(name)).factor(B, J, d_x, d_c).solve(np.ones(8), np.ones(3))
    full = assembled(np.array([B @ e for e in np.eye(8)]), J, d_x, d_c)
    within = 1e-6 if name == "superlu" else 1e-8    # SuperLU factorises K perturbed by 1e-8
    assert np.allclose(np.concatenate([dx, lam]), np.linalg.solve(full, np.ones(11)), rtol=within)
