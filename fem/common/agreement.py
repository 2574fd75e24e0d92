"""Conditions given several times for the same unknowns: they must agree, now or when evaluated."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.errors import InvalidCoefficient
from pcl.nodes.guard import GuardPoint
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import selection

# Values that agree differ by rounding only, against the largest one.
SAME = 1e-12

_ADVICE = "Give each number once, for example by a predicate that leaves out the corner."


def concatenated(values):
    """Values of all parts below each other; (m,) becomes (m, k) where another part has columns."""
    width = max(len(v.shape) for v in values)
    if width == 2:
        k = max(v.shape[1] for v in values if len(v.shape) == 2)
        values = [v if len(v.shape) == 2 else v[:, None] * np.ones((1, k)) for v in values]
    if any(tf.is_tensor(v) for v in values):
        return values[0] if len(values) == 1 else tf.concat(values, axis=0)
    return np.concatenate(values)


def each_once(dofs, values, by):
    """Every number once, sorted, with its value.

    Parameters
    ----------
    dofs : (m,)
    values : (m,) or (m, k), array or tensor
    by : list of (which condition, in words; how many of the numbers it gives)

    Raises
    ------
    ValueError
        Known values of one number differ. Traced ones: InvalidCoefficient when evaluated.
    """
    unique, first, group = np.unique(dofs, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[group] != np.arange(len(dofs)))
    if again.size:
        of = first[group][again]
        m = len(dofs)

        def message(k, found):
            """Of the value `again[k]` that differs from the first one."""
            owners = np.repeat(np.arange(len(by)), [count for _, count in by])
            who = [w for w in dict.fromkeys(by[owners[j]][0] for j in (of[k], again[k])) if w]
            named = f" ({' and '.join(who)})" if who else ""
            gap = found.reshape(m, -1)
            return (f"degree of freedom {dofs[of[k]]} has two different Dirichlet values, "
                    f"{gap[of[k], 0]:.8g} and {gap[again[k], 0]:.8g}{named}. {_ADVICE}")
        values = agreeing(values, selection(again, m) - selection(of, m), message, SAME)
    if np.array_equal(first, np.arange(len(dofs))):
        return unique, values
    if tf.is_tensor(values):
        return unique, LinearMap(selection(first, len(dofs))) @ values
    return unique, values[first]


def agreeing(h, redundant, message, room):
    """h itself, refused unless K h = 0 up to `room` times its largest entry.

    Parameters
    ----------
    h : (m,) or (m, k), array or tensor
    redundant : sparse (r, m), K
    message : function (row of K, h) -> str

    Raises
    ------
    ValueError
        At once if h is an array; of a tensor InvalidCoefficient when evaluated.
    """
    if not redundant.shape[0]:
        return h
    node = AgreementNode(redundant, message, room)
    if not tf.is_tensor(h):
        node.check(h, ValueError)
        return h
    return nodes.call(node, h)


class AgreementNode:
    """v = h where K h = 0."""

    def __init__(self, redundant: Any, message: Callable[[int, np.ndarray], str], room: float):
        self._map, self._message, self._room = LinearMap(redundant), message, room

    def check(self, h: np.ndarray, kind: type = InvalidCoefficient) -> None:
        """Raise `kind` where h contradicts itself."""
        gap = np.abs(self._map.matrix @ h).reshape(self._map.shape[0], -1).max(axis=1)
        bad = np.flatnonzero(~(gap <= self._room * np.abs(h).max(initial=0.0)))
        if bad.size:
            raise kind(self._message(int(bad[0]), h))

    def tensorflow(self, h: Any) -> Any:
        if tf.executing_eagerly():
            self.check(h.numpy())
            return tf.identity(h)
        gap = tf.reduce_max(tf.abs(self._map.tensorflow(h)))
        agree = gap <= self._room * tf.reduce_max(tf.abs(h))
        with tf.control_dependencies([tf.debugging.Assert(agree, [
                "conditions on the same unknowns contradict each other, by up to", gap])]):
            return tf.identity(h)

    def output_shape(self, shape: tuple) -> tuple:
        return shape

    def evaluate(self, h: np.ndarray) -> GuardPoint:
        self.check(h)
        return GuardPoint(h)
