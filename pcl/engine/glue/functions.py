"""A piece of the traced graph as functions: value, adjoints, tangents, curvature."""

import functools
import os
import threading

import numpy as np
import tensorflow as tf

from pcl.engine.glue.affine import is_affine, is_pointwise
from pcl.engine.glue.numpy_code import ELEMENTARY, compiled
from pcl.errors import FailedCheck

_PROCESS = os.getpid()

# Derivatives are added to the graph when they are first asked for, by one thread at a time: a graph that
# two threads enter loses what it has to do when it is left.
_GROWING = threading.RLock()

# Operations that read the shapes of their inputs, not their values.
_SHAPES_ONLY = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs"}


class grown(functools.cached_property):
    """What is read from the graph or adds to it when it is first asked for: by one thread, once."""

    def __get__(self, instance, owner=None):
        with _GROWING:
            return super().__get__(instance, owner)


class PieceFunctions:
    """a = g(x), with x the variables of the piece and its constants as further arguments.

    Each function takes arrays and returns a list of arrays; None stands for a structural zero.
    With `scalar` the one output is an objective, whose adjoint is 1.
    """

    def __init__(self, wrapped, variables, constants, outputs, scalar):
        self._wrapped, self.outputs = wrapped, list(outputs)
        self._variables, self._constants = list(variables), list(constants)
        self._scalar = scalar
        self._batches, self._pointwise = {}, {}

    def value(self, x, constants):
        """The outputs."""
        return self._value(*x, *constants)

    def value_and_gradient(self, x, constants):
        """The value of an objective followed by its derivative with respect to each variable."""
        return self._value_and_gradient(*x, *constants)

    def pullback(self, x, constants, bars):
        """(∂a/∂x)ᵀ ā for each variable."""
        return self._pullback(*x, *constants, *bars)

    def pushforward(self, x, constants, i, tangents, shapes):
        """For each tangent of variable i: (∂a/∂x_i) ẋ_i for each output, these being of `shapes`."""
        # The adjoints cancel out, but TensorFlow's gradients hold control dependencies on them.
        bars = [np.zeros(shape) for shape in shapes]
        return self._batch("pushforward", (i,), x, constants, bars, [[t] for t in tangents])

    def curvature(self, x, constants, bars, moving, tangents):
        """For each list of tangents, of the variables `moving`: ∂²⟨ā, g⟩/∂x² ẋ for each variable."""
        return self._batch("curvature", moving, x, constants, bars, tangents)

    def _batch(self, kind, moving, x, constants, bars, tangents):
        """All products in one call of TensorFlow."""
        key = kind, moving, len(tangents)
        with _GROWING:
            if key not in self._batches:
                self._batches[key] = self._new_batch(*key)
        feeds = [t for one in tangents for t in one]
        results = self._batches[key](*x, *constants, *bars, *feeds)
        n = len(results) // len(tangents)
        return [results[k * n:(k + 1) * n] for k in range(len(tangents))]

    def _new_batch(self, kind, moving, count):
        gradients = [self._gradients[i] for i in moving]
        towards = self._bars if kind == "pushforward" else self._variables
        feeds, fetches = [], []
        for _ in range(count):
            tangents = [self._placeholder(self._variables[i]) for i in moving]
            feeds += tangents
            fetches += self._differentiate(gradients, towards, tangents)
        return self._function(self._arguments + self._bars + feeds, fetches)

    @grown
    def is_linear(self):
        """Whether there is no curvature at all."""
        return all(h is None for h in self._curvature_outputs)

    @grown
    def is_affine(self):
        """Whether a is affine in x, whatever x is."""
        return not self._scalar and is_affine(self.outputs, self._variables)

    @grown
    def has_constant_curvature(self):
        """Whether the curvature depends neither on x nor on ā."""
        return not self._depends(self._curvature_outputs, self._variables + self._bars)

    def is_pointwise(self, o, i):
        """Whether output o depends on variable i entry by entry."""
        if (o, i) not in self._pointwise:
            with _GROWING:
                self._pointwise[o, i] = is_pointwise(self.outputs[o], self._variables[i], ELEMENTARY)
        return self._pointwise[o, i]

    def connected(self, o, i):
        """Whether output o can depend on variable i."""
        return self._connections[o][i]

    # --- graph functions, built when first used ------------------------------------------------
    @grown
    def _arguments(self):
        return self._variables + self._constants

    @grown
    def _bars(self):
        return [] if self._scalar else [self._placeholder(t) for t in self.outputs]

    @grown
    def _tangents(self):
        return [self._placeholder(t) for t in self._variables]

    @grown
    def _gradients(self):
        bars = self._bars or [tf.ones((), tf.float64)]
        return self._differentiate(self.outputs, self._variables, bars)

    @grown
    def _curvature_outputs(self):
        return self._differentiate(self._gradients, self._variables, self._tangents)

    @grown
    def _connections(self):
        return [[self._depends([o], [v]) for v in self._variables] for o in self.outputs]

    @grown
    def _value(self):
        return self._function(self._arguments, self.outputs)

    @grown
    def _value_and_gradient(self):
        return self._function(self._arguments, self.outputs + self._gradients)

    @grown
    def _pullback(self):
        return self._function(self._arguments + self._bars, self._gradients)

    def _placeholder(self, like):
        with _GROWING, self._wrapped.graph.as_default():
            return tf.compat.v1.placeholder(tf.float64, like.shape)

    def _differentiate(self, ys, xs, grad_ys):
        """Σ_i (∂y_i/∂x)ᵀ grad_y_i for each x; None where there is no dependence."""
        pairs = [(y, g) for y, g in zip(ys, grad_ys) if y is not None]
        if not pairs:
            return [None] * len(xs)
        with _GROWING, self._wrapped.graph.as_default():
            ys, grad_ys = zip(*pairs)
            try:
                # Variables may be computed from each other: the derivatives here are partial ones.
                grads = tf.gradients(list(ys), list(xs), grad_ys=list(grad_ys),
                                     stop_gradients=self._variables)
            except LookupError as error:
                raise ValueError(f"TensorFlow lacks a derivative that the loss needs: {error}") from error
            return [g if g is None else tf.convert_to_tensor(g) for g in grads]

    def _function(self, feeds, fetches):
        """The fetches as a function of the feeds, arrays in and arrays out."""
        wanted = [t for t in fetches if t is not None]
        if not wanted:
            return lambda *arrays: [None] * len(fetches)
        arithmetic = compiled(feeds, wanted)
        if arithmetic is not None:
            return _filled(fetches, arithmetic)
        # Without a signature every call would first fail to bind its arguments, slowly.
        positional = tuple(tf.TensorSpec(t.shape, t.dtype, f"x{i}") for i, t in enumerate(feeds))
        signature: tuple[tuple, dict] = positional, {}
        with _GROWING:
            pruned = self._wrapped.prune(list(feeds), wanted, input_signature=signature)

        def evaluate(*arrays):
            _refuse_forked()
            try:
                return [np.asarray(r) for r in pruned(*(tf.constant(a, tf.float64) for a in arrays))]
            except tf.errors.InvalidArgumentError as error:
                raise FailedCheck(f"an operation of the loss refuses its input: {error}") from error
        return _filled(fetches, evaluate)

    @staticmethod
    def _depends(tensors, sources):
        sources = {t.ref() for t in sources}
        seen, stack = set(), [t for t in tensors if t is not None]
        while stack:
            tensor = stack.pop()
            if tensor.ref() in sources:
                return True
            if tensor.ref() not in seen and not _reads_static_shape(tensor.op):
                seen.add(tensor.ref())
                stack.extend(tensor.op.inputs)
        return False


def _filled(fetches, evaluate):
    """`evaluate` with None where a fetch is None."""
    if all(t is not None for t in fetches):
        return evaluate

    def filled(*arrays):
        results = iter(evaluate(*arrays))
        return [None if t is None else next(results) for t in fetches]
    return filled


def _refuse_forked():
    """TensorFlow's threads do not survive a fork: a call in the child would wait for ever."""
    if os.getpid() != _PROCESS:
        raise RuntimeError("this process was forked after TensorFlow had started, which TensorFlow does "
                           "not survive; start workers by multiprocessing.get_context('spawn') or joblib "
                           "and build the problem in them.")


def _reads_static_shape(op):
    """Whether the result depends on shapes only, and those are known."""
    return op.type in _SHAPES_ONLY and all(t.shape.is_fully_defined() for t in op.inputs)
