"""Multilayer perceptrons with one flat parameter vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pcl.networks import activations
from pcl.networks.forward import forward
from pcl.networks.layered import Layered, as_tensor, checked_widths
from pcl.networks.point import NetworkPoint
from pcl.networks.transform import Transform, bounded, exponential, of_output, softplus
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import positive_integer

__all__ = ["MLP", "Transform", "softplus", "exponential", "bounded"]


@dataclass(frozen=True, repr=False)
class MLP(Layered):
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

    Examples
    --------
    >>> import numpy as np, pcl
    >>> net = pcl.MLP([1, 20, 20, 1], output=pcl.softplus(floor=0.1))
    >>> params = net.init(seed=0)
    >>> x = np.linspace(0.0, 1.0, 5)[:, None]
    >>> y = net(params, x).numpy()
    >>> net.size, y.shape, bool((y > 0.1).all())                # 20 + 20 + 400 + 20 + 20 + 1
    (481, (5, 1), True)
    >>> net.gradient(params, x).numpy().shape                   # ∂y/∂x at every point
    (5, 1)
    """

    widths: Sequence[int]
    activation: str = "tanh"
    output: Transform | str | None = None
    _order: ClassVar[str] = "layer by layer W row-major, then b"

    def __post_init__(self):
        object.__setattr__(self, "widths", checked_widths(self.widths))
        activations.named("activation", self.activation, activations.HIDDEN)
        object.__setattr__(self, "output", of_output(self.output))

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of the augmented layers [W_l; b_l], (w_{l−1} + 1, w_l)."""
        return [(a + 1, b) for a, b in zip(self.widths, self.widths[1:])]

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
        """[(W_l (fan_in, fan_out), b_l (fan_out,)), …] of params (size,), as copies."""
        return [(Wb[:-1], Wb[-1]) for Wb in self._augmented(self.check_params(params))]

    def tensorflow(self, params: Any, x: Any) -> Tensor:
        """The outputs (q, n_out) at params (size,) and x (q, n_in), differentiable to any order.

        In TensorFlow operations. Arrays and variables are taken as float64; tensors of another float
        width are cast. ValueError if a shape does not fit.
        """
        params, a = as_tensor("params", params), as_tensor("x", x)
        self.output_shape(params.shape, a.shape)
        return forward(self, self._augmented(params), a)

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
        return NetworkPoint(self, *self._checked(params, x, block))
