"""The common pattern of a sum of structures, and maps from coefficients to its entries."""

import functools

import numpy as np
import scipy.sparse as sp

from pcl.engine.second.patterns import PATTERNS
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import digest, with_data

# Coefficients whose entries are numbered at a time: 20 to 100 MB of temporaries.
BLOCK = 2 ** 17


class Pattern:
    """The common pattern of Σ_j A_j(c_j) and the maps from coefficients to its entries.

    `rows`, `cols` number the entries by compressed columns; entry values are Σ_j maps[j] c_j.
    """

    def __init__(self, structures):
        self.shape = structures[0].shape
        pattern = sum((s.pattern() for s in structures[1:]), structures[0].pattern())
        pattern.sort_indices()
        self.indices, self.indptr = (a.astype(np.int32) for a in (pattern.indices, pattern.indptr))
        self.rows = self.indices.astype(np.int64)
        self.cols = np.repeat(np.arange(self.shape[1]), np.diff(self.indptr))
        keys = self._keys(self.rows, self.cols)
        self.maps = [self._map(s, keys) for s in structures]
        self._last: tuple = (), ()

    def _map(self, structure, keys):
        """From the coefficient of a structure to the entries, by blocks that bound the memory."""
        ends = np.concatenate([[0], np.cumsum(structure.entry_counts())])
        slot, weight = np.empty(ends[-1], dtype=np.int32), np.empty(ends[-1])
        for start in range(0, structure.size, BLOCK):
            stop = min(start + BLOCK, structure.size)
            piece = slice(ends[start], ends[stop])
            rows, cols, weight[piece] = structure.entries(start, stop)
            slot[piece] = np.searchsorted(keys, self._keys(rows, cols))
        result = sp.csc_array((weight, slot, _short(ends)), shape=(len(keys), structure.size))
        result.sum_duplicates()
        return result

    def _keys(self, rows, cols):
        """Numbers that order entries by compressed columns."""
        return cols.astype(np.int64) * self.shape[0] + rows

    def matrix(self, coefficients):
        """Σ_j A_j(c_j) as a CSC array."""
        first, *others = (m @ c for m, c in zip(self.maps, coefficients))
        for data in others:
            first += data
        return self.with_values(first)

    def identified(self, coefficients):
        """(matrix, key of the pattern, key of the entries); for the same arrays the same ones as last."""
        last = self._last
        if len(last[0]) != len(coefficients) or any(a is not b for a, b in zip(last[0], coefficients)):
            matrix = self.matrix(coefficients)
            self._last = last = coefficients, (matrix, self.key, digest(matrix.data))
        return last[1]

    @functools.cached_property
    def key(self):
        """A key that is equal for equal patterns."""
        return self.shape, digest(self.indices, self.indptr)

    @functools.cached_property
    def linear_maps(self):
        """`maps` as differentiable operations."""
        return [LinearMap(m) for m in self.maps]

    def with_values(self, data):
        """The CSC array with the entries `data` in this pattern."""
        return with_data(self._template, data)

    @functools.cached_property
    def _template(self):
        like = sp.csc_array((np.ones(len(self.indices)), self.indices, self.indptr), shape=self.shape)
        like.has_canonical_format = True
        return PATTERNS.add(like)


def pattern_of(structures):
    """The pattern of a sum of structures, built once and kept for as long as all of them live."""
    first, *others = structures
    return first._patterns.kept(others, lambda: Pattern(structures))


def _short(numbers):
    """Ascending numbers as int32 where they fit."""
    return numbers.astype(np.int32) if numbers[-1] < 2 ** 31 else numbers
