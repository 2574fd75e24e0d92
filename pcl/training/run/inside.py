"""θ moved into the box of its bounds."""

import numpy as np


def pushed_inside(theta, bounds, margin=0.0):
    """θ moved into the box, at least `margin` max(|bound|, 1) away from finite bounds.

    Where the box is narrower than two margins, its middle.
    """
    if bounds is None:
        return theta
    lower, upper = bounds
    finite = np.where(np.isfinite(lower), lower, 0.0), np.where(np.isfinite(upper), upper, 0.0)
    below, above = (margin * np.maximum(np.abs(side), 1.0) for side in finite)
    half = 0.5 * (upper - lower)
    return np.clip(theta, lower + np.minimum(below, half), upper - np.minimum(above, half))
