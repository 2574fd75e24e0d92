"""Programs without a minimiser are called so: unbounded, or an infimum that is not attained."""
import numpy as np
import pytest
from scipy.optimize import LinearConstraint, NonlinearConstraint

from pcl.interior_point import Status, minimize

SIZES = pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
SWAP = np.array([[0.0, 1.0], [1.0, 0.0]])


def minimised(size, fun, x0, jac, hess, **rest):
    """The result for size × fun."""
    return minimize(lambda x: size * fun(x), x0, jac=lambda x: size * np.asarray(jac(x), dtype=float),
                    hess=lambda x: size * np.asarray(hess(x), dtype=float), maxiter=300, **rest)


def fixed_first(n):
    return LinearConstraint(np.eye(n)[:1], 1.0, 1.0)


@SIZES
@pytest.mark.parametrize("angle", [0.0, 0.7])
@pytest.mark.parametrize("start", [(1.0, 0.0), (0.5, -3.0)])
def test_a_product_with_one_factor_held_is_unbounded_in_any_coordinates(size, angle, start):
    """x₀ x₁ with x₀ = 1: the dual residual is 1 everywhere, whatever the gradient grows to."""
    Q = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    H = Q.T @ SWAP @ Q
    r = minimised(size, lambda y: 0.5 * y @ H @ y, Q.T @ start, lambda y: H @ y, lambda y: H,
                  constraints=LinearConstraint(Q[:1], 1.0, 1.0))
    assert not r.success
    if size >= 1.0:             # tiny and oblique: ACCEPTABLE, by rounding of the row
        assert r.status is Status.UNBOUNDED, r.message


@SIZES
@pytest.mark.parametrize("angle", [0.0, 0.7])
@pytest.mark.parametrize("far", [1e6, 1e9, 1e12])
def test_a_start_far_out_does_not_make_a_minimiser_of_a_residual_of_one(size, angle, far):
    """x₀ x₁ with x₀ = 1 from x₁ = −far: beside the gradient the residual 1 looks like zero."""
    Q = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    H = Q.T @ SWAP @ Q
    r = minimised(size, lambda y: 0.5 * y @ H @ y, Q.T @ (1.0, -far), lambda y: H @ y, lambda y: H,
                  constraints=LinearConstraint(Q[:1], 1.0, 1.0))
    assert r.status not in (Status.SOLVED, Status.ACCEPTABLE), r.message


@SIZES
@pytest.mark.parametrize("bounds", [None, [(0.0, None)] * 4])
def test_a_linear_program_with_a_feasible_ray_is_unbounded(size, bounds):
    A, ray = np.array([[1.0, -1.0, 2.0, -2.0], [3.0, 1.0, -1.0, -3.0]]), np.ones(4)
    assert (A @ ray == 0.0).all()
    r = minimised(size, lambda x: -x.sum(), np.array([2.0, 1.0, 0.5, 1.0]), lambda x: -ray,
                  lambda x: np.zeros((4, 4)), bounds=bounds,
                  constraints=LinearConstraint(A, [1, 3], [1, 3]))
    assert r.status is Status.UNBOUNDED, r.message


@SIZES
def test_quadratics_without_curvature_along_a_descending_ray_are_unbounded(size):
    P, b = np.diag([1.0, 2.0, 0.0]), np.array([1.0, 1.0, -1.0])
    r = minimised(size, lambda x: 0.5 * x @ P @ x + b @ x, np.ones(3), lambda x: P @ x + b, lambda x: P)
    assert r.status is Status.UNBOUNDED, r.message
    r = minimised(size, lambda x: -0.5 * x @ x, np.ones(3), lambda x: -x, lambda x: -np.eye(3),
                  bounds=[(0, None)] * 3, constraints=LinearConstraint([[1.0, -1.0, 0.0]], 0.0, 0.0))
    assert r.status is Status.UNBOUNDED, r.message


@SIZES
def test_a_slowly_falling_objective_is_unbounded(size):
    r = minimised(size, lambda x: -np.log(x[0]), [1.0], lambda x: -1.0 / x, lambda x: np.diag(x ** -2.0),
                  bounds=[(0, None)])
    assert r.status is Status.UNBOUNDED, r.message


@SIZES
def test_a_ray_on_a_curve_is_unbounded(size):
    """x₁ ≥ exp(x₀), x₀ → −∞."""
    row = NonlinearConstraint(lambda x: x[1] - np.exp(x[0]), 0.0, np.inf,
                              jac=lambda x: np.array([[-np.exp(x[0]), 1.0]]),
                              hess=lambda x, v: np.diag([-v[0] * np.exp(x[0]), 0.0]))
    r = minimised(size, lambda x: x[0], [0.0, 2.0], lambda x: [1.0, 0.0], lambda x: np.zeros((2, 2)),
                  constraints=row)
    assert r.status is Status.UNBOUNDED, r.message


@SIZES
@pytest.mark.parametrize("fun, jac, hess, bounds", [
    (lambda x: np.exp(-x[0]), lambda x: -np.exp(-x), lambda x: np.diag(np.exp(-x)), None),
    (lambda x: 1.0 / x[0], lambda x: -x ** -2.0, lambda x: np.diag(2.0 * x ** -3.0), [(0, None)])])
def test_an_infimum_that_is_not_attained_is_neither_solved_nor_unbounded(size, fun, jac, hess, bounds):
    r = minimised(size, fun, [1.0], jac, hess, bounds=bounds)
    assert r.status is Status.DIVERGED and not r.success, r.message


@pytest.mark.parametrize("size", [1e-6, 1.0])
def test_a_large_step_to_a_far_minimum_is_no_divergence(size):
    """½(x − 10¹¹)² from 0, and a linear program whose vertex is at 10¹²."""
    r = minimised(size, lambda x: 0.5 * (x[0] - 1e11) ** 2, [0.0], lambda x: x - 1e11,
                  lambda x: np.eye(1))
    assert r.success and r.x[0] == pytest.approx(1e11, rel=1e-9)
    r = minimised(size, lambda x: -x[0], [0.0], lambda x: [-1.0], lambda x: np.zeros((1, 1)),
                  bounds=[(0.0, 1e12)])
    assert r.status is not Status.UNBOUNDED and r.x[0] == pytest.approx(1e12, rel=1e-6), r.message


@pytest.mark.parametrize("power", [4, 6])
def test_slow_convergence_to_a_singular_minimum_is_solved(power):
    r = minimised(1.0, lambda x: x[0] ** power, [1.0], lambda x: power * x ** (power - 1),
                  lambda x: np.diag(power * (power - 1) * x ** (power - 2)))
    assert r.success and abs(r.x[0]) < 0.1
