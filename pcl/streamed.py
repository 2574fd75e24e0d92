"""Bases that are wide and cheap to make again: the Jacobians of networks, in blocks of points."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from pcl import clock, threads
from pcl.tangent import Identity

# Entries of one block of the Jacobian: 8 MB, which stays in the cache while it is used.
BLOCK_ENTRIES = 1_000_000


class StreamedBase:
    """B = J Π with J (size, n_parameters) made block by block, Π the tangent of the parameters.

    The blocks are made and multiplied by several threads, and added up in their order: the same bits
    come out for any number of them.

    Parameters
    ----------
    rhs : Tangent
        Π over earlier bases.
    shape : (size, n_parameters)
    rows_per_point : int
    rows : function (first point, last point) -> the rows of J that belong to them
    forward, transposed : functions x -> J x and y -> Jᵀ y
    second : function (y, x) -> Jᵀ y + ∇²⟨ȳ, net⟩ x with y perhaps None, for a plan's `curved` bases

    Attributes
    ----------
    columns : slice or ndarray
        Π itself, set by the sweep that uses the base: a slice of θ or a dense matrix.
    """

    columns = None

    def __init__(self, rhs, shape, rows_per_point, rows, forward, transposed, second=None):
        self.rhs = rhs
        self.size, self.n_parameters = shape
        self.forward, self.transposed, self.second = forward, transposed, second
        self._rows_per_point, self._rows = rows_per_point, rows
        self._step = max(1, BLOCK_ENTRIES // (self.n_parameters * rows_per_point)) * rows_per_point

    def blocks(self, function=lambda start, stop, J: (start, stop, J)):
        """function(start, stop, J[start:stop]) for consecutive blocks of rows, in order."""
        def block(start):
            clock.look()
            stop = min(start + self._step, self.size)
            J = self._rows(start // self._rows_per_point, stop // self._rows_per_point)
            return function(start, stop, J)
        return threads.ordered(block, range(0, self.size, self._step))

    def add_products(self, pairs):
        """out += L B for each (out, L); the Jacobian passes by once."""
        in_place = isinstance(self.columns, slice)
        factors = [_ColumnBlocks(L) for _, L in pairs]
        products = [out[:, self.columns] if in_place else np.zeros((len(out), self.n_parameters))
                    for out, _ in pairs]
        for terms in self.blocks(lambda *block: [factor.product(*block) for factor in factors]):
            for product, (rows, term) in zip(products, terms):
                product[rows] += term
        if not in_place:
            for (out, _), product in zip(pairs, products):
                out += product @ self.columns

    def add_gram(self, middle, Q):
        """Q += Bᵀ middle B for a sparse middle that couples no two blocks; else returns False."""
        if not sp.issparse(middle):
            return False
        coo = middle.tocoo()
        if np.any(coo.coords[0] // self._step != coo.coords[1] // self._step):
            return False
        middle = middle.tocsr()
        gram = sum(self.blocks(lambda start, stop, J: J.T @ (middle[start:stop, start:stop] @ J)))
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

    def product(self, start, stop, J):
        """(rows, L[rows, start:stop] J), where all other rows of the product are zero."""
        if self.identity:
            return slice(start, stop), J
        if not self.sparse:
            return slice(None), self.L[:, start:stop] @ J
        first, last = self.L.indptr[start], self.L.indptr[stop]
        rows, local = np.unique(self.L.indices[first:last], return_inverse=True)
        indptr = self.L.indptr[start:stop + 1] - first
        block = sp.csc_array((self.L.data[first:last], local, indptr), shape=(len(rows), stop - start))
        return rows, block.tocsr() @ J
