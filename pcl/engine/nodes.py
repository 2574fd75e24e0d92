"""The handler switch: a node call goes to whoever is listening.

A *node* is an operation with derivative rules of its own (a network, a sparse product, a
linear solve). Without a handler it is a plain TensorFlow operation, differentiable to any
order. While a `Problem` traces its loss, the active handler cuts the node out of the graph:
its output becomes a placeholder and the node itself is evaluated outside TensorFlow.
"""

import contextvars
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from tensorflow.python.eager.record import could_possibly_record

from pcl.support.context import having
from pcl.support.validate import float64_array

_handler = contextvars.ContextVar("pcl_handler", default=None)


class Node(Protocol):
    """An operation v = F(a₁, …, a_m), or the solution v of R(v, a₁, …, a_m) = 0.

    `tensorflow(*inputs)`
        v by TensorFlow operations, differentiable to any order.
    `output_shape(*shapes)`
        The static shape of v from those of the inputs.
    `evaluate(*arrays)`
        The `Point` at these inputs, float64 arrays; TrialFailure where there is none.
    """

    # `**named` lets a checker take any number of inputs, of which each node has its own; none is given.
    def tensorflow(self, *inputs: Any, **named: Any) -> Any: ...

    def output_shape(self, *shapes: Any, **named: Any) -> tuple: ...

    def evaluate(self, *arrays: Any, **named: Any) -> "Point": ...


class Point(Protocol):
    """A node at one point; J_i = ∂v/∂a_i.

    `value`
        v, a float64 array.
    `pullback(adjoint, wanted)`
        J_iᵀ v̄ of the shape of a_i for each i with wanted[i], else None.
    `extend(plan, tangents, adjoint)`
        The tangent Σ_i J_i ȧ_i as a `Tangent` over the plan's bases, given those of the inputs (None
        where an input does not depend on θ, not all of them); adds the curvature to the plan,

            ⟨v̄, v⟩'' = Σ_ij ȧ_iᵀ (∂²⟨v̄, F⟩/∂a_i∂a_j) ȧ_j

        or, where v is given by R(v, a) = 0, with μ = −R_v⁻ᵀ v̄, that of ⟨μ, R⟩ in (v, a).
    """

    value: np.ndarray

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple: ...

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any: ...


class Construct(Protocol):
    """What is made of node calls itself: an equation, a recurrence.

    `name`
        What it is, for messages: "a nonlinear solve".
    `record(tracer)`
        Runs its function once on variables of the `pcl.engine.trace.Tracer`, adds what describes it as a
        `pcl.engine.procedure.Call` once the graph is known, and returns its output, shielded.
    """

    name: str

    def record(self, tracer: Any) -> Any: ...


def call(node, *inputs):
    """Evaluate `node` under the active handler; inputs are tensors or arrays, float64."""
    _require_eager_execution()
    given = [as_input(f"input {i} of {type(node).__name__}", x) for i, x in enumerate(inputs)]
    handler = _handler.get()
    if handler is None:
        return node.tensorflow(*(tf.convert_to_tensor(x, tf.float64) for x in given))
    return handler.call(node, given)


def active():
    """The active handler, None without one."""
    return _handler.get()


def record(construct):
    """The output of a `Construct` under the active handler; None without one."""
    handler = _handler.get()
    return None if handler is None else handler.record(construct)


def is_watched():
    """Whether a tape may ask for the gradient of what is computed now, or a graph is being built."""
    return not tf.executing_eagerly() or could_possibly_record()


def handler(active):
    """Send the node calls made inside the block to `active.call(node, inputs)`."""
    _require_eager_execution()
    return having(_handler, active)


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
