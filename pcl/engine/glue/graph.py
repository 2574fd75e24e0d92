"""The traced TensorFlow graph: its variables, and the glue that computes tensors from them."""

import numpy as np
import tensorflow as tf

from pcl.engine.glue.functions import PieceFunctions

_OUTSIDE_TENSORFLOW = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
_READ_ONLY = {"ReadVariableOp", "VarHandleOp", "Placeholder"}


class Graph:
    """A traced graph whose variables (blocks of θ, node outputs) are placeholders."""

    def __init__(self, wrapped, variables):
        self._wrapped = wrapped
        self._number = {t.ref(): number for number, t in variables}
        self._sizes = {number: int(np.prod(t.shape)) for number, t in variables}
        self._glue = {}

    def variable(self, tensor):
        """The number of the variable that `tensor` is, or None."""
        return self._number.get(tensor.ref())

    def size_of(self, number):
        """Number of entries of a variable."""
        return self._sizes[number]

    def new_number(self):
        """The number of a variable that no tensor stands for."""
        number = max(self._sizes) + 1
        self._sizes[number] = 0
        return number

    def glue(self, outputs, scalar):
        """The glue that computes `outputs`: (functions, variable numbers, constants).

        Pieces of the same shape, as the steps of a time loop are, share one set of functions: the
        variables and the float64 constants of a piece are its arguments.
        """
        walk = _Walk(self._number, {t.ref() for t in self._wrapped.graph.internal_captures})
        signature = tuple(walk.visit(t) for t in outputs), scalar
        if signature not in self._glue:
            self._glue[signature] = PieceFunctions(self._wrapped, walk.variables, walk.constants, outputs,
                                                   scalar)
        numbers = [self._number[t.ref()] for t in walk.variables]
        return self._glue[signature], numbers, [self._constant(t) for t in walk.constants]

    def _constant(self, t):
        """The value of a constant, or that of a tf.Variable now: what a loss closes over is read once."""
        value = tf.get_static_value(t)
        return self._wrapped.prune([], [t])()[0].numpy() if value is None else np.asarray(value)


class _Walk:
    """A walk from tensors back to the variables, writing down what it meets.

    The record of a tensor is a number met before, a variable, a float64 constant or variable of
    TensorFlow (by its place in the lists), a captured tensor, or the operation with its attributes,
    shape and inputs.
    """

    def __init__(self, variables, captures):
        self._is_variable, self._is_captured = variables, captures
        self._met = {}
        self.variables, self.constants = [], []

    def visit(self, tensor):
        """The record of `tensor`; walks without recursion, as time loops are long."""
        stack = [tensor]
        while stack:
            t = stack[-1]
            waiting = [] if self._is_source(t) else [i for i in t.op.inputs if i.ref() not in self._met]
            if t.ref() not in self._met and waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if t.ref() not in self._met:
                self._met[t.ref()] = len(self._met), self._record(t)
        return self._met[tensor.ref()][0], tuple(record for _, record in self._met.values())

    def _is_source(self, t):
        return t.ref() in self._is_variable or t.ref() in self._is_captured or _is_real_constant(t)

    def _record(self, t):
        if t.ref() in self._is_variable:
            self.variables.append(t)
            return "variable", tuple(t.shape)
        if t.ref() in self._is_captured:  # before constants: small captured tensors become those
            return "captured", t.ref()
        if _is_real_constant(t):
            self.constants.append(t)
            return "constant", tuple(t.shape)
        _refuse_side_effects(t.op)
        attributes = tuple(sorted((k, v.SerializeToString()) for k, v in t.op.node_def.attr.items()
                                  if not k.startswith("_") or k == "_gradient_op_type"))
        inputs = tuple(self._met[i.ref()][0] for i in t.op.inputs)
        return t.op.type, t.value_index, str(t.shape), attributes, inputs


def _is_real_constant(t):
    return t.op.type in ("Const", "ReadVariableOp") and t.dtype == tf.float64


def _refuse_side_effects(op):
    """A loss is a function of θ alone, and TensorFlow must know its derivatives."""
    if op.type in _OUTSIDE_TENSORFLOW:
        raise ValueError(f"the loss contains {op.type} (tf.py_function or tf.numpy_function), whose "
                         "derivatives TensorFlow does not know; write it in TensorFlow operations.")
    if op.op_def.is_stateful and op.type not in _READ_ONLY:
        raise ValueError(f"the loss contains {op.type}, whose result may change from call to call; "
                         "expected a function of θ alone. Draw random numbers, assign variables outside.")
