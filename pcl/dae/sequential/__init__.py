"""The sequential way: trajectories solved for by Newton's method, training in what is left."""

from pcl.dae.sequential.problem import Sequential
from pcl.dae.sequential.trajectories import marched

__all__ = ["Sequential", "marched"]
