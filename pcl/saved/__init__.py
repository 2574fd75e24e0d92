"""Trained results on disk: parameters, laws, history and posterior, without code."""

from pcl.saved.file import load, save
from pcl.saved.solution import SavedLaw, Solution

__all__ = ["SavedLaw", "Solution", "load", "save"]
