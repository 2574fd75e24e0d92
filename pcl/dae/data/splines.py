"""What smooth curves through the data leave: the misfit that no model has to beat."""

import numpy as np
from scipy.interpolate import make_smoothing_spline

_FEWEST = 5     # times that a smoothing spline needs


def left_by_splines(setting):
    """Σ ω (spline − observed)², a cubic smoothing spline for every observed variable of a trajectory, its
    smoothing by generalised cross-validation; 0 for variables with fewer than five times.

    Source: P. Craven and G. Wahba, Numer. Math. 31 (1979) 377–403, as in `scipy.interpolate`.
    """
    return sum(setting.factors[name] * _between(setting.data[k].events, t, values, omega)
               for k, name, t, values, omega in setting.data.observations())


def _between(events, t, values, omega):
    """The same of readings between the jumps of a trajectory, if they are enough everywhere."""
    piece = np.searchsorted(events, t)
    parts = [piece == k for k in np.unique(piece)]
    if any(len(np.unique(t[part])) < _FEWEST for part in parts):
        return _left(t, values, omega)
    return sum(_left(t[part], values[part], omega[part]) for part in parts)


def _left(t, values, omega):
    times, place = np.unique(t, return_inverse=True)
    count = np.bincount(place)
    mean = np.bincount(place, values) / count
    if times.size < _FEWEST or np.ptp(mean) == 0.0:
        return 0.0
    unit = np.ptp(times)
    try:
        spline = make_smoothing_spline(times / unit, mean / np.abs(mean).max(), count)
    except (ValueError, np.linalg.LinAlgError):     # no smoothing is found
        return 0.0
    left = float(omega @ (spline(t / unit) * np.abs(mean).max() - values) ** 2)
    return left if np.isfinite(left) else 0.0
