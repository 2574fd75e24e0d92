"""In which coordinates a density is taken for normal: numbers themselves, or their logarithms."""

from __future__ import annotations

import dataclasses

import numpy as np

from pcl.support.types import Array, Booleans


@dataclasses.dataclass(frozen=True, eq=False)
class Coordinates:
    """θ as a function of deviations δ from its peak θ*.

        θ_i = θ*_i exp(δ_i/θ*_i) of the numbers `logs`, whose logarithm is normal,   θ*_i + δ_i of others

    Attributes
    ----------
    logs : ndarray (p,) of bool, or None where there are none
    """

    logs: Booleans | None = None

    def moved(self, center: Array, delta: Array) -> Array:
        """θ (…, p) of δ (…, p)."""
        if self.logs is None:
            return center + delta
        return np.where(self.logs, center * self._stretch(center, delta, self.logs), center + delta)

    def slopes(self, center: Array, delta: Array) -> Array:
        """∂θ_i/∂δ_i (p,), 1 of plain numbers."""
        return np.ones(center.size) if self.logs is None else self._stretch(center, delta, self.logs)

    def log_volume(self, center: Array, delta: Array) -> tuple[float, Array]:
        """ln det ∂θ/∂δ and its gradient by δ (p,)."""
        if self.logs is None:
            return 0.0, np.zeros(center.size)
        gradient = self._inverse(center, self.logs)
        return float(gradient @ delta), gradient

    @classmethod
    def _stretch(cls, center, delta, logs):
        with np.errstate(over="ignore"):
            return np.exp(delta * cls._inverse(center, logs))

    @staticmethod
    def _inverse(center, logs):
        """1/θ* of numbers by their logarithm, else 0."""
        return np.divide(1.0, center, out=np.zeros(center.size), where=logs)


STRAIGHT = Coordinates()
