"""Newton's method with our trust-region step against SciPy's rules; the hand-over between methods."""

import time

import numpy as np
import pytest
import scipy.optimize
from oracles import slope
from scipy.optimize import brentq

from pcl.errors import InvalidCoefficient
from pcl.training.minimize import minimize
from pcl.training.run.status import Status

NEWTON = "newton-trust-region"


class Scalar:
    """A loss with gradient and Hessian given as functions; the work can be made to take time."""

    has_residuals = False

    def __init__(self, f, g, H, theta0, seconds=0.0):
        self.value, self.gradient, self._H = f, g, H
        self.theta0, self.seconds = np.asarray(theta0, float), seconds
        self.size = self.theta0.size

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)

    def hessian(self, theta):
        time.sleep(self.seconds)
        return self._H(theta)


def chained_rosenbrock(n=6, **settings):
    """Σ 100 (t_{i+1} − t_i²)² + (1 − t_i)²; indefinite at the start."""
    def f(t):
        return float((100.0 * (t[1:] - t[:-1] ** 2) ** 2 + (1.0 - t[:-1]) ** 2).sum())

    def g(t):
        a = t[1:] - t[:-1] ** 2
        out = np.zeros(n)
        out[:-1] += -400.0 * t[:-1] * a - 2.0 * (1.0 - t[:-1])
        out[1:] += 200.0 * a
        return out

    def H(t):
        d = np.zeros(n)
        d[:-1] += 1200.0 * t[:-1] ** 2 - 400.0 * t[1:] + 2.0
        d[1:] += 200.0
        return np.diag(d) + np.diag(-400.0 * t[:-1], 1) + np.diag(-400.0 * t[:-1], -1)

    return Scalar(f, g, H, np.linspace(-1.2, 1.5, n), **settings)


def wavy():
    """Σ cos(t_i + i) + |t|⁴/40 + t₁ t₂: saddles and several minima."""
    i = np.arange(4.0)

    def H(t):
        A = np.diag(-np.cos(t + i)) + 0.1 * (t @ t) * np.eye(4) + 0.2 * np.outer(t, t)
        A[0, 1] += 1.0
        A[1, 0] += 1.0
        return A

    def g(t):
        out = -np.sin(t + i) + 0.1 * (t @ t) * t
        out[:2] += t[1::-1]
        return out

    return Scalar(lambda t: float(np.cos(t + i).sum() + (t @ t) ** 2 / 40.0 + t[0] * t[1]),
                  g, H, [0.1, 0.2, -0.3, 3.0])


def exact_step(g, H, radius):
    """(s, |s| = Δ) of min g·s + ½ sᵀHs, |s| ≤ Δ: eigenvectors, and λ from the secular equation."""
    d, Q = np.linalg.eigh(H)
    h = Q.T @ g

    def excess(multiplier):
        return np.linalg.norm(h / (d + multiplier)) - radius

    if d[0] > 0.0 and excess(0.0) <= 0.0:
        return -Q @ (h / d), False
    low = max(0.0, -d[0]) + 1e-14 * np.abs(d).max()
    multiplier = brentq(excess, low, np.linalg.norm(g) / radius + np.abs(d).max(), xtol=1e-15)
    return -Q @ (h / (d + multiplier)), True


def trust_region_iterates(problem, gtol):
    """Every iterate, rejected ones repeated; the rules of SciPy's trust-exact."""
    x, radius, path = problem.theta0, 1.0, []
    while np.linalg.norm(problem.gradient(x)) > gtol:
        f, g, H = problem.value(x), problem.gradient(x), problem.hessian(x)
        s, on_boundary = exact_step(g, H, radius)
        rho = (f - problem.value(x + s)) / -(g @ s + 0.5 * s @ H @ s)
        if rho < 0.25:
            radius /= 4.0
        elif rho > 0.75 and on_boundary:
            radius = min(2.0 * radius, 1000.0)
        x = x + s if rho > 0.15 else x
        path.append(x)
    return path


@pytest.mark.parametrize("make", [chained_rosenbrock, wavy])
def test_iterates_are_those_of_scipys_rules_with_exact_subproblems(make):
    problem, ours = make(), []
    theirs = trust_region_iterates(problem, 1e-7)
    minimize(problem, NEWTON, gtol=0.0, gtol_absolute=1e-7, ftol=0.0,
             callback=lambda snapshot: ours.append(snapshot.theta))
    common = min(len(ours), len(theirs))
    assert common > 5 and abs(len(ours) - len(theirs)) <= 1     # the last step is at rounding
    assert np.abs(np.subtract(ours[:common], theirs[:common])).max() < 1e-6


def test_derivatives_agree_with_differences():
    for problem in (chained_rosenbrock(), wavy()):
        t, h = problem.theta0 + 0.1, 1e-6
        v = np.linspace(-1.0, 1.0, t.size)
        assert problem.gradient(t) @ v == pytest.approx(slope(problem.value, t, v, h), rel=1e-7)
        assert problem.hessian(t) @ v == pytest.approx(slope(problem.gradient, t, v, h), rel=1e-6)


@pytest.mark.parametrize("unit", [1e-100, 1.0, 1e100])
def test_newton_ends_at_a_minimum_whatever_the_unit(unit):
    inner = wavy()
    problem = Scalar(lambda t: unit * inner.value(t), lambda t: unit * inner.gradient(t),
                     lambda t: unit * inner.hessian(t), inner.theta0)
    result = minimize(problem, NEWTON, gtol=1e-10)
    assert result.success
    assert result.smallest_eigenvalue > 0.0
    assert result.hess == pytest.approx(problem.hessian(result.x), rel=1e-12)


def test_a_rejected_step_costs_no_hessian():
    problem = chained_rosenbrock()
    result = minimize(problem, NEWTON, gtol=1e-10)
    assert not result.history.accepted.all()
    assert result.nhev == result.history.accepted.sum()     # the start counts as accepted


def test_where_the_hessian_cannot_be_computed_the_step_is_rejected():
    problem = chained_rosenbrock()
    inner = problem._H

    def H(t):
        if t[1] < 0.0 and not np.array_equal(t, problem.theta0):
            raise InvalidCoefficient("no second derivative there")
        return inner(t)

    problem._H, seen = H, []
    result = minimize(problem, NEWTON, maxiter=500, callback=lambda s: seen.append(s.theta))
    assert result.failed > 0
    assert all(t[1] >= 0.0 or np.array_equal(t, problem.theta0) for t in seen)
    assert result.status in (Status.CONVERGED_GRADIENT, Status.RADIUS_COLLAPSED)


def test_bounds_hold_in_every_stage():
    visited, problem = [], chained_rosenbrock()
    peer = scipy.optimize.minimize(
        problem.value, np.clip(problem.theta0, 0.0, 0.8), jac=problem.gradient, method="L-BFGS-B",
        bounds=[(0.0, 0.8)] * 6, options={"ftol": 1e-16, "gtol": 1e-10})
    for method in (NEWTON, "hand-over"):
        result = minimize(chained_rosenbrock(), method, bounds=[(0.0, 0.8)] * 6,
                          callback=lambda snapshot: visited.append(snapshot.theta))
        assert result.success
        np.testing.assert_allclose(result.x, peer.x, atol=1e-5)
    assert np.min(visited) >= 0.0 and np.max(visited) <= 0.8


class Curve:
    """Residuals of a exp(b x) + c at points x, with a gradient that takes its time."""

    has_residuals = True
    theta0, size = np.array([1.0, -0.2, 0.0]), 3

    def __init__(self):
        self.x = np.linspace(0.0, 4.0, 30)
        self.data = 3.0 * np.exp(-1.3 * self.x) + 0.5

    def residuals(self, t):
        return t[0] * np.exp(t[1] * self.x) + t[2] - self.data

    def jacobian(self, t):
        e = np.exp(t[1] * self.x)
        return np.stack([e, t[0] * self.x * e, np.ones_like(e)], 1)

    def value(self, t):
        return float(self.residuals(t) @ self.residuals(t))

    def gradient(self, t):
        time.sleep(5e-3)        # residuals and Jacobian are far cheaper here
        return 2.0 * self.jacobian(t).T @ self.residuals(t)

    def value_and_gradient(self, t):
        return self.value(t), self.gradient(t)

    def hessian(self, t):
        time.sleep(0.4)     # never worth it
        return 2.0 * self.jacobian(t).T @ self.jacobian(t)


def require_one_record(result):
    """Stages follow each other, cover the history and end as it ends."""
    stages = result.stages
    assert stages[0].first == 0 and stages[-1].last == result.nit == len(result.history) - 1
    assert [s.last for s in stages[:-1]] == [s.first for s in stages[1:]]
    assert all(s.loss == result.history.loss[s.last] for s in stages)
    assert all(s.reason for s in stages)
    assert (np.diff(result.history.seconds) >= 0.0).all()


def test_a_fit_is_handed_over_to_levenberg_marquardt_and_ends_at_the_solution():
    result = minimize(Curve(), "hand-over", gtol=1e-12, ftol=0.0)
    require_one_record(result)
    assert [stage.method for stage in result.stages] == ["L-BFGS-B", "levenberg-marquardt"]
    assert "lowers the loss by" in result.stages[0].reason
    assert result.success
    assert result.x == pytest.approx([3.0, -1.3, 0.5], abs=1e-6)


def test_without_residuals_a_cheap_exact_hessian_is_handed_over_to():
    problem = chained_rosenbrock(30)
    value_and_gradient = problem.value_and_gradient

    def slow(theta):
        time.sleep(2e-3)        # a Hessian costs no more than that
        return value_and_gradient(theta)

    problem.value_and_gradient = slow
    result = minimize(problem, "hand-over", gtol=1e-11, ftol=0.0)
    require_one_record(result)
    assert [stage.method for stage in result.stages] == ["L-BFGS-B", NEWTON]
    assert result.success and result.status is Status.CONVERGED_GRADIENT


def test_a_hessian_that_costs_more_than_the_run_is_not_handed_over_to():
    result = minimize(chained_rosenbrock(seconds=0.3), "hand-over")
    require_one_record(result)
    assert [stage.method for stage in result.stages] == ["L-BFGS-B"]
    assert result.success
    assert result.nhev <= 2


def test_limits_and_callbacks_end_the_whole_run():
    result = minimize(Curve(), "hand-over", maxiter=3)
    assert result.status is Status.ITERATION_LIMIT and not result.success
    require_one_record(result)

    def stop(snapshot):
        raise StopIteration

    result = minimize(Curve(), "hand-over", callback=stop)
    assert result.status is Status.STOPPED_BY_CALLBACK and result.nit == 1


@pytest.mark.parametrize("method", [NEWTON, "levenberg-marquardt"])
def test_an_interrupted_run_taken_up_again_ends_bit_for_bit_the_same(method, tmp_path):
    path = tmp_path / "run.npz"

    def stop(snapshot):
        if snapshot.iteration == 4:
            raise StopIteration

    def problem():
        return Curve() if method == "levenberg-marquardt" else chained_rosenbrock()

    short = {"options": {"initial_trust_radius": 0.01}}     # so that the radius matters
    whole = minimize(problem(), method, **short)
    minimize(problem(), method, callback=stop, checkpoint=path, **short)
    resumed = minimize(problem(), method, resume=path, **short)
    assert np.array_equal(resumed.x, whole.x)
    assert np.array_equal(resumed.history.loss, whole.history.loss)
