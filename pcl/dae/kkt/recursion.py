"""States along chains of elements: x_e = r_e + S_{e−1} x_{e−1}, as one banded triangular system."""

import numpy as np
from scipy.linalg import lapack


class Recursion:
    """A x = r with A = I − (S_{e−1} below the diagonal), and its transpose.

    Parameters
    ----------
    step : (E, n, n), S_e
    coupled : bool (E,), whether x_e follows from x_{e−1}; False at the head of a chain
    """

    def __init__(self, step, coupled):
        E, n = step.shape[:2]
        self._shape = (E, n)
        self._band = np.zeros((2 * n, E * n), order="F")
        if n and E > 1:
            row, column = np.indices((n, n))
            below = np.where(coupled[1:, None, None], -step[:-1], 0.0)
            self._band[n + row - column, column + n * np.arange(E - 1)[:, None, None]] = below

    def solve(self, r):
        """x (E, n) of r (E, n)."""
        return self._solved(r, b"N")

    def solve_transposed(self, r):
        """y (E, n) with y_e = r_e + S_eᵀ y_{e+1}."""
        return self._solved(r, b"T")

    def _solved(self, r, trans):
        if not r.size:
            return r
        x, _ = lapack.dtbtrs(self._band, r.reshape(-1, 1), uplo=b"L", trans=trans, diag=b"U")
        return x.reshape(self._shape)
