"""Dense KKT backend: LAPACK's Bunch–Kaufman factorisation, inertia from its blocks."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.interior_point.kkt.bunch_kaufman import BunchKaufman
from pcl.interior_point.kkt.low_rank_matrix import LowRank

HELD = 1e60     # d_x of a variable that is held fixed and d_c of a row that is free: dx = 0, dλ = 0
_ZERO = 8.0     # times eps and the order: pivots below, of K scaled to unit rows, count as zero
_EPS = np.finfo(np.float64).eps


def dense(A, shape):
    """A as a dense array; zeros for None."""
    if A is None:
        return np.zeros(shape)
    if isinstance(A, np.ndarray):
        return A
    return (A if sp.issparse(A) or isinstance(A, LowRank) else A.tocsc()).toarray()


class DenseKKT:
    """K = [[W + diag(d_x), Jᵀ], [J, −diag(d_c)]] as a full matrix."""

    def __init__(self):
        self._last, self._base = None, None

    def factor(self, W: Any, J: Any, d_x: np.ndarray, d_c: np.ndarray) -> Any:
        """A factorised K; see `pcl.interior_point.kkt.protocol.KKT`."""
        K = self._assembled(W, J).copy(order="K")
        n = d_x.size
        held = np.flatnonzero(np.concatenate([d_x >= HELD, d_c >= HELD]))
        diagonal = np.einsum("ii->i", K)
        diagonal += np.concatenate([d_x, -d_c])
        if held.size:
            K[held, :] = 0.0
            K[:, held] = 0.0
            diagonal[held] = np.where(held < n, 1.0, -1.0)
        return DenseFactor(K, n, held)

    def _assembled(self, W, J):
        if self._last is None or self._last[0] is not W or self._last[1] is not J:
            m, n = J.shape
            A, K = dense(J, (m, n)), np.zeros((n + m, n + m), order="F")
            K[n:, :n], K[:n, n:] = A, A.T
            if W is not None:
                K[:n, :n] = dense(W, (n, n))
            self._base = K
            self._last = (W, J)
        return self._base


class DenseFactor:
    """S K S = U D Uᵀ, S = diag(row maxima)^(−½); a 2×2 block of D has one eigenvalue of each sign."""

    def __init__(self, K, n, held):
        self._n, self._held = n, held
        self.right_inertia, self.singular = False, True
        size = K.shape[0]
        if size == 0:
            self.right_inertia, self.singular = True, False
        elif np.isfinite(K).all():
            self._factorise(K, size)

    def _factorise(self, K, size):
        largest = np.maximum(np.abs(K).max(axis=1), np.finfo(np.float64).tiny)
        self._scale = 1.0 / np.sqrt(largest)
        K *= self._scale[:, None]
        K *= self._scale
        self._ldl = BunchKaufman(K)
        small = np.abs(self._ldl.single) <= _ZERO * size * _EPS
        self.singular = self._ldl.failed or bool(small.any())
        self.right_inertia = not self.singular and self._ldl.positive == self._n

    def solve(self, r_x: np.ndarray, r_c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(dx, dλ)."""
        if self._n + r_c.size == 0:
            return r_x.copy(), r_c.copy()
        b = np.concatenate([r_x, r_c])
        b[self._held] = 0.0
        x = self._scale * self._ldl.solve(self._scale * b)
        return x[:self._n], x[self._n:]
