"""Levenberg–Marquardt: its linear algebra against closed forms, its runs against SciPy's."""

import numpy as np
import pytest
import scipy.optimize

from pcl.errors import InvalidCoefficient
from pcl.training.drivers.least_squares import RHO
from pcl.training.drivers.levenberg_marquardt import DampedModel
from pcl.training.minimize import minimize
from pcl.training.run.status import Status

METHOD = "levenberg-marquardt"


class Fit:
    """loss = Σ r² from functions r and J of θ; inadmissible θ raise."""

    has_residuals = True

    def __init__(self, r, J, theta0, admissible=lambda theta: True):
        self.r, self.J, self.admissible = r, J, admissible
        self.theta0 = np.asarray(theta0, float)
        self.size = self.theta0.size
        self.jacobians = 0

    def residuals(self, theta):
        if not self.admissible(theta):
            raise InvalidCoefficient("kappa is negative")
        return self.r(theta)

    def jacobian(self, theta):
        self.jacobians += 1
        return self.J(theta)

    def value(self, theta):
        return float(self.residuals(theta) @ self.residuals(theta))

    def gradient(self, theta):
        return 2.0 * self.jacobian(theta).T @ self.residuals(theta)

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)


def rosenbrock(unit=1.0, **settings):
    return Fit(lambda t: unit * np.array([10.0 * (t[1] - t[0] ** 2), 1.0 - t[0]]),
               lambda t: unit * np.array([[-20.0 * t[0], 10.0], [-1.0, 0.0]]), [-1.2, 1.0],
               **settings)


def decay(m=20, outliers=True):
    """Fit of a exp(−b t) to its values at a = 2, b = 1.5, three of them wrong."""
    t = np.linspace(0.0, 2.0, m)
    data = 2.0 * np.exp(-1.5 * t) + 0.01 * np.sin(40.0 * t)
    if outliers:
        data[[3, 8, 15]] += [1.0, -0.7, 2.0]
    return Fit(lambda x: x[0] * np.exp(-x[1] * t) - data,
               lambda x: np.stack([np.exp(-x[1] * t), -x[0] * t * np.exp(-x[1] * t)], 1),
               [1.0, 1.0])


@pytest.mark.parametrize("m, p, rank", [(12, 5, 5), (5, 12, 5), (9, 9, 4), (1, 4, 1), (4, 1, 1)])
def test_the_step_minimises_the_linear_model_in_the_ball(m, p, rank):
    rng = np.random.default_rng(m)
    J = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, p))
    r = rng.standard_normal(m)
    shortest = -np.linalg.lstsq(J, r, rcond=1e-12)[0]
    for radius in np.linalg.norm(shortest) * np.array([2.0, 0.5, 1e-4]):
        model = DampedModel(r, J)
        y = model.solve(radius)
        s = model.step(y)
        assert model.coordinates(s) == pytest.approx(y, abs=1e-12 * radius)
        assert model.decrease(y) * model.unit**2 == pytest.approx(
            r @ r - (r + J @ s) @ (r + J @ s), rel=1e-7)
        if radius > np.linalg.norm(shortest):
            assert s == pytest.approx(shortest, abs=1e-10 * radius)
            continue
        assert np.linalg.norm(s) == pytest.approx(radius, rel=1e-3)
        slope = -J.T @ (r + J @ s)      # = λ s
        multiplier = slope @ s / (s @ s)
        assert multiplier > 0.0
        assert slope == pytest.approx(multiplier * s, abs=1e-9 * np.linalg.norm(slope))


def test_the_condition_number_is_not_squared():
    # σ from 1 to 1e-12: JᵀJ would lose all below 1e-8. With r = J x the undamped step is −x
    # up to ε cond = 1e-4 of the component at σ = 1e-12.
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.standard_normal((n, 7)))[0] for n in (9, 20))
    sigma = np.geomspace(1.0, 1e-12, 7)
    J, x = (U * sigma) @ V.T, V @ np.ones(7)
    model = DampedModel(J @ x, J)
    assert V.T @ model.step(model.solve(10.0)) == pytest.approx(-np.ones(7), abs=1e-2)


def test_rosenbrock_is_solved_to_the_last_digit_whatever_the_unit_of_the_loss():
    for unit in (1.0, 2.0**200, 2.0**-200):
        result = minimize(rosenbrock(unit), METHOD, gtol=0.0, ftol=0.0, maxiter=60)
        assert result.x == pytest.approx([1.0, 1.0], abs=1e-12)
        assert result.fun <= 1e-26 * unit**2


def test_the_history_has_rejected_steps_and_never_rises():
    result = minimize(rosenbrock(), METHOD, gtol=1e-12)
    assert result.success and result.status is Status.CONVERGED_GRADIENT
    assert (np.diff(result.history.loss) <= 0.0).all()
    assert not result.history.accepted.all()
    assert result.njev == result.history.accepted.sum()     # the start has one, rejected steps none


def test_a_linear_problem_takes_its_solution_in_few_steps():
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((9, 5)), rng.standard_normal(9)
    result = minimize(Fit(lambda t: A @ t - b, lambda t: A, np.zeros(5)), METHOD)
    assert result.success
    assert result.x == pytest.approx(np.linalg.lstsq(A, b, rcond=None)[0], abs=1e-9)
    assert result.nit <= 5


@pytest.mark.parametrize("loss", RHO)
def test_robust_losses_end_where_scipy_ends(loss):
    problem = decay()
    ours = minimize(problem, METHOD, gtol=1e-10, ftol=0.0, options={"loss": loss, "f_scale": 0.05})
    theirs = scipy.optimize.least_squares(problem.residuals, problem.theta0, problem.jacobian,
                                          loss=loss, f_scale=0.05, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert ours.success
    assert ours.fun == pytest.approx(2.0 * theirs.cost, rel=1e-9)
    assert ours.x == pytest.approx(theirs.x, rel=1e-5)


def test_weights_are_factors_of_the_residuals():
    w = np.linspace(0.1, 3.0, 20)
    plain = decay()
    weighted = Fit(lambda t: w * plain.r(t), lambda t: w[:, None] * plain.J(t), plain.theta0)
    theirs = scipy.optimize.least_squares(weighted.r, weighted.theta0, weighted.J, xtol=1e-15,
                                          ftol=1e-15, gtol=1e-15)
    assert minimize(weighted, METHOD, ftol=0.0, gtol=1e-11).x == pytest.approx(theirs.x, rel=1e-6)


def test_bounds_hold_at_every_point_and_the_solution_is_that_of_nnls():
    rng = np.random.default_rng(1)
    A, b = rng.standard_normal((15, 8)), rng.standard_normal(15)
    seen = []

    def r(theta):
        seen.append(theta)
        return A @ theta - b

    result = minimize(Fit(r, lambda t: A, np.ones(8)), METHOD, bounds=[(0.0, None)] * 8)
    expected, _ = scipy.optimize.nnls(A, b)
    assert result.success
    assert np.min(seen) >= 0.0
    assert (expected == 0.0).sum() >= 2     # else the bounds would not matter
    assert result.x == pytest.approx(expected, abs=1e-8)


def test_rosenbrock_at_a_bound():
    # with θ₁ ≤ ½ the minimum is (½, ¼): the first residual vanishes, the second is ½
    result = minimize(rosenbrock(), METHOD, bounds=[(None, 0.5), (None, None)])
    assert result.success
    assert result.x == pytest.approx([0.5, 0.25], abs=1e-9)


def test_equal_bounds_hold_a_parameter():
    result = minimize(rosenbrock(), METHOD, x0=[0.3, 1.0], bounds=[(0.3, 0.3), (None, None)])
    assert result.success
    assert result.x == pytest.approx([0.3, 0.09], abs=1e-9)


def test_points_that_cannot_be_evaluated_are_stepped_back_from():
    result = minimize(rosenbrock(admissible=lambda t: np.abs(t).max() < 1.3), METHOD,
                      options={"initial_trust_radius": 10.0})
    assert result.success and result.failed > 0
    assert result.x == pytest.approx([1.0, 1.0], abs=1e-8)


def valley(n=6):
    """One stiff residual along a curved valley, n − 1 weak ones that ask for long steps in it."""
    def r(t):
        return np.append(1e-3 * (t[1:] - 1.0), t[0] - (t[1:] ** 2).sum())

    def J(t):
        A = np.zeros((n, n))
        A[:-1, 1:] = 1e-3 * np.eye(n - 1)
        A[-1, 0], A[-1, 1:] = 1.0, -2.0 * t[1:]
        return A

    return Fit(r, J, np.append(4.0 * (n - 1), np.full(n - 1, -2.0)))


def test_corrections_save_jacobians_in_a_curved_valley():
    needed = {}
    for corrections in (0, 3):
        problem = valley()
        result = minimize(problem, METHOD, maxiter=2000, gtol=0.0, ftol=0.0,
                          options={"corrections": corrections, "initial_trust_radius": 0.1},
                          callback=_below(1e-20))
        assert result.fun < 1e-20
        needed[corrections] = problem.jacobians
    assert 2 * needed[3] <= needed[0]


def _below(target):
    def stop(snapshot):
        if snapshot.loss < target:
            raise StopIteration
    return stop


def test_x_scale_makes_the_run_independent_of_the_parameters_units():
    D = np.array([1e6, 1e-4])
    plain = minimize(rosenbrock(), METHOD, gtol=0.0, ftol=0.0, maxiter=12)
    inner = rosenbrock()
    other = Fit(lambda t: inner.r(t / D), lambda t: inner.J(t / D) / D, D * inner.theta0)
    scaled = minimize(other, METHOD, gtol=0.0, ftol=0.0, maxiter=12, options={"x_scale": D})
    # an iteration for an iteration, until rounding of θ/D shows
    assert scaled.history.loss[:6] == pytest.approx(plain.history.loss[:6], rel=1e-6)


def test_an_iteration_limit_is_no_success_and_says_so():
    result = minimize(rosenbrock(), METHOD, maxiter=3)
    assert not result.success and result.status is Status.ITERATION_LIMIT


def test_a_wrong_jacobian_ends_without_success():
    problem = rosenbrock()
    right = problem.J
    problem.J = lambda t: -right(t)
    result = minimize(problem, METHOD)
    assert not result.success and result.status is Status.DERIVATIVES_WRONG


def test_a_loss_that_is_no_sum_of_squares_is_refused():
    problem = rosenbrock()
    problem.has_residuals = False
    with pytest.raises(ValueError, match="levenberg-marquardt needs residuals"):
        minimize(problem, METHOD)


@pytest.mark.parametrize("option", [{"corrections": -1}, {"corrections": 1.5}, {"x_scale": "jac"},
                                    {"initial_trust_radius": 0.0}, {"loss": "square"}])
def test_wrong_options_are_refused(option):
    with pytest.raises(ValueError, match="levenberg-marquardt cannot use"):
        minimize(rosenbrock(), METHOD, options=option)
