"""Where the stored entries of W and J stand in the lower triangle of K, found once a pattern."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp


class Stored(NamedTuple):
    """The stored entries of a matrix as it came: its format, its index arrays, its values."""

    format: str
    indices: tuple
    data: np.ndarray

    def fits(self, pattern):
        """True if `pattern` (format, index arrays) is the pattern of these entries."""
        kind, indices = pattern
        return kind == self.format and all(
            mine is kept or np.array_equal(mine, kept) for mine, kept in zip(self.indices, indices))


def stored(A: Any) -> Stored:
    """The entries of a sparse, dense or structured matrix without a conversion where it is CSC or CSR."""
    if not sp.issparse(A):
        A = sp.csc_array(A, dtype=np.float64) if isinstance(A, np.ndarray) else A.tocsc()
    elif A.format not in ("csc", "csr"):
        A = A.tocsc()
    return Stored(A.format, (A.indptr, A.indices), np.asarray(A.data, dtype=np.float64))


def _places(entries):
    """(row, column) of every entry, in the order of the values."""
    indptr, indices = entries.indices
    along = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    across = indices.astype(np.int64)
    return (across, along) if entries.format == "csc" else (along, across)


class Pattern:
    """Lower triangle of K as CSC with a fixed pattern: values are put in their slots, not sorted, again.

    Entries that W or J store twice are summed; the diagonal is always present. The pattern of a W serves
    W = None, too: least-squares multipliers between steps need no new analysis.

    Attributes
    ----------
    n, size, nnz : int, of W, of K, of its lower triangle
    row, col : int (nnz,), of every slot;  indptr : int (size + 1,)
    diagonal : int (size,), slots of the diagonal
    """

    def __init__(self, W: Stored | None, J: Stored, shape: tuple[int, int]):
        m, self.n = shape
        self.size = size = self.n + m
        self._W, self._J = _pattern(W), _pattern(J)
        row, col = _places(J)
        rows, cols = [row + self.n, np.arange(size)], [col, np.arange(size)]
        self._keep = np.zeros(0, dtype=np.int64)
        if W is not None:
            row, col = _places(W)
            self._keep = np.flatnonzero(row >= col)
            rows.append(row[self._keep])
            cols.append(col[self._keep])
        key = np.concatenate(cols) * size + np.concatenate(rows)
        unique, slot = np.unique(key, return_inverse=True)
        self.col, self.row = np.divmod(unique, max(size, 1))
        self.nnz = unique.size
        self.indptr = np.searchsorted(self.col, np.arange(size + 1))
        in_J, self.diagonal, in_W = np.split(slot, [J.data.size, J.data.size + size])
        self._put = [_Slots(in_J), _Slots(in_W)]
        self._held: np.ndarray | None = None
        self._gone = np.zeros(0, dtype=np.int64)

    def fits(self, W: Stored | None, J: Stored) -> bool:
        """True if W and J have the stored entries this pattern was made of; W = None fits any W."""
        return (W is None or (self._W is not None and W.fits(self._W))) and J.fits(self._J)

    def values(self, W: Stored | None, J: Stored) -> np.ndarray:
        """Entries of K without the two diagonals, by slot."""
        values = np.zeros(self.nnz)
        self._put[0].add(values, J.data)
        if W is not None:
            self._put[1].add(values, W.data[self._keep])
        return values

    def touched(self, held: np.ndarray) -> np.ndarray:
        """Slots of the rows and columns that are held, a mask (size,); kept for the next call."""
        if self._held is None or not np.array_equal(held, self._held):
            self._held, self._gone = held, np.flatnonzero(held[self.row] | held[self.col])
        return self._gone

    def scale(self, values: np.ndarray) -> np.ndarray:
        """S = diag(1, 1/max_i |J_ji|) (n + m,): rows of J in units of their own; 1 for a row of zeros."""
        largest, rows = np.zeros(self.size), (self.row >= self.n) & (self.col < self.n)
        np.maximum.at(largest, self.row[rows], np.abs(values[rows]))
        return 1.0 / np.where(largest > 0.0, largest, 1.0)


class _Slots:
    """Adds values to slots; by assignment where no slot comes twice (W and J share none)."""

    def __init__(self, slots):
        self._slots, self._once = slots, bool(np.bincount(slots).max(initial=0) <= 1)

    def add(self, values, data):
        if self._once:
            values[self._slots] = data
        else:
            np.add.at(values, self._slots, data)


def _pattern(entries):
    return None if entries is None else (entries.format, entries.indices)
