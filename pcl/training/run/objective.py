"""The guard between a problem and an optimizer: checked shapes, counts, failed trials, best point.

A trial point *fails* when the problem raises a TrialFailure, an arithmetic error or a
LinAlgError there, or when loss or derivatives are not finite. It then has the loss +inf; what
an optimizer is told instead is the driver's business. At the start of a run nothing is
forgiven: the exception reaches the caller.
"""

import collections
import dataclasses

import numpy as np

from pcl.errors import NotFinite
from pcl.support.arrays import frozen
from pcl.support.interface import FAILURES
from pcl.training.run.evaluator import EvaluatedTheta

_REMEMBERED = 4     # points kept for a second look: current, trial, and a line search's ends


class Objective:
    """Evaluates points under the guard and keeps the best one with its gradient.

    Parameters
    ----------
    evaluator : LossEvaluator or another object with its methods
    counts : Counts
        The same object the evaluator counts in.
    """

    best: EvaluatedTheta     # from the start on

    def __init__(self, evaluator, counts):
        self._evaluator = evaluator
        self.counts = counts
        self.last_failure: str | None = None
        self._recent: collections.deque[EvaluatedTheta] = collections.deque(maxlen=_REMEMBERED)

    def start(self, theta):
        """The first point, with gradient; whatever goes wrong is raised."""
        point = _point(theta)
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
            point = self._evaluate(_point(theta), gradient_below == np.inf)
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


def _point(theta):
    """The `EvaluatedTheta` of a copy of θ that stays as it is."""
    return EvaluatedTheta(frozen(np.array(theta, dtype=np.float64)))
