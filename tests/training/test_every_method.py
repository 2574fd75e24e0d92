"""Every method, with bounds and without, on residuals and on a loss: SciPy's minimum, or words."""

import numpy as np
import pytest
import scipy.optimize
from small_problems import Residuals, Scalar

from pcl.training.methods import METHODS
from pcl.training.minimize import minimize

LOWER = np.array([-0.2, -np.inf, -np.inf, 0.5, -np.inf])
UPPER = np.array([np.inf, -0.5, np.inf, 0.9, 0.0])
OPTIONS = {"adam": {"learning_rate": 0.02}}
LEAST = "least-squares"


class Bent(Residuals):
    """r = A θ + ½ (A θ)² B − b, B diagonal and small: one minimum, curved, a loss left over."""

    def __init__(self):
        super().__init__(np.array([1.0, -1.0, 0.5, 2.0, 1.0]))
        rng = np.random.default_rng(7)
        self.A, self.b = rng.standard_normal((9, 5)), rng.standard_normal(9)
        self.B = 0.05 * rng.standard_normal(9)

    def r(self, t):
        z = self.A @ t
        return z + 0.5 * self.B * z**2 - self.b

    def J(self, t):
        return self.A * (1.0 + self.B * (self.A @ t))[:, None]

    def bend(self, t):
        return (self.A.T * (self.B * self.r(t))) @ self.A


def stated(kind):
    problem = Bent()
    if kind == "residuals":
        return problem
    return Scalar(problem.theta0, problem.value, problem.gradient, problem.hessian)


def peer(bounds):
    problem = Bent()
    box = (-np.inf, np.inf) if bounds is None else (LOWER, UPPER)
    start = np.clip(problem.theta0, *box)
    if bounds is not None:
        start = np.clip(start, np.maximum(LOWER, -9.0) + 1e-3, np.minimum(UPPER, 9.0) - 1e-3)
    tolerances = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-14}
    return scipy.optimize.least_squares(problem.r, start, problem.J, box, **tolerances)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "steepest-descent"])
@pytest.mark.parametrize("kind", ["residuals", "loss"])
@pytest.mark.parametrize("bounds", [None, list(zip(LOWER, UPPER))])
def test_every_method_finds_the_minimum_or_says_what_it_needs(method, kind, bounds):
    problem = stated(kind)
    if kind == "loss" and METHODS[method].residuals is True:
        with pytest.raises(ValueError, match="needs residuals.*loss = sum"):
            minimize(problem, method, bounds=bounds)
        return
    found, wanted = minimize(problem, method, bounds=bounds, options=OPTIONS.get(method)), peer(bounds)
    assert found.success, found.message
    np.testing.assert_allclose(found.x, wanted.x, atol=1e-5)
    assert found.fun <= 2.0 * wanted.cost * (1.0 + 1e-9)
    if bounds is not None:
        assert (found.x >= LOWER).all() and (found.x <= UPPER).all()
        assert np.sum(np.isclose(found.x, LOWER) | np.isclose(found.x, UPPER)) >= 2


@pytest.mark.parametrize("asked, runs", [
    ("trust-exact", "newton-trust-region"), ("trust-ncg", "newton-cg"), ("trust-krylov", "newton-cg")])
def test_with_bounds_scipys_trust_regions_are_names_of_ours(asked, runs):
    box = list(zip(LOWER, UPPER))
    assert minimize(stated("loss"), asked, bounds=box).method == runs
    assert minimize(stated("loss"), asked).method == asked
    with pytest.raises(ValueError, match=f"'skip_rejected_hessians', unknown to {runs}"):
        minimize(stated("loss"), asked, bounds=box, options={"skip_rejected_hessians": False})


@pytest.mark.parametrize("method", ["newton-trust-region", "newton-cg", "hand-over", "ssbroyden", "BFGS"])
@pytest.mark.parametrize("seed", range(4))
def test_random_boxes_around_a_valley_end_where_scipys_l_bfgs_b_does(method, seed):
    rng, p = np.random.default_rng(seed), 12
    lower = rng.uniform(-1.0, 1.2, p)
    upper = lower + rng.uniform(0.0, 1.5, p)
    rosen, der, hess = (getattr(scipy.optimize, name) for name in ("rosen", "rosen_der", "rosen_hess"))
    start = rng.uniform(lower, upper)
    found = minimize(Scalar(start, rosen, der, hess), method, bounds=list(zip(lower, upper)))
    there = scipy.optimize.minimize(
        rosen, start, jac=der, method="L-BFGS-B", bounds=list(zip(lower, upper)),
        options={"ftol": 1e-16, "gtol": 1e-9, "maxiter": 5000})
    assert found.success, found.message
    assert found.fun <= there.fun * (1.0 + 1e-7)


@pytest.mark.parametrize("method", ["newton-trust-region", "newton-cg", "BFGS", "ssbroyden"])
def test_a_saddle_between_bounds_is_left_for_the_bound(method):
    # θ₀² − θ₁² from next to its saddle: the minimum of the box is at θ₁ = ±1
    problem = Scalar([0.5, 1e-3], lambda t: t[0]**2 - t[1]**2, lambda t: np.array([2 * t[0], -2 * t[1]]),
                     lambda t: np.diag([2.0, -2.0]))
    found = minimize(problem, method, bounds=[(-2.0, 2.0), (-1.0, 1.0)])
    assert found.success, found.message
    np.testing.assert_allclose(np.abs(found.x), [0.0, 1.0], atol=1e-6)
