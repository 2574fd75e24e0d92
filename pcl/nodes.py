"""The handler switch: a node call goes to whoever is listening.

A *node* is an operation with derivative rules of its own (a network, a sparse product, a
linear solve). Without a handler it is a plain TensorFlow operation, differentiable to any
order. While a `Problem` traces its loss, the active handler cuts the node out of the graph:
its output becomes a placeholder and the node itself is evaluated outside TensorFlow.
"""

import contextlib
import contextvars
from typing import Protocol

import numpy as np
import tensorflow as tf
from tensorflow.python.eager.record import could_possibly_record

from pcl.validate import float64_array

_handler = contextvars.ContextVar("pcl_handler", default=None)


class Node(Protocol):
    """An operation v = F(a₁, …, a_m), or the solution v of R(v, a₁, …, a_m) = 0.

    `tensorflow(*inputs)` evaluates it as TensorFlow operations, differentiable to any order;
    `output_shape(*shapes)` is the static shape of v; `evaluate(*arrays)` returns a `NodePoint`.
    """

    def tensorflow(self, *inputs): ...

    def output_shape(self, *shapes): ...

    def evaluate(self, *arrays): ...


class NodePoint(Protocol):
    """A node evaluated at one point.

    `value`
        v, a float64 array.
    `pullback(adjoint, wanted)`
        Adjoints of the inputs, (∂v/∂a_i)ᵀ v̄ for each i with wanted[i], else None.
    `extend(plan, tangents, adjoint)`
        The tangent dv/dθ as a `Tangent` over the plan's bases, given those of the inputs
        (None where an input does not depend on θ); adds the curvature ⟨v̄, v⟩'' to the plan.
    """

    value: np.ndarray

    def pullback(self, adjoint, wanted): ...

    def extend(self, plan, tangents, adjoint): ...


def call(node, *inputs):
    """Evaluate `node` under the active handler; inputs are tensors or arrays, float64."""
    _require_eager_execution()
    inputs = [as_input(f"input {i} of {type(node).__name__}", x) for i, x in enumerate(inputs)]
    handler = _handler.get()
    if handler is None:
        return node.tensorflow(*(tf.convert_to_tensor(x, tf.float64) for x in inputs))
    return handler.call(node, inputs)


def solve_equation(equation, start, settings):
    """u with equation(u) = 0, under the active handler."""
    active = _handler.get()
    if active is None:
        return None
    return active.solve_equation(equation, as_input("start", start), settings)


def scan(recurrence):
    """The kept states of a recurrence under the active handler; None without one."""
    active = _handler.get()
    return None if active is None else active.scan(recurrence)


def is_watched():
    """Whether a tape may ask for the gradient of what is computed now, or a graph is being built."""
    return not tf.executing_eagerly() or could_possibly_record()


@contextlib.contextmanager
def handler(active):
    """Send the node calls made inside the block to `active.call(node, inputs)`."""
    _require_eager_execution()
    token = _handler.set(active)
    try:
        yield active
    finally:
        _handler.reset(token)


def as_input(name, x):
    """A float64 tensor as it is, a variable read; anything else as a new float64 array.

    What a model closes over is copied here, once: changing an array later changes no model.

    Raises
    ------
    TypeError
        A tensor of another dtype, or data that are not real numbers.
    """
    if isinstance(x, tf.Variable):
        x = tf.convert_to_tensor(x)
    if not tf.is_tensor(x):
        return float64_array(name, x, finite=False)
    if x.dtype != tf.float64:
        raise TypeError(f"{name} is a tensor of dtype {x.dtype.name}; expected float64. Create it with "
                        "dtype=tf.float64: a cast would keep the digits already lost.")
    return x


def _require_eager_execution():
    if not tf.compat.v1.executing_eagerly_outside_functions():
        raise RuntimeError("eager execution of TensorFlow is off; pcl needs it. Remove the call of "
                           "tf.compat.v1.disable_eager_execution.")
