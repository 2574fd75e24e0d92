"""A node that gives what it is given: for glue that is computed once, outside of where it is used."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.engine import nodes


def held(x: Any) -> Any:
    """x itself, computed once for all that takes it, where it is a tensor of a traced loss."""
    return nodes.call(Held(), x) if tf.is_tensor(x) and nodes.active() is not None else x


class Held:
    """v = x."""

    def tensorflow(self, x: Any) -> Any:
        return tf.identity(x)

    def output_shape(self, x: tuple) -> tuple:
        return x

    def evaluate(self, x: np.ndarray) -> "HeldPoint":
        return HeldPoint(x)


class HeldPoint:
    """v = x at one x; its tangent is that of x."""

    def __init__(self, x):
        self.value = x

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        return adjoint,

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        return tangents[0]
