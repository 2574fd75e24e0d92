"""A law as an ONNX model in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcl.export.layers import layers_of
from pcl.export.packages import package
from pcl.support.types import ArrayLike, Path

OPSET, IR = 17, 8       # of 2022; every runtime since then reads them


def onnx(law: Any, params: ArrayLike | None = None, path: Path | None = None, *,
         name: str = "law") -> Any:
    """The `onnx.ModelProto` of a law: input "a" (n, d), output "z" (n, m), both of doubles.

    Parameters
    ----------
    law, params : as of `numpy_source`
    path : where the model is written, too
    name : str, of the graph

    Raises
    ------
    ImportError
        The package onnx is not there (extra `onnx`).
    TypeError
        What is no law, or one whose network cannot be written down.

    Returns
    -------
    onnx.ModelProto

    Examples
    --------
    >>> import pcl
    >>> from pcl import export
    >>> net = pcl.MLP([1, 2, 1])
    >>> model = export.onnx(net, net.init(0))
    >>> model.graph.input[0].name, model.graph.output[0].name
    ('a', 'z')
    """
    layers, library = layers_of(law, params), package("onnx", "onnx")
    graph = _Graph(library.helper)
    graph.layers(layers)
    model = graph.model(name, layers, OPSET, IR)
    library.checker.check_model(model)
    if path is not None:
        library.save(model, str(path))
    return model


class _Graph:
    """Operations in order, each with a name of its own."""

    def __init__(self, helper):
        self._helper, self._nodes, self._constants, self._count = helper, [], [], 0

    def layers(self, given):
        """All operations from "a" to "z"."""
        x = h = self.add("Div", self.add("Sub", "a", self.constant(given.input_shift)),
                         self.constant(given.input_scale))
        last = len(given.layers)
        for k, (W, V, b) in enumerate(given.layers, 1):
            z = self.add("Add", self.add("MatMul", h, self.constant(W)), self.constant(b))
            if V.size:
                z = self.add("Add", z, self.add("MatMul", x, self.constant(V)))
            h = self.function(given.hidden if k < last else given.output, z)
        h = self.add("Mul", self.constant(given.scale), h)
        self.add("Add", self.constant(given.shift), h, out="z")

    def function(self, name, z):
        """φ(z) of operations that runtimes have for doubles."""
        return _FUNCTIONS[name](self, z)

    def add(self, kind, *inputs, out=None):
        """An operation; the name of its value."""
        self._count += 1
        out = out or f"v{self._count}"
        self._nodes.append(self._helper.make_node(kind, list(inputs), [out]))
        return out

    def constant(self, value):
        """Its name."""
        value = np.asarray(value, dtype=np.float64)
        name = f"c{len(self._constants)}"
        self._constants.append(self._helper.make_tensor(name, 11, value.shape, value.ravel().tolist()))
        return name

    def model(self, name, layers, opset, ir):
        """The model; 11 is the number of double precision among the types of elements."""
        info = self._helper.make_tensor_value_info
        graph = self._helper.make_graph(
            self._nodes, name, [info("a", 11, ["n", len(layers.inputs)])],
            [info("z", 11, ["n", len(layers.outputs)])], self._constants)
        graph.doc_string = f"{', '.join(layers.outputs)} as a function of {', '.join(layers.inputs)}"
        found = self._helper.make_model(graph, opset_imports=[self._helper.make_opsetid("", opset)],
                                        producer_name="pcl")
        found.ir_version = ir
        return found


def _sigmoid(g, z):
    """(z ≥ 0 ? 1 : e) / (1 + e), e = exp(−|z|)."""
    one, e = g.constant(1.0), _fading(g, z)
    above = g.add("Where", g.add("GreaterOrEqual", z, g.constant(0.0)), one, e)
    return g.add("Div", above, g.add("Add", one, e))


def _softplus(g, z):
    """max(z, 0) + log(1 + e); with u = 1 + e rounded, e log(u)/(u − 1) keeps the digits of a small e.

    Source: W. Kahan; N. Higham, Accuracy and Stability of Numerical Algorithms (2002), section 1.14.1.
    """
    one, e = g.constant(1.0), _fading(g, z)
    u = g.add("Add", one, e)
    less = g.add("Sub", u, one)
    lost = g.add("Equal", less, g.constant(0.0))
    ratio = g.add("Div", g.add("Log", u), g.add("Where", lost, one, less))
    log1p = g.add("Where", lost, e, g.add("Mul", e, ratio))
    zero = g.constant(0.0)
    return g.add("Add", g.add("Where", g.add("GreaterOrEqual", z, zero), z, zero), log1p)


def _fading(g, z):
    """e = exp(−|z|)."""
    return g.add("Exp", g.add("Neg", g.add("Abs", z)))


_FUNCTIONS = {
    "tanh": lambda g, z: g.add("Tanh", z),
    "sin": lambda g, z: g.add("Sin", z),
    "exp": lambda g, z: g.add("Exp", z),
    "identity": lambda g, z: z,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "swish": lambda g, z: g.add("Mul", z, _sigmoid(g, z)),
}
