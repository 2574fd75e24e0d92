"""Products with matrices that come anew at every point, most often with the same pattern."""

from typing import Any

import numpy as np
import scipy.sparse as sp


class Transposes:
    """Aᵀ v, the transpose made once for all matrices with the same index arrays."""

    def __init__(self):
        self._pattern: tuple = ("", None, None)     # format, index arrays
        self._kept: Any = None
        self._last: Any = None

    def product(self, A: Any, v: np.ndarray) -> np.ndarray:
        """Aᵀ v."""
        if A is not self._last:
            if not sp.issparse(A) or A.format not in ("csc", "csr"):
                return A.T @ v
            if not self._fits(A):
                self._pattern, self._kept = (A.format, A.indptr, A.indices), A.T
            self._last, self._kept.data = A, A.data
        return self._kept @ v

    def _fits(self, A):
        form, indptr, indices = self._pattern
        return (form == A.format and self._kept.shape == A.shape[::-1]
                and np.array_equal(indptr, A.indptr) and np.array_equal(indices, A.indices))


def is_finite(A: Any) -> bool:
    """True if all entries are; of a structured matrix, if its row sums are."""
    if sp.issparse(A) or isinstance(A, np.ndarray):
        return bool(np.isfinite(A.data if sp.issparse(A) else A).all())
    return bool(np.isfinite(A @ np.ones(A.shape[1])).all())
