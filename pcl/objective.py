"""The guard between a problem and an optimizer: checked shapes, counts, failed trials, best point.

A trial point *fails* when the problem raises a TrialFailure, an arithmetic error or a
LinAlgError there, or when loss or derivatives are not finite. It then has the loss +inf; what
an optimizer is told instead is the driver's business. At the start of a run nothing is
forgiven: the exception reaches the caller.
"""

import collections
import dataclasses

import numpy as np

from pcl.errors import NotFinite, TrialFailure
from pcl.validate import float64_array

FAILURES = (TrialFailure, ArithmeticError, np.linalg.LinAlgError)
ASYMMETRY = 1e-8    # largest relative |H - H^T| that is taken for rounding and symmetrised
_REMEMBERED = 4     # points kept for a second look: current, trial, and a line search's ends


@dataclasses.dataclass(eq=False)
class Point:
    """θ with what is known there. `failure` is the reason, loss then being +inf."""

    theta: np.ndarray
    loss: float = np.inf
    gradient: np.ndarray | None = None
    failure: str | None = None

    @property
    def failed(self):
        """True if the point could not be evaluated."""
        return self.failure is not None


@dataclasses.dataclass
class Counts:
    """Calls made to the problem in one run; `failed` counts trial points."""

    evaluations: int = 0
    gradients: int = 0
    hessians: int = 0
    hessian_products: int = 0
    jacobians: int = 0
    failed: int = 0


def require_interface(problem, *names):
    """Raise a TypeError that says what a problem is unless it has all attributes `names`."""
    missing = [name for name in names if not hasattr(problem, name)]
    if missing:
        raise TypeError(
            f"problem is a {type(problem).__name__} without {', '.join(missing)}; expected a "
            f"pcl.Problem or an object with {', '.join(names)}.")


class LossEvaluator:
    """The loss of a problem and its derivatives, shapes and dtypes checked.

    Raises ValueError for a wrong shape, TypeError for a wrong dtype and NotFinite for NaN or
    infinity.
    """

    def __init__(self, problem, counts):
        self._problem, self._counts, self._size = problem, counts, int(problem.size)

    def value(self, point):
        """The loss."""
        self._counts.evaluations += 1
        return float(float64_array("loss", self._problem.value(point.theta.copy()), shape=()))

    def value_and_gradient(self, point):
        """The loss and its gradient (p,), in one call to the problem."""
        self._counts.evaluations += 1
        self._counts.gradients += 1
        loss, gradient = self._problem.value_and_gradient(point.theta.copy())
        return float(float64_array("loss", loss, shape=())), self._vector("gradient", gradient)

    def gradient(self, point):
        """The gradient (p,)."""
        self._counts.gradients += 1
        return self._vector("gradient", self._problem.gradient(point.theta.copy()))

    def hessian(self, point):
        """The Hessian (p, p), symmetrised; a relative asymmetry above 1e-8 is refused."""
        self._counts.hessians += 1
        H = float64_array("hessian", self._problem.hessian(point.theta.copy()),
                          shape=(self._size, self._size))
        asymmetry = np.abs(H - H.T).max()
        if asymmetry > ASYMMETRY * np.abs(H).max():
            raise ValueError(
                f"hessian is not symmetric: max|H - H^T| is {asymmetry:.2e} where max|H| is "
                f"{np.abs(H).max():.2e}; expected at most {ASYMMETRY:g} relative. "
                "Run pcl.check_hessian at this theta.")
        return 0.5 * H + 0.5 * H.T      # no overflow of the sum

    def hvp(self, point, v):
        """The Hessian times v, (p,)."""
        self._counts.hessian_products += 1
        return self._vector("hvp", self._problem.hvp(point.theta.copy(), np.array(v)))

    def _vector(self, name, value):
        return float64_array(name, value, shape=(self._size,))


class Objective:
    """Evaluates points under the guard and keeps the best one with its gradient.

    Parameters
    ----------
    evaluator : LossEvaluator or another object with its methods
    counts : Counts
        The same object the evaluator counts in.
    """

    def __init__(self, evaluator, counts):
        self._evaluator = evaluator
        self.counts = counts
        self.best = None
        self.last_failure = None
        self._recent = collections.deque(maxlen=_REMEMBERED)

    def start(self, theta):
        """The first point, with gradient; whatever goes wrong is raised."""
        point = Point(_frozen(theta))
        try:
            point.loss, point.gradient = self._evaluator.value_and_gradient(point)
        except NotFinite as error:
            raise NotFinite(f"The problem cannot be evaluated at the start x0: {error} "
                            "Choose another x0 or check the data.") from error
        self._recent.append(point)
        self.best = point
        return point

    def trial(self, theta, gradient_below=-np.inf):
        """The point at θ, evaluated once; `failed` if it cannot be.

        The gradient comes with it when the loss is below `gradient_below` (+inf: always).
        """
        point = self._known(theta)
        if point is None:
            point = self._evaluate(Point(_frozen(theta)), gradient_below == np.inf)
            self._recent.append(point)
        if point.gradient is None and point.loss < gradient_below:
            self._attempt(point, "gradient", self._evaluator.gradient)
        self._consider(point)
        return point

    def hessian(self, point, strict=False):
        """Symmetric Hessian (p, p), or None after marking the point as failed."""
        if strict:
            return self._evaluator.hessian(point)
        return self._guarded(point, self._evaluator.hessian)

    def hvp(self, point, v):
        """Hessian times v; a failure is raised, since the point is already accepted."""
        return self._evaluator.hvp(point, v)

    def points(self):
        """Copies of the points that are remembered, the best one last."""
        return [dataclasses.replace(point) for point in (*self._recent, self.best)]

    def restore(self, points, counts, last_failure):
        """Take up what `points` gave in another process."""
        *recent, self.best = points
        self._recent.clear()
        self._recent.extend(recent)
        self.recount(counts)
        self.last_failure = last_failure

    def recount(self, counts):
        """Set the counters, {name: number}."""
        for name, number in counts.items():
            setattr(self.counts, name, number)

    def discard(self, point, reason):
        """Mark a trial point as failed: it was evaluated but cannot be used."""
        return self._fail(point, reason)

    def _evaluate(self, point, with_gradient):
        if not np.isfinite(point.theta).all():
            return self._fail(point, "the trial theta is not finite")
        if with_gradient:
            both = self._guarded(point, self._evaluator.value_and_gradient)
            if both is not None:
                point.loss, point.gradient = both
        else:
            self._attempt(point, "loss", self._evaluator.value)
        return point

    def _attempt(self, point, name, compute):
        value = self._guarded(point, compute)
        if value is not None:
            setattr(point, name, value)

    def _guarded(self, point, compute):
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                return compute(point)
        except FAILURES as error:
            self._fail(point, f"{type(error).__name__}: {error}")
            return None

    def _fail(self, point, reason):
        point.loss, point.gradient, point.failure = np.inf, None, reason
        self.counts.failed += 1
        self.last_failure = reason
        return point

    def _consider(self, point):
        if point.gradient is not None and point.loss < self.best.loss:
            self.best = dataclasses.replace(point)    # a later failed Hessian leaves it alone

    def _known(self, theta):
        for point in reversed(self._recent):
            if np.array_equal(point.theta, theta):
                return point
        return None


def _frozen(theta):
    copy = np.array(theta, dtype=np.float64)
    copy.setflags(write=False)
    return copy
