"""Covariances C = F Fᵀ of θ, of full or lower rank."""

from typing import Protocol

import numpy as np
import scipy.linalg

from pcl.support.types import Array


class Covariance(Protocol):
    """C (p, p), symmetric and positive semidefinite, whose square root can be applied.

    Attributes
    ----------
    size : int, p
    """

    size: int

    def product(self, v: Array) -> Array:
        """C v, of v (p,) or (p, q)."""
        ...

    def root(self, J: Array) -> Array:
        """R = J F (q, k), F Fᵀ = C, of J (q, p): the same F each time, so that R₁ R₂ᵀ = J₁ C J₂ᵀ."""
        ...

    def root_product(self, z: Array) -> Array:
        """F z, of z (k,) or (k, q): the same F for which `root` is J F."""
        ...

    def root_transposed(self, v: Array) -> Array:
        """Fᵀ v (k,), of v (p,)."""
        ...

    def variances(self) -> Array:
        """The diagonal of C (p,)."""
        ...

    def deviations(self, count: int, rng: np.random.Generator) -> Array:
        """Independent draws of mean 0 and covariance C, (count, p)."""
        ...

    def log_determinant(self) -> float:
        """ln det C; −inf where C is singular."""
        ...


class Factored:
    """C = F Fᵀ with a dense factor F (p, k), k ≤ p."""

    def __init__(self, factor: Array):
        self.factor, self.size = factor, len(factor)

    def product(self, v: Array) -> Array:
        return self.factor @ (self.factor.T @ v)

    def root(self, J: Array) -> Array:
        return J @ self.factor

    def root_product(self, z: Array) -> Array:
        return self.factor @ z

    def root_transposed(self, v: Array) -> Array:
        return self.factor.T @ v

    def variances(self) -> Array:
        return np.einsum("pk,pk->p", self.factor, self.factor)

    def deviations(self, count: int, rng: np.random.Generator) -> Array:
        return rng.normal(size=(count, self.factor.shape[1])) @ self.factor.T

    def log_determinant(self) -> float:
        if self.factor.shape[1] < self.size:
            return -np.inf
        R = scipy.linalg.qr(self.factor, mode="r")[0]
        return 2.0 * float(np.log(np.abs(np.diag(R))).sum())
