"""What is known of the matrices of one pattern, and how the next one is judged with little work.

A matrix whose pattern is new is judged in full (`pcl.factor.checked`). Those that follow, at every θ of a
training and every step of a march, are spot-checked: entries finite, symmetry entry by entry, the
backward error and an estimate of the condition from one solve, in the scaling that was found last. The
full judgement is asked for again where the estimate has worsened by `MOVED`, the backward error is not
that of a stable factorisation, the symmetry is lost, or the factorisation fails.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from pcl.factor.entries import ASYMMETRY
from pcl.factor.factorisation import Factorisation
from pcl.support.arrays import with_data
from pcl.support.types import Array

# How much smaller the estimated reciprocal condition may become before everything is looked at again.
MOVED = 0.1


class Judged(NamedTuple):
    """A full judgement.

    make : function of a matrix -> Factorisation, as that of the judged one was made
    symmetric : whether it takes the matrix to be symmetric
    accurate : float, backward error that a solve must reach; inf where the solver sees to it itself
    rcond : float, estimated reciprocal condition
    rows, cols : scales (n,) of rows and columns
    """

    make: Callable[..., Factorisation]
    symmetric: bool
    accurate: float
    rcond: float
    rows: Array
    cols: Array


class Watch:
    """The pattern of a CSC array.

    Attributes
    ----------
    judged : the last full judgement of a matrix with this pattern; None before the first
    """

    def __init__(self, matrix):
        self._pattern = sp.csc_array((np.arange(matrix.nnz), matrix.indices, matrix.indptr),
                                     shape=matrix.shape)
        self.judged: Judged | None = None

    def factor(self, matrix, probe, least):
        """The factorisation of a matrix of this pattern, None if it has to be judged in full.

        `probe` (n,) is a vector of random signs and sizes, `least` the reciprocal condition below which a
        matrix is looked at in full.
        """
        judged = self.judged
        if judged is None or judged.symmetric and not self._is_symmetric(matrix.data):
            return None
        factor = judged.make(matrix)
        with np.errstate(all="ignore"):
            return factor if _agrees(judged, matrix, factor, probe, least) else None

    def _is_symmetric(self, data):
        """As `Entries.is_symmetric`, by the pattern's mirror."""
        if self._mirror is None:
            return False
        mirrored = data[self._mirror]
        if np.array_equal(data, mirrored):
            return True
        i, j = self._places
        largest = np.sqrt(np.maximum.reduceat(np.abs(data), self._pattern.indptr[:-1]))
        return bool(np.all(np.abs(data - mirrored) <= ASYMMETRY * largest[i] * largest[j]))

    @functools.cached_property
    def _mirror(self):
        """The number of entry (j, i) for each entry (i, j); None without it, or with an empty column."""
        pattern = self._pattern
        if not np.all(np.diff(pattern.indptr)):
            return None
        by_rows = pattern.tocsr()
        same = (np.array_equal(by_rows.indptr, pattern.indptr)
                and np.array_equal(by_rows.indices, pattern.indices))
        return by_rows.data if same else None

    @functools.cached_property
    def _places(self):
        """Row and column of each entry."""
        n = self._pattern.shape[1]
        return self._pattern.indices, np.repeat(np.arange(n), np.diff(self._pattern.indptr))


def _agrees(judged, matrix, factor, probe, least):
    """Whether one solve shows the condition that was judged, and a backward error that is small."""
    b = judged.rows * probe
    x = factor.estimate(b)
    absolute = with_data(matrix, np.abs(matrix.data))
    norms, sizes = (absolute @ np.stack([1.0 / judged.cols, np.abs(x)], axis=1)).T
    inverse = np.abs(judged.cols * x).max() / np.abs(probe).max()
    if not 1.0 / ((norms / judged.rows).max() * inverse) > max(MOVED * judged.rcond, least):
        return False
    if judged.accurate == np.inf:
        return True
    error = np.abs(matrix @ x - b).max() / (sizes + np.abs(b)).max()
    return bool(error <= judged.accurate)
