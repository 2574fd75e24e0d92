"""Observation of a finite element function at points: any quantity of any field."""

import numpy as np

from fem.common.observe import POLICIES, observation_points
from pcl.support.nearest import nearest
from pcl.support.validate import known


def field_of(space, name):
    """The field of this name; without one that of a space with one field.

    Raises
    ------
    ValueError
    """
    if name is None and len(space.fields) > 1:
        raise ValueError(f"no field is named; the space has {', '.join(map(repr, space.fields))}: say "
                         f"which by field={next(iter(space.fields))!r}.")
    if name is None:
        return space.only_field("a field")
    if name not in space.fields:
        raise ValueError(f"field is {name!r}; the space has {', '.join(map(repr, space.fields))}."
                         f"{nearest(name, space.fields)}")
    return space.fields[name]


def point_rows(space, points, outside, quantity="value", field=None, component=None):
    """Sparse (m · entries, n), and their shape: O u = quantity of u_h, or components, at the points.

    Raises
    ------
    ValueError
    """
    known("outside", outside, POLICIES)
    field = field_of(space, field)
    field.quantities.require(quantity, field.name)
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
    rows = field.rows(quantity, local[:, :, None], space.n, cells)
    return _components(rows, field.quantities.shapes[quantity], quantity, component)


def _components(rows, shape, quantity, component):
    """The rows of one component (a number, of tensors a tuple) or of a list of them, and their shape."""
    if component is None:
        return rows, shape
    numbers = np.arange(rows.shape[0]).reshape(-1, *shape)
    try:
        chosen = numbers[(slice(None), *(component if isinstance(component, tuple) else (component,)))]
    except (IndexError, TypeError) as error:
        raise ValueError(f"component is {component!r}, but the {quantity} has the shape {shape}; "
                         "expected a number, a list, or of a tensor a pair (row, column).") from error
    return rows[chosen.ravel()], chosen.shape[1:]
