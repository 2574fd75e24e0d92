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


def point_rows(space, points, outside, quantity="value", field=None):
    """Sparse (m · entries, n), and the shape of the quantity: O u = quantity of u_h at the points.

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
    return rows, field.quantities.shapes[quantity]
