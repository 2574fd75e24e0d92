"""Times of a march: equal steps, steps that grow, and steps chosen by an error estimate."""

import contextvars
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from scipy.optimize import brentq

from pcl.errors import TimesNotChosen, TrialFailure
from pcl.support.context import having
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array, positive_integer, positive_number

# Steps that a choice begins with, the most it may end with, and its rounds.
FIRST_STEPS, MAX_STEPS, ROUNDS = 16, 4096, 40

# Of the steps in a round those are divided whose error is at least this share of the largest.
MARKED = 0.25

_halvings: contextvars.ContextVar[list | None] = contextvars.ContextVar("pcl_halved_steps", default=None)


def uniform_times(start: float, end: float, steps: int) -> Array:
    """Times (steps + 1,) of equal steps.

    Parameters
    ----------
    start, end : float
    steps : int

    Returns
    -------
    ndarray (steps + 1,)

    Raises
    ------
    ValueError
        end ≤ start, or steps no whole number ≥ 1.

    Examples
    --------
    >>> import pcl
    >>> pcl.uniform_times(0.0, 1.0, 4)
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    start, end = _span(start, end)
    return np.linspace(start, end, positive_integer("steps", steps) + 1)


def geometric_times(start: float, end: float, steps: int, first: float) -> Array:
    """Times (steps + 1,) whose steps grow (or shrink) by one factor q, the first of length `first`.

        h_k = first · q^k,   Σ_k h_k = end − start

    For what begins fast and slows down, as diffusion does after a jump.

    Parameters
    ----------
    start, end : float
    steps : int
    first : float, length of the first step

    Returns
    -------
    ndarray (steps + 1,)

    Raises
    ------
    ValueError
        end ≤ start, no whole number of steps, or first not in (0, end − start).

    Examples
    --------
    >>> import pcl
    >>> pcl.geometric_times(0.0, 7.0, 3, 1.0)               # steps 1, 2, 4
    array([0., 1., 3., 7.])
    """
    start, end = _span(start, end)
    steps, first = positive_integer("steps", steps, 2), positive_number("first", first)
    if first >= end - start:
        raise ValueError(f"first is {first:g}; expected less than the span {end - start:g}.")
    powers = np.arange(steps)

    def excess(log_q):
        exponents = np.log(first / (end - start)) + log_q * powers
        return np.logaddexp.reduce(exponents)
    bound = 2.0 * max(np.log((end - start) / first), 1.0)
    q = np.exp(brentq(excess, -bound, bound, xtol=1e-15))
    times = start + np.concatenate([[0.0], np.cumsum(first * q ** powers)])
    times[-1] = end
    return times


class AdaptiveTimes:
    """Times chosen by an error estimate when a march first uses them, and kept from then on.

    The march runs on a grid and on the same grid with every step halved; their difference e, times
    2^p/(2^p − 1) for a scheme of order p, estimates the error of the former at its times. Where it grows
    most the steps are divided, until

        max |e| ≤ rtol · max |u| + atol        (over times and entries; for u (n, k) column by column).

    Inside a `pcl.Problem` "first" is at its starting values: the choice is made before the loss is
    traced. The steps are then constants of the model, so its derivatives are exact; whether they
    still suffice at another θ is what `pcl.time_error` tells.

    Parameters
    ----------
    start, end : float
    rtol, atol : float
        atol in the unit of u.
    max_steps : int
        Where the choice ends with a warning.

    Attributes
    ----------
    times : (N + 1,), chosen
    error : float, the estimate reached, max |e| / max |u|

    Raises
    ------
    ValueError
        end ≤ start, tolerances that are not positive, max_steps no whole number ≥ 1; from `times` before
        a march has chosen them.

    Notes
    -----
    The choice begins with 16 steps: what acts for less than a thirtieth of the span (a pulse of the load)
    may be overlooked by both marches. Give times that meet it.
    Marking of the largest errors: W. Dörfler, SIAM Journal on Numerical Analysis 33 (1996) 1106–1124,
    there for elements.

    Examples
    --------
    A decay u' = −10 u with its fast part at the start:

    >>> import numpy as np, pcl
    >>> K = pcl.SparseMatrix.from_entries([0], [0], [10.0], (1, 1))
    >>> times = pcl.AdaptiveTimes(0.0, 2.0, rtol=1e-3)
    >>> u = pcl.march(pcl.FirstOrder(stiffness=K), [1.0], times)
    >>> steps = np.diff(times.times)
    >>> float(steps[0]), float(steps[-1]), times.error < 1e-3
    (0.015625, 0.125, True)
    """

    def __init__(self, start: float, end: float, rtol: float = 1e-4, atol: float = 0.0,
                 max_steps: int = MAX_STEPS):
        self.start, self.end = _span(start, end)
        self.rtol = positive_number("rtol", rtol)
        self.atol = positive_number("atol", atol, zero=True)
        self.max_steps = positive_integer("max_steps", max_steps, FIRST_STEPS)
        self.is_chosen = False
        self._times, self.error = np.zeros(0), None

    def __repr__(self):
        chosen = f"{len(self._times) - 1} steps" if self.is_chosen else "not chosen yet"
        return f"AdaptiveTimes({self.start:g}, {self.end:g}, rtol={self.rtol:g}: {chosen})"

    @property
    def times(self) -> Array:
        """The times chosen (N + 1,), a copy; ValueError before a march has chosen them."""
        if not self.is_chosen:
            raise TimesNotChosen(f"{self!r} has no times yet; expected a march with it before, eagerly "
                                 "or inside of a pcl.Problem.")
        return self._times.copy()

    def choose(self, march: Callable[[Array], ArrayLike], order: int) -> None:
        """Choose the times for `march`, times -> u (…, len(times)), of a scheme of `order` p."""
        times, errors = _chosen(self, march, order)
        self._times, self.error, self.is_chosen = times, errors, True


def _chosen(grid, march, order):
    times = np.linspace(grid.start, grid.end, FIRST_STEPS + 1)
    for _ in range(ROUNDS):
        growth, error, target, relative = _errors(grid, march, order, times)
        if error <= target:
            return times, relative
        parts = int(2 ** np.clip(np.round(np.log2(error / target) / (order + 1)), 1, 3))
        finer = _divided(times, growth >= MARKED * growth.max(), parts)
        if len(finer) - 1 > grid.max_steps:
            break
        times = finer
    warnings.warn(f"the choice of times ends at {len(times) - 1} steps with an estimated error of "
                  f"{relative:.1e} of the largest value; rtol is {grid.rtol:g}. Raise max_steps or rtol, "
                  "or smooth the start.", RuntimeWarning, stacklevel=4)
    return times, relative


def _errors(grid, march, order, times):
    """(growth of the error in each step, largest error, the target, relative error)."""
    try:
        u, fine = (np.asarray(march(t)) for t in (times, halved(times)))
    except TrialFailure:
        if len(times) - 1 > grid.max_steps // 2:
            raise
        return np.ones(len(times) - 1), np.inf, 1.0, np.inf
    e = (u - fine[..., ::2]) / (1.0 - 0.5 ** order)
    size = np.abs(fine).max(axis=(0, -1), keepdims=True)
    target = grid.rtol * size + grid.atol
    scaled = (np.abs(e) / np.where(target > 0.0, target, 1.0)).reshape(-1, len(times))
    change = np.diff(e / np.where(target > 0.0, target, 1.0), axis=-1)
    growth = np.abs(change).reshape(-1, len(times) - 1).max(axis=0)
    relative = (np.abs(e) / np.where(size > 0.0, size, 1.0)).max()
    return growth, scaled.max(), 1.0, float(relative)


def _divided(times, marked, parts):
    """The times with every marked step divided into equal parts."""
    pieces = [a + (b - a) / n * np.arange(n)
              for a, b, n in zip(times[:-1], times[1:], np.where(marked, parts, 1))]
    return np.concatenate([*pieces, times[-1:]])


# --- halved steps ----------------------------------------------------------------------------------
def halved_steps() -> AbstractContextManager[list[int]]:
    """Inside the block every march halves its steps and returns u at the same times as before.

    A prediction made twice, the second time inside the block, tells the error in time of the first:
    about 4/3 of the difference for a scheme of second order (2 for backward Euler).

    Yields
    ------
    orders : list, the orders of the marches made inside

    Examples
    --------
    >>> import numpy as np, pcl
    >>> K = pcl.SparseMatrix.from_entries([0], [0], [1.0], (1, 1))
    >>> decay = pcl.FirstOrder(stiffness=K)
    >>> def end(): return pcl.march(decay, [1.0], pcl.uniform_times(0.0, 1.0, 8)).numpy()[0, -1]
    >>> coarse = end()
    >>> with pcl.halved_steps():
    ...     error = 4.0 / 3.0 * (coarse - end())
    >>> float((error / (coarse - np.exp(-1.0))).round(1))       # estimated / true
    1.0
    """
    return having(_halvings, [])


def as_asked(times, at, order):
    """(times, at) of a march, halved inside `halved_steps`."""
    orders = _halvings.get()
    if orders is None:
        return times, at
    orders.append(order)
    return halved(times), times if at is None else at


def halved(times):
    """The times with the middle of every step between them."""
    result = np.empty(2 * len(times) - 1)
    result[::2], result[1::2] = times, 0.5 * (times[:-1] + times[1:])
    return result


# --- steps -----------------------------------------------------------------------------------------
def increasing(times):
    """`times` as a float64 array, refused unless there is a step and every step is > 0."""
    times = float64_array("times", times, (None,))
    if len(times) < 2:
        raise ValueError(f"times has {len(times)} entries; expected the start and the end of at least "
                         "one step.")
    bad = np.flatnonzero(np.diff(times) <= 0.0)
    if bad.size:
        k = bad[0]
        raise ValueError(f"times does not increase: times[{k}] = {times[k]:.8g}, times[{k + 1}] = "
                         f"{times[k + 1]:.8g}; expected steps > 0.")
    return times


def steps_of(times):
    """The lengths of the steps; neighbours that differ by the rounding of the times are made equal.

    Equal steps have equal matrices, which are factorised once.
    """
    steps = np.diff(times)
    for k in range(1, len(steps)):
        if abs(steps[k] - steps[k - 1]) <= 8 * np.finfo(float).eps * np.abs(times[k - 1:k + 2]).max():
            steps[k] = steps[k - 1]
    return steps


def start_of(times):
    """The first of the times of a march, in any of their forms."""
    return times.start if isinstance(times, AdaptiveTimes) else float(increasing(times)[0])


def _span(start, end):
    start, end = (float(float64_array(name, x, ())) for name, x in (("start", start), ("end", end)))
    if not end > start:
        raise ValueError(f"end is {end:g} and start {start:g}; expected end > start.")
    return start, end
