"""Factorisations of the small system that a reduced KKT matrix leaves, with its inertia.

    [[T, Lᵀ, A₁ᵀ], [L, C, A₂ᵀ], [A₁, A₂, 0]]

is right if it has as many positive eigenvalues as T and C have rows. T is large, the rest a few rows.
Most often T > 0: with T = F Fᵀ and V = F⁻¹ [Lᵀ, A₁ᵀ] the Schur complement [[C, A₂ᵀ], [A₂, 0]] − VᵀV is
left. Where T is not, and there are rows A, the whole is factorised.
"""

import numpy as np
from scipy.linalg import lapack

from pcl.interior_point.kkt.bunch_kaufman import BunchKaufman


def small_factor(T, L, C, A):
    """The factorised system; T and C hold their lower triangles, and T is destroyed."""
    F, info = (lapack.dpotrf(T, lower=1, clean=0, overwrite_a=not len(A)) if len(T) else (T, 0))
    if info == 0:
        return Bordered(F, L, C, A)
    return Whole(T, L, C, A) if len(A) else Wrong()


class Wrong:
    """Some eigenvalue has the wrong sign."""

    right_inertia = False


class Bordered:
    """By the Schur complement of T = F Fᵀ."""

    def __init__(self, F, L, C, A):
        self._F, self._k, n = F, len(F), len(C)
        self._V, K = None, _stacked(C, A[:, len(F):])
        if self._k and len(K):
            self._V = lapack.dtrtrs(F, np.vstack([L, A[:, :self._k]]).T, lower=1)[0]
            K -= self._V.T @ self._V
        self._rest = _Scaled(K) if len(K) else None
        self.right_inertia = self._rest is None or self._rest.positive == n

    def solve(self, r):
        """The inverse times r."""
        if self._rest is None:
            return lapack.dpotrs(self._F, r, lower=1)[0].ravel() if r.size else r
        if self._V is None:
            return self._rest.solve(r)
        top = lapack.dtrtrs(self._F, r[:self._k], lower=1)[0].ravel()
        rest = self._rest.solve(r[self._k:] - self._V.T @ top)
        top = lapack.dtrtrs(self._F, top - self._V @ rest, lower=1, trans=1)[0].ravel()
        return np.concatenate([top, rest])


class Whole:
    """By Bunch–Kaufman."""

    def __init__(self, T, L, C, A):
        n = len(T) + len(C)
        B = np.zeros((n, n), order="F")
        B[:len(T), :len(T)], B[len(T):, :len(T)], B[len(T):, len(T):] = T, L, C
        factor = _Scaled(_stacked(B, A))
        self.right_inertia = factor.positive == n
        self.solve = factor.solve


def _stacked(B, A):
    """The lower triangle of [[B, Aᵀ], [A, 0]]."""
    n, m = len(B), len(A)
    K = np.zeros((n + m, n + m), order="F")
    K[:n, :n] = B
    K[n:, :n] = A
    return K


class _Scaled:
    """S K S = L D Lᵀ of the lower triangle of K, its rows scaled to entries of size one."""

    def __init__(self, K):
        lower = np.abs(np.tril(K))
        largest = np.maximum(lower.max(axis=0), lower.max(axis=1))
        self._scale = 1.0 / np.sqrt(np.maximum(largest, np.finfo(float).tiny))
        K *= self._scale[:, None]
        K *= self._scale
        self._ldl = BunchKaufman(K)
        self.positive = -1 if self._ldl.failed else self._ldl.positive

    def solve(self, r):
        """K⁻¹ r."""
        return self._scale * self._ldl.solve(self._scale * r)
