"""Training runs on small problems with closed forms: solutions, stops, failures, records."""

import ast
import itertools
import os
import pathlib
import pickle
import signal
import threading
import time
import types

import numpy as np
import pytest
import scipy.optimize

import pcl
from pcl.errors import InvalidCoefficient, NotFinite, TrialFailure
from pcl.history import ROWS
from pcl.training import minimize
from pcl.status import Status

SCALAR = ["trust-exact", "trust-krylov", "trust-ncg", "BFGS", "L-BFGS-B"]
FAST = [*SCALAR, "least-squares"]
TRUST = SCALAR[:3]


class Residuals:
    """loss = Σ r² (no factor 1/2) from residuals and their first and second derivatives."""

    has_residuals = True
    admissible = staticmethod(lambda theta: True)

    def __init__(self, theta0, unit=1.0):
        self.theta0, self.unit = np.asarray(theta0), np.sqrt(unit)
        self.size = self.theta0.size
        self.counts = types.SimpleNamespace(factorisations=7, back_substitutions=5)
        self.calls = {"value": 0, "hessian": 0}
        self.visited = []

    def residuals(self, theta):
        self.calls["value"] += 1
        self.counts.factorisations += 1
        self.visited.append(theta.copy())
        if not self.admissible(theta):
            raise InvalidCoefficient("kappa is negative in cell 17")
        return self.unit * self.r(theta)

    def jacobian(self, theta):
        return self.unit * self.J(theta)

    def value(self, theta):
        r = self.residuals(theta)
        return float(r @ r)

    def gradient(self, theta):
        self.counts.back_substitutions += 1
        return 2.0 * self.unit**2 * self.J(theta).T @ self.r(theta)

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)

    def hessian(self, theta):
        self.calls["hessian"] += 1
        return 2.0 * self.unit**2 * (self.J(theta).T @ self.J(theta) + self.bend(theta))

    def hvp(self, theta, v):
        return 2.0 * self.unit**2 * (self.J(theta).T @ (self.J(theta) @ v)
                                     + self.bend(theta) @ v)


class Rosenbrock(Residuals):
    """r = (10 (θ₂ − θ₁²), 1 − θ₁); minimum 0 at (1, 1)."""

    def __init__(self, theta0=(-1.2, 1.0), unit=1.0):
        super().__init__(theta0, unit)

    def r(self, t):
        return np.array([10.0 * (t[1] - t[0] ** 2), 1.0 - t[0]])

    def J(self, t):
        return np.array([[-20.0 * t[0], 10.0], [-1.0, 0.0]])

    def bend(self, t):
        return np.array([[-20.0 * self.r(t)[0], 0.0], [0.0, 0.0]])


class Linear(Residuals):
    """r = Aθ − b; the minimum is the least squares solution, with a loss left over."""

    slices = {"a": slice(0, 2), "b": slice(2, 5)}

    def __init__(self, unit=1.0, seed=0):
        super().__init__(np.zeros(5), unit)
        rng = np.random.default_rng(seed)
        self.A, self.b = rng.standard_normal((9, 5)), rng.standard_normal(9)
        self.solution = np.linalg.lstsq(self.A, self.b, rcond=None)[0]

    def unravel(self, theta):
        return {name: theta[block] for name, block in self.slices.items()}

    def ravel(self, arrays):
        return np.concatenate([arrays["a"], arrays["b"]])

    def r(self, t):
        return self.A @ t - self.b

    def J(self, t):
        return self.A

    def bend(self, t):
        return 0.0 * self.A.T @ self.A


class Scalar:
    """A loss given by functions."""

    has_residuals = False
    counts = None

    def __init__(self, theta0, value, gradient, hessian):
        self.theta0, self.size = np.asarray(theta0, float), len(theta0)
        self.value, self.gradient, self.hessian = value, gradient, hessian

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)

    def hvp(self, theta, v):
        return self.hessian(theta) @ v


def saddle(theta0, lift=1.0):
    """θ₁² − θ₂² + lift θ₂⁴: saddle at 0, minima at (0, ±1/sqrt(2 lift))."""
    return Scalar(
        theta0, lambda t: t[0]**2 - t[1]**2 + lift * t[1]**4,
        lambda t: np.array([2 * t[0], -2 * t[1] + 4 * lift * t[1]**3]),
        lambda t: np.diag([2.0, -2.0 + 12 * lift * t[1]**2]))


# --- solutions -----------------------------------------------------------------------------

@pytest.mark.parametrize("method", FAST)
def test_rosenbrock_is_solved(method):
    result = minimize(Rosenbrock(), method)
    assert result.success and result.status is Status.CONVERGED_GRADIENT
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)
    assert result.fun < 1e-10 and result.message == result.status.value
    assert result.gradient_norm == pytest.approx(np.linalg.norm(result.jac))


@pytest.mark.parametrize("method", FAST)
def test_linear_least_squares_reach_the_normal_equations_solution(method):
    problem = Linear()
    result = minimize(problem, method)
    assert result.success
    np.testing.assert_allclose(result.x, problem.solution, atol=1e-6)
    assert set(result.theta) == {"a", "b"}
    np.testing.assert_array_equal(result.theta["b"], result.x[2:])


@pytest.mark.parametrize("algorithm", ["trf", "dogbox", "lm"])
def test_the_three_least_squares_algorithms_agree(algorithm):
    result = minimize(Linear(), "least-squares", options={"algorithm": algorithm})
    assert result.success
    np.testing.assert_allclose(result.x, Linear().solution, atol=1e-8)
    assert result.fun == pytest.approx(Linear().value(result.x), rel=1e-12)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_robust_losses_agree_with_scipy(loss):
    problem = Linear()
    result = minimize(problem, "least-squares", options={"loss": loss, "f_scale": 0.3})
    peer = scipy.optimize.least_squares(problem.r, problem.theta0, jac=problem.J, loss=loss,
                                        f_scale=0.3, ftol=1e-15, xtol=1e-15, gtol=1e-15)
    assert result.fun == pytest.approx(2.0 * peer.cost, rel=1e-12)
    np.testing.assert_allclose(result.x, peer.x, atol=1e-5)
    np.testing.assert_allclose(scipy.optimize.approx_fprime(
        result.x + 0.1, lambda t: robust(problem.r(t), loss, 0.3)),
        gradient_of(problem, result.x + 0.1, loss, 0.3), rtol=1e-5, atol=1e-6)


def robust(r, loss, C):
    from pcl.drivers.least_squares import RHO
    return C**2 * RHO[loss][0]((r / C) ** 2).sum()


def gradient_of(problem, theta, loss, C):
    from pcl.drivers.least_squares import ResidualEvaluator
    from pcl.objective import Counts, Point
    return ResidualEvaluator(problem, Counts(), loss, C).gradient(Point(theta))


def test_adam_descends_in_float64_and_matches_the_published_recursion():
    problem = Linear()
    result = minimize(problem, "adam", maxiter=50, options={"learning_rate": 0.01})
    # the recursion of Kingma and Ba, algorithm 1, on the gradient in the same unit
    scale = 2.0 ** np.round(np.log2(np.linalg.norm(problem.gradient(problem.theta0))))
    theta, m, v = problem.theta0.copy(), np.zeros(5), np.zeros(5)
    for k in range(1, 51):
        g = problem.gradient(theta) / scale
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        rate = 0.01 * np.sqrt(1 - 0.999**k) / (1 - 0.9**k)
        theta = theta - rate * m / (np.sqrt(v) + 1e-7)
    # 1e-12: a float32 anywhere would show at 1e-8
    np.testing.assert_allclose(result.history.loss[-1], problem.value(theta), rtol=1e-12)
    assert result.status is Status.ITERATION_LIMIT and not result.success
    assert result.fun < result.history.loss[0] and result.nit == 50


def test_adam_steps_back_from_failed_trials():
    problem = Linear()
    limit = 0.2 * problem.solution[0]
    problem.admissible = lambda t: t[0] / limit < 1.0
    result = minimize(problem, "adam", maxiter=300, options={"learning_rate": 0.05})
    assert result.failed > 0 and result.x[0] / limit < 1.0
    assert result.fun < 0.9 * problem.value(problem.theta0)
    assert not result.history.accepted.all()


@pytest.mark.parametrize("name", ["TRUST-EXACT", "bfgs", "l-bfgs-b", "Least-Squares"])
def test_method_names_ignore_case(name):
    assert minimize(Rosenbrock(), name).success


def test_the_start_may_be_named_blocks():
    start = {"a": np.ones(2), "b": np.zeros(3)}
    result = minimize(Linear(), "trust-exact", x0=start, maxiter=1)
    assert result.history.loss[0] == Linear().value(np.array([1.0, 1, 0, 0, 0]))


# --- agreement with SciPy's plain runs ------------------------------------------------------

@pytest.mark.parametrize("method", SCALAR)
def test_with_unit_scale_the_iterates_are_those_of_scipy(method):
    problem, mine, theirs = Rosenbrock(), [], []
    scale = {"loss_scale": 1.0}
    minimize(problem, method, maxiter=12, options=scale, callback=lambda s: mine.append(s.theta))
    second = {"trust-exact": {"hess": problem.hessian}, "trust-krylov": {"hessp": problem.hvp},
              "trust-ncg": {"hessp": problem.hvp}}.get(method, {})
    scipy.optimize.minimize(problem.value, problem.theta0, jac=problem.gradient, method=method,
                            callback=lambda x: theirs.append(x.copy()),
                            options={"maxiter": 12, "gtol": 1e-300}, **second)
    np.testing.assert_array_equal(mine, theirs)


def test_bfgs_with_the_exact_inverse_hessian_needs_one_step():
    problem = Linear(unit=1e-3)
    inverse = np.linalg.inv(problem.hessian(problem.theta0))
    result = minimize(problem, "BFGS", options={"hess_inv0": inverse})
    assert result.success and result.nit <= 2
    np.testing.assert_allclose(result.x, problem.solution, atol=1e-8)
    with pytest.raises(ValueError, match="hess_inv0"):
        minimize(problem, "BFGS", options={"hess_inv0": np.eye(3)})


@pytest.mark.parametrize("inadmissible", [None, lambda t: t[1] < -0.01])
def test_skipping_hessians_of_rejected_points_leaves_the_iterates_unchanged(inadmissible):
    runs = {}
    for skip in (True, False):
        problem, path = Rosenbrock(), []
        if inadmissible is not None:
            problem.admissible = lambda t: not inadmissible(t)
        result = minimize(problem, "trust-exact", options={"skip_rejected_hessians": skip},
                          callback=lambda s, path=path: path.append(s.theta))
        runs[skip] = np.array(path), problem.calls["hessian"], result
        assert result.success
    np.testing.assert_array_equal(runs[True][0], runs[False][0])
    history = runs[True][2].history
    rejected = np.count_nonzero(~history.accepted)
    assert rejected > 0
    # without skipping: one Hessian for every point that could be evaluated
    assert runs[False][1] == runs[False][2].nfev - runs[False][2].failed
    assert np.count_nonzero(history.accepted) <= runs[True][1] < runs[False][1]


def test_the_hessian_returned_belongs_to_the_point_returned():
    problem = Rosenbrock()
    for limit in range(1, 15):
        result = minimize(problem, maxiter=limit)
        np.testing.assert_array_equal(result.hess, problem.hessian(result.x))


# --- tolerances ----------------------------------------------------------------------------

@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("unit", [2.0**-80, 2.0**-40, 2.0**40])
def test_iterates_do_not_depend_on_the_unit_of_the_loss(method, unit):
    # powers of four in the loss are powers of two in r: no rounding differs. ‖·‖ and the
    # robust scaling of trf are exact too, so the runs must be identical.
    plain, scaled = minimize(Rosenbrock(), method), minimize(Rosenbrock(unit=unit), method)
    np.testing.assert_allclose(scaled.x, plain.x, rtol=1e-10)
    assert scaled.status is plain.status and scaled.nit == plain.nit
    assert scaled.fun == pytest.approx(unit * plain.fun, rel=1e-6)


@pytest.mark.parametrize("method", FAST)
def test_a_remote_start_is_not_mistaken_for_convergence(method):
    # |g| falls by many orders on the way in; that alone must not end the run as a success
    result = minimize(Rosenbrock((1e8, 1e8)), method)
    assert not result.success or np.allclose(result.x, 1.0, atol=1e-3)


@pytest.mark.parametrize("method", FAST)
def test_tolerances_are_not_those_of_scipy(method):
    # Minimum 1e-6 above zero: SciPy's L-BFGS-B stops here on ftol max(|f|, 1), BFGS on gtol.
    problem = Linear(unit=1e-9)
    result = minimize(problem, method)
    assert result.success and result.nit > 0
    np.testing.assert_allclose(result.x, problem.solution, atol=1e-6)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_zero_tolerances_run_to_the_iteration_limit(method):
    result = minimize(Rosenbrock(), method, gtol=0, ftol=0, xtol=0, maxiter=5)
    assert result.status is Status.ITERATION_LIMIT and not result.success and result.nit == 5
    assert "maxiter" in result.message


@pytest.mark.parametrize("method", FAST)
def test_zero_tolerances_end_at_the_limit_of_precision(method):
    result = minimize(Linear(), method, gtol=0, ftol=0, maxiter=3000)
    assert result.status in (Status.PRECISION_LIMIT, Status.ITERATION_LIMIT,
                             Status.CONVERGED_GRADIENT)
    assert result.nit < 3000 or method == "trust-ncg"
    np.testing.assert_allclose(result.x, Linear().solution, atol=1e-7)


@pytest.mark.parametrize("tolerance, status", [
    ({"gtol": 1e-2}, Status.CONVERGED_GRADIENT),
    ({"gtol": 0, "gtol_absolute": 1e-2}, Status.CONVERGED_GRADIENT),
    ({"gtol": 0, "xtol": 1e-2}, Status.CONVERGED_STEP),
    ({"gtol": 0, "ftol": 0.5}, Status.CONVERGED_LOSS)])
def test_each_tolerance_stops_with_its_own_reason(tolerance, status):
    problem = Linear()
    result = minimize(problem, "L-BFGS-B", **tolerance)
    assert result.status is status and result.success
    history = result.history
    if status is Status.CONVERGED_STEP:
        assert history.step[-1] <= 1e-2 * np.linalg.norm(result.x)
    if "gtol_absolute" in tolerance:
        assert history.gradient_norm[-1] <= 1e-2 < history.gradient_norm[-2]


def test_a_wrong_gradient_never_ends_in_success():
    for method in SCALAR:
        problem = Linear()
        problem.gradient = lambda t, p=problem: -Linear.gradient(p, t)
        result = minimize(problem, method)
        assert not result.success, method
        assert "check_gradient" in result.message
        np.testing.assert_array_equal(result.x, problem.theta0)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B"])
def test_a_slightly_wrong_gradient_does_not_end_in_success(method):
    # off by 5e-5 |g(x0)|: the loss at its root lies 1e-9 above the minimum, which shows
    problem = Linear()
    error = 5e-5 * np.linalg.norm(problem.gradient(problem.theta0)) * np.array([1, -1, 1, -1, 1])
    problem.gradient = lambda t: Linear.gradient(problem, t) + error
    result = minimize(problem, method, ftol=0)
    assert not result.success, result.message


# --- failed trials --------------------------------------------------------------------------

def wall(t):
    return t[1] >= -0.01


def box(t):
    return np.abs(t).max() < 1.3


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("admissible", [wall, box], ids=["wall", "box"])
@pytest.mark.parametrize("kind", ["raise", "nan"])
def test_failed_trials_shorten_the_step_and_the_run_goes_on(method, admissible, kind):
    class Restricted(Rosenbrock):
        def residuals(self, theta):
            r = super().residuals(theta)
            if kind == "raise" and not admissible(theta):
                raise TrialFailure("outside")
            return r if admissible(theta) else np.nan * r

    problem = Restricted()
    result = minimize(problem, method, options={"initial_trust_radius": 10.0}
                      if method in TRUST else None)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, 1.0, atol=1e-4)
    failed = sum(not admissible(t) for t in problem.visited)
    assert result.failed == result.history.failed[-1] == failed
    if failed:
        assert str(failed) in result.message
    assert np.isfinite(result.history.loss).all()
    assert (np.diff(result.history.loss) <= 0).all()


@pytest.mark.parametrize("method", FAST)
def test_some_runs_of_the_table_above_do_meet_failures(method):
    problem = Rosenbrock()
    problem.admissible = wall
    problem.theta0 = np.array([-1.2, 0.0])      # next to the wall
    result = minimize(problem, method)
    assert result.failed > 0
    assert result.success, result.message


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B"])
def test_a_line_search_does_not_creep_along_the_edge(method):
    problem = Rosenbrock()
    problem.admissible = lambda t: wall(t) and abs(t[0]) < 3
    result = minimize(problem, method)
    # without a restart the steps shrink by four and four again: above 150 failures
    assert result.success and 0 < result.failed < 50


@pytest.mark.parametrize("algorithm", ["dogbox", "lm"])
def test_all_least_squares_algorithms_step_back(algorithm):
    problem = Rosenbrock()
    problem.admissible = wall
    problem.theta0 = np.array([-1.2, 0.0])
    result = minimize(problem, "least-squares", options={"algorithm": algorithm})
    assert result.success and result.failed > 0
    # a tenth to a quarter per failure, so only a few in a row
    np.testing.assert_allclose(result.x, 1.0, atol=1e-6)
    assert result.failed < 15


def test_the_step_back_is_by_a_factor_of_four():
    # -log θ + θ/100... on θ < 2 only: from 1 the first step of length L-BFGS-B fails at 1 + s,
    # next trials lie at 1 + s/4, 1 + s/16, ...
    trials = []

    def value(t):
        trials.append(t[0])
        if t[0] > 1.01:
            raise TrialFailure("outside")
        return -t[0]

    problem = Scalar([1.0], value, lambda t: np.array([-1.0]), lambda t: np.zeros((1, 1)))
    for method in ("BFGS", "L-BFGS-B"):
        trials.clear()
        minimize(problem, method, maxiter=1)
        steps = np.array(trials[1:6]) - 1.0
        np.testing.assert_allclose(steps[0] / steps[:5], 4.0 ** np.arange(5), rtol=1e-9)


@pytest.mark.parametrize("method", ["trust-exact", "BFGS", "L-BFGS-B"])
def test_a_hessian_or_gradient_that_fails_at_a_trial_point_is_a_failed_trial(method):
    class Fragile(Rosenbrock):
        def gradient(self, theta):
            g = super().gradient(theta)
            return np.full(2, np.nan) if theta[1] < -0.01 else g

        def hessian(self, theta):
            if theta[1] > 1.2:
                raise NotFinite("curvature")
            return super().hessian(theta)

    result = minimize(Fragile(), method, options={"initial_trust_radius": 10.0}
                      if method in TRUST else None)
    assert result.success and np.allclose(result.x, 1.0, atol=1e-4)


@pytest.mark.parametrize("method", ["trust-krylov", "trust-ncg"])
def test_a_product_that_fails_ends_the_run_in_words(method):
    problem = Rosenbrock()
    problem.hvp = lambda t, v: v if len(problem.visited) < 4 else np.nan * v
    result = minimize(problem, method)
    assert result.status is Status.CURVATURE_FAILED and not result.success
    assert result.fun < problem.value(problem.theta0)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_a_start_that_cannot_be_evaluated_is_refused(method):
    problem = Rosenbrock()
    problem.admissible = lambda t: False
    with pytest.raises(InvalidCoefficient, match="cell 17"):
        minimize(problem, method)


@pytest.mark.parametrize("method", SCALAR)
def test_a_gradient_of_the_wrong_length_is_refused(method):
    problem = Rosenbrock()
    problem.gradient = lambda t: np.zeros(3)
    with pytest.raises(ValueError, match=r"gradient has shape \(3,\)"):
        minimize(problem, method)


@pytest.mark.parametrize("noise, fine", [(1e-16, True), (1e-9, True), (1e-6, False)])
def test_an_unsymmetric_hessian_is_refused_with_the_result_so_far(noise, fine):
    problem = Rosenbrock()
    problem.hessian = lambda t: Rosenbrock.hessian(problem, t) * np.array([[1, 1 + noise], [1, 1]])
    if fine:
        assert minimize(problem).success
    else:
        with pytest.raises(ValueError, match="not symmetric") as caught:
            minimize(problem)
        assert caught.value.partial_result.status is Status.ERROR


# --- curvature -----------------------------------------------------------------------------

def test_the_hard_case_is_solved():
    # g orthogonal to the eigenvector of the lowest eigenvalue at the start
    result = minimize(saddle([1.0, 0.0]), "trust-exact")
    assert result.success
    np.testing.assert_allclose(np.abs(result.x), [0.0, np.sqrt(0.5)], atol=1e-6)
    assert result.smallest_eigenvalue == pytest.approx(2.0, rel=1e-4)


def test_a_capped_subproblem_ends_in_words_and_hides_no_error_of_the_model():
    H = np.array([[0.0, 10.0], [10.0, 0.0]])    # zero diagonal: the first Cholesky fails
    problem = Scalar([1e-3, 2e-3], lambda t: 0.5 * t @ H @ t, lambda t: H @ t, lambda t: H)
    result = minimize(problem, "trust-exact", options={"subproblem_maxiter": 1})
    assert result.status is Status.SUBPROBLEM_FAILED and not result.success

    def broken(t):
        if t[0] != 1e-3:
            raise UnboundLocalError("a mistake in the model")
        return 1.0

    problem.value = broken
    with pytest.raises(UnboundLocalError):
        minimize(problem, "trust-exact")


@pytest.mark.parametrize("size", [5, 40])
def test_singular_and_indefinite_hessians_end(size):
    rng = np.random.default_rng(size)
    Q = np.linalg.qr(rng.standard_normal((size, size)))[0]
    d = np.concatenate([np.zeros(size // 2), np.linspace(-1, 1, size - size // 2)])
    H = Q @ np.diag(d) @ Q.T
    H = 0.5 * (H + H.T)
    problem = Scalar(rng.standard_normal(size),
                     lambda t: 0.5 * t @ H @ t + 0.25 * (t @ t)**2,
                     lambda t: H @ t + (t @ t) * t,
                     lambda t: H + (t @ t) * np.eye(size) + 2 * np.outer(t, t))
    result = minimize(problem, "trust-exact")
    # minimum along the eigenvector of -1: -s²/2 + s⁴/4 at s = 1
    assert result.success and result.fun == pytest.approx(-0.25, rel=1e-8)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_a_start_at_the_solution_returns_at_once(method):
    result = minimize(Rosenbrock((1.0, 1.0)), method)
    assert result.status is Status.STATIONARY_START and result.nit == 0 and result.nfev == 1
    assert len(result.history) == 1
    if method in TRUST:
        H = Rosenbrock().hessian(np.ones(2))
        assert result.smallest_eigenvalue == pytest.approx(np.linalg.eigvalsh(H)[0], rel=1e-9)


def test_a_start_at_the_solution_with_a_loss_left_over_returns_at_once():
    problem = Linear()
    problem.theta0 = problem.solution
    for method in FAST:
        result = minimize(problem, method)
        assert result.success and result.nit <= 1, method


@pytest.mark.parametrize("method", TRUST)
@pytest.mark.parametrize("size", [2, 40])
def test_a_start_at_a_saddle_returns_with_its_negative_eigenvalue(method, size):
    d = np.linspace(-3.0, 5.0, size)
    problem = Scalar(np.zeros(size), lambda t: float(d @ t**2), lambda t: 2 * d * t,
                     lambda t: 2 * np.diag(d))
    result = minimize(problem, method)
    assert result.status is Status.STATIONARY_SADDLE and not result.success
    assert result.smallest_eigenvalue == pytest.approx(-6.0, rel=1e-6) and result.nit == 0


# --- bounds --------------------------------------------------------------------------------

@pytest.mark.parametrize("method, options", [("L-BFGS-B", None), ("least-squares", None),
                                             ("least-squares", {"algorithm": "dogbox"})])
@pytest.mark.parametrize("spelling", ["pairs", "Bounds", "blocks"])
def test_bounds_in_every_spelling_give_the_constrained_minimum(method, options, spelling):
    problem = Linear()
    lower, upper = np.full(5, -np.inf), np.full(5, np.inf)
    lower[:2], upper[2:] = -0.1, [0.1, 0.2, 0.3]
    bounds = {"pairs": [(a if np.isfinite(a) else None, b if np.isfinite(b) else None)
                        for a, b in zip(lower, upper, strict=True)],
              "Bounds": scipy.optimize.Bounds(lower, upper),
              "blocks": {"a": (-0.1, None), "b": (None, [0.1, 0.2, 0.3])}}[spelling]
    result = minimize(problem, method, bounds=bounds, options=options)
    peer = scipy.optimize.lsq_linear(problem.A, problem.b, (lower, upper), tol=1e-14)
    assert (problem.solution < lower).any() or (problem.solution > upper).any()
    np.testing.assert_allclose(result.x, peer.x, atol=1e-6)
    assert result.success and (result.x >= lower).all() and (result.x <= upper).all()


def test_a_start_outside_or_on_the_bounds_is_moved_inside():
    bounds = [(1.0, 2.0)] + [(None, None)] * 4
    for method in ("L-BFGS-B", "least-squares"):
        for first in (-5.0, 1.0, 2.0, 9.0):
            result = minimize(Linear(), method, x0=[first, 0, 0, 0, 0], bounds=bounds)
            assert result.success and 1.0 <= result.x[0] <= 2.0
            assert result.x[0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("bounds, words", [
    ([(0, 1)] * 4, "4 pairs"), ([(np.nan, 1)] + [(0, 1)] * 4, "NaN"),
    ([(1, np.nan)] + [(0, 1)] * 4, "NaN"),
    ([(0, 1)] * 4 + [(2, 1)], "entry 4"), ([(np.inf, np.inf)] + [(0, 1)] * 4, "empty"),
    ([0, 1, 2, 3, 4], "pairs"), ({"c": (0, 1)}, "known are a, b"),
    ({"a": (0, [1, 2, 3])}, "3 entries"), ({"a": 3.0}, "pair"),
    (scipy.optimize.Bounds([0, 0], [1, 1]), "2 entries")])
def test_bad_bounds_are_refused(bounds, words):
    for method in ("L-BFGS-B", "least-squares"):
        with pytest.raises(ValueError, match=words):
            minimize(Linear(), method, bounds=bounds)


@pytest.mark.parametrize("method, options", [
    *((m, None) for m in TRUST), ("BFGS", None), ("adam", None),
    ("least-squares", {"algorithm": "lm"})])
def test_methods_without_bounds_say_so(method, options):
    with pytest.raises(ValueError, match="takes none"):
        minimize(Linear(), method, bounds=[(0, 1)] * 5, options=options)


def test_fixed_entries_are_kept_by_l_bfgs_b_and_refused_by_least_squares():
    bounds = {"a": (0.25, 0.25)}
    assert np.array_equal(minimize(Linear(), "L-BFGS-B", bounds=bounds).x[:2], [0.25, 0.25])
    with pytest.raises(ValueError, match="entry 0"):
        minimize(Linear(), "least-squares", bounds=bounds)


# --- arguments -----------------------------------------------------------------------------

def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="trust-exact, trust-krylov, trust-ncg, BFGS"):
        minimize(Rosenbrock(), "newton")
    with pytest.raises(ValueError, match="method is None"):
        minimize(Rosenbrock(), None)
    with pytest.raises(ValueError, match="'maxcorr', unknown to L-BFGS-B; known are .*maxcor"):
        minimize(Rosenbrock(), "L-BFGS-B", options={"maxcorr": 5})
    with pytest.raises(ValueError, match="known are"):
        minimize(Rosenbrock(), "BFGS", options={"gtol": 1e-3})


@pytest.mark.parametrize("method, options", [
    ("trust-exact", {"eta": 0.5}), ("trust-exact", {"initial_trust_radius": -1}),
    ("trust-exact", {"initial_trust_radius": 2000.0}), ("BFGS", {"c1": 0.95}),
    ("L-BFGS-B", {"maxls": 0}), ("adam", {"learning_rate": 0.0}), ("BFGS", {"loss_scale": 0.0}),
    ("least-squares", {"algorithm": "gn"}), ("least-squares", {"loss": "l2"})])
def test_options_out_of_range_are_refused(method, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        minimize(Rosenbrock(), method, options=options)


@pytest.mark.parametrize("name", ["gtol", "ftol", "xtol", "gtol_absolute"])
@pytest.mark.parametrize("value", [-1e-8, np.nan, np.inf, "1e-8", None, True])
def test_tolerances_must_be_numbers_from_zero(name, value):
    with pytest.raises(ValueError, match=name):
        minimize(Rosenbrock(), **{name: value})


@pytest.mark.parametrize("maxiter", [0, -3, 2.5, True, "10"])
def test_maxiter_must_be_a_positive_whole_number(maxiter):
    with pytest.raises(ValueError, match="maxiter"):
        minimize(Rosenbrock(), maxiter=maxiter)


@pytest.mark.parametrize("x0, error, words", [
    (np.ones(3), ValueError, r"x0 has shape \(3,\)"), (np.ones((2, 1)), ValueError, "x0"),
    ([np.nan, 1.0], ValueError, "x0"), ([1j, 0.0], TypeError, "x0"),
    (["a", "b"], TypeError, "x0")])
def test_a_bad_start_is_refused(x0, error, words):
    with pytest.raises(error, match=words):
        minimize(Rosenbrock(), x0=x0)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_any_real_start_becomes_float64(method):
    plain = minimize(Rosenbrock(), method, x0=np.array([-1.0, 1.0]), maxiter=8)
    big_endian = np.array([-1.0, 1.0], dtype=">f8")
    frozen = np.array([-1.0, 1.0])
    frozen.setflags(write=False)
    for x0 in ([-1, 1], np.array([-1, 1], np.float32), big_endian, frozen,
               np.array([-1.0, 9.0, 1.0, 9.0])[::2]):
        result = minimize(Rosenbrock(), method, x0=x0, maxiter=8)
        assert result.x.dtype == np.float64 and np.array_equal(result.x, plain.x)
    assert np.array_equal(frozen, [-1.0, 1.0])


def test_least_squares_without_residuals_says_what_to_do():
    with pytest.raises(ValueError, match="State the residuals"):
        minimize(saddle([1.0, 1.0]), "least-squares")


def test_lm_with_too_few_residuals_says_what_to_do():
    class Wide(Linear):
        def __init__(self):
            super().__init__()
            self.A, self.b = self.A[:3], self.b[:3]

    with pytest.raises(ValueError, match="3 and 5"):
        minimize(Wide(), "least-squares", options={"algorithm": "lm"})
    assert minimize(Wide(), "least-squares").fun < 1e-12


# --- callbacks, interruption, records --------------------------------------------------------

@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_callbacks_get_the_same_immutable_snapshot_from_every_method(method):
    seen = []
    result = minimize(Rosenbrock(), method, callback=seen.append, maxiter=6)
    assert [s.iteration for s in seen] == list(range(1, result.nit + 1))
    history = result.history
    for s in seen:
        for name in ROWS:
            assert getattr(s, name) == getattr(history, name)[s.iteration]
        assert s.loss == pytest.approx(Rosenbrock().value(s.theta), rel=1e-14)
        with pytest.raises(AttributeError):
            s.loss = 0.0
        with pytest.raises(ValueError):
            s.theta[0] = 7.0
    assert not any(np.shares_memory(a.theta, b.theta) for a, b in itertools.pairwise(seen))


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_stop_iteration_stops_cleanly(method):
    def stop(snapshot):
        if snapshot.iteration == 3:
            raise StopIteration

    result = minimize(Rosenbrock(), method, callback=stop)
    assert result.status is Status.STOPPED_BY_CALLBACK and not result.success
    assert result.nit == 3 and result.fun == result.history.loss.min()


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_other_exceptions_pass_through_with_the_best_point_attached(method):
    def fail(snapshot):
        if snapshot.iteration == 3:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        minimize(Rosenbrock(), method, callback=fail)
    partial = caught.value.partial_result
    assert partial.nit == 3 and partial.fun == Rosenbrock().value(partial.x)
    assert partial.fun < Rosenbrock().value(Rosenbrock().theta0)
    assert partial.status is Status.ERROR and not partial.success


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("where", ["callback", "loss"])
def test_ctrl_c_returns_the_best_point(method, where):
    problem = Rosenbrock()

    def interrupt(*_):
        if len(problem.visited) == 9:
            signal.raise_signal(signal.SIGINT)

    if where == "loss":
        problem.admissible = lambda t: interrupt() is None
    result = minimize(problem, method, callback=interrupt if where == "callback" else None)
    assert result.status is Status.INTERRUPTED or where == "callback"
    assert result.fun == problem.value(result.x) <= result.history.loss.min()
    assert minimize(Rosenbrock(), method).success      # and everything still works


def test_ctrl_c_from_outside_is_answered_within_seconds():
    def endless(t):
        return float(t @ t) + 1e-3 * np.sin(1e3 * t).sum()

    problem = Scalar(np.ones(3), endless, lambda t: 2 * t + np.cos(1e3 * t),
                     lambda t: np.eye(3))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    result = minimize(problem, "adam", maxiter=10**7, gtol=0, ftol=0)
    assert result.status is Status.INTERRUPTED and result.history.seconds[-1] < 5.0


def test_results_survive_pickling():
    result = minimize(Rosenbrock(), maxiter=5)
    again = pickle.loads(pickle.dumps(result))
    assert again.status is result.status and np.array_equal(again.x, result.x)
    assert np.array_equal(again.history.loss, result.history.loss)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_a_time_limit_is_kept_within_an_iteration(method):
    result = minimize(Rosenbrock(), method, max_seconds=0.02, gtol=0, ftol=0,
                      callback=lambda snapshot: time.sleep(0.015))
    assert result.status is Status.TIME_LIMIT and not result.success
    assert result.nit == np.count_nonzero(result.history.seconds[:-1] < 0.02) <= 2
    with pytest.raises(ValueError, match="max_seconds"):
        minimize(Rosenbrock(), method, max_seconds=-1.0)


def test_the_training_layer_imports_no_tensorflow():
    root = pathlib.Path(pcl.__file__).parent
    names = ["training", "objective", "history", "status", "progress", "check", "check_report"]
    files = [*(root / f"{name}.py" for name in names), *(root / "drivers").glob("*.py")]
    assert len(files) > 12
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                assert module.split(".")[0] not in ("tensorflow", "keras", "matplotlib", "tqdm")


def test_options_must_be_a_dict():
    with pytest.raises(TypeError, match="options"):
        minimize(Rosenbrock(), options=[("eta", 0.1)])


def test_a_callback_must_be_callable():
    with pytest.raises(TypeError, match="callback"):
        minimize(Rosenbrock(), callback=3)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_history_records_every_iteration_from_the_start_on(method):
    problem = Rosenbrock()
    result = minimize(problem, method, maxiter=7)
    history = result.history
    assert len(history) == result.nit + 1 == 8
    assert history.loss[0] == problem.value(problem.theta0)
    assert history.gradient_norm[0] == pytest.approx(
        np.linalg.norm(problem.gradient(problem.theta0)))
    assert (np.diff(history.seconds) >= 0).all() and history.seconds[0] >= 0
    assert ((history.step > 0) == history.accepted)[1:].all()
    # work is counted from the beginning of the run, not of the process
    assert history.factorisations[0] == history.evaluations[0] == 1
    assert history.factorisations[-1] == result.nfev
    assert result.counts["evaluations"] == result.nfev
    if method in SCALAR:
        assert history.back_substitutions[-1] == result.njev
    assert set(history.as_dict()) == set(ROWS)
    assert all(len(column) == 8 for column in history.as_dict().values())


def test_rejected_steps_count_as_iterations_of_a_trust_region():
    history = minimize(Rosenbrock()).history
    rejected = np.flatnonzero(~history.accepted)
    assert rejected.size and (history.step[rejected] == 0).all()
    assert (history.loss[rejected] == history.loss[rejected - 1]).all()


def test_history_plots_against_both_axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    history = minimize(Rosenbrock()).history
    for against in ("iterations", "seconds"):
        ax = history.plot(against=against)
        assert ax.get_xlabel() == against and len(ax.lines[0].get_xdata()) == len(history)
    with pytest.raises(ValueError, match="against"):
        history.plot(against="time")
    with pytest.raises(AttributeError, match="gradient_norm"):
        print(history.gradients)
    matplotlib.pyplot.close("all")


def test_progress_is_shown_on_request_only(capsys):
    minimize(Rosenbrock())
    assert capsys.readouterr().err == ""
    minimize(Rosenbrock(), progress=True)
    assert "loss" in capsys.readouterr().err
    minimize(Rosenbrock(), progress=False)
    assert capsys.readouterr().err == ""
    with pytest.raises(TypeError, match="progress"):
        minimize(Rosenbrock(), progress="yes")


def test_two_runs_are_identical():
    a, b = minimize(Rosenbrock(), "BFGS"), minimize(Rosenbrock(), "BFGS")
    assert np.array_equal(a.x, b.x) and np.array_equal(a.history.loss, b.history.loss)


def test_every_status_is_a_sentence_with_a_remedy():
    texts = [status.value for status in Status]
    assert len(set(texts)) == len(texts)
    assert all(text[0].isupper() and text.endswith(".") and len(text) > 40 for text in texts)
    assert not any(Status[name].success for name in (
        "ITERATION_LIMIT", "EVALUATION_LIMIT", "RADIUS_COLLAPSED", "LINE_SEARCH_FAILED",
        "INTERRUPTED", "STOPPED_BY_CALLBACK", "STATIONARY_SADDLE"))


def test_evaluation_limits_are_no_success():
    for method, options in (("L-BFGS-B", {"maxfun": 5}), ("least-squares", {"max_nfev": 5})):
        result = minimize(Rosenbrock(), method, options=options)
        assert result.status is Status.EVALUATION_LIMIT and not result.success


# --- line searches that break down, extreme units, plateaus ----------------------------------

def only_the_start(theta0, value, gradient, hessian):
    """A loss that can be evaluated at its start alone."""
    def guarded(t):
        if not np.array_equal(t, theta0):
            raise TrialFailure("outside")
        return value(t)
    return Scalar(theta0, guarded, gradient, hessian)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B"])
def test_where_every_step_fails_a_line_search_ends_at_its_start(method):
    start = np.array([1.0, 2.0])
    problem = only_the_start(start, lambda t: 5.0 + t @ t, lambda t: 2 * t,
                             lambda t: 2 * np.eye(2))
    result = minimize(problem, method)
    assert result.status in (Status.LINE_SEARCH_FAILED, Status.RADIUS_COLLAPSED)
    assert result.nit == 0 and result.failed < 200
    np.testing.assert_array_equal(result.x, start)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B"])
@pytest.mark.parametrize("answer", ["failed point", "current point"])
def test_a_point_scipy_accepts_though_it_failed_or_is_the_current_one_is_no_iteration(
        method, answer, monkeypatch):
    # what SciPy's line searches do when they break down: the last point tried, whatever it is
    def minimizer(fun, x0, jac, callback, **_):
        step = 1.0 if answer == "failed point" else 0.0
        fun(x0 + step), jac(x0 + step)
        callback(scipy.optimize.OptimizeResult(x=x0 + step))
        raise AssertionError("the iteration was accepted")

    monkeypatch.setattr(scipy.optimize, "minimize", minimizer)
    start = np.ones(2)
    problem = only_the_start(start, lambda t: 5.0 + t @ t, lambda t: 2 * t, None)
    result = minimize(problem, method)
    assert result.status is Status.LINE_SEARCH_FAILED and result.nit == 0


@pytest.mark.parametrize("largest", [1e-320, 1e-200, 1.0, 1e200, 1e308])
def test_the_norm_neither_overflows_nor_underflows(largest):
    from pcl.drivers.run import norm
    v = largest * np.array([0.6, -0.8])
    # 1e-320 is subnormal, a multiple of 5e-324
    assert norm(v) == pytest.approx(largest, rel=1e-3 if largest < 1e-300 else 1e-15)
    assert norm(np.zeros(3)) == 0.0 and norm(np.full(4, 1.7e308)) == np.inf


@pytest.mark.parametrize("method", [*FAST, "adam"])
@pytest.mark.parametrize("unit", [2.0**-560, 2.0**560])
def test_squares_of_gradients_beyond_double_precision_do_not_end_a_run(method, unit):
    # |g|² is 1e-336 or 1e+338, no double
    plain, scaled = (minimize(Rosenbrock(unit=u), method, maxiter=60) for u in (1.0, unit))
    np.testing.assert_allclose(scaled.x, plain.x, rtol=1e-9)
    assert scaled.status is plain.status and scaled.nit == plain.nit > 0


@pytest.mark.parametrize("method", [*SCALAR, "adam"])
def test_a_gradient_norm_beyond_double_precision_is_refused(method):
    g = np.full(4, 1.7e308)
    problem = Scalar(np.zeros(4), lambda t: 1.0, lambda t: g, lambda t: np.eye(4))
    with pytest.raises(NotFinite, match="gradient at x0 has norm inf.*rescale"):
        minimize(problem, method)


@pytest.mark.parametrize("algorithm", ["trf", "dogbox", "lm"])
@pytest.mark.parametrize("loss", ["linear", "huber"])
def test_residuals_in_any_unit_take_the_same_steps(algorithm, loss):
    if (algorithm, loss) == ("lm", "huber"):
        pytest.skip("SciPy's lm has no robust losses")

    def run(unit):
        options = {"algorithm": algorithm, "loss": loss, "f_scale": np.sqrt(unit)}
        return minimize(Rosenbrock(unit=unit), "least-squares", options=options)
    plain, scaled = run(1.0), run(2.0**500)     # |g| is 1e153
    assert plain.success and scaled.status is plain.status and scaled.nit == plain.nit
    np.testing.assert_array_equal(scaled.x, plain.x)


@pytest.mark.parametrize("method", [*SCALAR, "adam"])
@pytest.mark.parametrize("size", [2, 40])
def test_a_loss_that_does_not_see_theta_is_stationary_but_no_success(method, size):
    problem = Scalar(np.ones(size), lambda t: 3.0, lambda t: 0 * t,
                     lambda t: np.zeros((size, size)))
    result = minimize(problem, method)
    assert result.status is Status.STATIONARY_START and result.nit == 0 and not result.success
    assert "does not depend" in result.message


@pytest.mark.parametrize("method", TRUST)
@pytest.mark.parametrize("size", [2, 40])
def test_a_start_with_zero_gradient_and_positive_curvature_is_a_success(method, size):
    problem = Scalar(np.zeros(size), lambda t: 3.0 + t @ t, lambda t: 2 * t,
                     lambda t: 2 * np.eye(size))
    result = minimize(problem, method)
    assert result.status is Status.STATIONARY_START and result.success
    assert result.smallest_eigenvalue == pytest.approx(2.0, rel=1e-6)


def test_short_steps_are_not_taken_for_a_minimum():
    problem = Scalar([1e6], lambda t: float(t[0]), lambda t: np.ones(1), lambda t: np.eye(1))
    result = minimize(problem, "adam", maxiter=20, ftol=1e-8)   # a step changes it by 1e-9
    assert result.status is Status.ITERATION_LIMIT and not result.success


def test_a_hessian_whose_norm_overflows_ends_in_words_or_is_a_failed_trial():
    def hessian(t):
        return np.eye(2) * (1e300 if t[0] < bound else 2.0)
    problem = Scalar([1.0, 1.0], lambda t: t @ t, lambda t: 2 * t, hessian)
    bound = 2.0     # at the start
    assert minimize(problem).status is Status.SUBPROBLEM_FAILED
    bound = 0.5     # at trial points: the best one was evaluated all the same
    result = minimize(problem)
    assert result.failed > 0 and result.fun < 2.0 and result.x[0] < 1.0


def test_a_direction_of_nan_from_the_subproblem_is_its_failure(monkeypatch):
    def minimizer(fun, x0, hessp, **_):
        hessp(x0, np.full(2, np.nan))

    monkeypatch.setattr(scipy.optimize, "minimize", minimizer)
    result = minimize(Rosenbrock(), "trust-krylov")
    assert result.status is Status.SUBPROBLEM_FAILED and result.counts["hessian_products"] == 0


# --- interruptions late or in disguise -------------------------------------------------------

def test_ctrl_c_in_the_last_eigenvalue_keeps_the_result(monkeypatch):
    def interrupt(H):
        raise KeyboardInterrupt

    monkeypatch.setattr("scipy.linalg.eigvalsh", interrupt)
    result = minimize(Rosenbrock())
    assert result.status is Status.INTERRUPTED and result.smallest_eigenvalue is None
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)


def test_ctrl_c_in_the_certificate_keeps_the_result():
    def interrupt(theta):
        raise KeyboardInterrupt

    problem = Rosenbrock()
    problem.certify = interrupt
    result = minimize(problem, certify=True)
    assert result.status is Status.INTERRUPTED and result.certificate is None
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)


def test_an_interrupt_that_compiled_code_turned_into_a_system_error_is_one():
    def failing(cause):
        def admissible(theta):
            if len(problem.visited) == 9:
                raise SystemError("returned a result with an exception set") from cause
            return True
        problem = Rosenbrock()
        problem.admissible = admissible
        return problem

    assert minimize(failing(KeyboardInterrupt()), "L-BFGS-B").status is Status.INTERRUPTED
    with pytest.raises(SystemError):
        minimize(failing(None), "L-BFGS-B")


# --- what is not a problem, and what does not fit --------------------------------------------

def test_what_is_no_problem_is_refused_in_a_sentence():
    for call in (minimize, pcl.check_gradient, pcl.check_hessian, pcl.check_jacobian):
        with pytest.raises(TypeError, match="problem is a NoneType without .*pcl.Problem"):
            call(None)
    with pytest.raises(TypeError, match="without certify"):
        minimize(Rosenbrock(), certify=True)


@pytest.mark.parametrize("bounds", [5, "ab", [("a", 1)] * 5, [([0, 1], 1)] * 5])
def test_bounds_that_are_no_numbers_are_refused_in_a_sentence(bounds):
    with pytest.raises((TypeError, ValueError), match="^bounds .*pair"):
        minimize(Linear(), "L-BFGS-B", bounds=bounds)


@pytest.mark.parametrize("options", [{"tr_options": 5}, {"x_scale": "big"}, {"x_scale": -1.0}])
def test_least_squares_options_of_the_wrong_kind_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        minimize(Linear(), "least-squares", options=options)


def test_adam_names_the_backend_it_cannot_use(monkeypatch):
    import keras
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="Keras runs on jax.*KERAS_BACKEND=tensorflow"):
        minimize(Rosenbrock(), "adam")


def test_memory_is_asked_for_before_the_work(monkeypatch):
    from pcl import memory
    assert 1e6 < memory.available() < 1e15
    monkeypatch.setattr(memory, "available", lambda: 22 * 10**9)
    memory.require(21e9, "the Hessian", "use trust-ncg")
    with pytest.raises(MemoryError, match="the Hessian needs 100 GB, but 22 GB are free; use"):
        memory.require(100e9, "the Hessian", "use trust-ncg")
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.require(1e30, "the Hessian", "use trust-ncg")


@pytest.mark.parametrize("method, refused", [
    ("trust-exact", True), ("BFGS", True), ("trust-krylov", True), ("trust-ncg", False),
    ("L-BFGS-B", False)])
def test_methods_that_do_not_fit_into_memory_say_which_do(method, refused, monkeypatch):
    monkeypatch.setattr("pcl.memory.available", lambda: 10)
    if not refused:
        assert minimize(Rosenbrock(), method).success
        return
    with pytest.raises(MemoryError, match=f"{method} with 2 parameters.*use trust-ncg") as caught:
        minimize(Rosenbrock(), method)
    assert caught.value.partial_result.fun == Rosenbrock().value(Rosenbrock().theta0)
