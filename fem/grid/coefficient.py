"""Coefficients at the faces and functions at the nodes of a grid, checked at the door."""

import numpy as np
import tensorflow as tf

from fem.common.coefficient import float64_value, mapped
from pcl.nodes.guard import guard
from pcl.support.validate import known

MEANS = ("arithmetic", "harmonic")


def at_faces(grid, kappa, positive, mean, columns=None):
    """κ_f, guarded where it is given: (), (n_faces,), or (n_faces, columns) for snapshots.

    Parameters
    ----------
    kappa : scalar, (n_faces,), (n,), or either of these with `columns`; or a function of points
    positive : bool
        Refuse κ ≤ 0 whenever it is evaluated.
    mean : 'arithmetic' or 'harmonic'
        From nodes to faces.

    Raises
    ------
    TypeError, ValueError, InvalidCoefficient
        See `fem.Grid.laplace`.
    """
    known("mean", mean, MEANS)
    if mean == "harmonic" and not positive:
        raise ValueError("mean is 'harmonic' and positive is False; the harmonic mean is defined for "
                         "positive kappa only. Use mean='arithmetic', or give kappa at faces.")
    kappa = kappa(grid.face_points) if callable(kappa) and not tf.is_tensor(kappa) else kappa
    kappa = float64_value("kappa", kappa)
    _require_shape(grid, "kappa", kappa, [(), *_shapes((grid.n_faces, grid.n), columns)])
    nodal, width = kappa.shape[:1] == (grid.n,), int(np.prod(kappa.shape[1:]))
    name_of = node if nodal else face
    locate = (lambda i: name_of(grid, i // width)) if len(kappa.shape) else None
    kappa = guard(kappa, "kappa", positive, locate)
    return _mean(grid, kappa, mean) if nodal else kappa


def _mean(grid, kappa, mean):
    if mean == "harmonic":
        return 1.0 / mapped(grid.face_mean, 1.0 / kappa)
    return mapped(grid.face_mean, kappa)


def at_nodes(grid, name, value, scalar=False, positive=False):
    """A guarded function at the nodes: (n,) or (n, k), with `scalar` also ().

    Parameters
    ----------
    value : array, tensor, or function of points (n, dim)

    Raises
    ------
    TypeError, ValueError
        Not real numbers; another shape.
    InvalidCoefficient
        Not finite, or with `positive` not positive, whenever it is evaluated; names the node.
    """
    value = value(grid.points) if callable(value) and not tf.is_tensor(value) else value
    value = float64_value(name, value)
    columns = int(value.shape[1]) if len(value.shape) == 2 else None
    _require_shape(grid, name, value, [()] * scalar + _shapes((grid.n,), columns))
    width = int(np.prod(value.shape[1:]))
    locate = (lambda i: node(grid, i // width)) if len(value.shape) else None
    return guard(value, name, positive, locate)


def _shapes(lengths, columns):
    """(m,), and (m, columns) where there are columns, for each length m."""
    shapes = [(m,) for m in lengths]
    return shapes if columns is None else shapes + [(m, columns) for m in lengths]


def _require_shape(grid, name, value, expected):
    shape = tuple(value.shape)
    if shape not in expected:
        hint = " Drop the last axis with [..., 0]." if shape[1:] == (1,) else ""
        raise ValueError(f"{name} has shape {shape}; expected {' or '.join(map(str, expected))} on a "
                         f"grid of {grid.n} nodes and {grid.n_faces} faces. Nothing is broadcast.{hint}")


def node(grid, i):
    """Where node i lies, for messages."""
    return f"node {i} at {place(grid.points[i])}"


def face(grid, i):
    """Where face i lies, for messages."""
    a, b = grid.face_nodes[i]
    return f"face {i} between nodes {a} and {b}, at {place(grid.face_points[i])}"


def place(point):
    """Coordinates in a message."""
    return f"({', '.join(f'{x:.6g}' for x in point)})"
