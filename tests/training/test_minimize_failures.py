"""Trial points that cannot be evaluated shorten the step; wrong derivatives are refused."""

import numpy as np
import pytest
from small_problems import FAST, SCALAR, TRUST, Rosenbrock, Scalar

from pcl.errors import InvalidCoefficient, NotFinite, TrialFailure
from pcl.training.minimize import minimize
from pcl.training.run.status import Status


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


@pytest.mark.parametrize("method", [*FAST, "ssbfgs", "ssbroyden"])
def test_some_runs_of_the_table_above_do_meet_failures(method):
    problem = Rosenbrock()
    problem.admissible = wall
    problem.theta0 = np.array([-1.2, 0.0])      # next to the wall
    result = minimize(problem, method)
    assert result.failed > 0
    assert result.success, result.message


@pytest.mark.parametrize("method", ["BFGS", "ssbfgs", "ssbroyden", "L-BFGS-B"])
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
        assert minimize(problem, "trust-exact").success
    else:
        with pytest.raises(ValueError, match="not symmetric") as caught:
            minimize(problem, "trust-exact")
        assert caught.value.partial_result.status is Status.ERROR
