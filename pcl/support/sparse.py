"""Products with sparse matrices that are done again and again."""

import copy
import functools
from typing import Any

import numpy as np
import scipy.sparse as sp

_KINDS = sp.csr_array, sp.csc_array
_NOTHING = np.empty(0, np.int32)


def times(A: Any, x: np.ndarray) -> np.ndarray:
    """A x for any factor A (m, n), x (n,) or (n, k)."""
    return A @ x


def times_transposed(A: Any, y: np.ndarray) -> np.ndarray:
    """Aᵀ y for any factor A (m, n), y (m,) or (m, k).

    The arrays of A read the other way are Aᵀ: to have SciPy make and check it takes several times as
    long as the product on some hundred unknowns.
    """
    kind: Any = type(A)
    if kind not in _KINDS:
        return A.T @ y
    turned = copy.copy(_turned(kind, A.shape))
    turned.data, turned.indices, turned.indptr = A.data, A.indices, A.indptr
    return turned @ y


@functools.lru_cache(256)
def _turned(kind: Any, shape: tuple[int, int]) -> Any:
    """A matrix by columns for one by rows and the other way round, its arrays still to be given."""
    other = _KINDS[kind is _KINDS[0]]
    found = other(shape[::-1])
    found.indptr = _NOTHING
    return found
