"""Covariances of stationary Gaussian processes: how alike a function is at two places."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from scipy.spatial.distance import cdist

from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array, known, positive_number

# k(s) with e = exp(−s), or exp(−s²/2); Rasmussen and Williams, 2006, eqs. 4.9 and 4.17
_KERNELS: dict[str, tuple[float, Callable[[Any, Any], Any]]] = {
    "matern32": (3.0 ** 0.5, lambda s, exp: (1.0 + s) * exp(-s)),
    "matern52": (5.0 ** 0.5, lambda s, exp: (1.0 + s + s * s / 3.0) * exp(-s)),
    "squared exponential": (1.0, lambda s, exp: exp(-0.5 * s * s)),
}

JITTER = 1e-8   # of the variance, added to the diagonal: an independent deviation of 1e-4 of the whole


class Kernel:
    """Cov(f(x), f(x')) = deviation² k(|x − x'|/length), k(0) = 1, at fixed points.

    Parameters
    ----------
    name : "matern32", "matern52" or "squared exponential"
        Once, twice, or infinitely often differentiable functions.
    points : (q,) or (q, d) array

    Attributes
    ----------
    points : ndarray (q, d)
    """

    def __init__(self, name: str, points: ArrayLike):
        self._factor, self._k = _KERNELS[known("kernel", name, _KERNELS)]
        self.points = coordinates(points)
        self._distance = cdist(self.points, self.points)

    def __call__(self, length: Any, exp: Callable = np.exp) -> Any:
        """The correlations k (q, q); with `tf.exp` for a tensor `length`."""
        return self._k(self._factor * self._distance / length, exp)

    def with_jitter(self, length: Any, exp: Callable = np.exp) -> Any:
        """k + JITTER · 1, positive definite also where points are very close."""
        return self(length, exp) + JITTER * np.eye(len(self.points))

    @property
    def extent(self) -> float:
        """The largest distance of two points."""
        return float(self._distance.max())


def factor(covariance: Array) -> Array:
    """The lower L with L Lᵀ = covariance; a ValueError that says why there is none."""
    try:
        return scipy.linalg.cholesky(covariance, lower=True)
    except np.linalg.LinAlgError as error:
        least = float(scipy.linalg.eigvalsh(covariance)[0])
        raise ValueError(f"the covariance at the {len(covariance)} points is not positive definite to "
                         f"rounding: its smallest eigenvalue is {least:.3g}. Take fewer points to a "
                         "length, or a rougher kernel.") from error


def coordinates(points: ArrayLike) -> Array:
    """`points` as (q, d), q ≥ 1."""
    array = float64_array("points", points)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or not array.size:
        raise ValueError(f"points has shape {array.shape}; expected (q,) or (q, d), q ≥ 1.")
    return array


def optional_positive(name: str, value: float | None) -> float | None:
    """`value` as a float > 0, or None."""
    return None if value is None else positive_number(name, value)
