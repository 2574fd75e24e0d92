"""Tracing a loss: its nodes cut out, the glue between them kept as TensorFlow functions."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pcl import nodes
from pcl.blocks import Named
from pcl.call import Call, Constant, Direct, Glued
from pcl.graph import Graph
from pcl.implicit import ImplicitCall
from pcl.scan_call import ScanCall
from pcl.segment import Segment


@dataclass(frozen=True)
class Program:
    """A loss ℓ(θ, v) with v_k = F_k(a_k), a_k = g_k(θ, v_1 … v_{k−1}).

    Variables are numbered: first the blocks of θ, then the node outputs v_k. The glue g_k and ℓ
    are `Segment`s; the nodes F_k are the calls.
    """

    n_blocks: int
    calls: tuple
    loss: Segment
    residuals: Segment | None

    def used_blocks(self):
        """Numbers of the blocks that the loss can depend on."""
        used = set(self.loss.deps).union(*(call.dependencies() for call in self.calls))
        return {number for number in used if number < self.n_blocks}


class Tracer:
    """The handler that cuts nodes out of the graph being traced."""

    def __init__(self, blocks):
        self.graph = tf.compat.v1.get_default_graph()
        self.variables = list(enumerate(blocks))
        self.size = len(self.variables)
        self.recorded = []
        self._inside = None

    def call(self, node, inputs):
        """Record a node call; its output is a new placeholder."""
        self._require_plain_python(type(node).__name__)
        given = [x for x in inputs if tf.is_tensor(x)]
        inputs = [_constant_value(x) for x in inputs]
        if not any(tf.is_tensor(x) for x in inputs):
            return tf.constant(node.evaluate(*inputs).value)
        shape = node.output_shape(*(_static_shape(type(node).__name__, x) for x in inputs))
        number, output = self._new(shape)
        self.recorded.append(_RecordedCall(node, inputs, number))
        return self._shielded(number, output, given)

    def solve_equation(self, equation, start, settings):
        """Record an equation; its unknown is a new placeholder, and its inside is recorded too."""
        self._require_plain_python("a nonlinear solve")
        shape = _static_shape("a nonlinear solve", start)
        number, unknown = self._new(shape)
        outside, self.recorded = self.recorded, []
        residual = _float64_like(equation(unknown), shape)
        inside, self.recorded = self.recorded, outside
        start = tf.convert_to_tensor(start, tf.float64)
        self.recorded.append(_RecordedEquation(start, inside, residual, number, settings))
        return self._shielded(number, unknown, [residual])

    def scan(self, recurrence):
        """Record a recurrence; one step is recorded inside, its kept states are a placeholder."""
        self._require_plain_python("a scan")
        if self._inside:
            raise ValueError(f"a scan is called inside {self._inside}; expected it outside.")
        state, rows = zip(*(self._new(tuple(s.shape)) for s in recurrence.initial)), ((), ())
        numbers, placeholders = state
        if recurrence.inputs:
            rows = tuple(zip(*(self._new(tuple(x.shape[1:])) for x in recurrence.inputs)))
        outside, self.recorded, self._inside = self.recorded, [], "the step of another scan"
        following = recurrence.following(placeholders, rows[1])
        inside, self.recorded, self._inside = self.recorded, outside, None
        number, output = self._new(recurrence.output_shape())
        initial, inputs = ([tf.convert_to_tensor(x, tf.float64) for x in arrays]
                           for arrays in (recurrence.initial, recurrence.inputs))
        self.recorded.append(_RecordedScan(recurrence, initial, inputs, inside, following, numbers,
                                           rows[0], number))
        return self._shielded(number, output, [*initial, *inputs, *following])

    def _new(self, shape):
        output = tf.compat.v1.placeholder(tf.float64, shape)
        number, self.size = self.size, self.size + 1
        self.variables.append((number, output))
        return number, output

    def _shielded(self, number, output, inputs):
        """The output for use outside the node: a GradientTape that reaches it is refused.

        The tape would see a placeholder, and return a partial derivative without a word.
        """
        @tf.custom_gradient
        def shield(output, *inputs):
            return tf.identity(output), _refuse_tape

        shielded = shield(output, *inputs)
        shielded.set_shape(output.shape)
        self.variables.append((number, shielded))
        return shielded

    def _require_plain_python(self, name):
        if tf.compat.v1.get_default_graph() is not self.graph:
            raise ValueError(f"{name} is called inside tf.while_loop, tf.cond, tf.map_fn or a "
                             "tf.function within the loss; expected plain Python around it. Use a "
                             "Python loop there.")


def _refuse_tape(*_):
    raise ValueError("a GradientTape inside the loss reaches through a network or a solve, which it "
                     "cannot see there. For derivatives of a network in its inputs use "
                     "net.tensorflow(params, x), for gradients of a state V.gradient(u).")


@dataclass(frozen=True)
class _RecordedCall:
    node: object
    inputs: list
    output: int

    def described(self, graph):
        """The call with its glue, in a list."""
        described, glue = [], []
        for x in self.inputs:
            described.append(_describe(graph, x, len(glue)))
            if isinstance(described[-1], Glued):
                glue.append(x)
        return [Call(self.node, tuple(described), Segment(graph, glue), self.output)]


@dataclass(frozen=True)
class _RecordedEquation:
    start: tf.Tensor
    inside: list
    residual: tf.Tensor
    output: int
    settings: object

    def described(self, graph):
        """The equation with its inner calls and glue, in a list."""
        return [ImplicitCall(Segment(graph, [self.start]), _described(self.inside, graph),
                             Segment(graph, [self.residual]), self.output, self.settings)]


@dataclass(frozen=True)
class _RecordedScan:
    recurrence: object
    initial: list
    inputs: list
    inside: list
    following: list
    state: tuple
    rows: tuple
    output: int

    def described(self, graph):
        """What does not change from step to step, and the scan over the rest."""
        constant, changing = [], []
        known = {*self.state, *self.rows}
        for call in _described(self.inside, graph):
            moves = bool(call.dependencies() & known)
            (changing if moves else constant).append(call)
            known.update([call.output, *call.inner()] if moves else [])
        r = self.recurrence
        return [*constant, ScanCall(Segment(graph, self.initial), Segment(graph, self.inputs), self.state,
                                    self.rows, tuple(changing), Segment(graph, self.following), r.n_steps,
                                    r.keep, r.kept, self.output, r.memory)]


def _described(recorded, graph):
    return tuple(call for one in recorded for call in one.described(graph))


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
    tracers = []
    python_function = getattr(function, "python_function", function)  # of a tf.function

    def body(*tensors):
        tracers.append(Tracer(tensors))
        with nodes.handler(tracers[0]):
            return [t for t in finish(python_function(Named(zip(blocks, tensors)))) if t is not None]

    signature = [tf.TensorSpec(shape, tf.float64, name=f"block_{i}")
                 for i, shape in enumerate(blocks.values())]
    wrapped = tf.compat.v1.wrap_function(body, signature)
    tracer, = tracers
    graph = Graph(wrapped, tracer.variables)
    loss, *residuals = wrapped.outputs
    calls = _described(tracer.recorded, graph)
    program = Program(len(blocks), calls, Segment(graph, [loss], scalar=True),
                      Segment(graph, residuals) if residuals else None)
    _refuse_leaks(program)
    return program


def _refuse_leaks(program):
    """Refuse the use of what is computed inside an equation outside of it."""
    used = set(program.loss.deps).union(*(call.dependencies() for call in program.calls))
    inside = {number for call in program.calls for number in call.inner()}
    if used & inside:
        raise ValueError("a tensor computed inside the equation of solve_nonlinear or the step of a scan "
                         "is used outside of it; compute it again from the solution.")


def _describe(graph, x, position):
    """Where a node input comes from; `position` is the next free output of the glue."""
    if not tf.is_tensor(x):
        return Constant(x)
    if graph.variable(x) is not None:
        return Direct(graph.variable(x))
    segment = Segment(graph, [x])
    return Glued(position) if segment.deps else Constant(segment.value({})[0])


def _constant_value(x):
    """An array where a tensor has a value already, else the tensor."""
    if not tf.is_tensor(x):
        return x
    value = x.numpy() if hasattr(x, "numpy") else tf.get_static_value(x)
    return x if value is None else value


def _static_shape(name, x):
    shape = x.shape if isinstance(x, np.ndarray) else x.shape.as_list()
    if any(n is None for n in shape):
        raise ValueError(f"an input of {name} has the shape {tuple(shape)}, not known when the loss is "
                         "traced; use operations whose output shape does not depend on values.")
    return tuple(shape)


def _float64_like(residual, shape):
    if not tf.is_tensor(residual) or residual.dtype != tf.float64 or tuple(residual.shape) != shape:
        given = (f"{residual.dtype.name} of shape {tuple(residual.shape)}" if tf.is_tensor(residual)
                 else type(residual).__name__)
        raise ValueError(f"the equation returns {given}; expected a float64 tensor of shape {shape}, one "
                         "residual an unknown.")
    return residual
