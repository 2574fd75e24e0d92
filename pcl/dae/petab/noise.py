"""Noise of PEtab: normal on a scale of the readings, σ a formula of parameters and of what is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.dae.petab.evaluate import Scope
from pcl.dae.petab.expression import leaves, Node
from pcl.support.types import Array, Blocks, Tensor
from pcl.uncertainty.noise.standard import Standard

PREDICTED = ":predicted"        # symbol of what is read, in the tree of σ
_LOG = "ln "


class FormulaNoise(Standard):
    """T(y) = T(f) + σ ε, ε standard normal, T(y) = y, ln y or log₁₀ y, σ = σ(f, p).

        log p = −½ Σ ((T(y) − T(f))/σ)² − Σ (ln σ + ½ ln 2π − ln T'(y))

    Parameters
    ----------
    scale : "lin", "log" or "log10"
    sigma : σ (n,) of every reading, or its tree
    start : {parameter: first guess} of all that are estimated
    logs : names of those that are estimated by their logarithm
    """

    def __init__(self, scale: str, sigma: Array | Node, start: Mapping[str, float], logs: Any = ()):
        self.scale, self._sigma = scale, sigma
        names = sorted(leaves(sigma, {}, {}) - {PREDICTED}) if isinstance(sigma, Node) else []
        self.parameters = {f"{_LOG}{name}" if name in logs else name: name for name in names}
        self._start = {unknown: np.array(np.log(start[name]) if unknown != name else start[name])
                       for unknown, name in self.parameters.items()}

    def unknowns(self, observed: Array) -> Blocks:
        return dict(self._start)

    def check(self, name: str, observed: Array) -> None:
        if self.scale != "lin" and (observed <= 0.0).any():
            raise ValueError(f"{name} has readings ≤ 0, the least {observed.min():g}, and the scale "
                             f"{self.scale!r}; expected readings > 0.")

    def standardised(self, predicted: Tensor, observed: Array, unknown) -> tuple[Tensor, Tensor]:
        sigma, unit = self.sigma(predicted, unknown), {"lin": 1.0, "log": 1.0, "log10": np.log(10.0)}
        if self.scale == "lin":
            return (tf.constant(observed) - predicted) / sigma, tf.math.log(sigma)
        left = (tf.constant(np.log(observed)) - tf.math.log(predicted)) / unit[self.scale]
        return left / sigma, tf.math.log(sigma) + np.log(observed * unit[self.scale])

    def sigma(self, predicted: Tensor, unknown: Mapping[str, Tensor]) -> Tensor:
        """σ (n,)."""
        if not isinstance(self._sigma, Node):
            return tf.constant(self._sigma, tf.float64)
        values = {name: tf.exp(unknown[key]) if key != name else unknown[key]
                  for key, name in self.parameters.items()} | {PREDICTED: predicted}
        return Scope({}, {}, values.__getitem__, 0.0).value(self._sigma)

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        error = np.asarray(self.sigma(tf.constant(predicted), unknown)) * rng.normal(size=predicted.shape)
        base = {"log": np.e, "log10": 10.0}
        return predicted + error if self.scale == "lin" else predicted * base[self.scale] ** error
