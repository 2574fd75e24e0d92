"""|r + J s|² within a radius by Cholesky's factors: for Jacobians too large for an SVD.

With unit = |J|_F and J, r divided by it, the smaller of the two normal equations is factorised:

    p ≤ m    (A + λ) s = −Jᵀ r,    A = Jᵀ J
    p > m    (B + λ) z =  r,       B = J Jᵀ,      s = −Jᵀ z

Forming A or B squares the condition number. What that costs is repaired with J itself: each s is
refined by s ← s − (A + λ)⁻¹ (Jᵀ (r + J s) + λ s), each z by z ← z + (B + λ)⁻¹ (r − J Jᵀ z − λ z).
Undamped, the factor is that of λ₀ = max(m, p) ε and the same refinement aims at λ = 0 (iterated
Tikhonov regularisation). Dependent rows of J make z grow to |r|/λ₀, of which s sees the rounding
error, ε |d ∘ z| with the rows' norms d: λ₀ is raised until that is below 1 % of |s|, which makes the
step a smaller one.

Cost, with n = min(m, p): m p n flops to form A or B, n³/3 for each λ. Source: Björck, Numerical
Methods for Least Squares Problems, 1996, section 2.9 (iterative refinement) and 1.1.4 (normal
equations of the second kind); Moré 1978 (λ by Newton's method on 1/|s(λ)|).
"""

import abc

import numpy as np
import scipy.linalg
from scipy.linalg import lapack

from pcl.training.run.run import EPS, norm

CONDITION = 1e8             # of A: refinement gains eight digits a time
SVD_FLOPS = 2e11            # about ten seconds of one core
_RADIUS_ERROR = 0.1         # Moré 1978
# Each refinement costs 4 m p + 2 p² and multiplies the error by about λ₀ κ², 1e-2 at κ = 1e6.
_REFINEMENTS, _NEWTON_STEPS, _SHIFTS = 6, 30, 8
_VISIBLE = 1e-2             # share of s that may be rounding error of z


def svd_flops(m, p):
    """6 M n² + 20 n³, n = min(m, p), M = max: Golub and Van Loan, Matrix Computations, 8.6."""
    n = min(m, p)
    return 6.0 * max(m, p) * n**2 + 20.0 * n**3


def normal_model(r, J, in_time):
    """`Rows` or `Columns`, whichever matrix is the smaller."""
    return (Columns if J.shape[1] <= J.shape[0] else Rows)(r, J, in_time)


class NormalModel(abc.ABC):
    """What `levenberg_marquardt.DampedModel` answers, with y = s.

    Parameters
    ----------
    r : (m,) array
    J : (m, p) array, not zero; divided by |J|_F in place
    in_time : callable
        Called before each factorisation; raises to end the run.
    """

    algebra = "cholesky"

    def __init__(self, r, J, in_time):
        top = np.abs(J).max()
        J /= top
        scale = norm(J.ravel())
        J /= scale
        self.unit = top * scale
        in_time()
        self._J, self._r, self._gram = J, r / self.unit, self._product(J)
        self._in_time, self._least = in_time, max(J.shape) * EPS
        self._damping, self._factored, self._factor = 0.0, None, None

    @staticmethod
    @abc.abstractmethod
    def _product(J):
        """The matrix that is factorised."""

    @abc.abstractmethod
    def _minimiser(self, r):
        """s of the residuals r, for the present λ."""

    @abc.abstractmethod
    def _bend(self, s):
        """sᵀ (A + λ)⁻¹ s = −½ d|s|²/dλ for the s found last."""

    def well_conditioned(self):
        """Whether the matrix is, to `CONDITION`, by LAPACK's estimate from its factor."""
        A = self._gram.copy()
        size = np.abs(A).sum(axis=0).max()
        factor, info = lapack.dpotrf(A, lower=1, overwrite_a=1)
        return info == 0 and lapack.dpocon(factor, size, uplo="L")[0] >= 1.0 / CONDITION

    @property
    def memory(self):
        """What the next step depends on beside r, J and the radius, (2,): λ and λ₀."""
        return np.array([self._damping, self._least])

    @memory.setter
    def memory(self, values):
        self._damping, self._least = map(float, values)

    def solve(self, radius):
        """s with |s| ≤ radius: undamped if that is inside, else |s| = radius up to 0.1."""
        self._damping, before = 0.0, self._damping
        s = self._minimiser(self._r)
        if norm(s) <= radius:
            return s
        low, high = 0.0, norm(self._J.T @ self._r) / radius
        self._damping = before if 0.0 < before < high else 1e-3 * high
        for _ in range(_NEWTON_STEPS):
            s = self._minimiser(self._r)
            length = norm(s)
            if abs(length - radius) <= _RADIUS_ERROR * radius:
                break
            low, high = (self._damping, high) if length > radius else (low, self._damping)
            slope = self._bend(s) / length**2
            new = self._damping + (length - radius) / radius / slope
            self._damping = new if low < new < high else max(1e-3 * high, np.sqrt(low * high))
        return s

    def step(self, s):
        """s."""
        return s

    def coordinates(self, s):
        """s."""
        return s

    def corrected(self, s, r):
        """s improved by the residuals `r` found at its end, for the λ of the last `solve`."""
        return self._minimiser(r / self.unit - self._J @ s)

    def decrease(self, s):
        """(|r|² − |r + J s|²) / unit²."""
        z = self._J @ s
        return float(-2.0 * (self._r @ z) - z @ z)

    def _inverse(self, b):
        shift = max(self._damping, self._least)
        if self._factored != shift:
            self._factor, self._factored = self._cholesky(shift), shift
        return scipy.linalg.cho_solve(self._factor, b, check_finite=False)

    def _cholesky(self, shift):
        for _ in range(_SHIFTS):
            self._in_time()
            A = self._gram.copy()
            A.flat[::A.shape[0] + 1] += shift
            try:
                return scipy.linalg.cho_factor(A, lower=True, overwrite_a=True, check_finite=False)
            except np.linalg.LinAlgError:
                shift *= 10.0
        raise np.linalg.LinAlgError("JᵀJ + λ or JJᵀ + λ has no Cholesky factor; use "
                                    "linear_algebra='svd'.")


class Columns(NormalModel):
    """By A = Jᵀ J, (p, p)."""

    @staticmethod
    def _product(J):
        return J.T @ J

    def _minimiser(self, r):
        s = -self._inverse(self._J.T @ r)
        for _ in range(_REFINEMENTS):
            s = s - self._inverse(self._J.T @ (r + self._J @ s) + self._damping * s)
        return s

    def _bend(self, s):
        return s @ self._inverse(s)


class Rows(NormalModel):
    """By B = J Jᵀ, (m, m)."""

    @staticmethod
    def _product(J):
        return J @ J.T

    def _minimiser(self, r):
        s = self._refined(r)
        while (noise := self._noise()) > (seen := _VISIBLE * norm(s)) and self._least < 1.0:
            factor = max(10.0, noise / max(seen, EPS * noise))
            self._least = min(max(self._least, self._damping) * factor, 1.0)
            s = self._refined(r)
        return s

    def _refined(self, r):
        self._z = self._inverse(r)
        for _ in range(_REFINEMENTS):
            self._z += self._inverse(r - self._J @ (self._J.T @ self._z) - self._damping * self._z)
        return -(self._J.T @ self._z)

    def _noise(self):
        return EPS * norm(np.sqrt(self._gram.diagonal()) * self._z)

    def _bend(self, s):
        return -(self._J.T @ self._inverse(self._z)) @ s
