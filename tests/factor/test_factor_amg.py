"""Conjugate gradients with algebraic multigrid behind the registry: the answers of a factorisation."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
import skfem
import tensorflow as tf

import fem
import pcl
from pcl import factor
from pcl.errors import NotConverged
from pcl.factor import amg

pytest.importorskip("pyamg")


def tridiagonal(n, diagonal=2.0):
    side = -np.ones(n - 1)
    return sp.csc_array(sp.diags_array([side, np.full(n, diagonal), side], offsets=[-1, 0, 1]))


def diffusion(mesh, element, kappa):
    """The inner part of −∇·(κ∇u) with Dirichlet zero, and its space."""
    space = fem.Space(mesh, element)
    A = space.laplace(kappa(space.quadrature_points)).to_scipy()
    inner = np.setdiff1d(np.arange(space.n), space.boundary_dofs())
    return sp.csc_array(A[inner][:, inner])


def backward_error(A, x, b):
    return np.abs(A @ x - b).max() / (abs(A) @ np.abs(x) + np.abs(b)).max()


MATRICES = {
    "one unknown": lambda: sp.csc_array([[3.0]]),
    "one level": lambda: tridiagonal(50),
    "diagonal": lambda: sp.csc_array(sp.diags_array(np.logspace(-9, 9, 2000))),
    "several levels": lambda: tridiagonal(5000),
    "positive off-diagonals": lambda: abs(tridiagonal(3000, 2.1)),
    "P1": lambda: diffusion(fem.unit_square(40), "P1", lambda x: 1 + x[:, 0]),
    "P2": lambda: diffusion(fem.unit_square(20), "P2", lambda x: 1 + x[:, 0]),
    "thin cells": lambda: diffusion(fem.rectangle(40, 40, upper=(50.0, 1.0)), "P1",
                                    lambda x: np.ones(len(x))),
    "jumps of 1e8": lambda: diffusion(fem.unit_square(40), "P1",
                                      lambda x: np.where(np.sin(20 * x).prod(axis=1) > 0, 1.0, 1e-8)),
    "tetrahedra": lambda: diffusion(skfem.MeshTet().refined(3), "P1", lambda x: 1 + x[:, 2]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_the_residual_is_that_of_a_direct_solver(name):
    """Far below the accepted 1e-12: the energy norm of the error is reduced by 1e-13."""
    A = MATRICES[name]()
    b = np.random.default_rng(1).normal(size=A.shape[0])
    x = factor.factorise(A, "amg").solve(b, False)
    direct = factor.factorise(A).solve(b, False)
    assert backward_error(A, x, b) < 3e-13
    np.testing.assert_allclose(x, direct, rtol=0, atol=1e-9 * np.abs(direct).max())


def test_scale_of_the_right_hand_side_does_not_matter():
    F, b = factor.factorise(tridiagonal(600), "amg"), np.linspace(1.0, 2.0, 600)
    x = F.solve(b, False)
    for scale in (1e-200, 1e200):
        np.testing.assert_allclose(F.solve(scale * b, False) / scale, x, rtol=1e-14)
    assert np.array_equal(F.solve(0.0 * b, False), 0.0 * b)
    assert np.isnan(F.solve(np.nan * b, False)).all()


def test_columns_are_solved_one_by_one_and_transposes_are_solves():
    F = factor.factorise(tridiagonal(700), "amg")
    B = np.random.default_rng(2).normal(size=(700, 3))
    X = F.solve(B, False)
    assert np.array_equal(X, np.stack([F.solve(c, False) for c in B.T], axis=1))
    assert np.array_equal(F.solve(np.asfortranarray(B), True), X)
    assert F.solve(B[:, :0], False).shape == (700, 0)


def test_unsorted_and_repeated_entries_are_one_matrix_and_stay_as_they_are():
    A = tridiagonal(600)
    halves = np.repeat(A.data, 2) / 2, np.repeat(A.indices, 2), 2 * A.indptr
    double = sp.csc_array(halves, shape=A.shape)
    kept = double.indices.copy()
    b = np.arange(600.0)
    np.testing.assert_allclose(factor.factorise(double, "amg").solve(b, False),
                               factor.factorise(A).solve(b, False), rtol=1e-9)
    assert np.array_equal(double.indices, kept)


def test_the_random_numbers_of_the_user_are_left_alone():
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    factor.factorise(tridiagonal(2000), "amg").solve(np.ones(2000), False)
    assert np.random.rand() == expected


# --- what is refused ---------------------------------------------------------------------------
def test_an_unsymmetric_matrix_is_refused():
    A = tridiagonal(20).tolil()
    A[0, 1] = -0.5
    with pytest.raises(ValueError, match="'amg' needs a symmetric matrix; use solver='superlu'"):
        factor.factorise(sp.csc_array(A), "amg")


@pytest.mark.parametrize("n", [3, 100, 3000])
@pytest.mark.parametrize("shift", [2.5, 1.0, 0.01])
def test_an_indefinite_matrix_is_refused(n, shift):
    """The eigenvalues of the second difference less a shift lie in (−shift, 4 − shift).

    The smallest without shift is 4 sin²(π/2(n + 1)): 0.59, 9.7e-4, 1.1e-6.
    """
    if n == 3 and shift == 0.01:
        factor.factorise(tridiagonal(n, 2.0 - shift), "amg")     # still positive definite
        return
    with pytest.raises(pcl.SingularMatrix, match="not positive definite"):
        factor.factorise(tridiagonal(n, 2.0 - shift), "amg")


def test_a_negative_curvature_that_no_coarse_matrix_shows_is_found():
    """A random symmetric matrix shifted by 0.8 of what would make it semidefinite."""
    R = sp.random_array((2000, 2000), density=2e-3, rng=np.random.default_rng(0))
    S = R + R.T
    lowest = spla.eigsh(S, k=1, which="SA", return_eigenvectors=False)[0]
    with pytest.raises(pcl.SingularMatrix, match="direction of curvature -"):
        factor.factorise(sp.csc_array(S - 0.8 * lowest * sp.eye_array(2000)), "amg")


@pytest.mark.parametrize("n", [5, 600, 20000])
def test_constants_in_the_null_space_are_named(n):
    A = tridiagonal(n).tolil()
    A[0, 0] = A[n - 1, n - 1] = 1.0
    with pytest.raises(pcl.SingularMatrix, match="component 0 of 1.*no Dirichlet"):
        factor.factorise(sp.csc_array(A), "amg")


def test_a_null_vector_that_is_no_constant_is_found():
    """D L D with D = diag(d): the null vector is 1/d."""
    n = 4000
    A = tridiagonal(n).tolil()
    A[0, 0] = A[n - 1, n - 1] = 1.0
    D = sp.diags_array(np.random.default_rng(0).uniform(0.2, 5.0, n) * (-1.0) ** np.arange(n))
    with pytest.raises((pcl.SingularMatrix, NotConverged), match="singular|definite"):
        factor.factorise(sp.csc_array(D @ A.tocsc() @ D), "amg")


def test_a_zero_row_is_named():
    with pytest.raises(pcl.SingularMatrix, match="row 1 .* is zero"):
        factor.factorise(sp.csc_array(np.diag([1.0, 0.0, 2.0])), "amg")


def test_a_residual_that_stays_too_large_is_refused(monkeypatch):
    """A preconditioner that lies: the recurrence converges, the true residual does not."""
    F, b = factor.factorise(tridiagonal(800), "amg"), np.ones(800)
    F.solve(b, False)
    rough = F._conjugate_gradients
    monkeypatch.setattr(F, "_conjugate_gradients", lambda c, reduction: 0.5 * rough(c, 1e-2))
    with pytest.raises(NotConverged, match="residual of .* at most 1e-12 .*superlu"):
        F.solve(b, False)
    assert issubclass(NotConverged, pcl.TrialFailure)


def test_an_iteration_limit_is_said(monkeypatch):
    monkeypatch.setattr(amg, "ITERATIONS", 2)
    with pytest.raises(NotConverged, match="in 2 iterations"):
        factor.factorise(MATRICES["jumps of 1e8"](), "amg")


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyamg", None)
    with pytest.raises(ImportError, match="pip install pyamg"):
        factor.factorise(tridiagonal(3), "amg")


# --- through the doors -------------------------------------------------------------------------
def poisson(solver):
    """Σ(u − x)², −∇·(κ_θ∇u) = e^s, u = 0.1 x on the boundary; a network for κ and a source s."""
    space = fem.Space(fem.unit_square(30), "P1")
    net = pcl.MLP([2, 5, 1], output=pcl.softplus(0.1))
    x = space.dof_points[:, 0]

    def loss(theta):
        kappa = net(theta["net"], space.quadrature_points)[:, 0]
        load = tf.exp(theta["s"]) * space.load(1.0)
        u = fem.solve(space.laplace(kappa), load, dirichlet=lambda p: 0.1 * p[:, 0], solver=solver)
        return tf.reduce_sum(tf.square(u - x))
    return pcl.Problem(loss, {"net": net.init(seed=1), "s": 0.3})


def test_value_gradient_and_hessian_are_those_of_superlu():
    """Condition number 1e3, residuals 1e-14: 1e-9 leaves a factor of 100."""
    ours, direct = poisson("amg"), poisson("superlu")
    theta = ours.theta0
    v = np.random.default_rng(4).normal(size=theta.size)
    assert ours.value(theta) == pytest.approx(direct.value(theta), rel=1e-11)
    pairs = [(ours.gradient(theta), direct.gradient(theta)),
             (ours.hessian(theta), direct.hessian(theta)), (ours.hvp(theta, v), direct.hvp(theta, v))]
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * np.abs(b).max())
    assert ours.counts.factorisations == 1


def test_a_plain_solve_with_columns_is_differentiable_by_tapes():
    A = pcl.SparseMatrix.from_scipy(tridiagonal(600))
    B = np.random.default_rng(5).normal(size=(600, 2))
    results = []
    for solver in ("amg", "superlu"):
        s = tf.Variable(0.2, dtype=tf.float64)
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(tf.sin(1e-4 * pcl.solve(A * tf.exp(s), B, solver=solver)))
        results.append((value.numpy(), tape.gradient(value, s).numpy()))
    assert results[0] == pytest.approx(results[1], rel=1e-9)


def test_a_pure_neumann_problem_is_refused_or_shifted_to_its_mean():
    space = fem.Space(fem.unit_square(12), "P1")
    with pytest.raises(pcl.SingularMatrix):
        pcl.solve(space.laplace(1.0), space.load(0.0), solver="amg").numpy()
    load = space.load(lambda x: x[:, 0] - 0.5)
    u = [fem.solve(space.laplace(1.0), load, mean_value=2.0, solver=solver).numpy()
         for solver in ("amg", "superlu")]
    np.testing.assert_allclose(u[0], u[1], rtol=1e-11)


def test_a_solve_that_fails_at_a_trial_point_is_a_failed_trial():
    """u'' scaled by a − 1 turns negative for a < 1: the optimizer steps back."""
    A = tridiagonal(20)

    def loss(theta):
        u = pcl.solve(pcl.SparseMatrix.from_scipy(A) * (theta["a"] - 1.0), np.ones(20), solver="amg")
        return tf.reduce_sum(u) / 1e3
    problem = pcl.Problem(loss, {"a": 1.5})
    assert problem.value(np.array([1.5])) > 0.0
    with pytest.raises(pcl.SingularMatrix, match="not positive definite"):
        problem.value(np.array([0.5]))
