"""Data of experiments: trajectories, several of them together, and CSV files."""

from pcl.dae.data.experiments import Data
from pcl.dae.data.read import read_csv
from pcl.dae.data.trajectory import Trajectory

__all__ = ["Data", "Trajectory", "read_csv"]
