"""Sparse LU factorisation by SuperLU, which SciPy brings."""

import functools
import threading
import weakref

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from pcl.errors import SingularMatrix
from pcl.execute import threads
from pcl.factor.dense_blocks import DenseBlocks
from pcl.support import clock
from pcl.support.arrays import with_data
from pcl.support.types import Array

# Right-hand sides that are solved for at a time: more of them leave the cache (measured on
# 10,000 unknowns and 921 right-hand sides: 16 to 32 columns are 2.5 times faster than all).
COLUMNS = 24

# Right-hand sides from which on the factors are worth being written out in dense blocks (that takes the
# time of 150 to 200 of them), and how many go through these at a time.
MANY, TOGETHER = 256, 256

# Unknowns up to which the order of a symmetric pattern is kept: it costs one more factorisation at first.
KEPT = 20_000


class SuperLU:
    """A = P_r L U P_c; any square matrix.

    A symmetric one is ordered by the degrees of A + Aᵀ and keeps its diagonal pivots down to a
    thousandth of the column, which halves the fill; that is stable for positive definite matrices.
    """

    def __init__(self, matrix, symmetric, order=None):
        """`order` is that of a symmetric matrix with the same pattern; it saves a third of the time.

        Small matrices are factorised in it from the first one on, so that every factorisation of a
        matrix has the same bits.
        """
        if symmetric and order is None and matrix.shape[0] <= KEPT:
            order = Order(_factors(matrix, "MMD_AT_PLUS_A").perm_c)
        self._order, spec = order, None
        if symmetric:
            spec = "NATURAL" if order else "MMD_AT_PLUS_A"
        self._lu = _factors(order.reordered(matrix) if order else matrix, spec)
        self.entries = self._lu.nnz
        self.nbytes = 12 * self.entries  # a value and a row number an entry of L and U
        self.again = functools.partial(SuperLU, symmetric=symmetric, order=order)

    def solve(self, b: Array, transpose: bool) -> Array:
        with threads.single():
            if b.ndim == 2 and b.shape[1] >= MANY:
                return _written_out(self, self._lu, self._order).solve(b, transpose)
            if self._order is None:
                return self._solve(b, "T" if transpose else "N")
            x = np.empty(b.shape)
            x[self._order.numbers] = self._solve(b[self._order.numbers], "T" if transpose else "N")
            return x

    def _solve(self, b, trans):
        if b.ndim == 1:
            return self._lu.solve(b, trans)
        x = np.empty(b.shape)
        for start in range(0, b.shape[1], COLUMNS):
            clock.look()
            columns = slice(start, start + COLUMNS)
            x[:, columns] = self._lu.solve(np.asfortranarray(b[:, columns]), trans)
        return x

    def estimate(self, b: Array) -> Array:
        return self.solve(b, False)


def _factors(matrix, spec):
    """SciPy's factors of a symmetric matrix ordered by `spec`, of any other where that is None."""
    options = {} if spec is None else dict(permc_spec=spec, diag_pivot_thresh=0.001,
                                           options=dict(SymmetricMode=True))
    try:
        with threads.single():
            return spla.splu(matrix, **options)
    except RuntimeError as error:
        raise SingularMatrix(f"the matrix is singular (SuperLU: {error}).") from error


class Order:
    """The order of the unknowns of symmetric matrices with one pattern, to be used again.

    Attributes
    ----------
    places, numbers : ndarray (n,), the new place of each unknown, and which unknown is at each place
    """

    def __init__(self, places):
        self.places, self.numbers = places, np.argsort(places)
        self._taken = None                  # the pattern in this order, and where its entries come from

    def reordered(self, matrix):
        """P A Pᵀ, the entries of a CSC array in this order."""
        if self._taken is None:
            numbered = with_data(matrix, np.arange(matrix.nnz))
            pattern = sp.csc_array(numbered[self.numbers][:, self.numbers])
            pattern.sort_indices()
            self._taken = pattern, pattern.data.astype(np.int32)
        pattern, entries = self._taken
        return with_data(pattern, matrix.data[entries])


class _WrittenOut:
    """The factors in dense blocks: L as it is, U by its transpose."""

    def __init__(self, lu, order):
        self._lower, self._upper = DenseBlocks(lu.L), DenseBlocks(lu.U.T)
        self._rows, self._columns = lu.perm_r, lu.perm_c
        if order is not None:
            self._rows, self._columns = self._rows[order.places], self._columns[order.places]

    def solve(self, b, transpose):
        x = np.empty(b.shape)

        def columns(start):
            clock.look()
            part = slice(start, start + TOGETHER)
            x[:, part] = self._solve(b[:, part], transpose)
        for _ in threads.ordered(columns, range(0, b.shape[1], TOGETHER)):
            pass
        return x

    def _solve(self, b, transpose):
        """P_r A P_c = L U, P_r and P_c taking row i to rows[i] and columns[i]."""
        first, last = (self._columns, self._rows) if transpose else (self._rows, self._columns)
        x = np.empty(b.shape)
        x[first] = b
        if transpose:
            self._upper.forward(x)
            self._lower.backward(x)
        else:
            self._lower.forward(x)
            self._upper.backward(x)
        return x[last]


# Of the last factorisation alone: it holds several times the memory of the sparse factors.
_latest: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def _written_out(factorisation, lu, order):
    """The dense blocks of a factorisation, kept until those of another one are asked for."""
    with _lock:
        found = _latest.get(factorisation)
        if found is None:
            _latest.clear()
            found = _latest[factorisation] = _WrittenOut(lu, order)
    return found
