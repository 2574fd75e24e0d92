"""Finite elements on scikit-fem meshes, as constant sparse maps that `pcl` differentiates."""

from fem import materials
from fem.common.constraint import Constraint
from fem.common.dirichlet import Dirichlet
from fem.grid.grid import Grid
from fem.mesh.build import mesh_from_arrays, read_mesh, rectangle, unit_square
from fem.mesh.check import check_mesh
from fem.solvers.eigen import eigenvalues
from fem.solvers.linear import solve
from fem.solvers.march import march
from fem.solvers.march_states import march_states
from fem.solvers.nonlinear import solve_nonlinear
from fem.space.element import vector
from fem.space.energy import Energy
from fem.space.form import sym
from fem.space.space import Space
from fem.unknowns.coefficient import Coefficient
from fem.unknowns.matern import Matern
from fem.unknowns.norms import H1, L2, TotalVariation

__all__ = ["Coefficient", "Constraint", "Dirichlet", "Energy", "Grid", "H1", "L2", "Matern", "Space",
           "TotalVariation", "check_mesh", "eigenvalues", "march", "march_states", "materials",
           "mesh_from_arrays", "read_mesh", "rectangle", "solve", "solve_nonlinear", "sym", "unit_square",
           "vector"]
