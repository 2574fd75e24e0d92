"""When a run on a small problem ends, and what it calls its end."""

import numpy as np
import pytest
from small_problems import FAST, SCALAR, Linear, Rosenbrock

from pcl.training.minimize import minimize
from pcl.training.run.status import Status


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("unit", [2.0**-80, 2.0**-40, 2.0**40])
def test_iterates_do_not_depend_on_the_unit_of_the_loss(method, unit):
    # powers of four in the loss are powers of two in r: no rounding differs. ‖·‖ and the
    # robust scaling of trf are exact too, so the runs must be identical.
    # SciPy's scalar methods have no such property unless the loss is divided by |g(x0)|.
    options = {"loss_scale": None} if method in SCALAR and method != "BFGS" else None
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
