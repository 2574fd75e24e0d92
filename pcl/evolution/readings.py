"""u between the steps of a march, from what its scheme knows there."""

import numpy as np
import tensorflow as tf

from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.validate import float64_array


class Readings:
    """Which times of a march to keep, and u at the asked times from them.

    Parameters
    ----------
    times : (N + 1,), of the march
    at : (m,) within them in any order, or None for all of them
    stencil : function (times, k, s) -> [(array, time, weight)]
        u at t_k + s (t_{k+1} − t_k) as a sum over kept arrays (0 is u) and times.

    Attributes
    ----------
    keep : ndarray, numbers of the times to keep
    n_arrays : int, how many arrays of the state are used
    """

    def __init__(self, times, at, stencil):
        at = times if at is None else float64_array("at", at, (None,))
        if not at.size:
            raise ValueError("at is empty; expected at least one time.")
        terms = [stencil(times, k, s) if 0.0 < s < 1.0 else [(0, k + int(s), 1.0)]
                 for k, s in zip(*_places(times, at))]
        self.keep = np.unique([k for row in terms for _, k, _ in row])
        self.n_arrays = 1 + max(a for row in terms for a, _, _ in row)
        self._weights = np.zeros((self.n_arrays, len(self.keep), len(at)))
        for j, row in enumerate(terms):
            for a, k, weight in row:
                self._weights[a, np.searchsorted(self.keep, k), j] += weight

    def of(self, *states):
        """u (…, at) from the kept arrays (…, keep)."""
        if self.n_arrays == 1 and np.array_equal(self._weights[0], np.eye(len(self.keep))):
            return states[0]
        shape = tuple(states[0].shape)
        result = 0.0
        for state, weights in zip(states, self._weights):
            columns = tf.transpose(tf.reshape(state, (-1, shape[-1])))
            result = result + LinearMap(weights.T) @ columns
        return tf.reshape(tf.transpose(result), (*shape[:-1], self._weights.shape[2]))


def _places(times, at):
    """(numbers k, fractions s): at = t_k + s h_k, s exactly 0 or 1 at a step up to rounding."""
    rounding = 8 * np.finfo(float).eps * np.abs(times).max()
    outside = np.flatnonzero((at < times[0] - rounding) | (at > times[-1] + rounding))
    if outside.size:
        raise ValueError(f"at[{outside[0]}] is {at[outside[0]]:.8g}, outside of the march from "
                         f"{times[0]:.8g} to {times[-1]:.8g}.")
    k = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    s = np.clip((at - times[k]) / (times[k + 1] - times[k]), 0.0, 1.0)
    near = np.abs(at - times[k + np.rint(s).astype(int)]) <= rounding
    return k, np.where(near, np.rint(s), s)


def linear(times, k, s):
    """(1 − s) u_k + s u_{k+1}: error of order h²."""
    return [(0, k, 1.0 - s), (0, k + 1, s)]


def parabola(times, k, s):
    """The parabola through t_{k−1}, t_k, t_{k+1} (t₀, t₁, t₂ in the first step): error of order h³."""
    if len(times) < 3:
        return linear(times, k, s)
    first = max(k - 1, 0)
    nodes, t = times[first:first + 3], times[k] + s * (times[k + 1] - times[k])
    weights = [np.prod([(t - b) / (a - b) for b in nodes if b != a]) for a in nodes]
    return [(0, first + i, weight) for i, weight in enumerate(weights)]
