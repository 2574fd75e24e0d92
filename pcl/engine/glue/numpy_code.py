"""Pieces of the graph made of arithmetic alone, written out as functions of NumPy.

On a few thousand points a call of TensorFlow costs more than the sums and products in it.
"""

from typing import Any

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
_BY_ENTRY = {
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
ELEMENTARY = {name: text for name, text in _OPERATIONS.items() if name not in _WHOLE} | _BY_ENTRY | {
    "Fill": "{1}"}


def _index(op, begin, end, strides):
    """The index of a strided slice in Python's own terms."""
    masks = {name: op.get_attr(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis",
                                                            "shrink_axis")}
    items: list = []
    for i, (first, stop, step) in enumerate(zip(begin, end, strides)):
        has = {name: mask >> i & 1 for name, mask in masks.items()}
        if has["ellipsis"]:
            items.append(Ellipsis)
        elif has["new_axis"]:
            items.append(None)
        elif has["shrink_axis"]:
            items.append(int(first))
        else:
            items.append(slice(None if has["begin"] else int(first), None if has["end"] else int(stop),
                               int(step)))
    return tuple(items)


def _put(shape, index, value):
    """Zeros of a shape with the value at an index: the transposed of a slice."""
    result = np.zeros(shape)
    result[index] = value
    return result


def _sliced(t, constants):
    return "{0}[{index}]", {"index": _index(t.op, *constants[1:])}


def _slice_put(t, constants):
    return "put({shape}, {index}, {4})", {"shape": tuple(map(int, constants[0])),
                                          "index": _index(t.op, *constants[1:4])}


def _part(t, constants):
    begin, size = constants[1:]
    return "{0}[{index}]", {"index": tuple(slice(int(b), None if n < 0 else int(b + n))
                                           for b, n in zip(begin, size))}


def _joined(t, constants):
    count = len(t.op.inputs) - 1
    return f"np.concatenate([{', '.join(f'{{{i}}}' for i in range(count))}], axis={{axis}})", {
        "axis": int(constants[-1])}


def _stacked(t, constants):
    listed = ", ".join(f"{{{i}}}" for i in range(len(t.op.inputs)))
    return f"np.stack([{listed}], axis={{axis}})", {"axis": int(t.op.get_attr("axis"))}


def _unstacked(t, constants):
    return "np.take({0}, {number}, axis={axis})", {"number": t.value_index,
                                                   "axis": int(t.op.get_attr("axis"))}


def _padded(t, constants):
    return "pad({0}, {width})", {"width": [tuple(map(int, w)) for w in constants[1]]}


def _pad(x, width):
    """`np.pad` with zeros, whose settings cost more than what a few thousand entries take."""
    padded = np.zeros([before + n + after for n, (before, after) in zip(x.shape, width)])
    padded[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, width))] = x
    return padded


def _expanded(t, constants):
    return "np.expand_dims({0}, {axis})", {"axis": int(constants[1])}


def _transposed(t, constants):
    return "{0}.transpose({order})", {"order": tuple(map(int, constants[1]))}


def _broadcast(t, constants):
    return "np.broadcast_to({0}, {shape})", {"shape": tuple(map(int, constants[1]))}


# What moves entries about: (text, further words in it) of the operation and its constant inputs.
_MOVES = {"StridedSlice": _sliced, "StridedSliceGrad": _slice_put, "Slice": _part, "ConcatV2": _joined,
          "Pack": _stacked, "Unpack": _unstacked, "Pad": _padded, "ExpandDims": _expanded,
          "Transpose": _transposed, "BroadcastTo": _broadcast}
_ALL = _OPERATIONS | _BY_ENTRY


def _offsets(axis, *shapes):
    """Where each of some arrays begins in their concatenation, (arrays, dimensions)."""
    lengths = [shape[int(axis)] for shape in shapes]
    result = np.zeros((len(shapes), len(shapes[0])), dtype=np.int64)
    result[:, int(axis)] = np.cumsum([0, *lengths[:-1]])
    return list(result)


def _sub_array(x, begin, size):
    """x[begin : begin + size] in every direction; −1 is the rest."""
    return x[tuple(slice(int(b), None if n < 0 else int(b + n)) for b, n in zip(begin, size))]


def _reductions(*shapes):
    """Axes over which the gradient of each of two broadcast arrays is summed."""
    rank = max(map(len, shapes))
    full = [np.concatenate([np.ones(rank - len(s), dtype=np.int64), s]) for s in shapes]
    common = np.maximum(*full)
    return [np.flatnonzero((f == 1) & ((common != 1) | (np.arange(rank) < rank - len(s))))
            for f, s in zip(full, shapes)]


# Shapes and places that TensorFlow's gradients compute from constants.
_INTEGERS: dict[str, Any] = {
    "Sub": np.subtract, "AddV2": np.add, "Mul": np.multiply, "FloorMod": np.mod, "Maximum": np.maximum,
    "Reshape": np.reshape, "Pack": lambda *x: np.stack(x), "Slice": _sub_array,
    "ConcatV2": lambda *x: np.concatenate(x[:-1], axis=int(x[-1])), "ConcatOffset": _offsets,
    "ExpandDims": lambda x, axis: np.expand_dims(x, int(axis)), "InvertPermutation": np.argsort,
    "BroadcastGradientArgs": _reductions}


def _only_orders(op):
    """Whether a control dependency on this operation is on arithmetic, not on a check.

    The outcome of a check is a truth value, which TensorFlow passes on by an Identity.
    """
    known = op.type in _ALL or op.type in _MOVES or op.type in ("Placeholder", "Const")
    return known and all(t.dtype != tf.bool for t in op.outputs)


def _known_integer(t):
    """The value of an integer tensor made of constants, else None."""
    if t.dtype not in (tf.int32, tf.int64):
        return None
    value = tf.get_static_value(t)
    if value is not None or t.op.type not in _INTEGERS:
        return value
    inputs = [_known_integer(x) for x in t.op.inputs]
    if any(x is None for x in inputs):
        return None
    result = _INTEGERS[t.op.type](*inputs)
    return result[t.value_index] if isinstance(result, list) else result


def compiled(feeds, fetches, operations=_ALL, constant=np.asarray, moves=_MOVES):
    """The fetches as a function of the feeds, arrays in and a list of arrays out.

    None where the graph between them holds anything but `operations` on float64. `constant` turns a
    constant of the graph into what is computed with, or None to give up.
    """
    program = _Source(len(feeds), operations, moves)
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
        integer = _known_integer(t)
        if integer is not None:
            names[t.ref()] = program.constant(integer)
            continue
        known = t.op.type in operations or t.op.type in moves
        if not known or t.dtype != tf.float64 or not all(map(_only_orders, t.op.control_inputs)):
            return None
        waiting = [x for x in t.op.inputs if x.ref() not in names]
        if waiting:
            stack.extend(waiting)
            continue
        name = program.operation(t, [names[x.ref()] for x in t.op.inputs])
        if name is None:
            return None
        names[stack.pop().ref()] = name
    return program.function([names[t.ref()] for t in fetches])


class _Source:
    """The operations in order, as the text of a function; what is computed twice is written once."""

    def __init__(self, feeds, operations, moves):
        self._operations, self._moves = operations, moves
        self._feeds, self._constants, self._values = feeds, {}, {}

    def constant(self, value):
        """Its name."""
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def operation(self, t, sources):
        """The name of its value; None where what moves entries is not constant."""
        op = t.op
        if op.type in self._moves:
            return self._move(t, sources)
        if op.type == "Mul":
            left, right = (self._constants.get(name) for name in sources)
            if _is_one(left) or _is_one(right):
                return sources[1 if _is_one(left) else 0]
        if op.type == "Identity":
            return sources[0]
        text = self._operations[op.type].format(
            *sources, terms=" + ".join(sources),
            keep_dims=op.get_attr("keep_dims") if op.type == "Sum" else None)
        return self._named(text)

    def _move(self, t, sources):
        constants = [self._constants.get(name) for name in sources]
        if any(c is None for c, x in zip(constants, t.op.inputs) if x.dtype != tf.float64):
            return None
        text, words = self._moves[t.op.type](t, constants)
        return self._named(text.format(*sources, **words))

    def _named(self, text):
        return self._values.setdefault(text, f"v{self._feeds + len(self._values)}")

    def function(self, fetches):
        """The function of the feeds."""
        lines = [f"def program({', '.join(f'v{i}' for i in range(self._feeds))}):",
                 *(f"    {name} = {text}" for text, name in self._values.items()),
                 f"    return [{', '.join(fetches)}]"]
        space = {"np": np, "put": _put, "pad": _pad, **self._constants}
        exec("\n".join(lines), space)       # made of the tables above and of names alone

        def run(*feeds):
            with np.errstate(all="ignore"):
                return [np.asarray(x) for x in space["program"](*feeds)]
        return run


def _is_one(value):
    return value is not None and np.ndim(value) == 0 and value == 1.0
