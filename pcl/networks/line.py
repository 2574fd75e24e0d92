"""Interpolation of smooth functions of one coordinate, from Chebyshev nodes to points that move.

    f(x_q) = Σ_j T_j(t_q) c_j,   c = C f(x_c),   t = −1 … 1 from the least to the largest x

C is the discrete cosine transform of the Chebyshev points of the first kind, T_j come by the products
T_{m+j} = 2 T_m T_j − T_{m−j}, which double their number.

Source: L. N. Trefethen, "Approximation Theory and Approximation Practice", SIAM (2013), chapters 3 and 4.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from pcl.networks.interpolation import chebyshev


@functools.cache
def transform(d: int) -> np.ndarray:
    """C (d, d): the coefficients of the polynomial through values at the d Chebyshev points."""
    angle = (2 * np.arange(d)[::-1] + 1) * np.pi / (2 * d)
    C = 2.0 / d * np.cos(np.arange(d)[:, None] * angle)
    C[0] *= 0.5
    return C


def polynomials(t: np.ndarray, d: int) -> np.ndarray:
    """T_j(t_q) (d, q)."""
    T = np.empty((d, len(t)))
    T[0] = 1.0
    if d > 1:
        T[1] = t
    m = 1
    while m + 1 < d:
        n = min(m, d - 1 - m)
        above = T[m + 1:m + 1 + n]
        np.multiply(T[1:n + 1], T[m], out=above)
        above *= 2.0
        above -= T[m - 1::-1][:n]
        m += n
    return T


def chebyshev_points(lower: float, upper: float, d: int) -> np.ndarray:
    """The d Chebyshev points (d, 1) of [lower, upper]."""
    return (lower + 0.5 * (upper - lower) * (1.0 + chebyshev(d)[0]))[:, None]


def placed(x: np.ndarray, lower: float, upper: float) -> np.ndarray:
    """t of x, in [−1, 1]; 0 where there is one point."""
    width = upper - lower
    return np.clip(2.0 * (x - lower) / width - 1.0, -1.0, 1.0) if width > 0.0 else np.zeros(len(x))


class Line:
    """Π = Tᵀ C (q, d) between the nodes and points t (q,) in [−1, 1], all of them one box.

    Parameters
    ----------
    weights : (q,), optional
        diag(weights) Π in the place of Π.
    """

    def __init__(self, t, d, T=None, weights=None):
        self.n_points, self.d, self._t, self._weights = len(t), d, t, weights
        self._T = polynomials(t, d) if T is None else T
        self.points = np.arange(len(t))

    def times(self, weights: np.ndarray) -> Line:
        """diag(weights) Π."""
        return Line(self._t, self.d, self._T, weights)

    def values(self, f: np.ndarray) -> np.ndarray:
        """Π f (q, m) of f (d, m)."""
        found = ((transform(self.d) @ f).T @ self._T).T
        return found if self._weights is None else self._weights[:, None] * found

    def adjoint(self, bar: np.ndarray) -> np.ndarray:
        """Πᵀ ȳ (d, m) of ȳ (q, m)."""
        bar = bar if self._weights is None else self._weights[:, None] * bar
        return transform(self.d).T @ (self._T @ bar)

    @functools.cached_property
    def _matrix(self):
        return self.values(np.eye(self.d))

    # --- as one box of an interpolation ---------------------------------------------------------
    def matrix(self, box: Line) -> np.ndarray:
        """Π."""
        return self._matrix

    def stripes(self) -> list:
        """The box, alone."""
        return [[self]]

    def in_boxes(self, f: np.ndarray, boxes: list) -> Iterator:
        """Yields (box, f)."""
        return ((box, f) for box in boxes)
