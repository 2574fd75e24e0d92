"""Multilayer perceptrons with one flat parameter vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.engine import nodes
from pcl.networks import activations
from pcl.networks.point import NetworkPoint
from pcl.networks.transform import Transform, bounded, exponential, softplus
from pcl.nodes.network import NetworkNode
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import float64_array, positive_integer

__all__ = ["MLP", "Transform", "softplus", "exponential", "bounded"]


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron y = N(x; θ) that acts on each point (row of x) alone.

        a₀ = x,   z_l = a_{l−1} W_l + b_l,   a_l = φ(z_l) for l < L,   y = out(z_L)

    θ is one flat float64 vector: layer by layer, W_l of shape (fan_in, fan_out) in row-major
    order, then b_l.

    Parameters
    ----------
    widths : sequence of int
        (n_in, hidden widths…, n_out): at least two whole numbers ≥ 1.
    activation : str
        φ: "tanh", "sigmoid", "softplus", "swish" or "sin".
    output : None, str or Transform
        None is linear; a name is `Transform(name)`; see `softplus`, `exponential`, `bounded` for
        outputs that stay positive or between bounds.

    Raises
    ------
    ValueError
        Fewer than two widths, a width that is not a whole number ≥ 1, an unknown name.
    """

    widths: Sequence[int]
    activation: str = "tanh"
    output: Transform | str | None = None

    def __post_init__(self):
        object.__setattr__(self, "widths", _checked_widths(self.widths))
        activations.named("activation", self.activation, activations.HIDDEN)
        object.__setattr__(self, "output", _checked_output(self.output))

    @property
    def size(self) -> int:
        """Number of parameters, Σ_l (w_{l−1} + 1) w_l."""
        return sum((a + 1) * b for a, b in zip(self.widths, self.widths[1:]))

    @property
    def n_in(self) -> int:
        """Number of inputs of a point."""
        return self.widths[0]

    @property
    def n_out(self) -> int:
        """Number of outputs of a point."""
        return self.widths[-1]

    def init(self, seed: int) -> Array:
        """Initial parameters (size,): W ~ N(0, 1/fan_in) drawn layer by layer, b = 0.

        `seed` is a whole number from 0 to 2³² − 1, else ValueError. The numbers come from
        `numpy.random.RandomState`, whose stream NumPy guarantees never to change (NEP 19), so that a
        seed means the same start everywhere.
        """
        seed = positive_integer("seed", seed, minimum=0, maximum=2 ** 32 - 1)
        rng = np.random.RandomState(seed)
        layers = []
        for fan_in, fan_out in zip(self.widths, self.widths[1:]):
            W = rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)
            layers += [W.ravel(), np.zeros(fan_out)]
        return np.concatenate(layers)

    def unravel(self, params: ArrayLike) -> list[tuple[Array, Array]]:
        """[(W_l (fan_in, fan_out), b_l (fan_out,)), …] of a flat vector (size,), as copies."""
        return [(Wb[:-1], Wb[-1]) for Wb in self._augmented(self.check_params(params))]

    def __call__(self, params: ArrayLike | Tensor, x: ArrayLike | Tensor) -> Tensor:
        """The outputs (q, n_out) at the points x (q, n_in), as a node of the model."""
        params, x = nodes.as_input("params", params), nodes.as_input("x", x)
        return nodes.call(NetworkNode(self), params, x)

    def tensorflow(self, params: Any, x: Any) -> Tensor:
        """The outputs (q, n_out) in TensorFlow operations, differentiable to any order.

        Arrays and variables are taken as float64; tensors of another float width are cast.
        ValueError if a shape does not fit.
        """
        import tensorflow as tf
        params, a = _tensor("params", params), _tensor("x", x)
        self.output_shape(params.shape, a.shape)
        hidden = activations.named("activation", self.activation, activations.HIDDEN)
        layers = self._augmented(params)
        for Wb in layers[:-1]:
            a = hidden.tensorflow(tf.matmul(a, Wb[:-1]) + Wb[-1])
        z = tf.matmul(a, layers[-1][:-1]) + layers[-1][-1]
        output = _checked_output(self.output)
        out = activations.named("function", output.function, activations.OUTPUT)
        return output.shift + output.scale * out.tensorflow(z)

    def at(self, params: ArrayLike, x: ArrayLike, block: int | None = None) -> NetworkPoint:
        """The network at one point (params, x), evaluated in NumPy: a `NetworkPoint`.

        `block` is the number of points treated at a time (chosen from the widths by default);
        the results do not depend on it beyond rounding.

        Raises
        ------
        ValueError
            params is not (size,), x is not (q, n_in), or an entry is not finite.
        NotFinite
            The value of the network is not finite; the message names the point.
        """
        params = self.check_params(params)
        x = float64_array("x", x)
        self._check_points(x.shape)
        block = None if block is None else positive_integer("block", block)
        return NetworkPoint(self, params, x, block)

    def check_params(self, params: ArrayLike) -> Array:
        """A float64 copy of `params`; ValueError unless it is (size,) and finite."""
        params = float64_array("params", params)
        self._check_length(params.shape)
        return params

    def output_shape(self, params_shape: Sequence, x_shape: Sequence) -> tuple:
        """(q, n_out) for params (size,) and x (q, n_in); ValueError if they do not fit.

        Entries that are None (unknown in a TensorFlow graph) are not checked.
        """
        params_shape, x_shape = tuple(params_shape), tuple(x_shape)
        self._check_length(params_shape)
        self._check_points(x_shape)
        return (x_shape[0], self.n_out)

    def _augmented(self, params):
        """[W_l; b_l] of shape (w_{l−1} + 1, w_l) for each layer: consecutive pieces of params."""
        layers, start = [], 0
        for fan_in, fan_out in zip(self.widths, self.widths[1:]):
            stop = start + (fan_in + 1) * fan_out
            layers.append(_reshape(params[start:stop], (fan_in + 1, fan_out)))
            start = stop
        return layers

    def _check_length(self, shape):
        if len(shape) != 1 or shape[0] not in (None, self.size):
            raise ValueError(
                f"params has shape {shape} but a network of widths {self.widths} has {self.size} "
                f"parameters; expected shape ({self.size},), layer by layer W row-major, then b.")

    def _check_points(self, shape):
        if len(shape) == 2 and shape[1] in (None, self.n_in):
            return
        remedy = " Use x[:, None]." if len(shape) == 1 and self.n_in == 1 else ""
        raise ValueError(f"x has shape {shape}; expected (q, {self.n_in}), one point with "
                         f"{self.n_in} inputs per row.{remedy}")


def _checked_widths(widths):
    try:
        widths = tuple(widths)
    except TypeError:
        raise ValueError(f"widths is {widths!r}; expected a sequence such as [2, 20, 1].") from None
    if len(widths) < 2:
        raise ValueError(f"widths has {len(widths)} entries; expected at least two, the number of "
                         "inputs and the number of outputs, as in [2, 20, 1].")
    return tuple(positive_integer(f"widths[{i}]", w) for i, w in enumerate(widths))


def _checked_output(output):
    if isinstance(output, Transform):
        return output
    name = "identity" if output is None else output
    return Transform(activations.named("output", name, activations.OUTPUT).name)


def _tensor(name, value):
    """A float64 tensor; arrays are converted at full width before they become tensors."""
    import tensorflow as tf
    if isinstance(value, tf.Variable):
        value = tf.convert_to_tensor(value)
    if not tf.is_tensor(value):
        value = float64_array(name, value, finite=False)
    elif not (value.dtype.is_floating or value.dtype.is_integer):
        raise TypeError(f"{name} has dtype {value.dtype.name}; expected real numbers.")
    return tf.cast(value, tf.float64)


def _reshape(piece, shape):
    if isinstance(piece, np.ndarray):
        return piece.reshape(shape)
    import tensorflow as tf
    return tf.reshape(piece, shape)
