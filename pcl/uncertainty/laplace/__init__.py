"""Laplace's approximation: the normal density with the peak and the curvature of the posterior."""

from pcl.uncertainty.laplace.band import Band
from pcl.uncertainty.laplace.posterior import Posterior, posterior

__all__ = ["Band", "Posterior", "posterior"]
