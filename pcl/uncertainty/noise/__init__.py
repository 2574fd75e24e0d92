"""Noise models: what readings scatter like around predictions."""

from pcl.uncertainty.noise.base import Noise
from pcl.uncertainty.noise.gaussian import Gaussian

__all__ = ["Gaussian", "Noise"]
