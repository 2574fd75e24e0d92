"""A⁻¹ from the factor of a matrix near A, refined with A itself."""

from collections.abc import Callable
from operator import matmul
from typing import Any

import numpy as np

from pcl.factor.cache import Factor
from pcl.support.arrays import with_data
from pcl.support.sparse import times_transposed
from pcl.support.types import Array

# Columns that are refined in all: after these A is factorised, which costs as much as 20 to 50 of them.
FEW = 8

# What each correction must leave of the backward error, at least: more than 14 are dearer than a factor.
LEFT = 0.1

# Backward error that ends the refinement, and that it may end with where it gets no smaller. The second
# is what a factorisation of A would be accepted with (`pcl.factor.checked.ACCURATE`).
ROUNDING, ACCURATE = 5e-16, 1e-14


class Near:
    """A⁻¹ as a value, by x ← x + N⁻¹(b − A x) with N⁻¹ the factor of a matrix near A.

    As `pcl.factor.cache.Factor`, and as accurate: the corrections end where every row of the residual is

        |b − A x|_i ≤ ε (|A||x| + |b|)_i,    ε rounding  (Oettli and Prager).

    Where they do not shrink tenfold each, so that A may be anything, singular too, or after a few
    columns A is factorised itself, by `new`, with all its checks.

    Parameters
    ----------
    factor : Factor of N
    matrix : CSC array, A
    new : function () -> Factor of A
    """

    def __init__(self, factor: Factor, matrix: Any, new: Callable[[], Factor]):
        self._factor, self._matrix, self._new = factor, matrix, new
        self._size = with_data(matrix, np.abs(matrix.data))
        self._own: Factor | None = None
        self._columns = 0
        self.n, self.entries, self.nbytes = factor.n, factor.entries, matrix.data.nbytes

    def solve(self, b: Array, transpose: bool = False) -> Array:
        """A⁻¹ b or A⁻ᵀ b; raises what a factorisation of A does."""
        self._columns += 1 if b.ndim == 1 else b.shape[1]
        if self._own is None and self._columns <= FEW:
            x = self._refined(b, transpose)
            if x is not None:
                return x
        if self._own is None:
            self._own = self._new()
        return self._own.solve(b, transpose)

    def _refined(self, b, transpose):
        """The solution, or None where the corrections shrink too slowly."""
        product, x, before = times_transposed if transpose else matmul, np.zeros(b.shape), 1.0
        r = b
        while True:
            x = x + self._factor.solve(r, transpose)
            r = b - product(self._matrix, x)
            error = _largest(np.abs(r), product(self._size, np.abs(x)) + np.abs(b))
            if error <= ROUNDING:
                return x
            if not error <= LEFT * before:
                return x if error <= ACCURATE else None
            before = error


def _largest(r, size):
    """max r_i/size_i, where 0/0 is 0; NaN if one is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(r == 0.0, 0.0, r / size), initial=0.0))
