"""The symmetric system of eigenvector derivatives, solved with one factorisation of K − λM."""

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from pcl import factor


# Corrections where the eigenvalues of a group differ: each gains a digit or more, see `choice.ISOLATED`.
CORRECTIONS = 40


class Bordered:
    """[A  −MX; −(MX)ᵀ  0]⁻¹ for A = K − λM with null space X (n, r), XᵀMX = I.

        A y − M X s = f,   −(MX)ᵀ y = g
        s = −Xᵀf,   A y₀ = f + MX s with y₀ = 0 in r places,   y = y₀ − X (XᵀMy₀ + g)

    A without the rows and columns of these r places is regular (they are where pivoting finds X to be
    independent), keeps the pattern, and is factorised. The system is symmetric, and so is its inverse.
    Where A X is small but not 0 (eigenvalues near to λ), what is given is s = −Xᵀf and the y with
    −(MX)ᵀ y = g whose part M-orthogonal to X is that of A y = f, by corrections with the same factor.

    Source: R. B. Nelson, "Simplified calculation of eigenvector derivatives", AIAA Journal 14 (1976)
    1201–1205, for r = 1; here with r rows, and the normalisation in the system.
    """

    def __init__(self, K, M, value, X, exact=True):
        self.X, self.MX, self.n = X, M @ X, len(X) + X.shape[1]
        self._A, self._exact = sp.csc_array(K - value * M), exact
        held = scipy.linalg.qr(X.T, mode="r", pivoting=True)[1][:X.shape[1]]
        self.free = np.setdiff1d(np.arange(len(X)), held)
        inner = self._A[:, self.free].tocsr()[self.free].tocsc()
        self._factor = factor.cached(inner, "superlu") if len(self.free) else None
        self.entries = self._factor.entries if self._factor else 1

    def solve(self, b, transpose=False):
        """(y; s) for b = (f; g), (n + r,) or (n + r, k)."""
        f, g = b[:len(self.X)], b[len(self.X):]
        s = -self.X.T @ f
        y = self._orthogonal(f + self.MX @ s)
        return np.concatenate([y - self.X @ g, s])

    def _orthogonal(self, f):
        """The y with XᵀMy = 0 and A y = f, where Xᵀf = 0."""
        y = step = self._held(f)
        for _ in range(0 if self._exact else CORRECTIONS):
            r = f - self._A @ y
            step = self._held(r - self.MX @ (self.X.T @ r))
            y = y + step
            if np.abs(step).max() <= np.finfo(float).eps * np.abs(y).max():
                break
        return y

    def _held(self, f):
        y = np.zeros_like(f)
        if self._factor:
            y[self.free] = self._factor.solve(f[self.free])
        return y - self.X @ (self.MX.T @ y)
