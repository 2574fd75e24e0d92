"""Products and sums of sparse matrices whose patterns are known: only the entries are computed.

The factors of a tangent come from a few constant patterns again and again, at every step of Newton's
method and of a march. What their products and sums look like is found once; then a product is a sum over
known pairs of entries, a sum two additions into known places.
"""

import threading
import weakref
from collections import defaultdict
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.support.arrays import with_data

_KINDS = sp.csr_array, sp.csc_array
MANY = 1_000_000        # pairs of entries of a product, of which two numbers each are kept


class Patterns:
    """Known patterns, by the array of their indices, held weakly; what is found goes with its factors."""

    def __init__(self):
        self._alive, self._found, self._keys = {}, {}, defaultdict(set)
        self._lock = threading.RLock()

    def add(self, matrix: Any) -> Any:
        """The matrix itself, its pattern known from now on if it is sorted and without duplicates."""
        key = id(matrix.indices) if type(matrix) in _KINDS else 0
        if key and key not in self._alive and _is_plain(matrix):
            with self._lock:
                self._alive[key] = weakref.ref(matrix.indices, lambda _: self._forget(key))
        return matrix

    def knows(self, matrix: Any) -> bool:
        """Whether the pattern of a matrix is known."""
        return (type(matrix) in _KINDS and id(matrix.indices) in self._alive
                and matrix.data.dtype == np.float64 and len(matrix.data) == len(matrix.indices))

    def product(self, a: Any, b: Any) -> Any:
        """a b; None if one of the patterns is not known."""
        if not (self.knows(a) and self.knows(b)):
            return None
        if self._is_diagonal(a):
            return with_data(b, b.data * a.data[self._places(b, 0)])
        if self._is_diagonal(b):
            return with_data(a, a.data * b.data[self._places(a, 1)])
        b = self.converted(b, a.format)
        first, second = (a, b) if a.format == "csr" else (b, a)     # (a b)ᵀ = bᵀ aᵀ
        like, *pairs = self._of("product", (a, b), lambda: _paired(a, b, first, second))
        if like is None:
            return None
        left, right, starts = pairs
        terms = first.data[left] * second.data[right]
        return with_data(like, np.add.reduceat(terms, starts) if starts.size else terms)

    def sum(self, a: Any, b: Any) -> Any:
        """a + b; None if one of the patterns is not known."""
        if not (self.knows(a) and self.knows(b)):
            return None
        b = self.converted(b, a.format)
        like, first, second = self._of("sum", (a, b), lambda: _added(a, b))
        data = np.zeros(like.nnz)
        data[first] = a.data
        data[second] += b.data
        return with_data(like, data)

    def converted(self, a: Any, form: str) -> Any:
        """a by rows ("csr") or by columns ("csc")."""
        if a.format == form or not self.knows(a):
            return a.asformat(form)
        like, order = self._of(form, (a,), lambda: _in_order(_numbered(a).asformat(form)))
        return with_data(like, a.data[order])

    def _is_diagonal(self, a):
        return self._of("diagonal", (a,), lambda: (_is_diagonal(a),))[0]

    def _places(self, a, axis):
        """Row (axis 0) or column (1) of each entry."""
        if (axis == 1) == (a.format == "csr"):
            return a.indices
        return self._of("places", (a,), lambda: (_numbers_of_parts(a),))[0]

    def _of(self, what, matrices, found):
        """What is kept of these patterns, a tuple, found once."""
        key = (what, *((a.format, id(a.indices), a.shape) for a in matrices))
        known = self._found.get(key)
        if known is None:
            known = found()
            self.add(known[0])
            with self._lock:
                for a in matrices:
                    self._keys[id(a.indices)].add(key)
                self._found[key] = known
        return known

    def _forget(self, number):
        with self._lock:
            self._alive.pop(number, None)
            for key in self._keys.pop(number, ()):
                self._found.pop(key, None)
                for _, other, _ in key[1:]:
                    if other != number and other in self._keys:
                        self._keys[other].discard(key)


def _is_plain(matrix):
    """Whether a matrix is sorted, without duplicates, and numbered by short integers."""
    short = matrix.indices.dtype == matrix.indptr.dtype == np.int32
    return short and bool(matrix.has_canonical_format)


def _numbered(a):
    """The numbers of the entries of a, from 1 on, in its pattern."""
    return with_data(a, np.arange(1.0, len(a.data) + 1.0))


def _in_order(numbered):
    """(the matrix sorted, which of its entries stands where), of one whose entries are their numbers."""
    numbered.sort_indices()
    return numbered, numbered.data.astype(np.int64) - 1


def _paired(a, b, first, second):
    """(the pattern of a b, which entries of first and second are multiplied, where each sum starts), the
    pairs in the order of the entries of a b, `first` and `second` read by rows; (None,) of too many."""
    n = b.shape[1] if a.format == "csr" else a.shape[0]
    counts = np.diff(second.indptr)[first.indices]
    if counts.sum() > MANY:
        return None,
    left = np.repeat(np.arange(len(first.indices)), counts)
    begin = second.indptr[first.indices] - (np.cumsum(counts) - counts)
    right = np.repeat(begin, counts) + np.arange(left.size)
    keys = _numbers_of_parts(first)[left].astype(np.int64) * n + second.indices[right]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    found = keys[starts]
    indptr = np.searchsorted(found, np.arange(len(first.indptr), dtype=np.int64) * n)
    like = type(a)((np.ones(found.size), (found % n).astype(np.int32), indptr.astype(np.int32)),
                   shape=(a.shape[0], b.shape[1]))
    return like, left[order], right[order], starts


def _added(a, b):
    """(a + b as ones, the places of the entries of a and of b in it)."""
    like = _ones(a) + _ones(b)
    like.sort_indices()
    keys = _keys(like)
    return like, np.searchsorted(keys, _keys(a)), np.searchsorted(keys, _keys(b))


def _ones(a):
    """The pattern of a with entries 1: nothing cancels."""
    return with_data(a, np.ones(len(a.data)))


def _numbers_of_parts(a):
    """Row (by columns: column) of each entry as it is stored."""
    return np.repeat(np.arange(len(a.indptr) - 1), np.diff(a.indptr))


def _keys(a):
    """Numbers that order the entries as they are stored."""
    return _numbers_of_parts(a) * a.shape[1 if a.format == "csr" else 0] + a.indices[:a.nnz]


def _is_diagonal(a):
    n = a.shape[0]
    return (a.shape == (n, n) and len(a.indices) == n and np.array_equal(a.indices, np.arange(n))
            and np.array_equal(a.indptr, np.arange(n + 1)))


PATTERNS = Patterns()
