"""Points and cells that carry values in a file or picture: those of the mesh, or of second order."""

from dataclasses import dataclass

import numpy as np
from skfem.assembly import Dofs
from skfem.element import ElementLineP2

from fem.mesh.cell_types import KINDS, NAMES, SECOND
from fem.mesh.nodes import is_curved


@dataclass(frozen=True)
class Layout:
    """points (n, dim); cells (nodes of a cell, n_cells) their numbers; X (dim, nodes) the nodes in the
    reference cell; name: of the cells, as in VTK."""

    points: np.ndarray
    cells: np.ndarray
    X: np.ndarray
    name: str

    def gather(self, values):
        """Values (n_cells, nodes, …) of the nodes of each cell as means over cells, (n, …).

        Equal values are kept to the last digit; a point of no cell has 0.
        """
        n, numbers = len(self.points), self.cells.T
        kept = np.zeros((n, *values.shape[2:]))
        kept[numbers] = values
        count = np.bincount(numbers.ravel(), minlength=n).reshape(-1, *[1] * (values.ndim - 2))
        excess = np.zeros_like(kept)
        np.add.at(excess, numbers, values - kept[numbers])
        return kept + excess / np.maximum(count, 1)


def layout(mesh, second=False, separate=False):
    """The `Layout` of a mesh: its nodes, those of second-order cells, or with `separate` a copy a cell.

    Numbers are those of the mesh's nodes and of a space of Lagrange elements of the same order.
    """
    name = NAMES[type(mesh)]
    if second and not is_curved(mesh):
        name = SECOND[name]
    element = ElementLineP2() if name == "line3" else KINDS[name].elem()
    X = element.doflocs.T
    images = np.moveaxis(mesh.mapping().F(X), 0, -1)                      # (n_cells, nodes, dim)
    if separate:
        cells = np.arange(images.shape[0] * images.shape[1]).reshape(images.shape[:2]).T
        return Layout(images.reshape(-1, images.shape[2]), cells, X, name)
    if name == NAMES[type(mesh)]:
        return Layout(mesh.p.T, mesh.dofs.element_dofs if is_curved(mesh) else mesh.t, X, name)
    numbers = Dofs(mesh, element)
    points = np.zeros((numbers.N, images.shape[2]))
    points[numbers.element_dofs.T] = images
    points[:mesh.nvertices] = mesh.p[:, :mesh.nvertices].T                # free of rounding
    return Layout(points, numbers.element_dofs, X, name)
