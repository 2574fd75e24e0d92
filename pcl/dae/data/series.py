"""Observations of one variable: values at times, with weights."""

from dataclasses import dataclass

import numpy as np

from pcl.support.arrays import frozen
from pcl.support.validate import float64_array, known, require_finite

MISSING = ("refuse", "drop")


@dataclass(frozen=True, eq=False)
class Series:
    """What was measured of one variable in one trajectory; the arrays are read-only.

    Attributes
    ----------
    times : (n,), not decreasing; the same time twice counts as two observations
    values : (n,)
    weights : (n,), > 0
    known : bool, whether the weights were given by σ, as 1/σ²
    """

    times: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    known: bool = False

    def __post_init__(self):
        for name in ("times", "values", "weights"):
            object.__setattr__(self, name, own(getattr(self, name)))

    def __len__(self):
        return len(self.times)

    def __eq__(self, other):
        return isinstance(other, Series) and all(
            np.array_equal(getattr(self, a), getattr(other, a))
            for a in ("times", "values", "weights", "known"))

    def weighted(self, weights):
        """The same with other weights (n,), which count as known."""
        return Series(self.times, self.values, weights, True)

    def where(self, mask):
        """The observations of a mask (n,)."""
        return Series(self.times[mask], self.values[mask], self.weights[mask], self.known)


def series(label, times, values, weights, missing, sigma=None):
    """A `Series` of checked data; entries of weight 0, and NaN if `missing` is "drop", are left out.

    Raises
    ------
    TypeError, ValueError
        Not real numbers; lengths differ; NaN or infinite; a negative weight; σ ≤ 0; σ beside weights.
    """
    known("missing", missing, MISSING)
    values = float64_array(label, values, shape=(len(times),), finite=False)
    weights = spread(f"weights of {label}", weights, len(times))
    if sigma is not None:
        weights = _of_sigma(label, sigma, weights)
    used = weights > 0.0
    if missing == "drop":
        used &= ~np.isnan(values)
    _require_values(label, values, used)
    return Series(times[used], values[used], weights[used], sigma is not None)


def ordered_times(label, times, strictly=False):
    """`times` as (n,), refused unless finite and not decreasing (or increasing)."""
    times = float64_array(label, times, shape=(None,))
    step = np.diff(times)
    bad = np.flatnonzero(step <= 0.0 if strictly else step < 0.0)
    if bad.size:
        i = int(bad[0])
        raise ValueError(f"{label}[{i + 1}] is {times[i + 1]:g} after {times[i]:g}; expected times that "
                         f"{'increase' if strictly else 'do not decrease'}. Sort the data by time.")
    return times


def spread(label, weights, n, expected="weights ≥ 0"):
    """Weights (n,) of a number or an array (n,); finite and ≥ 0."""
    array = float64_array(label, weights)
    if array.ndim == 0:
        array = np.full(n, float(array))
    array = float64_array(label, array, shape=(n,))
    if np.any(array < 0.0):
        i = int(np.flatnonzero(array < 0.0)[0])
        raise ValueError(f"{label} has {array[i]:g} at index {i}; expected {expected}.")
    return array


def _of_sigma(label, sigma, weights):
    """1/σ² (n,), 0 where the weight is."""
    if ((weights != 1.0) & (weights != 0.0)).any():
        raise ValueError(f"weights and sigma are both given for {label}; expected one of them, as sigma "
                         "stands for the weights 1/sigma².")
    sigma = spread(f"sigma of {label}", sigma, len(weights), "sigma > 0")
    bad = np.flatnonzero(sigma <= 0.0)
    if bad.size:
        raise ValueError(f"sigma of {label} has {sigma[bad[0]]:g} at index {int(bad[0])}; expected "
                         "numbers > 0. A reading is left out by the weight 0.")
    return weights / sigma ** 2


def own(array):
    """A read-only float64 array of its own."""
    return frozen(np.array(array, dtype=np.float64))


def _require_values(label, values, used):
    """The entries in use are finite; the message tells how NaN may be left out."""
    checked = np.where(used, values, 0.0)
    try:
        require_finite(label, checked)
    except ValueError as error:
        hint = ("Infinite values are never dropped." if not np.isnan(checked).any() else
                "Missing values are left out with missing='drop', or by weights of 0.")
        raise type(error)(f"{error} {hint}") from None
