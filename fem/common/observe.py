"""Observation of a finite element function: values at points and at degrees of freedom."""

import numpy as np

from pcl.support.arrays import scatter_rows, selection
from pcl.support.validate import float64_array, known, whole_numbers

POLICIES = ("error", "nearest")


def observation_points(points, dim):
    """`points` as (m, dim); in 1-D a vector (m,) is accepted.

    Raises
    ------
    ValueError
        Another shape, no points, coordinates not finite.
    """
    array = float64_array("points", points)
    if dim == 1 and array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != dim:
        hint = " They look transposed." if array.ndim == 2 and array.shape[0] == dim else ""
        raise ValueError(f"points has shape {array.shape}; expected (m, {dim}), one row a "
                         f"point.{hint}")
    if not len(array):
        raise ValueError("points is empty; expected at least one observation point.")
    return array


def point_matrix(space, points, outside):
    """Sparse (m, n) matrix O with (O u)_i = u_h(x_i) = Σ_j u_j φ_j(x_i)."""
    known("outside", outside, POLICIES)
    points = observation_points(points, space.dim)
    cells, local = space.locator.find(points)
    away = np.flatnonzero(cells < 0)
    if away.size and outside == "error":
        place = ", ".join(f"{x:.8g}" for x in points[away[0]])
        raise ValueError(f"{away.size} of {len(points)} points lie outside the mesh, first point "
                         f"{away[0]} at ({place}). Remove them (see Space.contains), or pass "
                         "outside='nearest' to take the value at the closest boundary point.")
    if away.size:
        cells[away], local[:, away] = space.locator.nearest(points[away])
    return basis_rows(space, cells, local)


def basis_rows(space, cells, local):
    """Sparse (m, n): the basis functions of cell cells[i] at its reference point local[:, i]."""
    numbers = space.cell_dofs[:, cells].T                             # (m, basis functions)
    values = np.array([np.broadcast_to(space.element.lbasis(local, i)[0], cells.shape)
                       for i in range(numbers.shape[1])]).T
    return scatter_rows(values, numbers, space.n)


def node_matrix(indices, n):
    """Rows of the identity for numbers of nodes, checked."""
    numbers = whole_numbers("indices", indices, n)
    if not numbers.size:
        raise ValueError("indices is empty; expected at least one observation.")
    return selection(numbers, n)
