"""Finite elements on scikit-fem meshes, as constant sparse maps that `pcl` differentiates."""

from fem.build import mesh_from_arrays, read_mesh, rectangle, unit_square
from fem.dirichlet import Dirichlet
from fem.mesh_check import check_mesh
from fem.elimination import solve
from fem.space import Space

__all__ = ["Dirichlet", "Space", "check_mesh", "mesh_from_arrays", "read_mesh", "rectangle",
           "solve", "unit_square"]
