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


# Entry by entry, whatever the number of entries, and what TensorFlow's gradients of these are made of.
_WHOLE = ("Sum", "Reshape", "Tile")
ELEMENTARY = {name: f for name, f in _OPERATIONS.items() if name not in _WHOLE} | {
    "Fill": lambda op, shape, x: x,
    "Sqrt": lambda op, x: np.sqrt(x),
    "Rsqrt": lambda op, x: 1.0 / np.sqrt(x),
    "Exp": lambda op, x: np.exp(x),
    "Expm1": lambda op, x: np.expm1(x),
    "Log": lambda op, x: np.log(x),
    "Log1p": lambda op, x: np.log1p(x),
    "Sin": lambda op, x: np.sin(x),
    "Cos": lambda op, x: np.cos(x),
    "Tan": lambda op, x: np.tan(x),
    "Tanh": lambda op, x: np.tanh(x),
    "Sigmoid": lambda op, x: 0.5 * (1.0 + np.tanh(0.5 * x)),
    "Reciprocal": lambda op, x: 1.0 / x,
    "Inv": lambda op, x: 1.0 / x,
    "Pow": lambda op, x, y: np.power(x, y),
    "SquaredDifference": lambda op, x, y: (x - y) ** 2,
    "Xdivy": lambda op, x, y: np.where(x == 0.0, 0.0, x / y),
    "SqrtGrad": lambda op, y, dy: 0.5 * dy / y,
    "RsqrtGrad": lambda op, y, dy: -0.5 * dy * y ** 3,
    "TanhGrad": lambda op, y, dy: dy * (1.0 - y * y),
    "SigmoidGrad": lambda op, y, dy: dy * y * (1.0 - y),
    "ReciprocalGrad": lambda op, y, dy: -dy * y * y,
    "InvGrad": lambda op, y, dy: -dy * y * y,
    "ZerosLike": lambda op, x: np.zeros_like(x),
    "OnesLike": lambda op, x: np.ones_like(x),
}


def compiled(feeds, fetches, operations=_OPERATIONS, constant=np.asarray):
    """The fetches as a function of the feeds, arrays in and a list of arrays out.

    None where the graph between them holds anything but `operations` on float64. `constant` turns a
    constant of the graph into what is computed with, or None to give up.
    """
    place = {t.ref(): i for i, t in enumerate(feeds)}
    steps, constants, stack = [], {}, list(fetches)
    while stack:
        t = stack[-1]
        if t.ref() in place or t.ref() in constants:
            stack.pop()
            continue
        if t.op.type == "Const":
            constants[t.ref()] = constant(tf.get_static_value(t))
            if constants[t.ref()] is None:
                return None
            continue
        if t.op.type not in operations or t.dtype != tf.float64 or t.op.control_inputs:
            return None
        waiting = [x for x in t.op.inputs if x.ref() not in place and x.ref() not in constants]
        if waiting:
            stack.extend(waiting)
            continue
        place[stack.pop().ref()] = len(feeds) + len(steps)
        steps.append(t)
    return _Program(place, steps, constants, fetches, operations)


class _Program:
    """The operations in order; each value has a place, those of the feeds first."""

    def __init__(self, place, steps, constants, fetches, operations):
        def source(t):
            return (place[t.ref()], None) if t.ref() in place else (None, constants[t.ref()])
        self._steps = [(operations[t.op.type], t.op, [source(x) for x in t.op.inputs]) for t in steps]
        self._fetches = [source(t) for t in fetches]

    def __call__(self, *feeds):
        values = list(feeds)
        with np.errstate(all="ignore"):
            for operation, op, sources in self._steps:
                values.append(operation(op, *(c if i is None else values[i] for i, c in sources)))
        return [np.asarray(c if i is None else values[i]) for i, c in self._fetches]
