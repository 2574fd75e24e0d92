"""Constant sparse structure of a matrix that is linear in a coefficient."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pcl.engine.second.patterns import PATTERNS
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import digest, selection, with_data
from pcl.support.caches import Bounded, Companions
from pcl.support.sparse import times_transposed
from pcl.support.types import Array, ArrayLike, Integers, Tensor
from pcl.support.validate import float64_sparse, positive_integer, whole_numbers


# Restrictions, and numbers of columns, that a structure keeps.
KEPT = 8


class Structure:
    """The constant maps of A(c) = Σ_k c_k Σ_{r in group k} test[r, :]ᵀ trial[r, :].

    Row r = k·group + j of `test` and `trial` belongs to coefficient k: the product is
    testᵀ diag(c repeated) trial. For ∫ κ ∇u·∇v the rows are (quadrature point, direction), `test`
    holds weighted gradients and `trial` gradients; for a matrix given by entries each row picks one.

    Parameters
    ----------
    test : sparse (N·group, n_rows), finite; copied
    trial : sparse (N·group, n_cols), likewise
    group : int
        Rows that share one coefficient.

    Raises
    ------
    ValueError, TypeError
        Entries that are not finite, numbers of rows that differ or are no multiple of group.

    Examples
    --------
    Two springs c₀, c₁ in a row, fixed at the left: each stretches by a difference of u.

    >>> import numpy as np, scipy.sparse as sp, pcl
    >>> stretch = sp.csr_array([[1.0, 0.0], [-1.0, 1.0]])
    >>> springs = pcl.Structure(stretch, stretch)
    >>> pcl.SparseMatrix.from_structure(springs, [2.0, 3.0]).to_scipy().toarray()
    array([[ 5., -3.],
           [-3.,  3.]])
    >>> springs.apply(np.array([2.0, 3.0]), np.array([1.0, 1.0]))
    array([2., 0.])
    """

    def __init__(self, test: Any, trial: Any, group: int = 1):
        self.test = float64_sparse("test", test)
        self.trial = self.test if trial is test else float64_sparse("trial", trial)
        self.group = positive_integer("group", group)
        n = self.test.shape[0]
        if self.trial.shape[0] != n or n % self.group:
            raise ValueError(f"test has {n} rows, trial {self.trial.shape[0]}, group is {self.group}; "
                             "expected equal numbers that are a multiple of group.")
        self.size = n // self.group
        self.shape = (self.test.shape[1], self.trial.shape[1])
        self._restricted, self._columns, self._placed = Bounded(KEPT), Bounded(KEPT), Bounded(KEPT)
        self._patterns = Companions()

    def __repr__(self) -> str:
        return f"Structure({self.shape}, linear in {self.size} coefficients)"

    @classmethod
    def from_entries(cls, rows: ArrayLike, cols: ArrayLike, shape: Sequence[int]) -> "Structure":
        """One coefficient an entry of a matrix of this `shape`: A[rows[e], cols[e]] += c_e.

        ValueError or IndexError for numbers outside the shape, or different lengths.
        """
        rows, cols = whole_numbers("rows", rows, shape[0]), whole_numbers("cols", cols, shape[1])
        if rows.shape != cols.shape:
            raise ValueError(f"rows has shape {rows.shape} and cols {cols.shape}; expected two vectors "
                             "of one length.")
        return cls(selection(rows, shape[0]), selection(cols, shape[1]))

    def transpose(self) -> "Structure":
        """The structure of A(c)ᵀ."""
        return self._transposed

    @functools.cached_property
    def _transposed(self):
        return Structure(self.trial, self.test, self.group)

    def restrict(self, rows: ArrayLike, cols: ArrayLike) -> "Structure":
        """The structure of A(c)[rows, cols]; the same object for the same numbers while it is kept.

        ValueError or IndexError for numbers outside the shape.
        """
        rows = whole_numbers("rows", rows, self.shape[0])
        cols = whole_numbers("cols", cols, self.shape[1])
        return self._restricted.kept(digest(rows, cols), lambda: Structure(
            self.test[:, rows], self.trial[:, cols], self.group))

    def projected(self, left: Any, right: Any) -> "Structure":
        """The structure of `left`ᵀ A(c) `right` for sparse matrices; kept like `restrict`."""
        parts = [x for m in (left, right) for x in (m.data, m.indices, m.indptr, np.array(m.shape))]
        return self._restricted.kept(digest(*parts), lambda: Structure(
            self.test @ left, self.trial @ right, self.group))

    def placed(self, shape: tuple[int, int], top: int, left: int) -> "Structure":
        """The structure of a matrix of this shape with A(c) at (top, left), zero elsewhere."""
        return self._placed.kept((shape, top, left), lambda: Structure(
            _shifted(self.test, top, shape[0]), _shifted(self.trial, left, shape[1]), self.group))

    def columns(self, k: int) -> "Structure":
        """The structure of A(c) ⊗ I_k, acting on (n, k) arrays flattened row by row."""
        eye = sp.eye_array(k, format="csr")
        return self._columns.kept(k, lambda: Structure(
            sp.kron(self.test, eye), sp.kron(self.trial, eye), self.group * k))

    def tensorflow(self, c: Tensor, x: Tensor) -> Tensor:
        """A(c) x for x of shape (n,) or (n, k), differentiable to any order."""
        scatter, gather = self._maps
        weights = tf.repeat(c, self.group)
        weights = weights if x.shape.rank == 1 else weights[:, None]
        return scatter.tensorflow(weights * gather.tensorflow(x))

    @functools.cached_property
    def _maps(self):
        return LinearMap(self.test.T), LinearMap(self.trial)

    def apply(self, c: Array, u: Array) -> Array:
        """A(c) u for a vector u."""
        return times_transposed(self.test, np.repeat(c, self.group) * (self.trial @ u))

    def coefficient_adjoint(self, mu: Array, u: Array) -> Array:
        """∂(μᵀ A(c) u)/∂c, shape (N,), with μ = `mu` (n_rows,), u (n_cols,)."""
        products = (self.test @ mu) * (self.trial @ u)
        return products if self.group == 1 else products.reshape(self.size, self.group).sum(axis=1)

    def left(self, u: Array) -> sp.sparray:
        """∂(A(c) u)/∂c, sparse (n_rows, N)."""
        return self._grouped_test.transposed(self.trial @ u)

    def right(self, mu: Array) -> sp.sparray:
        """∂²(μᵀ A(c) u)/∂c∂u, sparse (N, n_cols), with μ = `mu` (n_rows,)."""
        return self._grouped_trial.weighted(self.test @ mu)

    @functools.cached_property
    def _grouped_test(self):
        return _GroupedRows(self.test, self.group)

    @functools.cached_property
    def _grouped_trial(self):
        if self.trial is self.test:
            return self._grouped_test
        return _GroupedRows(self.trial, self.group)

    def pattern(self) -> sp.csc_array:
        """Where A(c) can have entries, as a CSC array of ones and more."""
        test, trial = (sp.csr_array((np.ones(m.nnz), m.indices, m.indptr), shape=m.shape)
                       for m in (self.test, self.trial))
        return sp.csc_array(test.T @ trial)

    def entries(self, start: int, stop: int) -> tuple[Integers, Integers, Array]:
        """(rows, cols, weight) of the coefficients start ≤ k < stop, in the order of k.

        A(c)[rows[e], cols[e]] += weight[e] c[k[e]]; `entry_counts` tells how many each k has.
        """
        first, last = start * self.group, stop * self.group
        nt, ng = (np.diff(m.indptr[first:last + 1]) for m in (self.test, self.trial))
        pairs = nt * ng
        r = np.repeat(np.arange(first, last), pairs)
        within = np.arange(pairs.sum()) - np.repeat(np.cumsum(pairs) - pairs, pairs)
        ng = ng[r - first]
        i, j = self.test.indptr[r] + within // ng, self.trial.indptr[r] + within % ng
        return self.test.indices[i], self.trial.indices[j], self.test.data[i] * self.trial.data[j]

    def entry_counts(self) -> Integers:
        """Number of entries of each coefficient, (N,)."""
        pairs = np.diff(self.test.indptr).astype(np.int64) * np.diff(self.trial.indptr)
        return pairs.reshape(self.size, self.group).sum(axis=1)


def _shifted(matrix, first, n):
    """The columns of a map as those from `first` on of n."""
    return sp.csr_array((matrix.data, matrix.indices + first, matrix.indptr), shape=(matrix.shape[0], n))


class _GroupedRows:
    """Sums Σ_{r in group} w_r map[r, :] for changing weights w: the pattern is built once."""

    def __init__(self, matrix, group):
        self.matrix = matrix
        self.row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        self.slot, indices, indptr = None, matrix.indices, matrix.indptr
        shape = (matrix.shape[0] // group, matrix.shape[1])
        if group > 1:
            indices, indptr = self._merged(group, *shape)
        self._sums = PATTERNS.add(sp.csr_array((np.zeros(len(indices)), indices, indptr), shape=shape))
        self._transposed = PATTERNS.add(self._sums.T)

    def _merged(self, group, n, n_cols):
        key = (self.row // group).astype(np.int64) * n_cols + self.matrix.indices
        unique, self.slot = np.unique(key, return_inverse=True)
        counts = np.bincount(unique // n_cols, minlength=n)
        starts = np.concatenate([[0], np.cumsum(counts)])
        return (unique % n_cols).astype(np.int32), starts.astype(np.int32)

    def weighted(self, w):
        """The sums as CSR."""
        return with_data(self._sums, self._entries(w))

    def transposed(self, w):
        """Their transpose as CSC."""
        return with_data(self._transposed, self._entries(w))

    def _entries(self, w):
        data = self.matrix.data * w[self.row]
        return data if self.slot is None else np.bincount(self.slot, data, minlength=self._sums.nnz)
