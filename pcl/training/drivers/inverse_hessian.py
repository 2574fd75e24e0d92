"""An approximate inverse Hessian, dense, improved by one pair of step and change of gradient a time.

Broyden's class, self-scaled: with s = θ₊ − θ, y = g₊ − g, u = H y, a = yᵀs > 0,

    H₊ = (H − u uᵀ/yᵀu + φ v vᵀ)/τ + s sᵀ/a,       v = √(yᵀu) (s/a − u/yᵀu)

so that H₊ y = s for every τ and φ, and H₊ is positive definite for τ > 0 and φ ≥ 0. What τ divides is
what was known of the curvature elsewhere: τ < 1 says that it was overestimated. With B = H⁻¹,
b = sᵀBs/a, h = yᵀu/a and c = b h − 1 ≥ 0:

    BFGS        τ = 1,             φ = 1
    SSBFGS      τ = min(1, 1/b),   φ = 1
    SSBroyden   ρ = min(1, h (1 − √(c/(1 + c)))),   ϑ = max((ρ − 1)/c, min(1/ρ, (1 − b)/b)),
                σ = 1 + c ϑ,   φ = (1 − ϑ)/σ,
                τ = min(1, 1/b) min(σ^(−1/(p−1)), 1/ϑ) for ϑ > 0,
                    min(min(1, 1/b) σ^(−1/(p−1)), σ) else

One triangle of H/γ is stored, γ a number that takes up the 1/τ, and changed in place: a pass over it for
u, one for the direction and one or two for the change, 2 p² multiplications each at most. H is never
multiplied by a matrix.

Source: M. Al-Baali, H. Khalfan, 2005, Wide interval for efficient self-scaling quasi-Newton algorithms,
Optim. Methods Softw. 20; J. F. Urbán, P. Stefanou, J. A. Pons, 2025, Unveiling the optimization process
of physics informed neural networks: how accurate and competitive can PINNs be?, J. Comput. Phys. 523.
"""

import numpy as np
from scipy.linalg import blas

_LARGEST = 1e100     # γ is multiplied into the matrix above this


def bfgs(b, h, p):
    """(τ, φ) of BFGS."""
    return 1.0, 1.0


def ssbfgs(b, h, p):
    """(τ, φ) of the self-scaled BFGS update."""
    return min(1.0, 1.0 / b), 1.0


def ssbroyden(b, h, p):
    """(τ, φ) of the self-scaled Broyden update."""
    first, c = min(1.0, 1.0 / b), b * h - 1.0
    if not c > np.finfo(float).eps:         # s and H y are parallel: the class has one member
        return first, 1.0
    rho = min(1.0, h * (1.0 - np.sqrt(c / (1.0 + c))))
    theta = max((rho - 1.0) / c, min(1.0 / rho, (1.0 - b) / b))
    sigma = 1.0 + c * theta
    scaled = sigma ** (-1.0 / max(p - 1, 1))
    tau = first * min(scaled, 1.0 / theta) if theta > 0.0 else min(first * scaled, sigma)
    return tau, (1.0 - theta) / sigma


RULES = {"BFGS": bfgs, "ssbfgs": ssbfgs, "ssbroyden": ssbroyden}


class InverseHessian:
    """H ≈ (∇²ℓ)⁻¹.

    Parameters
    ----------
    rule : function (b, h, p) -> (τ, φ), one of `RULES`
    first : (p, p) array, symmetric, or float and size
        H at the beginning, or a multiple of the identity.
    """

    def __init__(self, rule, first, size):
        self._rule, self._gamma = rule, 1.0
        self._M = np.zeros((size, size), order="F")
        if np.ndim(first):
            self._M[:] = first
        else:
            self._M.flat[::size + 1] = first

    def __call__(self, v):
        """H v (p,)."""
        return self._gamma * blas.dsymv(1.0, self._M, v, lower=1)

    def block(self, rows):
        """H[rows][:, rows] for rows in ascending order."""
        part = np.tril(self._M[np.ix_(rows, rows)])
        return self._gamma * (part + np.tril(part, -1).T)

    def scale(self, factor):
        """H becomes factor · H."""
        self._gamma *= factor

    def update(self, s, y, curvature):
        """H₊ for a step s and a change of gradient y; `curvature` is sᵀBs, by BFGS where it is None.

        Left out where yᵀs is not positive.
        """
        a, u = y @ s, self(y)
        yu = y @ u
        if not (a > 0.0 and 0.0 < yu < np.inf):
            return
        tau, phi = (1.0, 1.0) if curvature is None else self._rule(curvature / a, yu / a, s.size)
        self._gamma /= tau
        self._add(s, u, (phi * yu / (tau * a) + 1.0) / a, -phi / (tau * a), (phi - 1.0) / (tau * yu))
        if self._gamma > _LARGEST:
            self._M *= self._gamma
            self._gamma = 1.0

    def _add(self, s, u, ss, su, uu):
        """ss s sᵀ + su (s uᵀ + u sᵀ) + uu u uᵀ."""
        place, other = {"lower": 1, "a": self._M, "overwrite_a": 1}, su * u + 0.5 * ss * s
        blas.dsyr2(1.0 / self._gamma, s, other, **place)
        if uu:
            blas.dsyr(uu / self._gamma, u, **place)
