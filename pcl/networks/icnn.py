"""Input-convex networks with one flat, free parameter vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pcl.networks import activations
from pcl.networks.layered import as_tensor, checked_widths
from pcl.networks.signed import Signed, checked_signs, free_of
from pcl.networks.transform import Transform, of_output
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import positive_integer

__all__ = ["ICNN"]

# Increasing convex functions of the outputs, which keep them convex.
_CONVEX = ("identity", "softplus", "exp")


@dataclass(frozen=True, repr=False)
class ICNN(Signed):
    """A network y = N(x; θ) whose outputs are convex functions of x, at every θ.

        z₁ = x W₁ + b₁,   z_l = a_{l−1} W_l + x V_l + b_l,   a_l = φ(z_l) for l < L,   y = out(z_L)

    with φ = softplus, convex and increasing, and W_l ≥ 0 for l > 1: an increasing convex function of
    convex ones is convex. W₁ and the skip connections V_l have any sign; with `monotone` they are not
    negative either, and y increases with every input: then a y of convex functions of F is convex in F.
    Signs in its place say it of each input.

    θ is one flat float64 vector: layer by layer [W_l; V_l; b_l] in row-major order. It is free: a weight
    that must not be negative is the softplus of its entry.

    Parameters
    ----------
    widths : sequence of int
        (n_in, hidden widths…, n_out): at least two whole numbers ≥ 1.
    output : None, str or Transform
        As of `MLP`: one of identity, softplus and exp, with a positive scale.
    monotone : bool, or n_in numbers 1 (y rises with this input), −1 (it falls) or 0 (either)

    Raises
    ------
    ValueError, TypeError
        Fewer than two widths, a width that is not a whole number ≥ 1, an output that is not convex and
        increasing; `monotone` is neither True or False nor signs.

    Notes
    -----
    Source: B. Amos, L. Xu, J. Z. Kolter, Input Convex Neural Networks, ICML 2017, equation (2); with
    softplus for ReLU, since second derivatives are wanted, and a map onto W ≥ 0 for their projection.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> net = pcl.ICNN([1, 8, 8, 1])
    >>> x = np.linspace(-2.0, 2.0, 9)[:, None]
    >>> y = net(net.init(seed=0), x).numpy()[:, 0]
    >>> y.shape, bool(np.all(np.diff(y, 2) >= 0.0))         # second differences of a convex function
    ((9,), True)
    """

    widths: Sequence[int]
    output: Transform | str | None = None
    monotone: bool | Sequence[int] = False
    activation: ClassVar[str] = "softplus"
    _order: ClassVar[str] = "layer by layer W, V row-major, then b"

    def __post_init__(self):
        object.__setattr__(self, "widths", checked_widths(self.widths))
        output = of_output(self.output)
        object.__setattr__(self, "output", output)
        if output.function not in _CONVEX or output.scale < 0.0:
            raise ValueError(f"output is {output}; expected {', '.join(_CONVEX)} with a positive "
                             "scale, or the network would not be convex.")
        if isinstance(self.monotone, (bool, np.bool_)):
            return
        if not isinstance(self.monotone, (tuple, list, np.ndarray)):
            raise TypeError(f"monotone is {self.monotone!r}; expected True, False or {self.n_in} signs.")
        object.__setattr__(self, "monotone", checked_signs("monotone", self.monotone, self.n_in))

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of the augmented layers [W₁; b₁] and [W_l; V_l; b_l]."""
        d, first, *others = self.widths
        return [(d + 1, first), *((a + d + 1, b) for a, b in zip(self.widths[1:], others))]

    @property
    def _layer_signs(self):
        signs = np.broadcast_to(np.array(self.monotone, dtype=float), (self.n_in,))[:, None]
        layers = [np.zeros(shape) for shape in self.shapes]
        for k, layer in enumerate(layers):
            layer[-1 - self.n_in:-1] = signs
            layer[:self.widths[k] if k else 0] = 1.0
        return layers

    def init(self, seed: int) -> Array:
        """Initial parameters (size,): weights of any sign ~ N(0, 1/d), b ~ N(0, 1), in the last layer 0.

        Weights that are not negative are e^(ξ/2)/w, ξ ~ N(0, 1), w the width they come from: each unit
        averages those before it. `seed` as in `MLP.init`.

        Another seed than a whole number from 0 to 2³² − 1 is a ValueError.
        """
        seed = positive_integer("seed", seed, minimum=0, maximum=2 ** 32 - 1)
        rng, signed, averages = np.random.RandomState(seed), [], []
        for w, shape in zip(self.widths, self.shapes):
            drawn = rng.standard_normal(shape)
            averages.append(np.exp(0.5 * drawn).ravel() / w)
            drawn[:-1] /= np.sqrt(self.n_in)
            signed.append(drawn.ravel())
        signed[-1][-self.n_out:] = 0.0
        return np.where(self._signs != 0.0, free_of(np.concatenate(averages)), np.concatenate(signed))

    def unravel(self, params: ArrayLike) -> list[tuple[Array, Array, Array]]:
        """[(W_l (w_{l−1}, w_l), V_l (d, w_l), b_l (w_l,)), …] of params (size,), the weights themselves.

        V₁ has no rows.
        """
        layers = self._augmented(self._weights(self.check_params(params))[0])
        return [(Wb[:w], Wb[w:-1], Wb[-1]) for Wb, w in zip(layers, self.widths)]

    def tensorflow(self, params: Any, x: Any) -> Tensor:
        """The outputs (q, n_out) at params (size,) and x (q, n_in), differentiable to any order.

        In TensorFlow operations. Arrays and variables are taken as float64; tensors of another float
        width are cast. ValueError if a shape does not fit.
        """
        import tensorflow as tf
        params, x = as_tensor("params", params), as_tensor("x", x)
        self.output_shape(params.shape, x.shape)
        layers = self._augmented(self._weights_in_tensorflow(params))
        z = tf.matmul(x, layers[0][:-1]) + layers[0][-1]
        for Wb in layers[1:]:
            z = tf.matmul(tf.concat([tf.nn.softplus(z), x], axis=1), Wb[:-1]) + Wb[-1]
        output = of_output(self.output)
        out = activations.named("function", output.function, activations.OUTPUT)
        return output.shift + output.scale * out.tensorflow(z)
