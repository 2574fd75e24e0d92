"""Collocation in time: schemes, elements, interpolation, errors and simulation of F(x', x, y, t) = 0."""

from pcl.collocation.error import error_estimate, worst
from pcl.collocation.interpolation import interpolation
from pcl.collocation.mesh import Mesh
from pcl.collocation.refine import Adapted, AdaptStatus, adapt, equidistribute, refine
from pcl.collocation.scheme import Scheme, gauss, lobatto, named_scheme, radau
from pcl.collocation.simulate import simulate
from pcl.collocation.solution import Solution, Status
from pcl.collocation.start import HigherIndex, InconsistentStart

__all__ = ["AdaptStatus", "Adapted", "HigherIndex", "InconsistentStart", "Mesh", "Scheme", "Solution",
           "Status", "adapt", "equidistribute", "error_estimate", "gauss", "interpolation", "lobatto",
           "named_scheme", "radau", "refine", "simulate", "worst"]
