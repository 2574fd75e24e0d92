"""Admissible coefficients: the identity, with a check each time it is evaluated."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.errors import InvalidCoefficient
from pcl.support.types import ArrayLike, Tensor


def guard(coefficient: ArrayLike | Tensor, name: str = "coefficient", positive: bool = False,
          locate: Callable[[int], str] | None = None) -> Tensor:
    """`coefficient` itself, refused when an entry is not finite or (positive=True) is ≤ 0.

    Parameters
    ----------
    coefficient : tensor or array of any shape
    name : str
        Its name in the message.
    positive : bool
        Whether every entry must be > 0.
    locate : function int -> str, optional
        Where an entry lies ("cell 17"), for the message.

    Returns
    -------
    tensor or array, `coefficient` itself

    Raises
    ------
    InvalidCoefficient
        When evaluated; at a trial point of an optimizer it stands for a loss of +inf.

    Examples
    --------
    >>> import pcl
    >>> pcl.guard([1.0, 2.0], "density", positive=True)
    array([1., 2.])
    >>> pcl.guard([1.0, -2.0], "density", positive=True)
    Traceback (most recent call last):
        ...
    pcl.errors.InvalidCoefficient: density is not positive at 1 of 2 points, first at point 1 ...
    """
    node = GuardNode(name, positive, locate)
    coefficient = nodes.as_input(name, coefficient)
    if tf.is_tensor(coefficient):
        return nodes.call(node, coefficient)
    node.check(coefficient)
    return coefficient


class GuardNode:
    """v = a where a is admissible."""

    def __init__(self, name, positive, locate):
        self.name, self.positive, self.locate = name, positive, locate

    def check(self, a):
        bad = ~np.isfinite(a)
        complaint = "is not finite"
        if self.positive and not bad.any():
            bad, complaint = a <= 0.0, "is not positive"
        if bad.any():
            raise InvalidCoefficient(self._message(a, bad, complaint))

    def _message(self, a, bad, complaint):
        first = int(np.flatnonzero(bad.ravel())[0])
        place = f" ({self.locate(first)})" if self.locate else ""
        finite = a[np.isfinite(a)]
        span = f"; finite values lie in [{finite.min():.6g}, {finite.max():.6g}]" if finite.size else ""
        remedy = " A positive output transform of the network rules this out." if self.positive else ""
        return (f"{self.name} {complaint} at {int(bad.sum())} of {a.size} points, first at point "
                f"{first}{place} with value {a.ravel()[first]:.6g}{span}.{remedy}")

    def tensorflow(self, a: Any) -> Any:
        if tf.executing_eagerly():
            self.check(a.numpy())
            return tf.identity(a)
        with tf.control_dependencies([self._assertion(a)]):
            return tf.identity(a)

    def _assertion(self, a):
        """The check inside a tf.function; Python cannot be asked there where an entry lies."""
        good = tf.math.is_finite(a)
        good = good & (a > 0.0) if self.positive else good
        n, flat = tf.size(good), tf.reshape(good, [-1])
        first = tf.reduce_min(tf.where(flat, n, tf.range(n)))
        return tf.debugging.Assert(tf.reduce_all(flat), [
            f"{self.name} is not finite{' and positive' if self.positive else ''} at",
            tf.math.count_nonzero(~flat), "of", n, "points, first at point", first,
            "; smallest and largest value", tf.reduce_min(a), tf.reduce_max(a)])

    def output_shape(self, shape: tuple) -> tuple:
        return shape

    def evaluate(self, a: np.ndarray) -> "GuardPoint":
        self.check(a)
        return GuardPoint(a)


class GuardPoint:
    """The identity at an admissible point."""

    def __init__(self, value):
        self.value = value

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        return (adjoint,)

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        return tangents[0]
