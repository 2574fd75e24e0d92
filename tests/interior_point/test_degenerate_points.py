"""First-order points with a singular or indefinite reduced Hessian: minima are solved, others left."""

import numpy as np
import pytest
from scipy.optimize import NonlinearConstraint

from pcl.interior_point import Status, minimize

BOTH = pytest.mark.parametrize("hessian", ["exact", "limited-memory"])
CIRCLE = NonlinearConstraint(lambda x: x @ x, 1.0, 1.0, jac=lambda x: 2.0 * x[None],
                             hess=lambda x, v: 2.0 * v[0] * np.eye(2))


def solved(power, start, size=1.0, offset=0.0, bounds=((-1.0, 1.0),), hessian="exact"):
    """The result for offset + size xᵏ."""
    return minimize(lambda x: offset + size * x[0] ** power, [start],
                    jac=lambda x: size * power * x ** (power - 1), bounds=bounds, hessian=hessian,
                    hess=lambda x: np.diag(size * power * (power - 1) * x ** (power - 2)))


@BOTH
@pytest.mark.parametrize("power, start", [(3, 0.9), (5, 0.9), (7, 0.8)])
def test_an_inflection_is_left_for_the_bound(power, start, hessian):
    found = solved(power, start, hessian=hessian)
    assert found.success and found.fun == pytest.approx(-1.0, abs=1e-6)


@pytest.mark.parametrize("power", [3, 5])
def test_an_inflection_without_bounds_is_unbounded_below(power):
    assert solved(power, 1.0, bounds=None).status is Status.UNBOUNDED


@BOTH
@pytest.mark.parametrize("power", [2, 4])
def test_a_maximum_at_the_start_is_left(power, hessian):
    """The gradient of −xᵏ is zero there, and for −x⁴ the Hessian too."""
    found = solved(power, 0.0, size=-1.0, hessian=hessian)
    assert found.success and found.fun == pytest.approx(-1.0, abs=1e-6)


@BOTH
@pytest.mark.parametrize("power", [4, 6, 8])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_flat_minimum_stays_solved(power, size, hessian):
    """|∂f| ≤ 1e-8 after scaling is reached at |x| < 0.1, for 1e-6 x⁸ before scaling at 0.3."""
    found = solved(power, 1.0, size, bounds=None, hessian=hessian)
    assert found.success and abs(found.x[0]) < (0.1 if size >= 1.0 else 0.5)


@pytest.mark.parametrize("size, offset", [(1e-3, 0.0), (1.0, 0.0), (1e3, 0.0), (1.0, 1e6), (1e3, -1e6)])
def test_neither_units_nor_a_constant_hide_the_inflection(size, offset):
    found = solved(3, 0.9, size, offset)
    assert found.success and found.x[0] == pytest.approx(-1.0, abs=1e-5)


def test_a_saddle_met_along_its_valley_is_left():
    """x² − y² from y = 0: the gradient has no component along y."""
    found = minimize(lambda x: x[0] ** 2 - x[1] ** 2, [0.5, 0.0], jac=lambda x: x * [2.0, -2.0],
                     hess=lambda x: np.diag([2.0, -2.0]), bounds=[(-1.0, 1.0)] * 2)
    assert found.success and found.fun == pytest.approx(-1.0, abs=1e-6)


def test_a_monkey_saddle_is_left():
    """x³ − 3 x y², without curvature in any direction; its local minima on the box are −1 and −2."""
    found = minimize(lambda x: x[0] ** 3 - 3.0 * x[0] * x[1] ** 2, [0.5, 0.0],
                     jac=lambda x: np.array([3.0 * (x[0] ** 2 - x[1] ** 2), -6.0 * x[0] * x[1]]),
                     hess=lambda x: np.array([[6.0 * x[0], -6.0 * x[1]], [-6.0 * x[1], -6.0 * x[0]]]),
                     bounds=[(-1.0, 1.0)] * 2)
    assert found.success and min(abs(found.fun + 1.0), abs(found.fun + 2.0)) < 1e-6


def on_the_circle(power):
    """min yᵏ, x² + y² = 1."""
    return minimize(lambda x: x[1] ** power, [-0.7, 0.7], constraints=CIRCLE,
                    jac=lambda x: np.array([0.0, power * x[1] ** (power - 1)]),
                    hess=lambda x: np.diag([0.0, power * (power - 1) * x[1] ** (power - 2)]))


def test_an_inflection_along_a_curve_of_the_rows_is_left():
    """y³: (±1, 0) is on the way to the minimum (0, −1)."""
    found = on_the_circle(3)
    assert found.success
    np.testing.assert_allclose(found.x, [0.0, -1.0], atol=1e-5)


def test_a_flat_minimum_along_a_curve_of_the_rows_stays_solved():
    """y⁴: (±1, 0)."""
    found = on_the_circle(4)
    assert found.success and found.fun < 1e-8 and abs(abs(found.x[0]) - 1.0) < 1e-3


def test_a_bound_at_the_inflection_makes_it_a_minimum():
    found = solved(3, 0.9, bounds=[(0.0, 1.0)])
    assert found.success and 0.0 <= found.x[0] < 1e-2


def test_the_end_of_the_domain_at_the_inflection_makes_it_a_minimum():
    found = minimize(lambda x: float(x[0] ** 3) if x[0] >= 0.0 else np.nan, [0.9],
                     jac=lambda x: 3.0 * x**2, hess=lambda x: np.diag(6.0 * x))
    assert found.success and 0.0 <= found.x[0] < 1e-2


@pytest.mark.parametrize("seed", range(5))
def test_a_line_of_minima_stays_solved_where_it_was_met(seed):
    """½ (aᵀx − 1)² in R⁴: singular everywhere, flat along three directions."""
    a, x0 = np.random.default_rng(seed).standard_normal((2, 4))
    found = minimize(lambda x: 0.5 * (a @ x - 1.0) ** 2, x0, jac=lambda x: (a @ x - 1.0) * a,
                     hess=lambda x: np.outer(a, a))
    assert found.success
    np.testing.assert_allclose(found.x, x0 + a * (1.0 - a @ x0) / (a @ a), atol=1e-6)


def test_a_regular_minimum_costs_no_further_factorisation():
    """Newton's steps on Σ cosh(x − 1) end quadratically."""
    found = minimize(lambda x: np.cosh(x - 1.0).sum(), [0.0, 2.0, 3.0], jac=lambda x: np.sinh(x - 1.0),
                     hess=lambda x: np.diag(np.cosh(x - 1.0)))
    assert found.success and found.counts["factorisations"] == found.nit
