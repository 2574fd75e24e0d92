"""Gradient-based scaling (Wächter and Biegler 2006, section 3.8), and upwards for tiny objectives."""

import numpy as np

from pcl.errors import TrialFailure
from pcl.interior_point.program import row_maxima

_LARGEST = 100.0    # g_max
_SMALLEST_SCALE, _LARGEST_SCALE = 1e-8, 1e20
_STEP = 1e-4        # relative step of `tiny_curvature`
_TINY = 1.0         # an objective whose gradient and curvature are below is scaled up to it


def scales(scaling, g, rows, curvature):
    """(s_f, s_c): min(1, 100/‖∇f‖∞), min(1, 100/‖∇c_j‖∞), not below 1e-8; ones for scaling="none".

    rows (m,): ‖∇c_j‖∞ at the start; curvature: ‖∇²f‖ there or None. Departure from the paper: an
    objective that is tiny in gradient and curvature is scaled up, else the tolerance would hold at the
    start.
    """
    if scaling == "none":
        return 1.0, np.ones(rows.size)
    largest = float(np.abs(g).max(initial=0.0))
    s_f = _limited(largest)
    size = max(largest, curvature or 0.0)
    if 0.0 < size < _TINY and curvature is not None:
        s_f = min(_TINY / size, _LARGEST_SCALE)
    return s_f, np.maximum(_LARGEST / np.maximum(rows, _LARGEST), _SMALLEST_SCALE)


def _limited(largest):
    return max(_LARGEST / largest, _SMALLEST_SCALE) if largest > _LARGEST else 1.0


def curvature(W):
    """‖∇²f‖ as the largest row maximum of W."""
    return float(row_maxima(W).max(initial=0.0))


def tiny_curvature(program, x, g, bounds):
    """‖∇f(x + s) − ∇f(x)‖∞/‖s‖∞ along one direction where ∇f is tiny; None elsewhere, or not finite."""
    largest = float(np.abs(g).max(initial=0.0))
    if not 0.0 < largest < _TINY:
        return None
    s = np.where(g > 0.0, -1.0, 1.0) * _STEP * np.maximum(1.0, np.abs(x))
    s = np.clip(x + s, bounds[0], bounds[1]) - x
    length = float(np.abs(s).max(initial=0.0))
    try:
        with np.errstate(all="ignore"):
            change = np.abs(np.asarray(program.gradient(x + s), dtype=np.float64) - g).max()
    except TrialFailure:
        return None
    return float(change) / length if length > 0.0 and np.isfinite(change) else None
