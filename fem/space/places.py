"""Points of the domain: the unknowns nearest to them, loads at them, lines through them."""

import numpy as np
import scipy           # its `spatial` is loaded when it is first used
import tensorflow as tf

from fem.common.coefficient import float64_value
from fem.common.observe import observation_points
from fem.space.observe import point_rows
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.validate import float64_array, positive_integer


def nearest_dofs(space, field, points, component):
    """Numbers of the unknowns at the nodes nearest to points, point by point, each once.

    Raises
    ------
    ValueError
    """
    if not field.is_nodal:
        raise ValueError(f"the unknowns of {field} are no values at points; expected a Lagrange element.")
    if component is not None and component not in range(field.components):
        raise ValueError(f"component is {component!r}; {field} has {field.components}.")
    points = observation_points(points, space.dim)
    used = np.setdiff1d(field.numbers, space.unused_dofs)
    nodes = used[field.component[used - field.start] == 0]
    nearest = nodes[scipy.spatial.cKDTree(field.dof_points[nodes - field.start]).query(points)[1]]
    nearest = nearest[np.sort(np.unique(nearest, return_index=True)[1])]
    parts = np.arange(field.components) if component is None else np.array([component])
    return (nearest[:, None] + parts).ravel()


def point_load(space, field, points, strength):
    """b_i = Σ_j s_j·φ_i(x_j), δ-functions at known points.

    Raises
    ------
    ValueError
    """
    rows, shape = point_rows(space, points, "error", "value", field)
    m = rows.shape[0] // int(np.prod(shape))
    strength = float64_value("strength", strength)
    allowed = [(m, *shape), shape] + ([] if shape else [()])
    if tuple(strength.shape) not in allowed:
        raise ValueError(f"strength has shape {tuple(strength.shape)}; expected "
                         f"{' or '.join(map(str, dict.fromkeys(allowed)))} for {m} points.")
    return LinearMap(rows.T) @ tf.reshape(strength * np.ones((m, *shape)), [-1])


def along(dim, start, end, count):
    """Points (count, dim) at equal distances from start to end."""
    start, end = (float64_array(name, np.atleast_1d(x), (dim,))
                  for name, x in (("start", start), ("end", end)))
    return np.linspace(start, end, positive_integer("count", count, minimum=2))
