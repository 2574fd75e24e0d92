"""Priors: what is known of θ, or of functions of it, before the data."""

from pcl.uncertainty.prior.base import GaussianPrior, Prior
from pcl.uncertainty.prior.distribution import Distribution
from pcl.uncertainty.prior.normal import Normal
from pcl.uncertainty.prior.process import Process
from pcl.uncertainty.prior.shape import Convex, Monotone, Positive, Smooth

__all__ = ["Convex", "Distribution", "GaussianPrior", "Monotone", "Normal", "Positive", "Prior",
           "Process", "Smooth"]
