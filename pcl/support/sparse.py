"""Products with sparse matrices without what SciPy does around them.

On some hundred unknowns SciPy's own checks cost more than the sums: Aᵀ x makes an array object first
(0.1 ms), A x looks at types and shapes (0.01 ms). Here the loops are called at once where both are
arrays of float64, and SciPy's operators where they are anything else.
"""

import copy
from typing import Any

import numpy as np
import scipy.sparse as sp

# Of a SciPy that keeps them elsewhere None: its operators do the same.
_loops: Any = getattr(sp, "_sparsetools", None)

# The type of arrays that the loops are called with; another object of the same type goes SciPy's way.
_FLOAT = np.dtype(np.float64)

# The loops of A x and of Aᵀ x, for a vector and for several columns, by the format of A.
_NAMES = {"csr": ("csr_matvec", "csc_matvec", "csr_matvecs", "csc_matvecs"),
          "csc": ("csc_matvec", "csr_matvec", "csc_matvecs", "csr_matvecs")}
_LOOPS: dict[type, tuple] = {} if _loops is None else {
    kind: tuple(getattr(_loops, name) for name in _NAMES[word])
    for word, kind in (("csr", sp.csr_array), ("csc", sp.csc_array))}


def times(A: Any, x: np.ndarray) -> np.ndarray:
    """A x for any factor A (m, n), x (n,) or (n, k)."""
    loops = _LOOPS.get(type(A))
    if loops is None or A.data.dtype is not _FLOAT or x.dtype is not _FLOAT:
        return A @ x
    m, n = A.shape
    return _product(loops[0], loops[2], A, m, n, x)


def times_transposed(A: Any, y: np.ndarray) -> np.ndarray:
    """Aᵀ y for any factor A (m, n), y (m,) or (m, k); Aᵀ is not made."""
    loops = _LOOPS.get(type(A))
    if loops is None or A.data.dtype is not _FLOAT or y.dtype is not _FLOAT:
        return A.T @ y
    m, n = A.shape
    return _product(loops[1], loops[3], A, n, m, y)


def _product(one, several, A, m, n, x):
    """By the loop for a vector or for columns, into zeros of m rows."""
    shape = x.shape
    if shape[0] != n or len(shape) > 2:
        raise ValueError(f"a matrix of {n} columns meets an array of shape {shape}.")
    result = np.zeros((m, *shape[1:]))
    if len(shape) == 1:
        one(m, n, A.indptr, A.indices, A.data, x, result)
    else:
        several(m, n, shape[1], A.indptr, A.indices, A.data, x.ravel(), result.ravel())
    return result


def _matmat(a: Any, b: Any, like: Any) -> Any:
    """a b, a and b of one format, `like` of its pattern; unsorted, as SciPy's loop leaves it.

    Entries that are 0 are left out; the arrays then end in what was in memory.
    """
    if a.format == "csc":
        a, b, m, n = b, a, b.shape[1], a.shape[0]
    else:
        m, n = a.shape[0], b.shape[1]
    product = copy.copy(like)
    product.indptr, product.indices, product.data = (np.empty_like(x) for x in (
        like.indptr, like.indices, like.data))
    _loops.csr_matmat(m, n, a.indptr, a.indices, a.data, b.indptr, b.indices, b.data,
                      product.indptr, product.indices, product.data)
    return product


matmat = None if _loops is None else _matmat
