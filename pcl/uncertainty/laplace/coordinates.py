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
        return np.where(self.logs, center * self._stretch(center, delta), center + delta)

    def slopes(self, center: Array, delta: Array) -> Array:
        """∂θ_i/∂δ_i (p,), 1 of plain numbers."""
        return np.ones(center.size) if self.logs is None else self._stretch(center, delta)

    def log_volume(self, center: Array, delta: Array) -> tuple[float, Array]:
        """ln det ∂θ/∂δ and its gradient by δ (p,)."""
        if self.logs is None:
            return 0.0, np.zeros(center.size)
        gradient = np.where(self.logs, self._inverse(center), 0.0)
        return float(gradient @ delta), gradient

    def _stretch(self, center, delta):
        with np.errstate(over="ignore"):
            return np.exp(np.where(self.logs, delta * self._inverse(center), 0.0))

    def _inverse(self, center):
        return np.divide(1.0, center, out=np.zeros(center.size), where=self.logs)


STRAIGHT = Coordinates()
