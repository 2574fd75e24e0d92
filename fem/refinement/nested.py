"""Functions carried from one space to another: the same mesh with other elements, or a refined mesh."""

import numpy as np
import scipy.sparse as sp

from fem.space.element import describe, scalar_part
from fem.space.space import Space
from pcl.support.types import Array, Integers


def parents(coarse: Space, mesh) -> Integers:
    """The cell of `coarse` in which each cell of a refined mesh lies, (n_cells,)."""
    if mesh.t.shape == coarse.mesh.t.shape and np.array_equal(mesh.p, coarse.mesh.p):
        return np.arange(coarse.n_cells)
    centres = mesh.p[:, mesh.t].mean(axis=1).T
    cells = coarse.locator.find(centres)[0]
    if (cells < 0).any():
        raise ValueError(f"{np.count_nonzero(cells < 0)} cells of the refined mesh lie outside the "
                         "coarse one; expected a refinement of it.")
    return cells


def carried(coarse: Space, fine: Space) -> sp.csr_array:
    """E (fine.n, coarse.n): u of `coarse` ↦ its values at the nodes of `fine`.

    Each node is read in one of its cells, so that functions that jump are carried right. Exact where
    `fine` contains `coarse`.

    Raises
    ------
    ValueError
        Unknowns that are not values at points (Raviart–Thomas, Hermite, bubbles).
    """
    found = parents(coarse, fine.mesh)
    return sp.csr_array(sp.vstack([_rows(coarse, fine, name, found) for name in fine.fields],
                                  format="csr"))


def _rows(coarse, fine, name, found):
    """The rows of one field."""
    field = _nodal(fine.fields[name])
    other = _nodal(coarse.fields[name])
    k = field.components
    numbers = (field.cell_dofs[::k] - field.start) // k                  # (functions, cells), of nodes
    node, first = np.unique(numbers.T, return_index=True)
    cell, function = np.divmod(first, len(numbers))
    images = fine.counted_mesh.mapping().F(_places(field))               # (dim, cells, functions)
    X, _ = coarse.locator.invert(np.asarray(images)[:, cell, function], found[cell])
    rows = other.rows("value", X[:, :, None], coarse.n, found[cell])
    put = (node[:, None] * k + np.arange(k)).ravel()
    return sp.csr_array((np.ones(len(put)), (put, np.arange(len(put)))), shape=(field.n, len(put))) @ rows


def _nodal(field):
    if not field.is_nodal:
        raise ValueError(f"field {field.name!r} of {describe(field.element)} has unknowns that are not "
                         "values at points, so it cannot be carried to another mesh; expected P0 … P4, "
                         "Q1, Q2 or vectors of them.")
    return field


def _places(field):
    """Reference points (dim, functions) of the nodes of a cell."""
    return np.asarray(scalar_part(field.element).doflocs, dtype=np.float64).T


def on_another_mesh(values: Array, element, coarse, fine) -> Array:
    """Nodal values (n, …) of an element on mesh `coarse`, on mesh `fine`."""
    one, other = Space(coarse, element), Space(fine, element)
    if len(values) != one.n:
        raise ValueError(f"the block has {len(values)} values, but {element!r} has {one.n} on this mesh.")
    return carried(one, other) @ values
