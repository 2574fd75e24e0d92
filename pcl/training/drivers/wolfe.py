"""A step along a direction by Wolfe's conditions, with trials that fail.

    ℓ(θ + t d) ≤ ℓ + c₁ t gᵀd,      |g(θ + t d)ᵀd| ≤ c₂ |gᵀd|

Where the decrease promised is below the rounding of ℓ, the first condition is that ℓ stays within that
rounding: the slopes decide (Hager and Zhang's approximate conditions).

Source: J. Nocedal, S. Wright, 2006, Numerical Optimization, algorithms 3.5 and 3.6, with cubic
interpolation (3.59); W. Hager, H. Zhang, 2005, SIAM J. Optim. 16. A trial that fails is an end of the
interval without value, and the next one lies at a quarter of the way.
"""

import dataclasses
from typing import Any

import numpy as np

from pcl.training.run.inside import pushed_inside
from pcl.training.run.run import EPS

TRIALS = 60
_BACK = 0.25            # after a failed trial
_FURTHER = (2.0, 10.0)  # times the last step, where the end is not found yet
_WITHIN = 0.1           # of an interval, from its ends


@dataclasses.dataclass(frozen=True, eq=False)
class _At:
    """t with ℓ (+inf: failed), its slope along d and the point."""

    t: float
    loss: float
    slope: float
    point: Any


def wolfe_point(run, d, t, c1, c2, longest=np.inf):
    """(point, t) with t ≤ `longest` from a first trial at t; None where no trial is lower.

    The box of the run is not left by rounding at `longest`, which is where d meets it.
    """
    search = _Search(run, d, c1, c2, longest)
    for _ in range(TRIALS):
        at = search.at(t)
        if search.satisfies(at):
            return at.point, t
        search.narrow(at)
        t = search.next()
        if not search.moves(t):
            break
    return search.lowest()


class _Search:
    """The interval (low, high) that holds a step by the conditions; high None while there is no end."""

    def __init__(self, run, d, c1, c2, longest):
        self._run, self._d, self._c1, self._c2, self._longest = run, d, c1, c2, longest
        start = run.current
        self._start = self._low = self._before = _At(0.0, start.loss, float(start.gradient @ d), start)
        self._high = None
        self._noise = 10.0 * EPS * abs(start.loss)

    def at(self, t):
        """The trial at t."""
        point = self._run.trial(self._place(t), gradient=True)
        return _At(t, point.loss, np.nan if point.failed else float(point.gradient @ self._d), point)

    def _place(self, t):
        return pushed_inside(self._start.point.theta + t * self._d, self._run.bounds)

    def _decreases(self, at):
        promised = self._c1 * at.t * self._start.slope
        if -promised < self._noise:
            return at.loss <= self._start.loss + self._noise
        return at.loss <= self._start.loss + promised

    def satisfies(self, at):
        """Whether both conditions hold, or the first at the longest step with the loss still falling."""
        if not self._decreases(at) or at.point.failed:
            return False
        return abs(at.slope) <= -self._c2 * self._start.slope or (
            at.t >= self._longest and at.slope < 0.0)

    def narrow(self, at):
        """Take a trial for one of the ends."""
        if at.point.failed or not self._decreases(at) or at.loss > self._low.loss + self._noise:
            self._high = at
            return
        if at.slope * ((self._high.t if self._high else np.inf) - self._low.t) >= 0.0:
            self._high = self._low
        self._before, self._low = self._low, at

    def next(self):
        """The next t."""
        low, high = self._low, self._high
        if high is None:
            t, near, far = _cubic(self._before, low), _FURTHER[0] * low.t, _FURTHER[1] * low.t
            if t is not None and t > low.t:
                far = float(np.clip(t, near, far))
            return min(far, self._longest)
        if high.point.failed:
            return low.t + _BACK * (high.t - low.t)
        t, width = _cubic(low, high), high.t - low.t
        ends = sorted((low.t + _WITHIN * width, high.t - _WITHIN * width))
        return low.t + 0.5 * width if t is None else float(np.clip(t, ends[0], ends[1]))

    def moves(self, t):
        """Whether θ + t d differs from the ends of the interval."""
        theta = self._place(t)
        ends = [at for at in (self._low, self._high) if at is not None]
        return not any(np.array_equal(theta, at.point.theta) for at in ends)

    def lowest(self):
        """The end with the lower loss, if it is lower than at the start."""
        low = self._low
        return (low.point, low.t) if low.t > 0.0 and low.loss < self._start.loss else None


def _cubic(a, b):
    """The minimum of the cubic through ℓ and its slopes at two t; None if it has none."""
    d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t)
    unit = max(abs(d1), abs(a.slope), abs(b.slope))     # their squares may overflow
    square = (d1 / unit) ** 2 - (a.slope / unit) * (b.slope / unit)
    if not square >= 0.0:
        return None
    d2 = np.copysign(unit * np.sqrt(square), b.t - a.t)
    below = b.slope - a.slope + 2.0 * d2
    return None if below == 0.0 else float(b.t - (b.t - a.t) * (b.slope + d2 - d1) / below)
