"""Tangents as sparse combinations of bases, and the small algebra they need."""

import functools

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from pcl.engine.second.constants import CONSTANTS
from pcl.engine.second.patterns import PATTERNS
from pcl.support.arrays import with_data

# Block diagonal patterns that are kept.
SHAPES = 16


class Identity:
    """The n × n identity as a factor that costs nothing."""

    def __init__(self, n):
        self.shape = (n, n)
        self.T = self

    def __matmul__(self, x):
        return x

    def __rmul__(self, scalar):
        return scaled(scalar, _explicit(self))


class Tangent:
    """dv/dθ = Σ_b L_b B_b over bases B_b; `terms` maps each base to its factor L_b.

    A base is what is expensive to have as a matrix: the Jacobian of a network, the sensitivity of
    a solve. The factors L_b are sparse matrices, small dense ones, linear operators or `Identity`;
    composing them costs no operation with as many columns as there are parameters.
    """

    def __init__(self, terms):
        self.terms = dict(terms)

    @classmethod
    def of(cls, base):
        """The base itself."""
        return cls({base: Identity(base.size)})

    def left(self, matrix):
        """matrix · dv/dθ."""
        return Tangent({b: compose(matrix, L) for b, L in self.terms.items()})

    def single_base(self):
        """The base that this tangent is, without any factor; else None."""
        if len(self.terms) == 1:
            (base, L), = self.terms.items()
            if isinstance(L, Identity):
                return base
        return None


def total(tangents):
    """Σ of tangents, None standing for zero; None if all are."""
    terms: dict = {}
    for tangent in tangents:
        for b, L in (tangent.terms.items() if tangent else ()):
            terms[b] = plus(terms.get(b), L)
    return Tangent(terms) if terms else None


def compose(a, b):
    """The product a·b of two factors."""
    if isinstance(a, Identity) or isinstance(b, Identity):
        return b if isinstance(a, Identity) else a
    if isinstance(a, LinearOperator) or isinstance(b, LinearOperator):
        return aslinearoperator(a) @ aslinearoperator(b)
    known = CONSTANTS.product(a, b)
    if known is None:
        known = PATTERNS.product(a, b)
    return _product(a, b) if known is None else known


def _product(a, b):
    """a b, by rows or columns where one of two sparse factors is a diagonal matrix."""
    if sp.issparse(a) and sp.issparse(b):
        if is_diagonal(a) and b.format == "csr":
            return sp.csr_array((b.data * np.repeat(a.data, np.diff(b.indptr)), b.indices.copy(),
                                 b.indptr.copy()), shape=b.shape)
        if a.format == "csc" and is_diagonal(b):
            return with_data(a, a.data * np.repeat(b.data, np.diff(a.indptr)))
        if is_diagonal(b) and a.format == "csr":
            return sp.csr_array((a.data * b.data[a.indices], a.indices.copy(), a.indptr.copy()),
                                shape=a.shape)
    return a @ b


def is_diagonal(matrix):
    """Whether a sparse matrix stores its diagonal and nothing else."""
    n = matrix.shape[0]
    if matrix.format != "csr" or matrix.shape != (n, n) or len(matrix.data) != n:
        return False
    numbers = np.arange(n + 1)
    return np.array_equal(matrix.indices, numbers[:n]) and np.array_equal(matrix.indptr, numbers)


def add(a, b):
    """The sum a + b of two factors."""
    a, b = _explicit(a), _explicit(b)
    if isinstance(a, LinearOperator) or isinstance(b, LinearOperator):
        return aslinearoperator(a) + aslinearoperator(b)
    known = PATTERNS.sum(a, b)
    return a + b if known is None else known


def plus(a, b):
    """The sum a + b where a may be None, standing for zero."""
    return b if a is None else add(a, b)


def _explicit(a):
    return diagonal_matrix(np.ones(a.shape[0])) if isinstance(a, Identity) else a


def scaled(number, L):
    """A multiple of a factor."""
    return with_data(L, number * L.data) if sp.issparse(L) else number * L


def diagonal_matrix(d):
    """diag(d), sparse."""
    return with_data(block_pattern(len(d), 1, 1), d)


def block_diagonal(blocks):
    """The sparse matrix with the blocks (n, rows, cols) on its diagonal."""
    return with_data(block_pattern(*blocks.shape), blocks.ravel())


@functools.lru_cache(maxsize=SHAPES)
def block_pattern(n, rows, cols):
    """The sparse matrix with n blocks of ones, rows × cols, on its diagonal."""
    columns = np.broadcast_to(np.arange(n * cols, dtype=np.int32).reshape(n, 1, cols), (n, rows, cols))
    starts = np.arange(0, n * rows * cols + 1, cols, dtype=np.int32)
    return PATTERNS.add(sp.csr_array((np.ones(n * rows * cols), columns.ravel(), starts),
                                     shape=(n * rows, n * cols)))


def explicit_matrix(L):
    """A factor as a dense array."""
    if isinstance(L, Identity):
        return np.eye(L.shape[0])
    if isinstance(L, LinearOperator):
        return L @ np.eye(L.shape[1])
    return L.toarray() if sp.issparse(L) else L
