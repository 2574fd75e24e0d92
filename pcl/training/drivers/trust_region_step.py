"""The trust-region step of a dense symmetric matrix, all radii from one factorisation.

    minimise  g·s + ½ sᵀ H s   subject to  |s| ≤ Δ

s solves it exactly if and only if a λ ≥ 0 exists with

    (H + λI) s = −g,    λ (Δ − |s|) = 0,    H + λI positive semidefinite

H = Q T Qᵀ with T tridiagonal costs 4/3 p³ operations once. Then (T + λI) y = −Qᵀg, s = Q y,
costs O(p) for every λ, and |s| = |y|.

Source: Moré and Sorensen, Computing a trust region step, 1983; Gould, Lucidi, Roma and
Toint, Solving the trust-region subproblem using the Lanczos method, 1999, section 5.2 (tridiagonal
form). Here the form is computed by Householder reflections (LAPACK sytrd), so it is complete.
"""

import dataclasses

import numpy as np
import scipy.linalg
from scipy.linalg import lapack

from pcl.training.run.run import EPS, norm

_ON_BOUNDARY = 1e-12    # relative error of |s| = Δ
_TRIALS = 200           # Newton needs about 5; bisection at most the binary digits of λ


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """s (p,), its multiplier λ, the decrease of the model, and whether |s| = Δ."""

    s: np.ndarray
    multiplier: float
    decrease: float
    on_boundary: bool


class TrustRegionModel:
    """g·s + ½ sᵀHs, reduced to tridiagonal form.

    Parameters
    ----------
    g : (p,) array
    H : (p, p) array, symmetric; only its lower triangle is read.

    Raises
    ------
    numpy.linalg.LinAlgError
        g or H holds NaN or infinity, or LAPACK fails.
    """

    def __init__(self, g, H):
        if not (np.isfinite(g).all() and np.isfinite(H).all()):
            raise np.linalg.LinAlgError("g or H is not finite")
        self._d, self._e, self._reflectors, self._tau = _tridiagonal(H)
        self._h = self._rotate(g, "T")
        self._smallest = self._eigen(vector=False)
        self._size = np.abs(self._d).max() + 2.0 * np.abs(self._e).max(initial=0.0)   # ≥ ‖T‖
        self._z = None

    def step(self, radius):
        """The global minimiser with |s| ≤ radius, as a `Step`."""
        rounding = self._h.size * EPS * self._size          # of an eigenvalue that is 0
        low = -self._smallest if self._smallest < -rounding else 0.0
        if self._smallest > 0.0:
            y = self._solve(0.0)
            if y is not None and norm(y) <= radius:
                return self._result(y, 0.0, radius)
        multiplier, y = self._left_end(low, radius)
        if norm(y) <= radius:       # the hard case; or H singular and the step inside
            return self._result(self._extended(y, radius) if low > 0.0 else y,
                                multiplier if low > 0.0 else 0.0, radius)
        y, multiplier = self._root(multiplier, y, radius)
        return self._result(y, multiplier, radius)

    def _left_end(self, low, radius):
        """The smallest λ ≥ low with a factorisation, and its y."""
        multiplier = low
        pad = max(EPS * self._size, EPS**2 * norm(self._h) / radius, np.finfo(float).tiny)
        y = self._solve(multiplier) if self._smallest > 0.0 else None
        while y is None:
            multiplier = low + pad
            y, pad = self._solve(multiplier), 2.0 * pad
        return multiplier, y

    def _root(self, low, y, radius):
        """λ > low with |y(λ)| = radius; Newton on 1/radius − 1/|y|, which is concave in λ."""
        high = max(norm(self._h) / radius - self._smallest, np.nextafter(low, np.inf))
        multiplier = low
        for _ in range(_TRIALS):
            length = norm(y)
            if abs(length - radius) <= _ON_BOUNDARY * radius:
                return y, multiplier
            low, high = (multiplier, high) if length > radius else (low, multiplier)
            if high - low <= 2.0 * EPS * high:
                break
            unit = y / length
            new = multiplier + (length - radius) / radius / (unit @ self._solved(unit))
            inside = low < new < high
            multiplier = new if inside else np.sqrt(low) * np.sqrt(high) if low > 0.0 else 0.5 * high
            y = self._solve(multiplier)
        return self._extended(self._solve(high), radius), high

    def _extended(self, y, radius):
        """y + τ z on the boundary, z of the smallest eigenvalue; the τ that lowers more."""
        if norm(y) >= radius:
            return y
        if self._z is None:
            self._z = self._eigen(vector=True)
        along = y @ self._z
        root = np.sqrt(along**2 + (radius - norm(y)) * (radius + norm(y)))
        ends = [y + tau * self._z for tau in (-along + root, -along - root)]
        return max(ends, key=self._decrease)

    def _result(self, y, multiplier, radius):
        on_boundary = bool(norm(y) >= (1.0 - 1e-8) * radius)
        return Step(self._rotate(y, "N"), float(multiplier), self._decrease(y), on_boundary)

    def _decrease(self, y):
        # −h·y − ½ yᵀT y; summed entry by entry, since the two parts cancel to one half
        Ty = self._d * y
        Ty[:-1] += self._e * y[1:]
        Ty[1:] += self._e * y[:-1]
        return float(-(y @ (self._h + 0.5 * Ty)))

    def _solve(self, multiplier):
        """y with (T + λ) y = −h, or None if T + λ is not positive definite."""
        d, e, info = lapack.dpttrf(self._d + multiplier, self._off_diagonal())
        if info != 0:
            return None
        self._factor = d, e
        y = self._solved(-self._h)
        return y if np.isfinite(y).all() else None

    def _solved(self, v):
        return lapack.dpttrs(*self._factor, v)[0].ravel()

    def _off_diagonal(self):
        return self._e if self._d.size > 1 else np.zeros(1)     # the wrapper wants one entry

    def _eigen(self, vector):
        if self._d.size == 1:
            return np.ones(1) if vector else float(self._d[0])
        found = scipy.linalg.eigh_tridiagonal(self._d, self._e, eigvals_only=not vector,
                                              select="i", select_range=(0, 0))
        return found[1][:, 0] if vector else float(found[0])

    def _rotate(self, v, transposed):
        """Qᵀ v ("T") or Q v ("N"); Q leaves the first entry alone."""
        out = np.array(v, dtype=float)
        if self._reflectors is not None:
            c = np.asfortranarray(out[1:, None])
            out[1:] = lapack.dormqr("L", transposed, self._reflectors, self._tau, c, 64)[0][:, 0]
        return out


def _tridiagonal(H):
    """Diagonal, off-diagonal and the Householder vectors with their factors."""
    p = H.shape[0]
    if p == 1:
        return H[0, :1].astype(float), np.zeros(0), None, None
    c, d, e, tau, info = lapack.dsytrd(H, lower=1, lwork=64 * p)
    if info != 0:
        raise np.linalg.LinAlgError(f"dsytrd ended with {info}")
    return d, e, np.asfortranarray(c[1:, :-1]), tau
