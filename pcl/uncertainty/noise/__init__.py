"""Noise models: what readings scatter like around predictions."""

from pcl.uncertainty.noise.base import Noise
from pcl.uncertainty.noise.censored import Censored
from pcl.uncertainty.noise.discrepancy import Discrepancy
from pcl.uncertainty.noise.gaussian import Gaussian
from pcl.uncertainty.noise.log_normal import LogNormal
from pcl.uncertainty.noise.poisson import Poisson
from pcl.uncertainty.noise.proportional import Proportional
from pcl.uncertainty.noise.student import StudentT

__all__ = ["Censored", "Discrepancy", "Gaussian", "LogNormal", "Noise", "Poisson", "Proportional",
           "StudentT"]
