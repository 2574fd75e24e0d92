"""Networks some of whose weights have a given sign, each the softplus of a free entry of θ."""

from __future__ import annotations

import abc
import functools
from typing import Any

import numpy as np

from pcl.networks import activations
from pcl.networks.layered import Layered
from pcl.networks.point import NetworkPoint
from pcl.networks.reparametrised import Reparametrised
from pcl.support.types import Array, ArrayLike


class Signed(Layered):
    """A network with weights w = s softplus(π) where the sign s is +1 or −1, w = π where s is 0."""

    @property
    @abc.abstractmethod
    def _layer_signs(self) -> list[Array]:
        """s of each augmented layer, as `shapes`."""

    @functools.cached_property
    def _signs(self):
        """s (size,) of the entries of θ."""
        return np.concatenate([layer.ravel() for layer in self._layer_signs])

    def at(self, params: ArrayLike, x: ArrayLike, block: int | None = None) -> Reparametrised:
        """The network at one point (params, x), evaluated in NumPy: what `MLP.at` gives, in these params.

        `block` as there.

        Raises
        ------
        ValueError, NotFinite
            As `MLP.at`.
        """
        params, x, block = self._checked(params, x, block)
        weights, slope, bend = self._weights(params)
        return Reparametrised(NetworkPoint(self, weights, x, block), slope, bend)

    def _weights(self, params):
        """The augmented layers, flat, as a function of each entry of θ, with its two derivatives."""
        function = activations.named("function", "softplus", activations.OUTPUT)
        chosen = self._signs != 0.0
        free = params[chosen]
        a = function.value(free, np.empty_like(free))
        first = function.first(free, a, np.empty_like(a))
        second = function.second(free, a, first, np.empty_like(a))
        result = params.copy(), np.ones_like(params), np.zeros_like(params)
        for whole, part in zip(result, (a, first, second)):
            whole[chosen] = self._signs[chosen] * part
        return result

    def _weights_in_tensorflow(self, params: Any) -> Any:
        import tensorflow as tf
        return tf.where(self._signs != 0.0, self._signs * tf.nn.softplus(params), params)


def checked_signs(name: str, given: Any, n_in: int) -> tuple[int, ...]:
    """A sign +1, −1 or 0 of each input, as a tuple; ValueError otherwise."""
    try:
        signs = tuple(int(s) for s in given)
    except (TypeError, ValueError):
        signs = ()
    if len(signs) != n_in or any(s not in (-1, 0, 1) for s in signs):
        raise ValueError(f"{name} is {given!r}; expected {n_in} signs, 1 (rising), −1 (falling) or 0 "
                         "(either), one an input.")
    return signs


def free_of(weights: Array) -> Array:
    """π with softplus(π) = w > 0."""
    return np.log(np.expm1(weights))
