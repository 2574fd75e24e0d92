"""Products with transposes of sparse matrices that are done again and again."""

import copy
import functools
from typing import Any

import numpy as np
import scipy.sparse as sp

# Of a matrix by rows or by columns the kind of its transpose.
_OTHER = {sp.csr_array: sp.csc_array, sp.csc_array: sp.csr_array, sp.csr_matrix: sp.csc_matrix,
          sp.csc_matrix: sp.csr_matrix}
_NOTHING = np.empty(0, np.int32)


def times_transposed(A: Any, y: np.ndarray) -> np.ndarray:
    """Aᵀ y for any factor A (m, n), y (m,) or (m, k).

    The arrays of A read the other way are Aᵀ: to have SciPy make and check it takes several times as
    long as the product on some hundred unknowns.
    """
    kind: Any = type(A)
    if kind not in _OTHER:
        return A.T @ y
    turned = copy.copy(_turned(kind, A.shape))
    turned.data, turned.indices, turned.indptr = A.data, A.indices, A.indptr
    return turned @ y


@functools.lru_cache(256)
def _turned(kind: Any, shape: tuple[int, int]) -> Any:
    """A matrix by columns for one by rows and the other way round, its arrays still to be given."""
    found = _OTHER[kind](shape[::-1])
    found.indptr = _NOTHING
    return found
