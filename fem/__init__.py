"""Finite elements on scikit-fem meshes, as constant sparse maps that `pcl` differentiates."""

from fem.build import mesh_from_arrays, read_mesh, rectangle, unit_square
from fem.dirichlet import Dirichlet
from fem.mesh_check import check_mesh
from fem.elimination import solve
from fem.evolution import march
from fem.grid import Grid
from fem.nonlinear import solve_nonlinear
from fem.space import Space

__all__ = ["Dirichlet", "Grid", "Space", "check_mesh", "march", "mesh_from_arrays", "read_mesh",
           "rectangle", "solve", "solve_nonlinear", "unit_square"]
