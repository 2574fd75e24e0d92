"""Bases that are wide and cheap to make again: the Jacobians of networks, in blocks of points."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from pcl.tangent import Identity

# Entries of one block of the Jacobian: 8 MB, which stays in the cache while it is used.
BLOCK_ENTRIES = 1_000_000


class StreamedBase:
    """B = J Π with J (size, n_parameters) made block by block, Π the tangent of the parameters.

    Parameters
    ----------
    rhs : Tangent
        Π over earlier bases.
    size, n_parameters : int
    rows_per_point : int
    blocks : function points_per_block -> iterator of (first point, last point, rows of J)
    forward, transposed : functions x -> J x and y -> Jᵀ y

    Attributes
    ----------
    columns : slice or ndarray
        Π itself, set by the sweep that uses the base: a slice of θ or a dense matrix.
    """

    columns = None

    def __init__(self, rhs, shape, rows_per_point, blocks, forward, transposed):
        self.rhs = rhs
        self.size, self.n_parameters = shape
        self.forward, self.transposed = forward, transposed
        self._rows_per_point, self._blocks = rows_per_point, blocks
        self._points = max(1, BLOCK_ENTRIES // (self.n_parameters * rows_per_point))

    def blocks(self):
        """(start, stop, J[start:stop]) for all rows."""
        for first, last, J in self._blocks(self._points):
            yield first * self._rows_per_point, last * self._rows_per_point, J

    def add_products(self, pairs):
        """out += L B for each (out, L); the Jacobian passes by once."""
        in_place = isinstance(self.columns, slice)
        factors = [_ColumnBlocks(L) for _, L in pairs]
        products = [out[:, self.columns] if in_place else np.zeros((len(out), self.n_parameters))
                    for out, _ in pairs]
        for start, stop, J in self.blocks():
            for product, factor in zip(products, factors):
                factor.add(product, start, stop, J)
        if not in_place:
            for (out, _), product in zip(pairs, products):
                out += product @ self.columns

    def add_gram(self, middle, Q):
        """Q += Bᵀ middle B for a sparse middle that couples no two blocks; else returns False."""
        step = self._points * self._rows_per_point
        if not sp.issparse(middle):
            return False
        coo = middle.tocoo()
        if np.any(coo.coords[0] // step != coo.coords[1] // step):
            return False
        middle = middle.tocsr()
        gram = np.zeros((self.n_parameters, self.n_parameters))
        for start, stop, J in self.blocks():
            gram += J.T @ (middle[start:stop, start:stop] @ J)
        if isinstance(self.columns, slice):
            Q[self.columns, self.columns] += gram
        else:
            Q += self.columns.T @ gram @ self.columns
        return True


class _ColumnBlocks:
    """A factor L whose blocks of columns are multiplied one after the other."""

    def __init__(self, L):
        if isinstance(L, LinearOperator):
            L = L @ np.eye(L.shape[1])
        self.identity = isinstance(L, Identity)
        self.sparse = sp.issparse(L)
        self.L = L.tocsc() if self.sparse else L

    def add(self, out, start, stop, J):
        """out += L[:, start:stop] J; only the rows that L touches are written."""
        if self.identity:
            out[start:stop] += J
        elif not self.sparse:
            out += self.L[:, start:stop] @ J
        else:
            first, last = self.L.indptr[start], self.L.indptr[stop]
            rows, local = np.unique(self.L.indices[first:last], return_inverse=True)
            indptr = self.L.indptr[start:stop + 1] - first
            block = sp.csc_array((self.L.data[first:last], local, indptr),
                                 shape=(len(rows), stop - start))
            out[rows] += block.tocsr() @ J
