"""Pieces of the graph made of arithmetic alone, run by NumPy.

On a few thousand points a call of TensorFlow costs more than the sums and products in it.
"""

import numpy as np
import tensorflow as tf

_OPERATIONS = {
    "Identity": lambda op, x: x,
    "Neg": lambda op, x: -x,
    "Square": lambda op, x: x * x,
    "AddV2": lambda op, x, y: x + y,
    "Add": lambda op, x, y: x + y,
    "Sub": lambda op, x, y: x - y,
    "Mul": lambda op, x, y: x * y,
    "RealDiv": lambda op, x, y: x / y,
    "AddN": lambda op, *terms: sum(terms[1:], terms[0]),
    "Sum": lambda op, x, axes: x.sum(axis=tuple(np.ravel(axes)), keepdims=op.get_attr("keep_dims")),
    "Reshape": lambda op, x, shape: x.reshape(shape),
    "Tile": lambda op, x, counts: np.tile(x, counts),
    "Fill": lambda op, shape, x: np.full(shape, x),
}


def compiled(feeds, fetches):
    """The fetches as a function of the feeds, arrays in and a list of arrays out.

    None where the graph between them holds anything but arithmetic on float64.
    """
    place = {t.ref(): i for i, t in enumerate(feeds)}
    steps, constants, stack = [], {}, list(fetches)
    while stack:
        t = stack[-1]
        if t.ref() in place or t.ref() in constants:
            stack.pop()
            continue
        if t.op.type == "Const":
            constants[t.ref()] = tf.get_static_value(t)
            continue
        if t.op.type not in _OPERATIONS or t.dtype != tf.float64 or t.op.control_inputs:
            return None
        waiting = [x for x in t.op.inputs if x.ref() not in place and x.ref() not in constants]
        if waiting:
            stack.extend(waiting)
            continue
        place[stack.pop().ref()] = len(feeds) + len(steps)
        steps.append(t)
    return _Program(place, steps, constants, fetches)


class _Program:
    """The operations in order; each value has a place, those of the feeds first."""

    def __init__(self, place, steps, constants, fetches):
        def source(t):
            return (place[t.ref()], None) if t.ref() in place else (None, constants[t.ref()])
        self._steps = [(_OPERATIONS[t.op.type], t.op, [source(x) for x in t.op.inputs]) for t in steps]
        self._fetches = [source(t) for t in fetches]

    def __call__(self, *feeds):
        values = list(feeds)
        with np.errstate(all="ignore"):
            for operation, op, sources in self._steps:
                values.append(operation(op, *(c if i is None else values[i] for i, c in sources)))
        return [np.asarray(c if i is None else values[i]) for i, c in self._fetches]
