"""BFGS and its self-scaled relatives: updates by the textbook's formula, runs against SciPy's minima."""

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import rosen, rosen_der
from small_problems import Scalar

from pcl.training.drivers.inverse_hessian import RULES, InverseHessian
from pcl.training.drivers.wolfe import wolfe_point
from pcl.training.minimize import minimize

NAMES = ["BFGS", "ssbfgs", "ssbroyden"]
METHODS = pytest.mark.parametrize("method", NAMES)


def pairs(p, count):
    """(s, y) with yᵀs > 0, whose scales differ."""
    rng = np.random.default_rng(1)
    G = rng.normal(size=(p, p))
    A = G @ G.T + np.eye(p)
    for _ in range(count):
        s = rng.normal(size=p)
        yield s, 10.0 ** rng.uniform(-1.0, 1.0) * A @ s


def textbook(H, s, y, tau, phi):
    u, a = H @ y, y @ s
    v = np.sqrt(y @ u) * (s / a - u / (y @ u))
    return (H - np.outer(u, u) / (y @ u) + phi * np.outer(v, v)) / tau + np.outer(s, s) / a


@METHODS
def test_updates_in_place_are_those_of_broydens_class(method):
    p, rule = 7, RULES[method]
    H, dense = InverseHessian(rule, 0.3, p), 0.3 * np.eye(p)
    for s, y in pairs(p, 15):
        curvature = s @ np.linalg.solve(dense, s)
        tau, phi = rule(curvature / (y @ s), y @ dense @ y / (y @ s), p)
        dense = textbook(dense, s, y, tau, phi)
        H.update(s, y, curvature)
        found = np.stack([H(e) for e in np.eye(p)])
        np.testing.assert_allclose(found, dense, rtol=0, atol=1e-9 * np.abs(dense).max())
        np.testing.assert_allclose(H(y), s, rtol=0, atol=1e-9)
        assert np.linalg.eigvalsh(found).min() > 0.0
    np.testing.assert_allclose(H.block([1, 4, 6]), dense[np.ix_([1, 4, 6], [1, 4, 6])], rtol=1e-7)


def test_self_scaled_broyden_without_room_for_a_choice_is_self_scaled_bfgs():
    assert RULES["ssbroyden"](2.0, 0.5, 5) == RULES["ssbfgs"](2.0, 0.5, 5) == (0.5, 1.0)


def test_a_step_of_negative_curvature_leaves_the_matrix_alone():
    H = InverseHessian(RULES["ssbroyden"], 2.0, 3)
    H.update(np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0]), 0.5)
    np.testing.assert_array_equal(H(np.ones(3)), 2.0 * np.ones(3))


@METHODS
def test_the_valley_of_ten_dimensions_ends_where_scipys_does_and_as_fast(method):
    start = np.linspace(-1.2, 1.5, 10)
    peer = scipy.optimize.minimize(rosen, start, jac=rosen_der, method="BFGS", options={"gtol": 1e-8})
    found = minimize(Scalar(start, rosen, rosen_der, None), method, gtol=1e-12)
    assert found.success and found.nit <= 1.5 * peer.nit
    np.testing.assert_allclose(found.x, peer.x, atol=1e-5)


@METHODS
def test_bounds_give_the_minimum_of_the_box(method):
    start, lower, upper = np.linspace(-1.2, 1.5, 10), np.full(10, -0.5), np.full(10, np.inf)
    upper[::3], lower[4] = 0.6, 0.7
    box = scipy.optimize.Bounds(lower, upper)
    peer = scipy.optimize.minimize(rosen, np.clip(start, lower, upper), jac=rosen_der, method="L-BFGS-B",
                                   bounds=box, options={"ftol": 1e-16, "gtol": 1e-10})
    found = minimize(Scalar(start, rosen, rosen_der, None), method, bounds=box)
    assert found.success and (found.x >= lower).all() and (found.x <= upper).all()
    np.testing.assert_allclose(found.x, peer.x, atol=1e-5)
    assert found.fun <= peer.fun * (1.0 + 1e-9)


@METHODS
def test_all_but_one_parameter_held_is_a_problem_of_one(method):
    box = [(1.5, 1.5)] * 9 + [(None, None)]
    found = minimize(Scalar(np.full(10, 0.3), rosen, rosen_der, None), method, bounds=box)
    np.testing.assert_allclose(found.x, [1.5] * 9 + [2.25], rtol=1e-6)


def test_self_scaling_forgets_curvature_that_has_gone():
    # Σ θ⁴ c: the curvature at the start is 1e4 times that at θ = 0.01
    c = np.geomspace(1.0, 1e4, 30)
    problem = Scalar(np.ones(30), lambda t: c @ t**4, lambda t: 4.0 * c * t**3, None)
    taken = {name: minimize(problem, name, maxiter=100, gtol=0.0, ftol=0.0).fun for name in NAMES}
    assert max(taken["ssbfgs"], taken["ssbroyden"]) < 1e-3 * taken["BFGS"]


class _Line:
    """What `wolfe_point` asks of a run, for a function of one number."""

    bounds = None

    def __init__(self, value, slope, start):
        self._value, self._slope, self.tried = value, slope, []
        self.current = self.trial(np.array([start]))

    def trial(self, theta, gradient=True):
        self.tried.append(theta[0])
        value = self._value(theta[0])
        failure = None if np.isfinite(value) else "outside"
        return type("Point", (), {"theta": theta, "loss": value, "failed": failure is not None,
                                  "gradient": np.array([self._slope(theta[0])])})


@pytest.mark.parametrize("value, slope, start", [
    (lambda x: (x - 300.0)**2, lambda x: 2.0 * (x - 300.0), 0.0),
    (lambda x: np.cos(x) + 1e-3 * x, lambda x: -np.sin(x) + 1e-3, 0.1),
    (lambda x: np.exp(-x) + max(x - 1.0, 0.0)**8,
     lambda x: -np.exp(-x) + 8.0 * max(x - 1.0, 0.0)**7, 0.0),
    (lambda x: -x if x < 1e-3 else np.inf, lambda x: -1.0, 0.0),
    (lambda x: abs(x - 0.7)**1.5, lambda x: 1.5 * np.sign(x - 0.7) * abs(x - 0.7)**0.5, 0.0)])
@pytest.mark.parametrize("t", [1e-6, 1.0, 1e4])
def test_the_step_found_satisfies_wolfes_conditions(value, slope, start, t):
    line, g = _Line(value, slope, start), slope(start)
    d = np.array([-np.sign(g)])
    point, t = wolfe_point(line, d, t, 1e-4, 0.9)
    assert value(point.theta[0]) <= value(start) - 1e-4 * t * abs(g)
    at_the_edge = np.isinf(value(point.theta[0] + 0.5 * d[0]))
    assert at_the_edge or abs(slope(point.theta[0])) <= 0.9 * abs(g)
    assert len(line.tried) < 25 or at_the_edge
