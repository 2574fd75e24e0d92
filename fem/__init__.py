"""Finite elements on scikit-fem meshes, as constant sparse maps that `pcl` differentiates."""

from fem import materials
from fem.common.constraint import Constraint
from fem.common.dirichlet import Dirichlet
from fem.common.sources import mollified
from fem.grid.grid import Grid
from fem.mesh.build import box, disk, interval, mesh_from_arrays, rectangle, unit_square
from fem.mesh.check import check_mesh
from fem.mesh.read import read_mesh
from fem.mesh.second_order import curved
from fem.output.comparison import plot_comparison
from fem.output.plot import plot
from fem.output.plot_mesh import plot_mesh
from fem.output.plot_slice import plot_slice
from fem.output.save import save
from fem.output.series import Series
from fem.output.view import view
from fem.refinement.equations import LinearEquation, WeakEquation
from fem.refinement.finer import Refining
from fem.refinement.fit import refine_fit
from fem.refinement.refine import refine
from fem.solvers.complex import solve_complex
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

__all__ = ["Coefficient", "Constraint", "Dirichlet", "Energy", "Grid", "H1", "L2", "LinearEquation",
           "Matern", "Refining", "Series", "Space", "TotalVariation", "WeakEquation", "box", "check_mesh",
           "curved", "disk", "eigenvalues", "interval", "march", "march_states", "materials",
           "mesh_from_arrays", "mollified", "plot", "plot_comparison", "plot_mesh", "plot_slice",
           "read_mesh", "rectangle", "refine", "refine_fit", "save", "solve", "solve_complex",
           "solve_nonlinear", "sym", "unit_square", "vector", "view"]
