"""Functions of a space by their values in cells: all that files and pictures ask of a space.

The one place that reads fields, elements and tables of a space.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import skfem
from skfem.refdom import RefHex

from fem.mesh.nodes import is_tensor
from fem.mesh.topology import Facets, build_facets


@dataclass(frozen=True)
class Function:
    """One unknown function of a space: u_h(x) = Σ_i u_i φ_i(x) with i from `start` to start + n − 1.

    shape : of its value, () or (components,) or (dim, dim)
    degree : of its polynomials, on quadrilaterals and hexahedra per direction; 0 is constant in cells
    """

    field: Any
    name: str
    shape: tuple[int, ...]
    start: int
    n: int
    degree: int
    cell_dofs: np.ndarray

    def values(self, u, X):
        """u_h at reference points X (dim, m) of every cell, (n_cells, m, *shape), for u (n,).

        Of k columns u (n, k): (n_cells, m, *shape, k). NaN where a u_i of φ_i(x) ≠ 0 is not finite.
        """
        return self._combined(u, X, None).reshape(-1, X.shape[1], *self.shape, *u.shape[1:])

    def at(self, u, cells, X):
        """u_h at the reference points X (dim, m) of cells (m,), (m, *shape), or with k behind."""
        return self._combined(u, X[:, :, None], cells).reshape(-1, *self.shape, *u.shape[1:])

    def _combined(self, u, X, cells):
        """Σ_i u_i φ_i, one row a point and component."""
        rows = self.field.rows("value", X, self.start + self.n, cells)[:, self.start:]
        good = np.isfinite(u)
        values = rows @ np.where(good, u, 0.0)
        if good.all():
            return values
        return np.where((abs(rows) > 1e-13) @ ~good, np.nan, values)


@runtime_checkable
class Meshed(Protocol):
    """What stands on a mesh: a grid, whose values belong to the nodes of its mesh."""

    @property
    def mesh(self) -> skfem.Mesh: ...


@runtime_checkable
class Fielded(Meshed, Protocol):
    """A space of functions with fields on a mesh."""

    fields: dict[str, Any]
    facets: Facets


def domain_of(space: Any) -> Any:
    """A space or mesh as it is; of a grid its mesh.

    Raises
    ------
    TypeError
    """
    if isinstance(space, skfem.Mesh | Fielded):
        return space
    if isinstance(space, Meshed):
        return space.mesh
    raise TypeError(f"space is a {type(space).__name__}; expected a fem.Space, a fem.Grid or a mesh.")


def mesh_of(space):
    """The mesh of a space, or the mesh itself."""
    return space if isinstance(space, skfem.Mesh) else space.mesh


def facets_of(space) -> Facets:
    """The facets of a space's mesh, or of the mesh itself."""
    if isinstance(space, skfem.Mesh):
        reference = space.elem.refdom
        return build_facets(space.t, reference.facets, reference is not RefHex)
    return space.facets


def functions_of(space) -> dict[str, Function]:
    """The unknown functions of a space by name; none of a mesh."""
    if isinstance(space, skfem.Mesh):
        return {}
    return {name: Function(f, name, tuple(f.shape), f.start, f.n, _degree(space.mesh, f.element),
                           f.cell_dofs) for name, f in space.fields.items()}


def cell_means(space, values):
    """Σ w f / Σ w over each cell, (n_cells, …), of values (q, …) at the quadrature points."""
    weights = space.quadrature_weights.reshape(-1, space.points_per_cell)
    by_cell = values.reshape(*weights.shape, *values.shape[1:])
    return np.einsum("cp,cp...->c...", weights / weights.sum(axis=1, keepdims=True), by_cell)


def sizes_of(space):
    """{what: leading size} of arrays that belong to a space or mesh."""
    mesh = mesh_of(space)
    sizes = {"cells": mesh.t.shape[1], "nodes": mesh.p.shape[1]}
    if isinstance(space, skfem.Mesh):
        return sizes
    return {"unknowns": space.n, "quadrature": len(space.quadrature_weights), **sizes}


def _degree(mesh, element):
    return -(-element.maxdeg // mesh.p.shape[0]) if is_tensor(mesh) else element.maxdeg
