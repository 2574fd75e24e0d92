"""A known input u(t) of a trajectory: a number, a function or a table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.dae.data.series import ordered_times, own
from pcl.support.types import Array
from pcl.support.validate import float64_array, known

KINDS = ("constant", "linear")


@dataclass(frozen=True, eq=False)
class Signal:
    """u(t) as an object: `signal(t)` takes times (n,) and gives values (n,).

    Attributes
    ----------
    name : str
    times, values : (n,) of a table; empty times and one value for a number; None for a function
    kind : "linear", or "constant": the value of a row holds from its time on until the next
    function : callable or None
    at : str, whose input it is, for messages
    """

    name: str
    times: Any = None       # (n,)
    values: Any = None      # (n,)
    kind: str = "linear"
    function: Callable[[Array], Any] | None = None
    at: str = ""

    def __call__(self, t):
        """u (n,) at times t (n,).

        A piecewise constant input has at the time of a jump the value *before* it, as a collocation
        point at the end of an element belongs to that element.

        Raises
        ------
        ValueError
            A time outside the table; a function that does not give (n,) finite numbers.
        """
        t = float64_array("t", t, shape=(None,))
        if self.function is not None:
            return self._evaluated(t, self.function(t))
        if not self.times.size:
            return np.full(len(t), self.values[0])
        self._require_inside(t)
        if self.kind == "linear":
            return np.interp(t, self.times, self.values)
        return self.values[np.maximum(np.searchsorted(self.times, t, side="left") - 1, 0)]

    @property
    def is_linear_table(self):
        """Whether rows are joined by straight lines."""
        return self.function is None and self.kind == "linear" and len(self.times) > 1

    @property
    def jumps(self):
        """Times (n,) at which a piecewise constant table changes; of a function none are known."""
        if self.function is not None or self.kind == "linear" or not len(self.times):
            return np.zeros(0)
        return self.times[1:][np.diff(self.values) != 0.0]

    @property
    def bends(self):
        """Times (n,) of the inner rows of a linear table, and the change of the slope there (n,)."""
        if not self.is_linear_table:
            return np.zeros(0), np.zeros(0)
        return self.times[1:-1], np.abs(np.diff(np.diff(self.values) / np.diff(self.times)))

    def __eq__(self, other):
        return (isinstance(other, Signal) and self.name == other.name and self.kind == other.kind
                and self.function == other.function and np.array_equal(self.times, other.times)
                and np.array_equal(self.values, other.values))

    @property
    def _label(self):
        return f"input {self.name!r}{self.at}"

    def _evaluated(self, t, given):
        """Values of the function at times; a constant may be given as one number."""
        values = float64_array(f"{self._label} at times from {t.min():g} to {t.max():g}"
                               if t.size else self._label, given)
        if values.ndim == 0:
            return np.full(len(t), float(values))
        return float64_array(self._label, values, shape=t.shape)

    def _require_inside(self, t):
        """A linear table ends; the last value of a piecewise constant one holds on."""
        last = self.times[-1] if self.kind == "linear" else np.inf
        outside = t[(t < self.times[0]) | (t > last)]
        if outside.size:
            raise ValueError(f"{self._label} is asked for at t = {outside[0]:g}, but its table "
                             f"covers {self.times[0]:g} to {last:g}; nothing is extrapolated. Extend the "
                             "table.")


def signal(name, given, at=""):
    """A `Signal` of a number, a callable t (n,) -> (n,), or (times, values) or (times, values, kind).

    Raises
    ------
    TypeError, ValueError
        Anything else; times that do not increase; lengths that differ; NaN.
    """
    if isinstance(given, Signal):
        return Signal(name, given.times, given.values, given.kind, given.function, at)
    label = f"input {name!r}{at}"
    if isinstance(given, tuple) and len(given) in (2, 3):
        times, values, kind = _table(label, *given)
        return Signal(name, times, values, kind, at=at)
    if callable(given):
        return Signal(name, function=given, at=at)
    if isinstance(given, tuple):
        _refuse(label, given)
    value = float64_array(label, given)
    if value.ndim:
        _refuse(label, given)
    return Signal(name, own([]), own([float(value)]), at=at)


def _table(label, times, values, kind="linear"):
    """(times, values, kind), checked."""
    known(f"the interpolation of {label}", kind, KINDS)
    times = ordered_times(f"times of {label}", times, strictly=True)
    if not times.size:
        raise ValueError(f"times of {label} are empty; expected at least one.")
    values = float64_array(f"values of {label}", values, shape=times.shape)
    return own(times), own(values), kind


def _refuse(label, given):
    raise ValueError(f"{label} is a {type(given).__name__}; expected a number, a function of "
                     "t, or a tuple (times, values) or (times, values, 'constant').")
