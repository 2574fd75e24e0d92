"""Loads alone: right-hand sides ∫ f·v of given densities, in the cells and on parts of the boundary."""

import numpy as np
import tensorflow as tf

from fem.space.form import Form, positional
from fem.space.matrix_form import load_of


def load_vector(space, load, boundary):
    """b (n,); see `Space.vector`.

    Raises
    ------
    TypeError, ValueError
    """
    given = [] if load is None else [(space.cells, load)]
    given += space.on_boundary(boundary)
    if not given:
        raise ValueError("neither load nor boundary is given; expected one of them.")
    forms = [Form(space, points, _of_places(points, function)) for points, function in given]
    return tf.convert_to_tensor(-sum(map(load_of, forms), np.zeros(space.n)))


def _of_places(points, function):
    """A function (x) or (x, normal) as one of fields that it does not use."""
    names = ("x",) if points.normals is None else ("x", "normal")
    expected = f"({', '.join(names)}) -> {{field: {{quantity: density}}}}"
    if not callable(function):
        raise TypeError(f"load is a {type(function).__name__}; expected a function {expected}.")
    low, high = positional(function)
    if not low <= len(names) <= high:
        raise TypeError(f"load takes {low} arguments; expected {expected}, without the fields: what "
                        "depends on them is a form, for V.system, V.matrix or V.residual.")
    return lambda *given: function(*given[-len(names):])
