"""Element after element: on a mesh that is given, or with steps chosen by doubling."""

from dataclasses import dataclass

import numpy as np

from pcl.collocation.chain import EPS, row
from pcl.collocation.newton import Accuracy
from pcl.collocation.solution import Status
from pcl.collocation.system import RECOVERABLE
from pcl.errors import NotConverged
from pcl.support.validate import float64_array

FIXED_PART = 1e-10          # Newton step that ends the iteration on a mesh, relative to |v| + atol
NEWTON_PART = 1e-3          # the same with step control, as a part of the error tolerance
NEWTON_PART_ABOVE = 1e-8    # above index 1, where what is left in a constraint is divided by h
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0   # Hairer and Wanner II, section IV.8
RETREAT = 0.25              # after a step that could not be computed
SMALLEST = 1e-30            # shortest step, as a part of the span
CRAWL = 1e-10               # steps below this part of the time done, before a singular point: a fold
ENTRIES = 2_000_000         # of the Jacobians of elements that are solved together
CROWD, INSTANT = 5, 1e-9    # events in such a part of the span that end a simulation
MOST_CUTS = 64              # breaks inside one step


def on_mesh(run, mesh, atol, guess=None):
    """Every element of the mesh in turn, damped Newton to rounding; many at once from a good guess."""
    times = np.stack([mesh.times[:-1], mesh.times[1:]], axis=1)
    accuracy = Accuracy(FIXED_PART, 1.0, atol, atol.size, run.span[1] - run.span[0], False)
    e = 0
    while e < mesh.elements:
        try:
            run.cross()
            e += _window(run, times[e:], accuracy, guess, e) or _single(run, times[e:e + 1], accuracy)
        except RECOVERABLE as failure:
            return run.stopped(failure)
    return run.finish(Status.SOLVED_ON_MESH)


def _single(run, times, accuracy):
    run.accept(run.solve(times, np.array([-1]), accuracy, True), times[0, 1])
    return 1


def _window(run, times, accuracy, guess, first):
    """How many elements were solved together from the guess (start, slots, y) on the mesh; 0 if none."""
    if guess is None:
        return 0
    scheme = run.scheme
    many = int(max(1, ENTRIES // (scheme.K * accuracy.atol.size) ** 2))
    many = min(many, int(np.searchsorted(times[:, 1], run.limit())) + 1)
    times, (start, slots, y) = times[:many], (a[first:first + many] for a in guess)
    start = np.vstack([run.point[1][None], start[1:]])
    chain = row(scheme, times[:, 0], np.diff(times)[:, 0], run.nodes(times), start, slots, y)
    try:
        run.accept(run.newton(chain, accuracy, False), times[-1, 1])
    except RECOVERABLE:
        return 0
    return len(times)


@dataclass(frozen=True, eq=False)
class Tolerance:
    """atol + rtol |value|, checked."""

    rtol: float
    atol: np.ndarray
    controlled: int      # how many of (x, y) the error test looks at

    @classmethod
    def checked(cls, rtol, atol, n_x, n_y, index):
        """Of the arguments of `simulate`."""
        rtol = float(float64_array("rtol", rtol, shape=()))
        atol = float64_array("atol", atol)
        if not rtol > 0 or not (atol > 0).all() or atol.shape not in ((), (n_x + n_y,)):
            raise ValueError(f"rtol is {rtol!r} and atol is {atol!r}; expected numbers > 0, atol one or "
                             f"({n_x + n_y},).")
        if rtol < 100 * EPS:
            raise ValueError(f"rtol is {rtol:.3g}; the smallest that double precision can keep is "
                             f"{100 * EPS:.3g}.")
        return cls(rtol, np.broadcast_to(atol, n_x + n_y), n_x + (n_y if index == 1 else 0))

    def weights(self, *values):
        """atol + rtol max |value| over the first axis of all `values` (…, n_x + n_y)."""
        return self.atol + self.rtol * np.abs(np.stack(values)).max(axis=0)


def with_step_control(run, tolerance, first, max_steps):
    """Pairs of half steps until the end, each pair accepted when one whole step agrees with it.

    A step may lead over breaks: elements end there, and each stretch between two is done in halves. What
    fails is repeated up to the first break alone, and a step that ends at one starts anew to its right.

    Parameters
    ----------
    first : function Simulation -> length of a first step
    """
    control = _Control(run, tolerance, first(run))
    while run.point[3] < run.span[1]:
        if run.steps >= max_steps:
            return run.finish(Status.STEP_LIMIT, NotConverged(f"{run.steps} elements were done."))
        times = control.stretches()
        if times[-1] - times[0] <= control.shortest():
            return _too_small(run, control.failure)
        try:
            found = control.step(times)
            if found is not None:
                if not run.happen(found):
                    return run.finish(Status.EVENT)
                if _crowded(run):
                    return run.finish(Status.CROWDED)
                control.h = min(control.h, first(run))
            if run.last is not None and run.point[3] in run.breaks and run.point[3] < run.span[1]:
                run.cross()
                control.h = min(control.h, first(run))
        except RECOVERABLE as problem:
            if run.point[3] != times[0]:                    # no (x', y) to the right of a break
                return run.stopped(problem)
            control.failed(problem, times)
            if control.h <= CRAWL * min(abs(times[0]), times[0] - run.span[0]) and run.singular():
                return run.stopped(problem)
    return run.finish(Status.SOLVED)


class _Control:
    """The length of the next step, and what became of the last."""

    def __init__(self, run, tolerance, h):
        above = run.start.index > 1
        self.h, self.failure, self._run, self._tolerance = h, None, run, tolerance
        self._most, self._cuts = GROW, MOST_CUTS
        self._accuracy = Accuracy(NEWTON_PART_ABOVE if above else NEWTON_PART, tolerance.rtol,
                                  tolerance.atol, tolerance.controlled, run.span[1] - run.span[0],
                                  not above)

    def shortest(self):
        """Below this steps have shrunk to nothing."""
        t0, t1 = self._run.span
        return max(32 * EPS * abs(self._run.point[3]), SMALLEST * (t1 - t0))

    def stretches(self):
        """Boundaries (m + 1,) of the next step: its start, the breaks on the way, its end."""
        t, end, h = self._run.point[3], self._run.limit(), self.h
        breaks = self._run.breaks[self._run.breaks < end]
        cuts = breaks[np.searchsorted(breaks, t, side="right"):
                      np.searchsorted(breaks, t + 1.01 * h, side="right")]
        if cuts.size > self._cuts:
            return np.append(t, cuts[:max(self._cuts, 1)])
        if cuts.size and t + h <= cuts[-1] + 0.01 * h:
            return np.append(t, cuts)
        return np.concatenate([[t], cuts, [end if t + 1.01 * h >= end else t + h]])

    def step(self, times):
        """Take the halves if the whole agrees with them, as far as the first event, which is returned;
        the length of the next step either way."""
        run, h = self._run, times[-1] - times[0]
        halves, error = _doubled(run, times, self._accuracy, self._tolerance)
        factor = np.clip(SAFETY * max(error, 1e-10) ** (-1 / (run.scheme.order + 1)), SHRINK, GROW)
        self.failure = None
        if error > 1.0:
            run.rejected, self.h, self._most = run.rejected + 1, min(factor, SAFETY) * h, 1.0
            return None
        found = run.watch.first(halves)
        if found is not None:
            self._until(found, times)
            return found
        run.accept(halves, times[-1])
        grown = min(factor, self._most) * h
        self.h = max(grown, self.h) if times[-1] in run.breaks and error < 1.0 else grown
        self._most, self._cuts = GROW, MOST_CUTS
        return None

    def _until(self, found, times):
        """Take the step up to an event inside it, whose zero is moved to the end of elements that end
        there; none where it is at its start."""
        run, time = self._run, found.time
        for last in (False, False, True):
            if time - times[0] <= self.shortest():
                return
            part = np.append(times[times < time - self.shortest()], time)
            halves = _doubled(run, part, self._accuracy, self._tolerance)[0]
            late = run.watch.late(halves, found.number)
            if last or abs(late) <= 4 * EPS * abs(time):
                break
            time = min(time - late, times[-1])
        run.accept(halves, part[-1])

    def failed(self, problem, times):
        """Shorter, or as far as the first break."""
        self.failure, self._run.rejected, self._most = problem, self._run.rejected + 1, 1.0
        if times.size > 2:
            self.h, self._cuts = times[1] - times[0], 1
        else:
            self.h = RETREAT * (times[-1] - times[0])


def _doubled(run, times, accuracy, tolerance):
    """The halves of all stretches, and the estimated error at their ends in units of the tolerance."""
    m = len(times) - 1
    fine = np.insert(times, np.arange(1, m + 1), (times[1:] + times[:-1]) / 2)
    edges = np.concatenate([np.stack([t[:-1], t[1:]], axis=1) for t in (times, fine)])
    before = np.concatenate([np.arange(-1, m - 1), [-1], np.arange(m, 3 * m - 1)])
    both = run.solve(edges, before, accuracy, False)
    values = np.concatenate(both.ends(), axis=1)
    a, b = values[:m], values[m + 1::2]
    scaled = (np.abs(a - b) / tolerance.weights(a, b))[:, :tolerance.controlled]
    return both.part(slice(m, None)), scaled.max(initial=0.0) / max(2 ** run.scheme.K - 1, 1)


def _crowded(run):
    """Whether the last events are at one time."""
    last = [event.time for event in run.watch.found[-CROWD:]]
    return len(last) == CROWD and last[-1] - last[0] <= INSTANT * (run.span[1] - run.span[0])


def first_step(run, given, tolerance):
    """The first step: given, or such that x moves by a hundredth of its size (Hairer I, section II.4).

    Above index 1 velocities are differences of positions over h, with errors of rounding ε |x| / h: the
    step is at least so long that these stay below a hundredth of the tolerance.
    """
    dx, x, y, t = run.point
    length = run.span[1] - t
    if given is not None:
        h = float(float64_array("first_step", given, shape=()))
        if not h > 0:
            raise ValueError(f"first_step is {h!r}; expected a number > 0.")
        return min(h, length)
    weights = tolerance.weights(np.concatenate([x, y]))[:x.size]
    size, speed = (np.abs(a / weights).max(initial=0.0) for a in (x, dx))
    h = 1e-2 * size / speed if min(size, speed) > 1e-5 else 1e-6 * length
    if run.start.index > 1:
        h = max(h, 1e2 * EPS * np.abs(x).max() / weights.min())
    return min(h, length)


def _too_small(run, failure):
    """The end of a simulation whose steps shrank to nothing."""
    if failure is None:
        return run.finish(Status.STEP_TOO_SMALL, NotConverged("The error test kept failing."))
    return run.stopped(failure)
