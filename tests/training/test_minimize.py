"""Training on small problems with closed forms: the solutions, and the iterates of SciPy."""

import numpy as np
import pytest
import scipy.optimize
from small_problems import FAST, SCALAR, Linear, Rosenbrock

from pcl.training.minimize import minimize
from pcl.training.run.status import Status


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
    from pcl.training.run.evaluator import Counts, EvaluatedTheta
    return ResidualEvaluator(problem, Counts(), loss, C).gradient(EvaluatedTheta(theta))


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

@pytest.mark.parametrize("method", [name for name in SCALAR if name != "BFGS"])
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
        result = minimize(problem, "trust-exact", maxiter=limit)
        np.testing.assert_array_equal(result.hess, problem.hessian(result.x))
