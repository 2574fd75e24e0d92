"""The normal priors of all blocks as one normal distribution of θ."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from pcl.support.types import Array
from pcl.uncertainty.prior.base import GaussianPrior


class JointGaussian:
    """θ ~ N(mean, C), C = G Gᵀ block by block; z = G⁻¹ (θ − mean) are the whitened coordinates.

    Parameters
    ----------
    priors : {block: GaussianPrior}, of every block
    slices : {block: slice of θ}

    Attributes
    ----------
    size : int, p
    mean : ndarray (p,)
    """

    def __init__(self, priors: Mapping[str, GaussianPrior], slices: Mapping[str, slice]):
        self._parts = [(priors[name], slices[name]) for name in slices]
        self.mean = np.concatenate([prior.mean.ravel() for prior, _ in self._parts])
        self.size = self.mean.size

    def root(self, z: Array) -> Array:
        """G z, of z (p,) or (p, q)."""
        return np.concatenate([prior.root(z[rows]) for prior, rows in self._parts])

    def root_transposed(self, v: Array) -> Array:
        """Gᵀ v, of v (p,) or (p, q)."""
        return np.concatenate([prior.root_transposed(v[rows]) for prior, rows in self._parts])

    def product(self, v: Array) -> Array:
        """C v, of v (p,) or (p, q)."""
        return self.root(self.root_transposed(v))

    def variances(self) -> Array:
        """The diagonal of C (p,)."""
        return np.concatenate([prior.variances() for prior, _ in self._parts])

    def log_determinant(self) -> float:
        """ln det C."""
        return float(sum(prior.log_determinant() for prior, _ in self._parts))


def metric(gaussian: Mapping[str, GaussianPrior],
           slices: Mapping[str, slice]) -> Callable[[Array], Array] | None:
    """v ↦ ½ C₀ v, the inverse of the Hessian of −2 log p₀(θ); None unless all priors are normal."""
    if set(gaussian) != set(slices):
        return None
    prior = JointGaussian(gaussian, slices)
    return lambda v: 0.5 * prior.product(v)
