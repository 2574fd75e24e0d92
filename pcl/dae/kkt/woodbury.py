"""The inverse of a diagonal plus a matrix of low rank."""

import numpy as np
from scipy.linalg import lapack


class Woodbury:
    """G = D + Vᵀ V with D > 0 (p,) and V (r, p), r < p:

        G⁻¹ = D⁻¹ − D⁻¹ Vᵀ (I + V D⁻¹ Vᵀ)⁻¹ V D⁻¹
    """

    def __init__(self, D, V):
        self._root = 1.0 / np.sqrt(D)
        self._V = V * self._root
        self._F, info = lapack.dpotrf(np.eye(len(V)) + self._V @ self._V.T, lower=1, clean=0)
        self.failed = info != 0

    def solve(self, r):
        """G⁻¹ r of r (p,) or (p, k)."""
        root = self._root if r.ndim == 1 else self._root[:, None]
        r = root * r
        if not len(self._V):
            return root * r
        inner = lapack.dpotrs(self._F, self._V @ r, lower=1)[0].reshape(-1, *r.shape[1:])
        return root * (r - self._V.T @ inner)
