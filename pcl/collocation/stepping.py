"""Element after element: on a mesh that is given, or with steps chosen by doubling."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from pcl.collocation.branch import weakness
from pcl.collocation.element import EPS, constant
from pcl.collocation.run import why
from pcl.collocation.solution import Status
from pcl.collocation.system import RECOVERABLE
from pcl.errors import NotConverged, SingularMatrix
from pcl.validate import float64_array

FIXED_TOLERANCE = 1e-10     # relative Newton step that ends the iteration on a mesh that is given
NEWTON_PART = 1e-3          # the same with step control, as a part of the error tolerance
NEWTON_PART_ABOVE = 1e-8    # above index 1, where what is left in a constraint is divided by h
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0   # Hairer and Wanner II, section IV.8
RETREAT = 0.25              # after a step that could not be computed
SMALLEST = 1e-30            # shortest step, as a part of the span
NEARLY_SINGULAR = 1e-3      # relative singular value of [F_dx, F_y] that is reported as a fold
EXTRAPOLATE = 2.0           # longest step, in units of the last, whose guess is the last polynomial


def on_mesh(run, mesh):
    """Every element of the mesh in turn, damped Newton to rounding."""
    for t, end in zip(mesh.times[:-1], mesh.times[1:]):
        dx, x, y, _ = before = (*run.point[:3], t)
        guess = constant(run.scheme, t, end - t, run.nodes(t, end - t, end), x, dx, y)
        try:
            run.elements.append(run.solve(guess, _magnitude, FIXED_TOLERANCE, True, before))
        except RECOVERABLE as failure:
            return run.finish(why(failure), failure)
    return run.finish(Status.SOLVED_ON_MESH)


def _magnitude(element):
    """Largest size of each variable on the element."""
    x = np.vstack([element.x0, element.scheme.value @ np.vstack([element.x0, element.slots])])
    return np.append(np.abs(x).max(axis=0), np.abs(element.algebraic).max(axis=0))


@dataclass(frozen=True, eq=False)
class Tolerance:
    rtol: float
    atol: np.ndarray
    controlled: int      # how many of (x, y) the error test looks at

    @classmethod
    def checked(cls, rtol, atol, n_x, n_y, index):
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
        """atol + rtol max |value| over the rows of all `values` (m, n_x + n_y)."""
        return self.atol + self.rtol * np.abs(np.vstack(values)).max(axis=0)


def with_step_control(run, tolerance, h, max_steps):
    """Pairs of half steps until the end, each pair accepted when one whole step agrees with it."""
    (t, end), failure = run.span, None
    while t < end:
        if len(run.elements) >= max_steps:
            return run.finish(Status.STEP_LIMIT, NotConverged(f"{max_steps} steps were done."))
        last = t + 1.01 * h >= end
        h = end - t if last else h
        if h <= max(32 * EPS * abs(t), SMALLEST * (end - run.span[0])):
            return _too_small(run, failure)
        try:
            halves, error = _double_step(run, t, h, end if last else t + h, tolerance)
        except RECOVERABLE as problem:
            failure, h = problem, RETREAT * h
            run.rejected += 1
            continue
        factor = np.clip(SAFETY * max(error, 1e-10) ** (-1 / (run.scheme.order + 1)), SHRINK, GROW)
        failure = None
        if error > 1.0:
            run.rejected, h = run.rejected + 1, min(factor, SAFETY) * h
            continue
        run.elements += halves
        t, h = (end if last else t + h), factor * h
    return run.finish(Status.SOLVED)


def _double_step(run, t, h, end, tolerance):
    """Two elements of length h/2, and the estimated error at their end in units of the tolerance."""
    def weights(element):
        size = tolerance.weights(_joined(element.x0, element.algebraic[0]),
                                 _joined(element.end()[1], element.algebraic[-1]))
        size[tolerance.controlled:] = np.inf   # multipliers above index 1: errors of x divided by h or h²
        return size

    before, middle = run.point, t + h / 2
    part = NEWTON_PART if run.start.index == 1 else NEWTON_PART_ABOVE
    whole = run.solve(_guess(run, t, h, end), weights, part, False, before)
    first = run.solve(whole.continued(t, middle - t, run.nodes(t, middle - t, middle)), weights,
                      part, False, before)
    _, x, y = first.end()
    guess = whole.continued(middle, end - middle, run.nodes(middle, end - middle, end))
    guess = dataclasses.replace(guess, x0=x)
    second = run.solve(guess, weights, part, False, (*first.end(), middle))
    a, b = _joined(*whole.end()[1:]), _joined(*second.end()[1:])
    scaled = (np.abs(a - b) / tolerance.weights(a, b))[:tolerance.controlled]
    return [first, second], scaled.max(initial=0.0) / max(2 ** run.scheme.K - 1, 1)


def _joined(x, y):
    return np.concatenate([x, y])


def _guess(run, t, h, end):
    nodes = run.nodes(t, h, end)
    dx, x, y, _ = run.point
    if run.elements and h <= EXTRAPOLATE * run.elements[-1].h:
        return dataclasses.replace(run.elements[-1].continued(t, h, nodes), x0=x)
    guess = constant(run.scheme, t, h, nodes, x, dx, y)
    if run.start.index == 1:
        return guess
    # Above index 1 an error δ of x in the guess enters x' as δ²/h: along the tangent it is O(h³).
    return dataclasses.replace(guess, slots=x + h * run.scheme.points[:, None] * dx)


def first_step(run, given, tolerance):
    """The first step: given, or such that x moves by a hundredth of its size (Hairer I, section II.4)."""
    length = run.span[1] - run.span[0]
    if given is not None:
        h = float(float64_array("first_step", given, shape=()))
        if not h > 0:
            raise ValueError(f"first_step is {h!r}; expected a number > 0.")
        return min(h, length)
    n_x = run.x0.size
    weights = tolerance.weights(_joined(run.x0, run.start.y))[:n_x]
    size, speed = (np.abs(a / weights).max(initial=0.0) for a in (run.x0, run.start.dx))
    h = 1e-2 * size / speed if min(size, speed) > 1e-5 else 1e-6 * length
    return min(h, length)


def _too_small(run, failure):
    """The end of a simulation whose steps shrank to nothing."""
    status = Status.STEP_TOO_SMALL if failure is None else why(failure)
    if run.start.index == 1 and run.elements and status is not Status.NOT_EVALUATED:
        relative, words = weakness(run.system, run.point)
        if relative < NEARLY_SINGULAR:
            return run.finish(Status.SINGULAR, SingularMatrix(f"There {words}."))
    return run.finish(status, failure or NotConverged("The error test kept failing."))
