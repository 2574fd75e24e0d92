"""Hand-over: a cheap method first, second-order ones as soon as they promise more for the time.

Order: a first-order method; Levenberg–Marquardt where the problem has residuals; the exact
Hessian with a trust region. One run, one history; what ran when is in `stages`.

The rule. Let c be the seconds that one step of the next method takes, measured at the current
point: derivatives, factorisation and trial points. In the last c seconds (or the last iteration,
if that took longer) the present method lowered the loss at the rate v₁ and moved θ by d; in the c
seconds before at the rate v₀. Left alone it is expected to gain

    c v₁ min(1, v₁/v₀)

in the next c seconds, the decreases continued geometrically. The next method's quadratic model is
minimised over |s| ≤ d, where the loss has just been followed, and, since the factorisation serves
all radii, over d/4 and d/16; b is the largest decrease of the loss found at the ends. The run is
handed over when b is larger. Else the method goes on for 2c seconds before it is asked again, after
the n-th time for 2nc: of t seconds, asking takes about sqrt(ct). A method that cannot go on is left
at once, and no method is returned to.
"""

import collections
import dataclasses
import time

import numpy as np

from pcl.support.interface import FAILURES
from pcl.training.drivers.least_squares import ResidualEvaluator
from pcl.training.drivers.levenberg_marquardt import DampedModel
from pcl.training.drivers.part import Part
from pcl.training.drivers.trust_region_step import TrustRegionModel
from pcl.training.run.evaluator import LossEvaluator
from pcl.training.run.inside import pushed_inside
from pcl.training.run.run import EPS, Stop, norm
from pcl.training.run.status import Status

# Of these a method with more information may know a way out.
_STUCK = {Status.RADIUS_COLLAPSED, Status.LINE_SEARCH_FAILED, Status.SUBPROBLEM_FAILED,
          Status.CURVATURE_FAILED, Status.PRECISION_LIMIT}
_ANEW = {"L-BFGS-B"}       # taken up again from the last point, with an empty memory
_CUTS = 1.0, 4.0, 16.0      # a trust region shrinks by 4


@dataclasses.dataclass(frozen=True)
class Stage:
    """One method's part of a run.

    method : its name; first, last : iterations of the history; seconds : when it ended;
    loss : at its end; reason : why it was left, in words.
    """

    method: str
    first: int
    last: int
    seconds: float
    loss: float
    reason: str


class SwitchingEvaluator:
    """Loss and derivatives of a problem, through its residuals while `through_residuals`."""

    def __init__(self, problem, counts):
        self.problem, self._loss = problem, LossEvaluator(problem, counts)
        self.residuals = ResidualEvaluator(problem, counts) if problem.has_residuals else None
        self.through_residuals = False

    def value(self, point):
        """The loss."""
        return self._active().value(point)

    def value_and_gradient(self, point):
        """Loss and gradient."""
        return self._active().value_and_gradient(point)

    def gradient(self, point):
        """The gradient (p,)."""
        return self._active().gradient(point)

    def hessian(self, point):
        """The Hessian (p, p)."""
        return self._loss.hessian(point)

    def hvp(self, point, v):
        """The Hessian times v."""
        return self._loss.hvp(point, v)

    def _active(self):
        return self.residuals if self.through_residuals else self._loss


def drive(run, evaluator, methods):
    """Run `methods`, {name: function of (run, evaluator of residuals)}, in their order.

    A run taken up again goes on in the method it was in, from the last point where that method
    can be taken up; since the rule looks at the clock, not bit for bit.
    """
    names = list(methods)
    run.stages = []
    for k in range(int(run.restored.get("method", 0)), len(names)):
        evaluator.through_residuals = names[k] == "levenberg-marquardt"
        following, first = names[k + 1] if k + 1 < len(names) else None, run.iteration
        question = _Question(run, following, evaluator)
        part, stop = Part(run, k, question.ask, names[k] in _ANEW), None
        try:
            part.offer()
            methods[names[k]](part, evaluator.residuals)
        except _Leave as leave:
            reason = str(leave)
        except Stop as error:
            reason, stop = error.status.value, error
        seconds = float(run.history.seconds[-1])
        run.stages.append(Stage(names[k], first, run.iteration, seconds, run.current.loss, reason))
        if stop is not None and (following is None or stop.status not in _STUCK):
            raise stop


def _gauss_newton(run, evaluator):
    point = run.current
    J = evaluator.residuals.jacobian(point)
    if not J.any():
        return lambda radius: np.zeros(point.theta.size)
    model = DampedModel(evaluator.residuals.residuals(point), J)
    return lambda radius: model.step(model.solve(radius))


def _newton(run, evaluator):
    model = TrustRegionModel(run.current.gradient, evaluator.hessian(run.current))
    return lambda radius: model.step(radius).s


# radius ↦ step of the quadratic model at the current point
_MODELS = {"levenberg-marquardt": _gauss_newton, "newton-trust-region": _newton}


class _Leave(Exception):
    """The present method is left for the next; the reason is its text."""


class _Question:
    """Whether the method `following` promises more than the present one, asked after its iterations."""

    def __init__(self, run, following, evaluator):
        self._run, self._following, self._evaluator = run, following, evaluator
        self._trace: collections.deque = collections.deque()
        self._clock, self._paused = time.perf_counter(), 0.0
        self._cost, self._ask_at, self._refusals = 0.0, 0.0, 0
        self._note()

    def _note(self):
        current, now = self._run.current, self._seconds()
        self._trace.append((now, current.theta, current.loss))
        while len(self._trace) > 3 and 0.0 < 3.0 * self._cost < now - self._trace[3][0]:
            self._trace.popleft()

    def _seconds(self):
        """Of the present method alone, without the questions."""
        return time.perf_counter() - self._clock - self._paused

    def ask(self):
        """Leaves the method (`_Leave`) if the next one promises more."""
        if self._following is None:
            return
        self._note()
        now = self._trace[-1][0]
        if now < self._ask_at:
            return
        found = self._found(self._recent()[1])
        if now < 2.0 * self._cost:      # has not run long enough to be compared
            self._ask_at = 2.0 * self._cost
            return
        expected = self._recent()[0]
        if found > expected:
            raise _Leave(f"Left for {self._following}, one step of which takes "
                         f"{self._cost:.2g} s and lowers the loss by {found:.2e}; going on for "
                         f"as long would lower it by {expected:.2e}.")
        self._refusals += 1
        self._ask_at = now + 2.0 * self._cost * self._refusals

    def _recent(self):
        """Decrease expected in the next c seconds, and distance moved in the last."""
        last = len(self._trace) - 1
        middle = self._back(last)
        start = self._back(middle)
        v1, v0 = self._rate(middle, last), self._rate(start, middle)
        slowing = min(1.0, v1 / v0) if v0 > 0.0 else 1.0
        theta = self._trace[last][1]
        moved = norm(theta - self._trace[middle][1])
        return self._cost * v1 * slowing, max(moved, EPS * norm(theta), np.finfo(float).tiny)

    def _back(self, i):
        """The row c seconds before row i, at least one before it; 0 at the beginning."""
        then = self._trace[i][0] - self._cost
        return next((j for j in range(i - 1, -1, -1) if self._trace[j][0] <= then), 0)

    def _rate(self, i, j):
        """Decrease of the loss a second from row i to row j, 0 if they are the same."""
        seconds = self._trace[j][0] - self._trace[i][0]
        return (self._trace[i][2] - self._trace[j][2]) / seconds if seconds > 0.0 else 0.0

    def _found(self, distance):
        """Decrease that one step of the next method finds; its cost is measured on the way."""
        began, current = time.perf_counter(), self._run.current
        try:
            step = _MODELS[self._following](self._run, self._evaluator)
            ends = [self._run.objective.trial(pushed_inside(current.theta + step(distance / cut),
                                                            self._run.bounds))
                    for cut in _CUTS]
            return current.loss - min(point.loss for point in ends)
        except (*FAILURES, MemoryError):
            return -np.inf
        finally:
            self._cost = time.perf_counter() - began
            self._paused += self._cost
