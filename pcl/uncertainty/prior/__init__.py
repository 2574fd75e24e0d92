"""Priors: what is known of θ, or of functions of it, before the data."""

from pcl.uncertainty.prior.base import GaussianPrior, Prior
from pcl.uncertainty.prior.normal import Normal

__all__ = ["GaussianPrior", "Normal", "Prior"]
