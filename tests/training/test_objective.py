"""The guard between problem and optimizer: shapes, symmetry, failures, counts, best point."""

import numpy as np
import pytest

from pcl.errors import InvalidCoefficient, NotFinite, TrialFailure
from pcl.support.interface import require_interface
from pcl.training.run.evaluator import Counts, LossEvaluator
from pcl.training.run.objective import Objective


class Quadratic:
    """loss = θᵀθ on the half-space θ₁ ≥ 0; every method can be replaced."""

    def __init__(self, **replaced):
        self.theta0 = np.array([1.0, 2.0])
        self.size = 2
        self.calls = []
        for name, function in replaced.items():
            setattr(self, name, function)

    def value(self, theta):
        self.calls.append("value")
        if theta[0] < 0:
            raise InvalidCoefficient("kappa is -1 in cell 17")
        return float(theta @ theta)

    def gradient(self, theta):
        self.calls.append("gradient")
        return 2.0 * theta

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)

    def hessian(self, theta):
        self.calls.append("hessian")
        return 2.0 * np.eye(2)

    def hvp(self, theta, v):
        return 2.0 * v


def guarded(problem):
    counts = Counts()
    return Objective(LossEvaluator(problem, counts), counts)


def started(problem):
    objective = guarded(problem)
    return objective, objective.start(problem.theta0)


def test_a_failure_at_the_start_reaches_the_caller():
    with pytest.raises(InvalidCoefficient, match="cell 17"):
        guarded(Quadratic()).start(np.array([-1.0, 0.0]))
    with pytest.raises(NotFinite, match="start x0"):
        guarded(Quadratic(value=lambda t: np.nan)).start(np.ones(2))
    with pytest.raises(ValueError, match="gradient"):
        guarded(Quadratic(gradient=lambda t: np.array([1.0, np.inf]))).start(np.ones(2))


@pytest.mark.parametrize("gradient", [np.zeros(3), np.zeros(1), np.zeros((2, 1)), 0.0])
def test_a_gradient_of_the_wrong_shape_is_refused_at_the_first_call(gradient):
    with pytest.raises(ValueError, match="gradient has shape"):
        started(Quadratic(gradient=lambda t: gradient))


@pytest.mark.parametrize("loss", [np.zeros(1), np.zeros((1, 1)), np.ones(2)])
def test_a_loss_that_is_not_a_scalar_is_refused(loss):
    with pytest.raises(ValueError, match="loss has shape"):
        started(Quadratic(value=lambda t: loss))


def test_a_complex_loss_is_refused():
    with pytest.raises(TypeError, match="loss"):
        started(Quadratic(value=lambda t: 1j))


@pytest.mark.parametrize("error", [
    TrialFailure("x"), NotFinite("x"), np.linalg.LinAlgError("x"), ZeroDivisionError("x"),
    OverflowError("x"), FloatingPointError("x")])
def test_a_failed_trial_is_plus_infinity_and_is_counted(error):
    def value(theta):
        if theta[0] > 5:
            raise error
        return float(theta @ theta)

    objective, start = started(Quadratic(value=value))
    point = objective.trial(np.array([6.0, 0.0]), np.inf)
    assert point.failed and point.loss == np.inf and point.gradient is None
    assert objective.counts.failed == 1
    assert type(error).__name__ in objective.last_failure
    assert np.array_equal(objective.best.theta, start.theta)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_and_derivatives_that_are_not_finite_are_failed_trials(bad):
    def spoiled(theta, good):
        return good if theta[0] == 1.0 else bad * np.ones_like(good)

    for name, good in (("value", np.float64(5.0)), ("gradient", np.array([2.0, 4.0]))):
        objective, _ = started(Quadratic(**{name: lambda t, g=good: spoiled(t, g)}))
        assert objective.trial(np.array([0.5, 0.5]), np.inf).failed
    objective, start = started(Quadratic(hessian=lambda t: np.full((2, 2), bad)))
    with pytest.raises(NotFinite):
        objective.hessian(start, strict=True)
    point = objective.trial(np.array([0.5, 0.5]), np.inf)
    assert objective.hessian(point) is None and point.failed and point.loss == np.inf
    assert objective.best.loss == 0.5     # loss and gradient are fine there


def test_a_programming_error_is_not_a_failed_trial():
    def value(theta):
        if theta[0] > 5:
            raise KeyError("kappa")
        return 1.0

    objective, _ = started(Quadratic(value=value))
    with pytest.raises(KeyError):
        objective.trial(np.array([6.0, 0.0]))


def test_a_trial_theta_that_is_not_finite_never_reaches_the_problem():
    problem = Quadratic()
    objective, _ = started(problem)
    problem.calls.clear()
    assert objective.trial(np.array([np.nan, 0.0]), np.inf).failed
    assert problem.calls == []


def test_every_point_is_evaluated_once_and_the_gradient_only_where_it_is_wanted():
    problem = Quadratic()
    objective, start = started(problem)
    problem.calls.clear()
    higher, lower = np.array([3.0, 3.0]), np.array([0.5, 0.5])
    assert objective.trial(higher, start.loss).gradient is None
    assert np.array_equal(objective.trial(lower, start.loss).gradient, 2 * lower)
    assert problem.calls == ["value", "value", "gradient"]
    assert objective.trial(lower, start.loss) is objective.trial(lower, start.loss)
    assert problem.calls == ["value", "value", "gradient"]
    assert objective.counts.evaluations == 3 and objective.counts.gradients == 2


def test_the_best_point_is_kept_whatever_comes_later():
    objective, _ = started(Quadratic())
    for x in (0.9, 0.1, 0.4, 2.0, -1.0, 0.3):
        objective.trial(np.array([x, 0.0]), np.inf)
    assert objective.best.theta[0] == 0.1
    assert np.array_equal(objective.best.gradient, [0.2, 0.0])


def test_points_are_read_only_copies_and_the_problem_gets_its_own():
    def greedy(theta):
        theta *= 0.0
        return 1.0, np.zeros(2)

    x = np.array([1.0, 2.0])
    objective = guarded(Quadratic(value_and_gradient=greedy))
    point = objective.start(x)
    assert np.array_equal(point.theta, [1.0, 2.0]) and not np.shares_memory(point.theta, x)
    with pytest.raises(ValueError):
        point.theta[0] = 5.0


@pytest.mark.parametrize("noise, accepted", [(1e-16, True), (1e-10, True), (1e-6, False),
                                             (1.0, False)])
def test_hessians_are_symmetrised_below_1e_8_and_refused_above(noise, accepted):
    H = np.array([[2.0, 1.0], [1.0 + 2 * noise, 3.0]])
    objective, start = started(Quadratic(hessian=lambda t: H))
    if accepted:
        symmetric = objective.hessian(start)
        assert np.array_equal(symmetric, symmetric.T)
        assert symmetric[0, 1] == pytest.approx(1.0 + noise, abs=1e-15)
    else:
        with pytest.raises(ValueError, match="not symmetric"):
            objective.hessian(start)


def test_a_triangle_for_a_hessian_is_refused_and_a_zero_hessian_is_not():
    objective, start = started(Quadratic(hessian=lambda t: np.triu(np.ones((2, 2)))))
    with pytest.raises(ValueError, match="not symmetric"):
        objective.hessian(start)
    objective, start = started(Quadratic(hessian=lambda t: np.zeros((2, 2))))
    assert not objective.hessian(start).any()
    objective, start = started(Quadratic(hessian=lambda t: np.zeros((3, 3))))
    with pytest.raises(ValueError, match="hessian has shape"):
        objective.hessian(start)


def test_a_huge_hessian_is_symmetrised_without_overflow():
    H = np.full((2, 2), 1.5e308)
    objective, start = started(Quadratic(hessian=lambda t: H))
    np.testing.assert_array_equal(objective.hessian(start), H)


def test_a_discarded_point_is_a_failed_trial_and_stays_the_best_one_evaluated():
    objective, _ = started(Quadratic())
    point = objective.trial(np.array([0.5, 0.5]), gradient_below=np.inf)
    assert objective.discard(point, "no use") is point
    assert point.failed and point.loss == np.inf and point.gradient is None
    assert objective.counts.failed == 1 and objective.last_failure == "no use"
    assert objective.best.loss == 0.5


def test_what_lacks_the_interface_of_a_problem_is_refused():
    require_interface(Quadratic(), "value", "size")
    with pytest.raises(TypeError, match="problem is a Quadratic without residuals; expected"):
        require_interface(Quadratic(), "value", "residuals")
