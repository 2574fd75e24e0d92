"""Where the iterates of a run are going: to a point, or away without end.

At a minimiser the steps of a Newton method shrink. Where an infimum is not attained (e⁻ˣ), or there is
none (x₀ x₁ with x₀ = 1), the first-order conditions may hold to any tolerance relative to what is
subtracted in them, while an unknown drifts on: the last steps have one sign and do not become shorter.
"""

import numpy as np

_WINDOW = 5         # steps looked at
_SHORTER = 0.9      # share of the mean of these steps below which the last one counts as shorter
_DRIFT = 1e-2       # length of the window relative to the unknown that counts as drift
_LEAST = 1e-8       # the same without relation
_PLUNGE = 0.1       # the same relative to the objective, from which no minimum is near
_LAST = 0.1         # share of the mean fall of these steps from which the last one goes on falling
_SLOWER = 0.5       # fall in this window relative to the one before: below, the objective levels off


class Trend:
    """The last points and objectives of a run.

    size: of the first point, max(1, ‖x‖∞); 0 before it.
    """

    def __init__(self):
        self._points, self._objectives, self.size, self._first = [], [], 0.0, 0.0

    def visit(self, x, objective):
        """Take the next iterate."""
        if not self._objectives:
            self._first = objective
        if not self.size:
            self.size = max(1.0, float(np.abs(x).max(initial=0.0)))
        self._points = (self._points + [x.copy()])[-_WINDOW - 1:]
        self._objectives = (self._objectives + [objective])[-2 * _WINDOW - 1:]

    @property
    def drifts(self):
        """Some unknown moved one way through the window, its last step not shorter than the mean."""
        if len(self._points) <= _WINDOW:
            return False
        steps = np.diff(np.array(self._points), axis=0)             # (window, n)
        length = np.abs(steps).sum(axis=0)
        one_way = (steps > 0.0).all(axis=0) | (steps < 0.0).all(axis=0)
        as_long = np.abs(steps[-1]) >= _SHORTER * length / _WINDOW
        far = length >= np.maximum(_DRIFT * np.abs(self._points[-1]), _LEAST)
        return bool((one_way & as_long & far).any())

    @property
    def falls(self):
        """The objective falls through the window, and not more slowly than before."""
        f = self._objectives
        if len(f) <= _WINDOW:
            return len(f) > 1 and f[-1] < f[0]
        now = f[-_WINDOW - 1] - f[-1]
        before = f[0] - f[-_WINDOW - 1]
        return now > 0.0 and (len(f) <= 2 * _WINDOW or now >= _SLOWER * before)

    def fell(self, factor):
        """The objective is below its first value by `factor` times the size of that."""
        return self._first - self._objectives[-1] > factor * max(1.0, abs(self._first))

    @property
    def plunges(self):
        """The objective falls by a tenth of itself through the window, the last step like the others.

        A run that converges falls through its window, too, but no longer at its end.
        """
        f = self._objectives
        if len(f) <= 2 * _WINDOW or not self.falls:
            return False
        fall = f[-_WINDOW - 1] - f[-1]
        return fall > _PLUNGE * abs(f[-1]) and f[-2] - f[-1] >= _LAST * fall / _WINDOW
