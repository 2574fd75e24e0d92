"""The ends of the Hessian's spectrum at one point."""

import dataclasses

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

_SMALL = 32     # up to here the Hessian is formed from products with unit vectors
NEGATIVE = 1e-8     # relative to the largest |eigenvalue|: below this it is a saddle


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """Smallest and largest eigenvalue of a symmetric matrix."""

    smallest: float
    largest: float

    @property
    def indefinite(self):
        """Whether the smallest eigenvalue is visibly negative."""
        return self.smallest < -NEGATIVE * max(abs(self.smallest), abs(self.largest))

    @property
    def shows_minimum(self):
        """Positive semidefinite up to rounding, and not zero."""
        return self.largest > 0.0 and not self.indefinite


def spectrum(H):
    """`Spectrum` of a symmetric matrix (p, p)."""
    values = scipy.linalg.eigvalsh(H)
    return Spectrum(float(values[0]), float(values[-1]))


def spectrum_of_product(product, p):
    """The same from v ↦ H v alone: Lanczos (ARPACK) for p > 32; None if that fails."""
    if p <= _SMALL:
        H = np.stack([product(e) for e in np.eye(p)])
        return spectrum(0.5 * (H + H.T))
    operator = LinearOperator((p, p), matvec=product, dtype=np.float64)
    v0 = np.random.default_rng(0).standard_normal(p)
    try:
        ends = eigsh(operator, k=2, which="BE", v0=v0, tol=1e-6, return_eigenvectors=False)
    except ArpackError:     # no convergence, or a zero matrix
        return None
    return Spectrum(float(min(ends)), float(max(ends)))
