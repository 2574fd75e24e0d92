"""Networks that rise or fall with some of their inputs, with one flat, free parameter vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pcl.networks import activations
from pcl.networks.forward import forward
from pcl.networks.layered import as_tensor, checked_widths
from pcl.networks.signed import Signed, checked_signs, free_of
from pcl.networks.transform import Transform, of_output
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import positive_integer

__all__ = ["MonotoneMLP"]

_RISING = ("tanh", "sigmoid", "softplus")


@dataclass(frozen=True, repr=False)
class MonotoneMLP(Signed):
    """A network y = N(x; θ) that rises with some inputs and falls with others, at every θ.

        a₀ = x,   z_l = a_{l−1} W_l + b_l,   a_l = φ(z_l) for l < L,   y = out(z_L)

    φ and out rise, W_l ≥ 0 for l > 1, and row i of W₁ is ≥ 0 where y shall rise with x_i, ≤ 0 where it
    shall fall, of any sign elsewhere: along x_i every term of ∂y/∂x_i has the sign of its row.

    Parameters
    ----------
    widths : sequence of int
        (n_in, hidden widths…, n_out): at least two whole numbers ≥ 1.
    signs : sequence of n_in numbers 1 (rising), −1 (falling) or 0 (either)
    activation : "tanh", "sigmoid" or "softplus"
    output : None, str or Transform
        As of `MLP`, with a positive scale.

    Raises
    ------
    ValueError
        As `MLP`; signs of other number or value; an output that falls.

    Notes
    -----
    θ is one flat float64 vector, as of `MLP`; it is free: a weight of given sign is ± the softplus of its
    entry. Several inputs of given sign want two hidden layers or more: with one, not every function that
    rises with all of them can be approached.
    Source: H. Daniels and M. Velikova, Monotone and partially monotone neural networks, IEEE Trans.
    Neural Netw. 21 (2010) 906–917, with a softplus for the exponential of their weights.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> net = pcl.MonotoneMLP([2, 8, 8, 1], signs=[1, 0])       # rises with the first input
    >>> x = np.column_stack([np.linspace(0.0, 1.0, 6), np.full(6, 0.3)])
    >>> bool(np.all(np.diff(net(net.init(seed=1), x).numpy()[:, 0]) > 0.0))
    True
    """

    widths: Sequence[int]
    signs: Sequence[int]
    activation: str = "tanh"
    output: Transform | str | None = None
    _order: ClassVar[str] = "layer by layer W row-major, then b"

    def __post_init__(self):
        object.__setattr__(self, "widths", checked_widths(self.widths))
        object.__setattr__(self, "signs", checked_signs("signs", self.signs, self.n_in))
        activations.named("activation", self.activation, _RISING)
        output = of_output(self.output)
        object.__setattr__(self, "output", output)
        if output.scale < 0.0:
            raise ValueError(f"output is {output}; expected a positive scale, or the network would fall "
                             "where it shall rise.")

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of the augmented layers [W_l; b_l], (w_{l−1} + 1, w_l)."""
        return [(a + 1, b) for a, b in zip(self.widths, self.widths[1:])]

    @property
    def _layer_signs(self):
        layers = [np.ones(shape) for shape in self.shapes]
        layers[0][:-1] = np.array(self.signs, dtype=float)[:, None]
        for layer in layers:
            layer[-1] = 0.0
        return layers

    def init(self, seed: int) -> Array:
        """Initial parameters (size,): weights, and magnitudes of those of a sign, ~ N(0, 1/fan_in), the
        biases of hidden layers ~ N(0, 1), of the last layer 0. `seed` as in `MLP.init`.

        Another seed than a whole number from 0 to 2³² − 1 is a ValueError.
        """
        seed = positive_integer("seed", seed, minimum=0, maximum=2 ** 32 - 1)
        rng, layers = np.random.RandomState(seed), []
        for (rows, columns), signs in zip(self.shapes, self._layer_signs):
            W = rng.standard_normal((rows, columns))
            W[:-1] /= np.sqrt(rows - 1)
            layers.append(np.where(signs != 0.0, free_of(np.maximum(np.abs(W), 1e-3)), W))
        layers[-1][-1] = 0.0
        return np.concatenate([layer.ravel() for layer in layers])

    def unravel(self, params: ArrayLike) -> list[tuple[Array, Array]]:
        """[(W_l (fan_in, fan_out), b_l (fan_out,)), …] of params (size,), the weights themselves."""
        layers = self._augmented(self._weights(self.check_params(params))[0])
        return [(Wb[:-1], Wb[-1]) for Wb in layers]

    def tensorflow(self, params: Any, x: Any) -> Tensor:
        """The outputs (q, n_out) at params (size,) and x (q, n_in), differentiable to any order.

        In TensorFlow operations. Arrays and variables are taken as float64; tensors of another float
        width are cast. ValueError if a shape does not fit.
        """
        params, a = as_tensor("params", params), as_tensor("x", x)
        self.output_shape(params.shape, a.shape)
        return forward(self, self._augmented(self._weights_in_tensorflow(params)), a)
