"""Finite elements on scikit-fem meshes, as constant sparse maps that `pcl` differentiates.

Importing the package is cheap: each name loads what it needs when it is first used.
"""

import importlib
from typing import TYPE_CHECKING

# What is there, for editors and type checkers; `as` tells the strict ones that it is for users.
if TYPE_CHECKING:
    from fem import materials as materials
    from fem.common.constraint import Constraint as Constraint
    from fem.common.dirichlet import Dirichlet as Dirichlet
    from fem.common.sources import mollified as mollified
    from fem.grid.grid import Grid as Grid
    from fem.mesh.build import (box as box, disk as disk, interval as interval,
                                mesh_from_arrays as mesh_from_arrays, rectangle as rectangle,
                                unit_square as unit_square)
    from fem.mesh.check import check_mesh as check_mesh
    from fem.mesh.read import read_mesh as read_mesh
    from fem.mesh.second_order import curved as curved
    from fem.output.comparison import plot_comparison as plot_comparison
    from fem.output.plot import plot as plot
    from fem.output.plot_mesh import plot_mesh as plot_mesh
    from fem.output.plot_slice import plot_slice as plot_slice
    from fem.output.save import save as save
    from fem.output.series import Series as Series
    from fem.output.view import view as view
    from fem.refinement.equations import LinearEquation as LinearEquation, WeakEquation as WeakEquation
    from fem.refinement.finer import Refining as Refining
    from fem.refinement.fit import refine_fit as refine_fit
    from fem.refinement.refine import refine as refine
    from fem.solvers.complex import solve_complex as solve_complex
    from fem.solvers.eigen import eigenvalues as eigenvalues
    from fem.solvers.linear import solve as solve
    from fem.solvers.march import march as march
    from fem.solvers.march_states import march_states as march_states
    from fem.solvers.nonlinear import solve_nonlinear as solve_nonlinear
    from fem.space.element import vector as vector
    from fem.space.energy import Energy as Energy
    from fem.space.form import sym as sym
    from fem.space.space import Space as Space
    from fem.unknowns.coefficient import Coefficient as Coefficient
    from fem.unknowns.matern import Matern as Matern
    from fem.unknowns.norms import H1 as H1, L2 as L2, TotalVariation as TotalVariation

_HOME = {
    "Constraint": "common.constraint",
    "Dirichlet": "common.dirichlet",
    "mollified": "common.sources",
    "Grid": "grid.grid",
    **dict.fromkeys(("box", "disk", "interval", "mesh_from_arrays", "rectangle",
                     "unit_square"), "mesh.build"),
    "check_mesh": "mesh.check",
    "read_mesh": "mesh.read",
    "curved": "mesh.second_order",
    "plot_comparison": "output.comparison",
    "plot": "output.plot",
    "plot_mesh": "output.plot_mesh",
    "plot_slice": "output.plot_slice",
    "save": "output.save",
    "Series": "output.series",
    "view": "output.view",
    **dict.fromkeys(("LinearEquation", "WeakEquation"), "refinement.equations"),
    "Refining": "refinement.finer",
    "refine_fit": "refinement.fit",
    "refine": "refinement.refine",
    "solve_complex": "solvers.complex",
    "eigenvalues": "solvers.eigen",
    "solve": "solvers.linear",
    "march": "solvers.march",
    "march_states": "solvers.march_states",
    "solve_nonlinear": "solvers.nonlinear",
    "vector": "space.element",
    "Energy": "space.energy",
    "sym": "space.form",
    "Space": "space.space",
    "Coefficient": "unknowns.coefficient",
    "Matern": "unknowns.matern",
    **dict.fromkeys(("H1", "L2", "TotalVariation"), "unknowns.norms"),
}

_PACKAGES = ("materials",)      # with further names inside

__all__ = sorted([*_HOME, *_PACKAGES])


if not TYPE_CHECKING:       # a checker refuses names that are not there
    def __getattr__(name):
        if name in _PACKAGES:
            return importlib.import_module(f"fem.{name}")
        if name not in _HOME:
            from pcl.support.nearest import nearest
            raise AttributeError(f"module 'fem' has no attribute {name!r}; it offers "
                                 f"{', '.join(__all__)}.{nearest(name, __all__)}")
        value = globals()[name] = getattr(importlib.import_module(f"fem.{_HOME[name]}"), name)
        return value


def __dir__():
    return sorted({*globals(), *__all__})
