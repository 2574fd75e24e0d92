"""Tracing a loss: its nodes cut out, the glue between them kept as TensorFlow functions."""

import contextlib
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.engine.blocks import Named
from pcl.engine.call import Constant, Direct, Glued, NodeCall
from pcl.engine.glue.graph import Graph
from pcl.engine.glue.piece import Piece
from pcl.engine.held import Held
from pcl.engine.procedure import Procedure
from pcl.engine.program import TracedLoss
from pcl.support.numpy_calls import explained

# What TensorFlow is to say of a shielded input; `tf.custom_gradient` would be shorter, but TensorFlow
# keeps every function it is given for good, and with it the graph.
_REFUSED = "shielded by pcl"


class Tracer:
    """The handler that cuts nodes out of the graph being traced.

    A construct (see `nodes.Construct`) finds here what it needs to record itself: `variable` for
    what stands for its unknowns, `inside` for what is computed within it, `add` for
    what it becomes once the graph is known, `shielded` for its output.
    """

    def __init__(self, blocks):
        self.graph = tf.compat.v1.get_default_graph()
        self.variables = list(enumerate(blocks))
        self.size = len(self.variables)
        self.recorded: list = []
        self.within: tuple[str, ...] = ()

    def call(self, node, inputs):
        """Record a node call; its output is a new placeholder."""
        name = type(node).__name__
        self._require_plain_python(name)
        given = [x for x in inputs if tf.is_tensor(x)]
        inputs = [constant_value(x) for x in inputs]
        if not any(tf.is_tensor(x) for x in inputs):
            return tf.constant(node.evaluate(*inputs).value)
        number, output = self.variable(node.output_shape(*(constant_shape(name, x) for x in inputs)))
        self.add(_RecordedCall(node, inputs, number))
        return self.shielded(number, output, given)

    def record(self, construct):
        """Record what is made of calls itself; its output is a new placeholder."""
        self._require_plain_python(construct.name)
        return construct.record(self)

    def variable(self, shape):
        """(number, placeholder) of a new variable of the loss."""
        output = tf.compat.v1.placeholder(tf.float64, shape)
        number, self.size = self.size, self.size + 1
        self.variables.append((number, output))
        return number, output

    @contextlib.contextmanager
    def inside(self, name):
        """The list of what is recorded within the block; `within` holds the names of blocks now open."""
        outside, self.recorded = self.recorded, []
        self.within += (name,)
        try:
            yield self.recorded
        finally:
            self.recorded, self.within = outside, self.within[:-1]

    def add(self, recorded):
        """Append what describes itself as a list of calls by `described(graph)`."""
        self.recorded.append(recorded)

    def shielded(self, number, output, inputs):
        """The output for use outside the node: a GradientTape that reaches it is refused.

        The tape would see a placeholder, and return a partial derivative without a word.
        """
        watched = [tf.raw_ops.PreventGradient(input=x, message=_REFUSED) for x in inputs]
        shielded = tf.identity_n([output, *watched])[0]
        shielded.set_shape(output.shape)
        self.variables.append((number, shielded))
        return shielded

    def _require_plain_python(self, name):
        if tf.compat.v1.get_default_graph() is not self.graph:
            raise ValueError(f"{name} is called inside tf.while_loop, tf.cond, tf.map_fn or a "
                             "tf.function within the loss; expected plain Python around it. Use a "
                             "Python loop there.")


@contextlib.contextmanager
def _tapes_refused():
    """TensorFlow's refusal to differentiate what is shielded, in our words."""
    try:
        yield
    except LookupError as error:
        if _REFUSED not in str(error):
            raise
        raise ValueError(
            "a derivative inside the loss (a GradientTape, pcl.pointwise_gradient) reaches through a "
            "network or a solve, which it cannot see there. For derivatives of a network in its inputs "
            "use net.gradient(params, x), of what is computed with it pcl.pointwise_gradient(function, "
            "z), for gradients of a state V.gradient(u).") from error


@dataclass(frozen=True)
class _RecordedCall:
    node: nodes.Node
    inputs: list
    output: int

    def described(self, graph, moving=None):
        """The call with its glue, in a list; before it the glue that depends on nothing `moving`."""
        inputs: list = []
        glue: list = []
        held: list = []
        for x in self.inputs:
            inputs.append(_describe(graph, x, len(glue)))
            if isinstance(inputs[-1], Glued):
                if moving is not None and _is_held(graph, x, moving):
                    held.append(NodeCall(Held(), (Glued(0),), Piece(graph, [x]), graph.new_number()))
                    inputs[-1] = Direct(held[-1].output)
                else:
                    glue.append(x)
        return [*held, NodeCall(self.node, tuple(inputs), Piece(graph, glue), self.output)]


def _is_held(graph, x, moving):
    """Whether glue depends on nothing that moves, and has no more entries than what it depends on."""
    deps = Piece(graph, [x]).deps
    sizes = [graph.size_of(d) for d in deps]
    return not moving.intersection(deps) and int(np.prod(x.shape)) <= sum(sizes)


def described(recorded, graph):
    """The calls of all that was recorded, in order."""
    return tuple(call for one in recorded for call in one.described(graph))


def separated(recorded, graph, unknowns):
    """(calls that do not depend on the variables `unknowns`, those that do) of what was recorded inside.

    The former are computed once for all values of the unknowns.
    """
    moving, held, changing = set(unknowns), [], []
    for one in recorded:
        for call in one.described(graph, moving):
            if call.dependencies() & moving:
                changing.append(call)
                moving.update([call.output, *call.inner()])
            else:
                held.append(call)
    return held, tuple(changing)


def trace(function, blocks, finish):
    """Trace `finish(function(θ))`.

    Parameters
    ----------
    function : dict of tensors -> tensor
    blocks : dict name -> shape
    finish : tensor -> (loss, residuals or None), checked and scalar

    Returns
    -------
    TracedLoss
    """
    tracers = []
    python_function = getattr(function, "python_function", function)  # of a tf.function

    def body(*tensors):
        tracers.append(Tracer(tensors))
        with nodes.handler(tracers[0]), _tapes_refused(), explained():
            return [t for t in finish(python_function(Named(zip(blocks, tensors)))) if t is not None]

    signature = [tf.TensorSpec(shape, tf.float64, name=f"block_{i}")
                 for i, shape in enumerate(blocks.values())]
    wrapped = tf.compat.v1.wrap_function(body, signature)
    tracer, = tracers
    graph = Graph(wrapped, tracer.variables)
    loss, *residuals = wrapped.outputs
    calls = described(tracer.recorded, graph)
    program = TracedLoss(len(blocks), Procedure(calls, Piece(graph, [loss], scalar=True)),
                         Piece(graph, residuals) if residuals else None)
    _refuse_leaks(program)
    return program


def _refuse_leaks(program):
    """Refuse the use of what is computed inside an equation outside of it."""
    used = set(program.loss.result.deps).union(*(call.dependencies() for call in program.calls))
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
    piece = Piece(graph, [x])
    return Glued(position) if piece.deps else Constant(piece.value({})[0])


def constant_value(x):
    """An array where a tensor has a value already, else the tensor."""
    if not tf.is_tensor(x):
        return x
    value = x.numpy() if hasattr(x, "numpy") else tf.get_static_value(x)
    return x if value is None else value


def constant_shape(name, x):
    """The shape of an input of what is called `name`, refused unless it is known."""
    shape = x.shape if isinstance(x, np.ndarray) else x.shape.as_list()
    if any(n is None for n in shape):
        raise ValueError(f"an input of {name} has the shape {tuple(shape)}, not known when the loss is "
                         "traced; use operations whose output shape does not depend on values.")
    return tuple(shape)
