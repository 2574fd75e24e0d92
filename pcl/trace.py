"""Tracing a loss: its nodes cut out, the glue between them kept as TensorFlow functions."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pcl import nodes
from pcl.graph import Graph
from pcl.segment import Segment


@dataclass(frozen=True)
class Constant:
    """A node input that depends on no parameter."""

    value: np.ndarray


@dataclass(frozen=True)
class Direct:
    """A node input that is a parameter block or the output of an earlier node."""

    variable: int


@dataclass(frozen=True)
class Glued:
    """A node input computed by the glue in front of the node: output `position` of its segment."""

    position: int


@dataclass(frozen=True)
class Call:
    """One node call: v = node(inputs), v being variable number `output`."""

    node: object
    inputs: tuple
    segment: Segment
    output: int


@dataclass(frozen=True)
class Program:
    """A loss ℓ(θ, v) with v_k = F_k(a_k), a_k = g_k(θ, v_1 … v_{k−1}).

    Variables are numbered: first the blocks of θ, then the node outputs v_k in order. The glue
    g_k and ℓ are `Segment`s; the nodes F_k are the calls.
    """

    n_blocks: int
    calls: tuple
    loss: Segment
    residuals: Segment | None


class Tracer:
    """The handler that cuts nodes out of the graph being traced."""

    def __init__(self):
        self.graph = None
        self.placeholders = []
        self.recorded = []

    def begin(self, blocks):
        """Note the graph and the placeholders of the parameter blocks."""
        self.graph = tf.compat.v1.get_default_graph()
        self.placeholders = list(blocks)

    def call(self, node, inputs):
        if tf.compat.v1.get_default_graph() is not self.graph:
            raise ValueError(
                f"{type(node).__name__} is called inside tf.while_loop, tf.cond, tf.map_fn or a "
                "tf.function within the loss; expected plain Python around node calls. Use a Python "
                "loop there.")
        inputs = [_constant_value(x) for x in inputs]
        if not any(tf.is_tensor(x) for x in inputs):
            return tf.constant(node.evaluate(*inputs).value)
        shape = node.output_shape(*(_static_shape(node, x) for x in inputs))
        output = tf.compat.v1.placeholder(tf.float64, shape)
        self.recorded.append((node, inputs))
        self.placeholders.append(output)
        return output


def trace(function, blocks, finish):
    """Trace `finish(function(θ))`.

    Parameters
    ----------
    function : dict of tensors -> tensor
    blocks : dict name -> shape
    finish : tensor -> (loss, residuals or None), checked and scalar

    Returns
    -------
    Program
    """
    tracer = Tracer()
    python_function = getattr(function, "python_function", function)  # of a tf.function

    def body(*tensors):
        tracer.begin(tensors)
        with nodes.handler(tracer):
            return [t for t in finish(python_function(dict(zip(blocks, tensors)))) if t is not None]

    signature = [tf.TensorSpec(shape, tf.float64, name=f"block_{i}")
                 for i, shape in enumerate(blocks.values())]
    wrapped = tf.compat.v1.wrap_function(body, signature)
    graph = Graph(wrapped, tracer.placeholders)
    loss, *residuals = wrapped.outputs
    calls = tuple(_call(graph, i, *recorded) for i, recorded in
                  enumerate(tracer.recorded, start=len(blocks)))
    return Program(len(blocks), calls, Segment(graph, [loss], scalar=True),
                   Segment(graph, residuals) if residuals else None)


def _call(graph, output, node, inputs):
    described, glue = [], []
    for x in inputs:
        if not tf.is_tensor(x):
            described.append(Constant(x))
        elif graph.variable(x) is not None:
            described.append(Direct(graph.variable(x)))
        else:
            described.append(_constant_glue(graph, x) or Glued(len(glue)))
            if isinstance(described[-1], Glued):
                glue.append(x)
    return Call(node, tuple(described), Segment(graph, glue), output)


def _constant_glue(graph, x):
    """The value of a tensor that depends on no variable, else None."""
    segment = Segment(graph, [x])
    return None if segment.deps else Constant(segment.value([])[0])


def _constant_value(x):
    """An array where a tensor has a value already, else the tensor."""
    if not tf.is_tensor(x):
        return x
    value = x.numpy() if hasattr(x, "numpy") else tf.get_static_value(x)
    return x if value is None else value


def _static_shape(node, x):
    shape = x.shape if isinstance(x, np.ndarray) else x.shape.as_list()
    if any(n is None for n in shape):
        raise ValueError(f"an input of {type(node).__name__} has the shape {tuple(shape)}, not known when "
                         "the loss is traced; use operations whose output shape does not depend on values.")
    return tuple(shape)

