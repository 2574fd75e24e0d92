"""Functions of a space by their values in cells: all that files and pictures ask of a space.

The one place that reads fields, elements and tables of a space.
"""

from dataclasses import dataclass
from typing import Any

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

    space: Any
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
        table = self._table(X)
        columns = [_combined(table, column[self.cell_dofs - self.start]) for column in np.atleast_2d(u.T)]
        return columns[0] if u.ndim == 1 else np.stack(columns, axis=-1)

    def at(self, u, cells, X):
        """u_h at the reference points X (dim, m) of cells (m,), (m, *shape), or with k behind."""
        table = self._table(X, cells)
        columns = [_combined(table, column[self.cell_dofs[:, cells] - self.start])[:, 0]
                   for column in np.atleast_2d(u.T)]
        return columns[0] if u.ndim == 1 else np.stack(columns, axis=-1)

    def _table(self, X, cells=None):
        """(n_cells or 1, m, *shape, functions), or (m, 1, *shape, functions) of cells (m,)."""
        tabulate = getattr(self.space, "tabulate", None)
        if tabulate is not None:
            return np.asarray(tabulate(self.name, "value", X, cells))
        element, functions = self.space.element, range(len(self.cell_dofs))
        table = np.array([element.lbasis(X, i)[0] * np.ones(X.shape[1]) for i in functions]).T
        return table[None] if cells is None else table[:, None]


def _combined(table, local):
    """Σ_f table (cells, points, …, f) · local (f, cells)."""
    good = np.isfinite(local)
    values = np.einsum("cp...f,fc->cp...", table, np.where(good, local, 0.0))
    if not good.all():
        spoilt = np.einsum("cp...f,fc->cp...", np.abs(table) > 1e-13, ~good)
        values = np.where(spoilt, np.nan, values)
    return values


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
    fields = getattr(space, "fields", None)
    if fields is None:
        return {"u": Function(space, "u", (), 0, space.n, _degree(space.mesh, space.element),
                              space.cell_dofs)}
    return {name: Function(space, name, tuple(f.shape), f.start, f.n, _degree(space.mesh, f.element),
                           f.cell_dofs) for name, f in fields.items()}


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
