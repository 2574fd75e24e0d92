"""Draws of a posterior by Markov chains."""

from pcl.uncertainty.sampling.density import LogDensity
from pcl.uncertainty.sampling.sample import sample
from pcl.uncertainty.sampling.samples import Samples

__all__ = ["LogDensity", "Samples", "sample"]
