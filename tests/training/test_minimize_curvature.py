"""Indefinite and singular Hessians, and starts that are stationary already."""

import numpy as np
import pytest
from small_problems import FAST, TRUST, Linear, Rosenbrock, Scalar, saddle

from pcl.training.minimize import minimize
from pcl.training.run.status import Status


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
