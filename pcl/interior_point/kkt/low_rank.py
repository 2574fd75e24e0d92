"""KKT systems whose W is a multiple of the identity plus a low-rank matrix, through any backend."""

from typing import Any

import numpy as np

from pcl.interior_point.kkt.dense import DenseKKT


class LowRankKKT:
    """K = K₀ + V̂ D V̂ᵀ with V̂ = [V; 0]:  K⁻¹ = K₀⁻¹ − K₀⁻¹V̂ (I + D V̂ᵀK₀⁻¹V̂)⁻¹ D V̂ᵀK₀⁻¹  (Woodbury).

    W = ξ I + V D Vᵀ is positive definite, so K has the right inertia where K₀ has it: that of
    K₀ is wrong only where rows are dependent, and then it counts as singular. The dense backend takes
    W as a full matrix.
    """

    def __init__(self, kkt):
        self._kkt = kkt

    def factor(self, W: Any, J: Any, d_x: np.ndarray, d_c: np.ndarray) -> Any:
        """A factorised K; see `pcl.interior_point.kkt.protocol.KKT`."""
        if isinstance(self._kkt, DenseKKT):
            return _Definite(self._kkt.factor(W, J, d_x, d_c))
        return _Factor(self._kkt.factor(None, J, d_x + W.xi, d_c), W)


class _Definite:
    """A factor of a K with W positive definite: a wrong inertia comes from dependent rows alone."""

    def __init__(self, base):
        self.right_inertia, self.solve = base.right_inertia, base.solve
        self.singular = base.singular or not base.right_inertia


class _Factor(_Definite):
    def __init__(self, base, W):
        super().__init__(base)
        self._base, self._W = base, W
        self.solve = self._solve
        self._columns: tuple[np.ndarray, np.ndarray] | None = None

    def _prepare(self, m):
        V = self._W.V
        solved = [self._base.solve(v, np.zeros(m)) for v in V.T]
        X, Y = np.array([x for x, _ in solved]).T, np.array([y for _, y in solved]).T
        self._small = np.eye(V.shape[1]) + self._W.weights[:, None] * (V.T @ X)
        return X, Y

    def _solve(self, r_x, r_c):
        dx, lam = self._base.solve(r_x, r_c)
        if self._W.V.shape[1] == 0:
            return dx, lam
        X, Y = self._columns = self._columns or self._prepare(r_c.size)
        right = self._W.weights * (self._W.V.T @ dx)
        weights = np.linalg.lstsq(self._small, right, rcond=None)[0]
        return dx - X @ weights, lam - Y @ weights
