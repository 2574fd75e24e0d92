"""KKT systems whose W is a diagonal plus a low-rank matrix, through any backend (Woodbury)."""

import numpy as np


class LowRankKKT:
    """K = K₀ + V̂ M V̂ᵀ with V̂ = [V; 0]:  K⁻¹ = K₀⁻¹ − K₀⁻¹V̂ (M⁻¹ + V̂ᵀK₀⁻¹V̂)⁻¹ V̂ᵀK₀⁻¹.

    W = ξ I + V M Vᵀ is positive definite, so K has the right inertia where K₀ has it.
    """

    def __init__(self, kkt):
        self._kkt = kkt

    def factor(self, W, J, d_x, d_c):
        """A factorised K; see `pcl.interior_point.kkt.KKT`."""
        return _Factor(self._kkt.factor(None, J, d_x + W.xi, d_c), W)


class _Factor:
    def __init__(self, base, W):
        self._base, self._W = base, W
        self.right_inertia, self.singular = base.right_inertia, base.singular
        self._columns = None

    def _prepare(self, m):
        V = self._W.V
        solved = [self._base.solve(v, np.zeros(m)) for v in V.T]
        self._columns = (np.array([x for x, _ in solved]).T, np.array([y for _, y in solved]).T)
        self._small = self._W.inverse_middle + V.T @ self._columns[0]

    def solve(self, r_x, r_c):
        """(dx, dλ)."""
        dx, lam = self._base.solve(r_x, r_c)
        if self._W.V.shape[1] == 0:
            return dx, lam
        if self._columns is None:
            self._prepare(r_c.size)
        weights = np.linalg.lstsq(self._small, self._W.V.T @ dx, rcond=None)[0]
        return dx - self._columns[0] @ weights, lam - self._columns[1] @ weights
