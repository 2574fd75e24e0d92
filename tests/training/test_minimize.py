"""Training on small problems with closed forms: solutions, tolerances, failures, bounds, arguments."""

import numpy as np
import pytest
import scipy.optimize
from small_problems import FAST, SCALAR, TRUST, Linear, Rosenbrock, Scalar, saddle

from pcl.errors import InvalidCoefficient, NotFinite, TrialFailure
from pcl.training.minimize import minimize
from pcl.training.run.status import Status


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
    from pcl.training.drivers.least_squares import RHO
    return C**2 * RHO[loss][0]((r / C) ** 2).sum()


def gradient_of(problem, theta, loss, C):
    from pcl.training.drivers.least_squares import ResidualEvaluator
    from pcl.training.run.evaluator import Counts, Point
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
@pytest.mark.parametrize("unit", [0.25, 1.0, 64.0])
def test_the_iterates_are_those_of_scipy(method, unit):
    problem, mine, theirs = Rosenbrock(unit=unit), [], []
    options = {"loss_scale": 1.0} if method == "trust-krylov" else None     # else the default
    minimize(problem, method, maxiter=12, options=options,
             callback=lambda s: mine.append(s.theta))
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
    # SciPy's scalar methods have no such property unless the loss is divided by |g(x0)|.
    options = {"loss_scale": None} if method in SCALAR else None
    plain, scaled = (minimize(Rosenbrock(unit=u), method, options=options) for u in (1.0, unit))
    np.testing.assert_allclose(scaled.x, plain.x, rtol=1e-10)
    assert scaled.status is plain.status and scaled.nit == plain.nit
    assert scaled.fun == pytest.approx(unit * plain.fun, rel=1e-6)


@pytest.mark.parametrize("method", SCALAR)
@pytest.mark.parametrize("unit", [1e-24, 1e-12, 1e12, 1e24])
def test_on_scipys_own_path_a_loss_in_any_unit_is_solved_or_not_called_so(method, unit):
    result = minimize(Rosenbrock(unit=unit), method)
    assert not result.success or np.allclose(result.x, 1.0, atol=1e-3), result.message


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
