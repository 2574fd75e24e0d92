"""One training run: trial points, iterations, stop tests, and what is kept of them."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from pcl.errors import NotFinite
from pcl.support.types import Array
from pcl.training.run.history import History, Snapshot
from pcl.training.run.status import Status

EPS = np.finfo(np.float64).eps
VISIBLE = 1e-11     # relative change of the loss above any rounding error of a sane evaluation
ROUNDING = 10 * EPS     # a relative change of the loss below this cannot be seen
LITTLE_GAIN, CLOSE_ROOT = 1e-4, 1e6     # see Tolerances.gradient_is_small
SMALL = 1e-4    # gradients below this, relatively, occur at the limit of precision
STALLED_STEPS = 3


def norm(v):
    """2-norm without overflow or underflow of the squares: v is scaled by a power of two."""
    largest = np.abs(v).max(initial=0.0)
    if largest == 0.0 or not np.isfinite(largest):
        return float(largest)
    exponent = int(np.frexp(largest)[1])
    with np.errstate(over="ignore"):    # a norm above 1.8e308 is +inf
        return float(np.ldexp(np.linalg.norm(np.ldexp(v, -exponent)), exponent))


class Stop(Exception):
    """Ends a run from inside an optimizer's callback, with the reason."""

    def __init__(self, status, reason=""):
        super().__init__(status.value)
        self.status, self.reason = status, reason


@dataclasses.dataclass(frozen=True)
class Tolerances:
    """When a point counts as converged; every test is independent of the loss's unit.

    gtol : |g| ≤ gtol |g(x0)|, gtol_absolute : |g| ≤ gtol_absolute,
    ftol : |Δloss| ≤ ftol |loss| in three steps in a row, xtol : |step| ≤ xtol |θ|. 0 is never.
    """

    gtol: float
    gtol_absolute: float
    ftol: float
    xtol: float

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) \
                    or not 0 <= value < np.inf:
                raise ValueError(f"{field.name} is {value!r}; expected a finite number ≥ 0, "
                                 "0 meaning that this test never stops the run.")

    def gradient_is_small(self, norm, start_norm, gain, loss):
        """Whether |g| = `norm` is small enough; `gain` is |g ∘ max(|θ|, 1)|.

        The test against |g(x0)| alone would call a run converged that merely came back from
        a remote start. So it must agree with ρ = gain/|loss|: at a minimum with a loss left
        over ρ → 0 (nothing left to gain), at one where the loss vanishes ρ → ∞ (it
        vanishes within a small change of θ). ρ between 1e-4 and 1e6 means on the way.
        """
        if norm == 0.0 or norm <= self.gtol_absolute:
            return True
        if self.gtol == 0.0:
            return False
        settled = gain <= LITTLE_GAIN * abs(loss) or gain >= CLOSE_ROOT * abs(loss)
        return gain <= ROUNDING * abs(loss) or (norm <= self.gtol * start_norm and settled)


class Run:
    """State of a run. Drivers call `trial`, then `accept` or `reject` once per iteration.

    `accept` and `reject` raise `Stop` when the run is over. `current` is the last accepted
    point, `hessian` its Hessian and `best_hessian` that of the best point, where the method has
    them.
    """

    def __init__(self, objective, theta, tolerances, maxiter, *, callback=None, progress=None,
                 bounds=None, problem_counts=None, max_seconds=None, session=None, length=norm):
        self.objective, self._length = objective, length
        self.maxiter = maxiter
        self._max_seconds = np.inf if max_seconds is None else max_seconds
        self.bounds = bounds
        self.history = History()
        self.hessian: Any = None
        self.best_hessian: Any = None
        self.stages: list = []      # of a method that hands over to others
        self.linear_algebra: Any = None      # of a method that chooses it by size
        self.reason = ""    # words of the callback that ended the run
        self.iteration = 0
        self._tolerances, self._callback, self._progress = tolerances, callback, progress
        self._problem_counts = problem_counts
        self._before = self._work()
        self._clock = self._opened = time.perf_counter()
        self.current = self.start = objective.start(theta)
        self._stalled, self._visible, self._tried, self._failed_before = 0, False, None, 0
        self._start_loss = abs(self.current.loss)
        self.start_norm = norm(self.projected_gradient(self.current))
        self._start_size = self.gradient_norm(self.current)
        if not np.isfinite([self.start_norm, self._start_size, self._gain()]).all():
            raise NotFinite(f"The gradient at x0 has norm {self._start_size:g}, beyond double "
                            "precision together with theta; rescale the loss.")
        # history of the process before, where one is taken up
        self.recorded = None if session is None else session.recorded_history
        self.history.append(self._snapshot(0.0, True))
        self._session = session
        if session is not None:
            session.begin(self)

    @property
    def restored(self) -> Mapping[str, Any]:
        """What the driver offered in the process before, {name: array}; else {}."""
        return {} if self._session is None else self._session.restored

    @property
    def offers(self) -> bool:
        """Whether somebody wants `offer`."""
        return self._session is not None

    def offer(self, **state: Any) -> None:
        """To be called where an iteration begins: from `state`, {name: array or number}, and
        the current point the driver can go on as if it had never stopped."""
        if self._session is not None:
            self._session.offer(state)

    def require_time(self) -> None:
        """Ends the run if its time is over: to be called before a costly factorisation."""
        if time.perf_counter() - self._opened > self._max_seconds:
            raise Stop(Status.TIME_LIMIT)

    def bare_core(self):
        """Time and work so far, and the number of rows of the history."""
        return {"seconds": time.perf_counter() - self._clock, "rows": len(self.history),
                "work": np.subtract(self._work(), self._before).tolist()}

    def capture(self):
        """All that `restore` needs; points are copies."""
        return self.bare_core() | {
            "points": [*self.objective.points(), dataclasses.replace(self.current)],
            "counts": dataclasses.asdict(self.objective.counts), "iteration": self.iteration,
            "last_failure": self.objective.last_failure, "stalled": self._stalled,
            "visible": bool(self._visible), "failed_before": self._failed_before}

    def restore(self, core, points, history):
        """Go back to a captured state; the driver sets the Hessians."""
        *others, current = points
        same = [point for point in others[:-1] if np.array_equal(point.theta, current.theta)]
        self.current = same[-1] if same else current
        self.objective.restore(others, core["counts"], core["last_failure"])
        self.history, self.iteration = history, core["iteration"]
        self._stalled, self._visible = core["stalled"], core["visible"]
        self._failed_before = core["failed_before"]
        self.rebase(core)

    def rebase(self, core):
        """Time and work go on from a captured state, whatever it took to get back there."""
        self._clock = time.perf_counter() - core["seconds"]
        self._before = np.subtract(self._work(), core["work"])
        self.objective.recount(core.get("counts", {}))

    @property
    def stationary_at_start(self):
        """True when the start is stationary up to rounding."""
        return (self.start_norm <= self._tolerances.gtol_absolute
                or self._gain() <= ROUNDING * abs(self.current.loss))

    @property
    def failed_since_accepted(self) -> int:
        """Trial points since the last accepted one that could not be evaluated."""
        return self.objective.counts.failed - self._failed_before

    def projected_gradient(self, point: Any) -> Array:
        """g, components that push against a bound weighted by the distance to it.

        The weight is min(1, distance / max(|θ_i|, 1)), 0 on the bound.
        """
        g = point.gradient
        if self.bounds is None:
            return g
        lower, upper = self.bounds
        distance = np.where(g > 0, point.theta - lower, upper - point.theta)
        return g * np.clip(distance / np.maximum(np.abs(point.theta), 1.0), 0.0, 1.0)

    def gradient_norm(self, point: Any) -> float:
        """2-norm of the projected gradient; in a method with a metric M √(gᵀ M⁻¹ g)."""
        return self._length(self.projected_gradient(point))

    @property
    def wanted_norm(self) -> float:
        """The gradient norm at which the run counts as converged."""
        return max(self._tolerances.gtol * self._start_size, self._tolerances.gtol_absolute)

    def trial(self, theta: Array, gradient: bool = False) -> Any:
        """Evaluate a trial point; the gradient also if asked for or if the loss is lower."""
        below = np.inf if gradient else self.current.loss
        point = self.objective.trial(theta, below)
        self.observe(point)
        return point

    def observe(self, point: Any) -> None:
        """Remember the last trial and whether one visibly raised the loss."""
        self._tried = point
        self._visible |= point.loss - self.current.loss > self._noise()

    def accept(self, point: Any) -> None:
        """The iteration moved to `point`."""
        previous, self.current = self.current, point
        step = norm(point.theta - previous.theta)
        change = abs(previous.loss - point.loss)
        self._tried, self._failed_before = None, self.objective.counts.failed
        if change > self._noise():
            self._visible = False
        self._count_stall(change <= self._tolerances.ftol * abs(previous.loss))
        self._iterate(step, True)
        if self._tolerances.xtol > 0 and step <= self._tolerances.xtol * norm(point.theta):
            raise Stop(Status.CONVERGED_STEP)
        self._limit()

    def reject(self) -> None:
        """The iteration stayed where it was: its last trial, possibly an old one, was no good."""
        tried = self._tried
        if tried is None or np.array_equal(tried.theta, self.current.theta):
            self.dead_end(Status.RADIUS_COLLAPSED)
        change = abs(tried.loss - self.current.loss)
        self._count_stall(change <= self._tolerances.ftol * abs(self.current.loss))
        self._iterate(0.0, False)
        self._limit()

    def settled(self, status):
        """`status` as far as it holds at the best point, which is the one returned.

        The last point takes its place where the losses differ by rounding and its gradient is
        the smaller.
        """
        best, current = self.objective.best, self.current
        if not status.success or np.array_equal(best.theta, current.theta):
            return status
        if current.loss - best.loss <= self._noise() and (
                self.gradient_norm(current) <= self.gradient_norm(best)):
            self.objective.best, self.best_hessian = dataclasses.replace(current), self.hessian
            return status
        return status if self.stationary(best) else Status.LEFT_BEST

    def stationary(self, point):
        """Whether the gradient at a point is small, by gtol or because nothing is left to gain."""
        norm, gain = self.gradient_norm(point), self._gain(point)
        return self._tolerances.gradient_is_small(norm, self._start_size, gain, point.loss) or (
            gain <= SMALL * abs(point.loss))

    def dead_end(self, status: Status) -> NoReturn:
        """The optimizer cannot go on: `status`, or PRECISION_LIMIT.

        The latter if since the last visible decrease no trial raised the loss visibly and the
        gradient is already small. A wrong derivative fails visibly first.
        """
        small = self._nearly_stationary(SMALL)
        raise Stop(Status.PRECISION_LIMIT if small and not self._visible else status)

    def _nearly_stationary(self, little):
        # at most `little` to gain, relatively; or next to a root and |g| has come down
        gain, loss = self._gain(), abs(self.current.loss)
        return gain <= little * loss or (
            gain >= CLOSE_ROOT * loss
            and self.gradient_norm(self.current) <= SMALL * self._start_size)

    def _iterate(self, step, accepted):
        self.iteration += 1
        snapshot = self._snapshot(step, accepted)
        self.history.append(snapshot)
        if self._progress is not None:
            self._progress.update(snapshot)
        if self._callback is not None and not self._repeated():
            self._report(snapshot)
        if self._session is not None:
            self._session.iterated()
        if accepted and self._tolerances.gradient_is_small(
                snapshot.gradient_norm, self._start_size, self._gain(), snapshot.loss):
            raise Stop(Status.CONVERGED_GRADIENT)
        # A loss may also stall because the steps are short. Near a minimum its relative change
        # goes with the square of the relative gain.
        if self._stalled >= STALLED_STEPS and self._nearly_stationary(
                max(SMALL, np.sqrt(self._tolerances.ftol))):
            raise Stop(Status.CONVERGED_LOSS)

    def _report(self, snapshot):
        try:
            self._callback(snapshot)
        except StopIteration as reason:
            raise Stop(Status.STOPPED_BY_CALLBACK, str(reason)) from None

    def _repeated(self):
        return self.recorded is not None and self.iteration < len(self.recorded)

    def _count_stall(self, small):
        counts = small and not self._visible and self._tolerances.ftol > 0
        self._stalled = self._stalled + 1 if counts else 0

    def _limit(self):
        if self.iteration >= self.maxiter:
            raise Stop(Status.ITERATION_LIMIT)
        if time.perf_counter() - self._opened > self._max_seconds:
            raise Stop(Status.TIME_LIMIT)

    def _noise(self):
        # A sum of squares of data of size sqrt(loss(x0)) carries a rounding error of about
        # eps² loss(x0) even where it vanishes.
        return VISIBLE * abs(self.current.loss) + 100 * EPS**2 * self._start_loss

    def _snapshot(self, step, accepted):
        point, counts = self.current, self.objective.counts
        theta = point.theta.copy()
        theta.setflags(write=False)
        seconds, factorisations, substitutions = self._expense()
        return Snapshot(
            iteration=self.iteration, theta=theta, loss=point.loss,
            gradient_norm=self.gradient_norm(point), step=step,
            seconds=seconds, factorisations=factorisations,
            back_substitutions=substitutions, evaluations=counts.evaluations,
            failed=counts.failed, accepted=accepted)

    def _expense(self):
        columns, row = self.recorded, self.iteration
        if columns is not None and row < len(columns):
            return (columns.cell("seconds", row), columns.cell("factorisations", row),
                    columns.cell("back_substitutions", row))
        return (time.perf_counter() - self._clock,
                *np.subtract(self._work(), self._before).tolist())

    def _work(self):
        counts = self._problem_counts
        return (0, 0) if counts is None else (counts.factorisations, counts.back_substitutions)

    def _gain(self, point=None):
        # change of the loss, to first order, when every θ_i moves by max(|θ_i|, 1)
        point = self.current if point is None else point
        scale = np.maximum(np.abs(point.theta), 1.0)
        with np.errstate(over="ignore"):
            return norm(self.projected_gradient(point) * scale)
