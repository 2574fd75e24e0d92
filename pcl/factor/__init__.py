"""Sparse factorisations: a registry of solvers, checks, and a cache that shares factors.

To add a solver: `register`. To factorise: `factorise`, or `cached` for a matrix that may come again.
"""

from pcl.factor.cache import Counts, Factor, FactorCache, cached, in_use, using
from pcl.factor.checked import NEARLY_SINGULAR, SINGULAR, factorise
from pcl.factor.registry import backend, register_solver, solvers

__all__ = ["Counts", "Factor", "FactorCache", "NEARLY_SINGULAR", "SINGULAR", "backend", "cached",
           "factorise", "in_use", "register_solver", "solvers", "using"]
