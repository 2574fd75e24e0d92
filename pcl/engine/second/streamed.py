"""Bases that are wide and cheap to make again: the Jacobians of networks, in blocks of points."""

import functools
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from pcl.engine.second.backward import without
from pcl.engine.second.columns import Columns
from pcl.engine.second.plan import Plan
from pcl.engine.second.tangent import Identity
from pcl.execute import threads
from pcl.execute.executor import Executor
from pcl.support import clock

# Entries of one block of the Jacobian: 8 MB, which stays in the cache while it is used.
BLOCK_ENTRIES = 1_000_000

# What the blocks are handed to.
EXECUTOR: Executor = threads


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
    pushforward, pullback : functions x -> J x and y -> Jᵀ y
    second, curvature : functions
        (y, x) -> Jᵀ y + C x with y perhaps None, and () -> C = ∇²⟨ȳ, net⟩, for a base that is curved.
    """

    def __init__(self, rhs, shape, rows_per_point, rows, pushforward, pullback, second=None,
                 curvature=None):
        self.rhs = rhs
        self.size, self.n_parameters = shape
        self.pushforward, self.pullback, self.second = pushforward, pullback, second
        self._curvature: Any = None if curvature is None else functools.cache(curvature)
        self._rows_per_point, self._rows = rows_per_point, rows
        self.step = max(1, BLOCK_ENTRIES // (self.n_parameters * rows_per_point)) * rows_per_point

    @property
    def stays(self):
        """Whether Π is of what stays: then J Π is made again where it is needed."""
        return all(base.stays for base in self.rhs.terms)

    def cost(self, p: int) -> tuple[float, float]:
        return 0, 0

    def forms(self) -> list:
        plan = Plan(0)
        plan.add_square(self.rhs, self._curvature())
        return plan.forms

    def columns(self, sweep: Any) -> Columns:
        return StreamedColumns(self, sweep.placed(self.rhs, self.n_parameters))

    def eliminated(self, forms: list) -> list:
        """For parameters that depend on a solve, or change within a recurrence: J in full."""
        if all(self not in (f.a, f.b) for f in forms):
            return forms
        J = np.concatenate([rows for _, _, rows in self.blocks()])
        return without(self, forms, self.rhs.left(J), Identity(self.size))

    def blocks(self, function=lambda start, stop, J: (start, stop, J)):
        """function(start, stop, J[start:stop]) for consecutive blocks of rows, in order."""
        def block(start):
            clock.look()
            stop = min(start + self.step, self.size)
            J = self._rows(start // self._rows_per_point, stop // self._rows_per_point)
            return function(start, stop, J)
        return EXECUTOR.ordered(block, range(0, self.size, self.step))


class StreamedColumns:
    """J Π with Π known: a slice of the columns, or dense; never there as a whole."""

    rank: ClassVar[int] = 3
    place: slice | None = None

    def __init__(self, base, parameters):
        self._base, self._parameters = base, parameters

    def add_products(self, pairs: list) -> None:
        in_place = isinstance(self._parameters, slice)
        factors = [_ColumnBlocks(L) for _, L in pairs]
        products = [out[:, self._parameters] if in_place
                    else np.zeros((len(out), self._base.n_parameters)) for out, _ in pairs]
        for terms in self._base.blocks(lambda *block: [factor.product(*block) for factor in factors]):
            for product, (rows, term) in zip(products, terms):
                product[rows] += term
        if not in_place:
            for (out, _), product in zip(pairs, products):
                out += product @ self._parameters

    def takes(self, right: Columns, small: bool) -> bool:
        return right is self

    def add_form(self, Q: np.ndarray, K: Any, right: Columns) -> bool:
        """For a sparse K that couples no two blocks of points."""
        if not sp.issparse(K):
            return False
        coo, step = K.tocoo(), self._base.step
        if np.any(coo.coords[0] // step != coo.coords[1] // step):
            return False
        K = K.tocsr()
        gram = sum(self._base.blocks(lambda start, stop, J: J.T @ (K[start:stop, start:stop] @ J)))
        if isinstance(self._parameters, slice):
            Q[self._parameters, self._parameters] += gram
        else:
            Q += self._parameters.T @ gram @ self._parameters
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
