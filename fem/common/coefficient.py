"""Coefficients at points: a number, one value a point, or one array a point."""

import numpy as np
import tensorflow as tf

from pcl.engine.nodes import as_input
from pcl.errors import InvalidCoefficient
from pcl.nodes.guard import guard


def at_points(name, value, points, trailing=(), positive=False, locate=None):
    """`value` as a guarded coefficient: () or (q, *trailing), tensor or float64 array.

    Parameters
    ----------
    name : str
        Its name in messages.
    value : number, array, tensor, or function of points (q, dim)
        Nothing but a scalar is broadcast. Arrays of any real dtype become float64; tensors must be
        float64, since a cast would keep the digits already lost.
    points : ndarray (q, dim)
    trailing : tuple, or list of tuples
        Shape of the value at one point; a list states alternatives.
    positive : bool
        Refuse values ≤ 0, whenever they are evaluated; matrices (q, dim, dim) that are constant
        must be positive definite.
    locate : function int -> str
        Says where point number i lies.

    Raises
    ------
    TypeError
        A tensor that is not float64; data that are not real numbers.
    ValueError
        Another shape, for example (q, 1).
    InvalidCoefficient
        Not finite, or not positive; the message says where.
    """
    if callable(value) and not tf.is_tensor(value):
        value = value(points)
    value = float64_value(name, value)
    shapes = trailing if isinstance(trailing, list) else [trailing]
    expected = [(len(points), *s) for s in shapes]
    if tuple(value.shape) not in [(), *expected]:
        given = tuple(value.shape)
        hint = " Drop the last axis with [..., 0]." if given == (len(points), 1) else ""
        raise ValueError(f"{name} has shape {given}; expected {' or '.join(map(str, expected))}, "
                         f"one value a point, or a scalar.{hint}")
    entries = int(np.prod(value.shape[1:]))
    where = None if not value.shape or locate is None else lambda i: locate(i // entries)
    if positive and len(value.shape) == 3:
        _check_definite(name, value, locate)
    return guard(value, name=name, positive=positive and len(value.shape) < 2, locate=where)


def float64_value(name, value):
    """A float64 tensor as it is; anything else as a new float64 array.

    Raises
    ------
    TypeError
        A tensor of another dtype, or data that are not real numbers.
    ValueError
        A tensor whose shape is not known when it is traced.
    """
    value = as_input(name, value)
    if tf.is_tensor(value) and not value.shape.is_fully_defined():
        raise ValueError(f"{name} has shape {value.shape}, which is not known when it is traced; "
                         "state it by tf.ensure_shape.")
    return value


def flattened(value):
    """A coefficient (q, ...) as a vector; a scalar as it is."""
    if len(value.shape) < 2:
        return value
    return tf.reshape(value, [-1]) if tf.is_tensor(value) else value.reshape(-1)


def spread(value, size):
    """A scalar coefficient repeated `size` times; a vector as it is."""
    if len(value.shape):
        return value
    return tf.fill([size], value) if tf.is_tensor(value) else np.full(size, value)


def mapped(linear_map, x):
    """L x as a tensor; a constant is multiplied at once."""
    return linear_map @ x if tf.is_tensor(x) else tf.constant(linear_map.matrix @ x)


def _check_definite(name, tensors, locate):
    """Refuse constant matrices (q, dim, dim) whose symmetric part is not positive definite."""
    if tf.is_tensor(tensors) or not np.isfinite(tensors).all():
        return
    smallest = np.linalg.eigvalsh((tensors + tensors.transpose(0, 2, 1)) / 2)[:, 0]
    bad = np.flatnonzero(smallest <= 0)
    if bad.size:
        raise InvalidCoefficient(f"{name} is not positive definite at {bad.size} of {len(tensors)} "
                                 f"points, first at point {bad[0]} ({locate(bad[0])}); expected "
                                 "positive eigenvalues of its symmetric part.")
