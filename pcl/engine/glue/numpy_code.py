"""Pieces of the graph made of arithmetic alone, written out as functions of NumPy.

On a few thousand points a call of TensorFlow costs more than the sums and products in it.
"""

import numpy as np
import tensorflow as tf

_OPERATIONS = {
    "Identity": "{0}",
    "Neg": "-{0}",
    "Square": "{0} * {0}",
    "AddV2": "{0} + {1}",
    "Add": "{0} + {1}",
    "Sub": "{0} - {1}",
    "Mul": "{0} * {1}",
    "RealDiv": "{0} / {1}",
    "AddN": "{terms}",
    "Sum": "{0}.sum(axis=tuple(np.ravel({1})), keepdims={keep_dims})",
    "Reshape": "{0}.reshape({1})",
    "Tile": "np.tile({0}, {1})",
    "Fill": "np.full({0}, {1})",
}


# Entry by entry, whatever the number of entries, and what TensorFlow's gradients of these are made of.
_WHOLE = ("Sum", "Reshape", "Tile")
ELEMENTARY = {name: text for name, text in _OPERATIONS.items() if name not in _WHOLE} | {
    "Fill": "{1}",
    "Sqrt": "np.sqrt({0})",
    "Rsqrt": "1.0 / np.sqrt({0})",
    "Exp": "np.exp({0})",
    "Expm1": "np.expm1({0})",
    "Log": "np.log({0})",
    "Log1p": "np.log1p({0})",
    "Sin": "np.sin({0})",
    "Cos": "np.cos({0})",
    "Tan": "np.tan({0})",
    "Tanh": "np.tanh({0})",
    "Sigmoid": "0.5 * (1.0 + np.tanh(0.5 * {0}))",
    "Reciprocal": "1.0 / {0}",
    "Inv": "1.0 / {0}",
    "Pow": "np.power({0}, {1})",
    "SquaredDifference": "({0} - {1}) ** 2",
    "Xdivy": "np.where({0} == 0.0, 0.0, {0} / {1})",
    "SqrtGrad": "0.5 * {1} / {0}",
    "RsqrtGrad": "-0.5 * {1} * {0} ** 3",
    "TanhGrad": "{1} * (1.0 - {0} * {0})",
    "SigmoidGrad": "{1} * {0} * (1.0 - {0})",
    "ReciprocalGrad": "-{1} * {0} * {0}",
    "InvGrad": "-{1} * {0} * {0}",
    "ZerosLike": "np.zeros_like({0})",
    "OnesLike": "np.ones_like({0})",
}


def compiled(feeds, fetches, operations=_OPERATIONS, constant=np.asarray):
    """The fetches as a function of the feeds, arrays in and a list of arrays out.

    None where the graph between them holds anything but `operations` on float64. `constant` turns a
    constant of the graph into what is computed with, or None to give up.
    """
    program = _Source(len(feeds), operations)
    names, stack = {t.ref(): f"v{i}" for i, t in enumerate(feeds)}, list(fetches)
    while stack:
        t = stack[-1]
        if t.ref() in names:
            stack.pop()
            continue
        if t.op.type == "Const":
            value = constant(tf.get_static_value(t))
            if value is None:
                return None
            names[t.ref()] = program.constant(value)
            continue
        if t.op.type not in operations or t.dtype != tf.float64 or t.op.control_inputs:
            return None
        waiting = [x for x in t.op.inputs if x.ref() not in names]
        if waiting:
            stack.extend(waiting)
            continue
        names[stack.pop().ref()] = program.operation(t.op, [names[x.ref()] for x in t.op.inputs])
    return program.function([names[t.ref()] for t in fetches])


class _Source:
    """The operations in order, as the text of a function; what is computed twice is written once."""

    def __init__(self, feeds, operations):
        self._operations = operations
        self._feeds, self._constants, self._values = feeds, {}, {}

    def constant(self, value):
        """Its name."""
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def operation(self, op, sources):
        """The name of its value."""
        if op.type == "Mul":
            left, right = (self._constants.get(name) for name in sources)
            if _is_one(left) or _is_one(right):
                return sources[1 if _is_one(left) else 0]
        if op.type == "Identity":
            return sources[0]
        text = self._operations[op.type].format(
            *sources, terms=" + ".join(sources),
            keep_dims=op.get_attr("keep_dims") if op.type == "Sum" else None)
        return self._values.setdefault(text, f"v{self._feeds + len(self._values)}")

    def function(self, fetches):
        """The function of the feeds."""
        lines = [f"def program({', '.join(f'v{i}' for i in range(self._feeds))}):",
                 *(f"    {name} = {text}" for text, name in self._values.items()),
                 f"    return [{', '.join(fetches)}]"]
        space = {"np": np, **self._constants}
        exec("\n".join(lines), space)       # made of the tables above and of names alone

        def run(*feeds):
            with np.errstate(all="ignore"):
                return [np.asarray(x) for x in space["program"](*feeds)]
        return run


def _is_one(value):
    return value is not None and np.ndim(value) == 0 and value == 1.0
