"""The units of one row change neither the point nor the status."""
import numpy as np
import pytest
from scipy.optimize import LinearConstraint, NonlinearConstraint

from pcl.interior_point import Status, minimize
from pcl.interior_point.kkt.sparse import SuperLUKKT

INF = np.inf
P = np.diag(np.arange(1.0, 7.0))
A = np.random.default_rng(1).standard_normal((3, 6))
UNITS = [10.0 ** k for k in range(-8, 9, 2)]


def curved(unit, upper):
    """x·x ≥ 4, exp(x₀) + x₁² ≥ 2, x₂ x₃ ≥ 0.1, or = with upper = 0; the second row times `unit`."""
    def jac(x):
        second = unit * np.array([np.exp(x[0]), 2 * x[1], 0, 0, 0, 0])
        return np.array([2 * x, second, [0, 0, x[3], x[2], 0, 0]])

    def hess(x, v):
        H = 2.0 * v[0] * np.eye(6)
        H[0, 0] += v[1] * unit * np.exp(x[0])
        H[1, 1] += 2.0 * v[1] * unit
        H[2, 3] += v[2]
        H[3, 2] += v[2]
        return H

    def value(x):
        return np.array([x @ x - 4, unit * (np.exp(x[0]) + x[1]**2 - 2), x[2] * x[3] - 0.1])

    return NonlinearConstraint(value, 0.0, upper, jac=jac, hess=hess)


def straight(unit, upper):
    """A x ≥ A 1, or = with upper = 0."""
    rows = A * np.array([[1.0], [unit], [1.0]])
    b = rows @ np.ones(6)
    return LinearConstraint(rows, b, b + upper)


def minimised(constraint, kkt):
    """½ xᵀPx − Σ x from x = 2."""
    return minimize(lambda x: 0.5 * x @ P @ x - x.sum(), 2 * np.ones(6), jac=lambda x: P @ x - 1,
                    hess=lambda x: P, constraints=constraint, kkt=kkt, maxiter=100)


@pytest.mark.parametrize("kkt", ["dense", "sparse"])
@pytest.mark.parametrize("upper", [0.0, INF])
@pytest.mark.parametrize("rows", [straight, curved])
def test_one_row_in_units_over_sixteen_decades_leaves_the_minimiser_where_it_is(rows, upper, kkt):
    first = minimised(rows(1.0, upper), kkt)
    assert first.success
    for unit in UNITS:
        result = minimised(rows(unit, upper), kkt)
        assert result.success, (unit, result.message)
        assert np.abs(result.x - first.x).max() < 1e-7, unit
        assert result.lam[1] * unit == pytest.approx(first.lam[1], rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("unit", UNITS)
def test_superlu_tells_a_small_row_from_a_singular_matrix(unit):
    J = A * np.array([[1.0], [unit], [1.0]])
    factor = SuperLUKKT().factor(P, J, np.zeros(6), np.zeros(3))
    assert factor.right_inertia and not factor.singular
    K, b = np.block([[P, J.T], [J, np.zeros((3, 3))]]), np.concatenate([np.ones(6), J @ np.ones(6)])
    x = np.zeros(9)
    for _ in range(8):          # refinement takes the perturbation of 1e-8 out
        r = b - K @ x
        x += np.concatenate(factor.solve(r[:6], r[6:]))
    K, b = np.block([[P, A.T], [A, np.zeros((3, 3))]]), np.concatenate([np.ones(6), A @ np.ones(6)])
    assert np.abs(x[:6] - np.linalg.solve(K, b)[:6]).max() < 1e-5


def test_an_exact_minimiser_reached_while_the_objective_fell_is_solved():
    """f falls by a tenth of itself through the last steps, whose end converges quadratically."""
    result = minimised(curved(1.0, 0.0), "dense")
    assert result.status is Status.SOLVED and result.dual_residual < 1e-8
