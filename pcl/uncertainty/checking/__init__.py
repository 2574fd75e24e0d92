"""Whether readings look like draws of the model that was fitted to them."""

from pcl.uncertainty.checking.check import check_model
from pcl.uncertainty.checking.readings import OfProblem, Readings
from pcl.uncertainty.checking.report import DataCheck, ModelCheck

__all__ = ["DataCheck", "ModelCheck", "OfProblem", "Readings", "check_model"]
