"""Symmetric indefinite matrices: LAPACK's Bunch–Kaufman factorisation, with the signs of its pivots."""

import numpy as np
from scipy.linalg.lapack import dsytrf, dsytrs

_BLOCK = 64     # columns a panel: the wrapper's default workspace would leave LAPACK without panels


class BunchKaufman:
    """K = L D Lᵀ of the lower triangle of K (n, n) in Fortran order, which is overwritten.

    Attributes
    ----------
    single : ndarray, the 1×1 blocks of D; a 2×2 block has one eigenvalue of each sign
    positive : int, eigenvalues of D above zero
    failed : bool, whether D has a block that is exactly zero
    """

    def __init__(self, K):
        n = len(K)
        self._ldl, self._pivots, info = dsytrf(K, lower=1, lwork=_BLOCK * n, overwrite_a=1)
        self.failed = info != 0
        self.single = np.diagonal(self._ldl)[self._pivots > 0]
        self.positive = int((self.single > 0.0).sum()) + (n - self.single.size) // 2

    def solve(self, r):
        """K⁻¹ r."""
        return dsytrs(self._ldl, self._pivots, r, lower=1)[0].ravel()
