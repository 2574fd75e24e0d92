"""The entries of a sparse matrix: sums and maxima by rows and columns, symmetry, null spaces."""

import functools

import numpy as np
import scipy.sparse as sp

from pcl.errors import SingularMatrix

# Row sums this small against Σ|a_ij| mean that constants are in the null space.
ROUNDING = 1e-12

# Null vectors that are given at most.
MOST = 8

# Largest |a_ij − a_ji| of a symmetric matrix, relative to the rows and columns that it joins.
ASYMMETRY = 1e-14


class Entries:
    """The entries of a CSC array as plain arrays: row i, column j, value, size |value|."""

    def __init__(self, matrix):
        self.matrix, self.n = matrix, matrix.shape[0]
        self.i, self.value = matrix.indices, matrix.data
        self.size = np.abs(self.value)

    @functools.cached_property
    def j(self):
        return np.repeat(np.arange(self.n, dtype=self.i.dtype), np.diff(self.matrix.indptr))

    @functools.cached_property
    def absolute(self):
        """|A|, sharing the pattern."""
        return sp.csc_array((self.size, self.i, self.matrix.indptr), shape=self.matrix.shape)

    def row_sums(self, weights):
        """Σ_j of `weights`, given entry by entry."""
        return np.bincount(self.i, weights, self.n)

    def largest(self, entries, number):
        """The largest of the entries that share a number; 1 instead of 0."""
        largest = np.zeros(self.n)
        np.maximum.at(largest, number, entries)
        return np.where(largest > 0.0, largest, 1.0)

    def is_symmetric(self):
        """Whether A = Aᵀ up to the rounding of an assembly: relative to the rows an entry joins."""
        matrix, by_rows, i = self.matrix, self.matrix.tocsr(), self.i
        if np.array_equal(by_rows.indptr, matrix.indptr) and np.array_equal(by_rows.indices, i):
            difference = by_rows.data - self.value
            unequal = np.flatnonzero(difference)
            i, j, difference = i[unequal], self.j[unequal], difference[unequal]
        else:  # the patterns differ, perhaps by stored zeros only
            unmatched = (matrix - matrix.T).tocoo()
            (i, j), difference = unmatched.coords, unmatched.data
        rows = np.sqrt(self.largest(self.size, self.i))
        return bool(np.all(np.abs(difference) <= ASYMMETRY * rows[i] * rows[j]))

    def explain_null_space(self):
        """Raise SingularMatrix naming the unknown or the component, where the cause can be seen."""
        size = self.row_sums(self.size)
        empty = np.flatnonzero(size == 0.0)
        if empty.size:
            raise SingularMatrix(f"row {empty[0]} of the {self.n}×{self.n} matrix is zero: this unknown "
                                 "is in no equation.")
        balanced = np.abs(self.row_sums(self.value)) <= ROUNDING * size
        if not balanced.any():
            return
        count, component = sp.csgraph.connected_components(self.matrix, directed=False)
        free = np.flatnonzero(np.bincount(component, ~balanced, minlength=count) == 0)
        if free.size:
            parts = component[:, None] == free[:MOST]
            first = int(np.flatnonzero(parts[:, 0])[0])
            raise SingularMatrix(
                f"singular: component {free[0]} of {count} (the one with unknown {first}) has no "
                "Dirichlet value, so its solution is known only up to a constant. Prescribe a value on "
                "it.", null_space=parts / np.sqrt(parts.sum(axis=0)))
