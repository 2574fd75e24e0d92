"""Training runs that survive their process: files, recorded answers, and when to write."""

from pcl.training.checkpoint.file import CheckpointError, read_checkpoint
from pcl.training.checkpoint.session import Session

__all__ = ["CheckpointError", "Session", "read_checkpoint"]
