"""What networks of layers have in common: one flat parameter vector, points in rows, derivatives in x."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcl.engine import nodes
from pcl.networks.moving import collapsed
from pcl.networks.transform import Transform
from pcl.nodes.network import NetworkNode
from pcl.nodes.network_gradient import NetworkGradientNode
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import float64_array, positive_integer


class Layered(abc.ABC):
    """A network y = N(x; θ) that acts on each point (row of x) alone.

    θ is one flat float64 vector: layer by layer the augmented weights W̄_l (w̄_{l−1}, w_l) in row-major
    order, the row of biases last.
    """

    _order: ClassVar[str]
    widths: Sequence[int]

    @property
    @abc.abstractmethod
    def shapes(self) -> list[tuple[int, int]]:
        """(w̄_{l−1}, w_l) of each augmented layer."""

    @abc.abstractmethod
    def init(self, seed: int) -> Array:
        """Initial parameters (size,)."""

    @abc.abstractmethod
    def tensorflow(self, params: Any, x: Any) -> Tensor:
        """The outputs (q, n_out) in TensorFlow operations, differentiable to any order."""

    @abc.abstractmethod
    def at(self, params: ArrayLike, x: ArrayLike, block: int | None = None) -> Any:
        """The network at one point (params, x) with its derivatives, evaluated in NumPy."""

    def __repr__(self) -> str:
        own = dataclasses.fields(self)      # type: ignore[arg-type]
        given = [(f.name, getattr(self, f.name)) for f in own[1:] if getattr(self, f.name) != f.default]
        words = [f"{name}={value!r}" for name, value in given if value != Transform("identity")]
        return f"{type(self).__name__}({', '.join([str(list(self.widths)), *words])})"

    @property
    def size(self) -> int:
        """Number of parameters, Σ_l w̄_{l−1} w_l."""
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def n_in(self) -> int:
        """Number of inputs of a point."""
        return self.widths[0]

    @property
    def n_out(self) -> int:
        """Number of outputs of a point."""
        return self.widths[-1]

    # --- nodes of a model -------------------------------------------------------------------------
    def __call__(self, params: ArrayLike | Tensor, x: ArrayLike | Tensor,
                 collapse: bool = True) -> Tensor:
        """The outputs (q, n_out) at the points x (q, n_in), as a node of the model.

        With `collapse`, at many points that depend on nothing, the network is evaluated at fewer nodes
        and interpolated from there where that agrees with it to rounding, which is checked at every θ;
        likewise with one input at many points that move.
        """
        params, x = nodes.as_input("params", params), nodes.as_input("x", x)
        node = NetworkNode(self, **(collapsed(x) if collapse else {}))
        return nodes.call(node, params, x)

    def gradient(self, params: ArrayLike | Tensor, x: ArrayLike | Tensor,
                 weights: ArrayLike | Tensor | None = None) -> Tensor:
        """∂⟨w, N(x; params)⟩/∂x (q, n_in) at the points x (q, n_in), as a node of the model.

        It has exact first and second derivatives itself, in all three arguments. With one output the
        weights w (q, n_out) are 1 by default.

        Raises
        ------
        ValueError
            A shape does not fit, or there are several outputs and no weights: `jacobian` has them all.
        """
        return gradient(self, params, x, weights)

    def jacobian(self, params: ArrayLike | Tensor, x: ArrayLike | Tensor) -> Tensor:
        """∂N/∂x (q, n_out, n_in) at params (size,) and points x (q, n_in), as nodes, one an output."""
        return jacobian(self, params, x)

    # --- checks ---------------------------------------------------------------------------------------
    def check_params(self, params: ArrayLike) -> Array:
        """A float64 copy of `params`; ValueError unless it is (size,) and finite."""
        params = float64_array("params", params)
        self._check_length(params.shape)
        return params

    def output_shape(self, params_shape: Sequence, x_shape: Sequence) -> tuple:
        """(q, n_out) for the shapes (size,) and (q, n_in) of params and x; ValueError if they do not fit.

        Entries of `params_shape` and `x_shape` that are None (unknown in a graph) are not checked.
        """
        params_shape, x_shape = tuple(params_shape), tuple(x_shape)
        self._check_length(params_shape)
        self._check_points(x_shape)
        return (x_shape[0], self.n_out)

    def _checked(self, params, x, block):
        """params, x and block as a `NetworkPoint` takes them."""
        params, x = self.check_params(params), float64_array("x", x)
        self._check_points(x.shape)
        return params, x, None if block is None else positive_integer("block", block)

    def _augmented(self, params):
        """The augmented layers: consecutive pieces of params."""
        layers, start = [], 0
        for rows, columns in self.shapes:
            stop = start + rows * columns
            layers.append(_reshape(params[start:stop], (rows, columns)))
            start = stop
        return layers

    def _check_length(self, shape):
        if len(shape) != 1 or shape[0] not in (None, self.size):
            raise ValueError(
                f"params has shape {shape} but a network of widths {self.widths} has {self.size} "
                f"parameters; expected shape ({self.size},), {self._order}.")

    def _check_points(self, shape):
        if len(shape) == 2 and shape[1] in (None, self.n_in):
            return
        remedy = " Use x[:, None]." if len(shape) == 1 and self.n_in == 1 else ""
        raise ValueError(f"x has shape {shape}; expected (q, {self.n_in}), one point with "
                         f"{self.n_in} inputs per row.{remedy}")


def gradient(net, params, x, weights=None, of=None):
    """`Layered.gradient` of a network that belongs to `of`, by default to itself."""
    params, x = nodes.as_input("params", params), nodes.as_input("x", x)
    net.output_shape(params.shape, x.shape)
    if weights is None and net.n_out > 1:
        raise ValueError(f"weights is None but the network has {net.n_out} outputs; give weights "
                         f"(q, {net.n_out}), or use net.jacobian(params, x), (q, {net.n_out}, "
                         f"{net.n_in}).")
    weights = _ones(x, 1) if weights is None else nodes.as_input("weights", weights)
    return nodes.call(NetworkGradientNode(net, of), params, x, weights)


def jacobian(net, params, x, of=None):
    """`Layered.jacobian` of a network that belongs to `of`, by default to itself."""
    import tensorflow as tf
    params, x = nodes.as_input("params", params), nodes.as_input("x", x)
    net.output_shape(params.shape, x.shape)
    ones = _ones(x, net.n_out)
    return tf.stack([gradient(net, params, x, ones * unit, of) for unit in np.eye(net.n_out)], axis=1)


def checked_widths(widths):
    """The widths as a tuple of at least two whole numbers ≥ 1; ValueError otherwise."""
    try:
        widths = tuple(widths)
    except TypeError:
        raise ValueError(f"widths is {widths!r}; expected a sequence such as [2, 20, 1].") from None
    if len(widths) < 2:
        raise ValueError(f"widths has {len(widths)} entries; expected at least two, the number of "
                         "inputs and the number of outputs, as in [2, 20, 1].")
    return tuple(positive_integer(f"widths[{i}]", w) for i, w in enumerate(widths))


def as_tensor(name, value):
    """A float64 tensor; arrays are converted at full width before they become tensors."""
    import tensorflow as tf
    if isinstance(value, tf.Variable):
        value = tf.convert_to_tensor(value)
    if not tf.is_tensor(value):
        value = float64_array(name, value, finite=False)
    elif not (value.dtype.is_floating or value.dtype.is_integer):
        raise TypeError(f"{name} has dtype {value.dtype.name}; expected real numbers.")
    return tf.cast(value, tf.float64)


def _ones(x, columns):
    """Ones (q, columns) for the points x (q, d), as an array where q is known."""
    if x.shape[0] is not None:
        return np.ones((x.shape[0], columns))
    import tensorflow as tf
    return tf.ones((tf.shape(x)[0], columns), tf.float64)


def _reshape(piece, shape):
    if isinstance(piece, np.ndarray):
        return piece.reshape(shape)
    import tensorflow as tf
    return tf.reshape(piece, shape)
