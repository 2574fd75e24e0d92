"""Whether a law is linear where its posterior is, as draws of θ tell.

Weights of a network are told apart far less than the law they make. Draws from the normal posterior
of all of them may then lie where the data allow nothing, and how much the law differs there from its
linearisation tells nothing about its band. Whether they do is seen by their density: if it is normal,

    −2 (log p(θ + δ) − log p(θ)) = δᵀ C⁻¹ δ ~ χ² of k degrees of freedom, k the rank of C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.support.types import Array

NONLINEAR = 0.5     # standard deviations by which a law may differ from its linearisation
_FAR = 6.0          # standard deviations of χ² beyond its mean that draws of a posterior do not reach


@dataclass(frozen=True)
class Linearity:
    """How far a law is from its linearisation at draws, in its standard deviations.

    Attributes
    ----------
    difference : float
        Root mean square over draws, the largest of all points; nan without draws, inf where the law has
        no value at one of them.
    astray : bool
        Whether the draws lie where the density is far below that of a normal one; they tell nothing then.
    """

    difference: float = np.nan
    astray: bool = False

    @property
    def fails(self) -> bool:
        """Whether draws of the posterior contradict the linearisation."""
        return self.difference > NONLINEAR and not self.astray

    def __str__(self) -> str:
        if self.astray:
            return ("draws of theta lie far outside what the data allow and do not tell whether the band "
                    "holds (single weights of a network are known far less than the law they make); "
                    "pcl.uncertainty.sample does")
        if self.fails:
            return (f"the linearisation fails: draws differ from it by up to {self.difference:.2g} "
                    "standard deviations. Compare with pcl.uncertainty.sample")
        return ""

    @classmethod
    def of(cls, posterior: Any, law: Any, deviation: Array, offsets: Array, values: list) -> Linearity:
        """Of a `Law` with standard deviations (q,), its `values` [(q,) or None] at θ + offsets (n, p)."""
        difference = _difference(law, deviation, offsets, values)
        return cls(difference, difference > NONLINEAR and _astray(posterior, offsets))


def _difference(law, deviation, offsets, values):
    """Over points, the largest root mean square of f(θ + δ) − f − J δ over draws, in deviations of f."""
    if not len(offsets) or not deviation.any():
        return np.nan
    if any(value is None for value in values):
        return np.inf
    error = np.array(values) - law.value - offsets @ law.sensitivity.T
    seen = deviation > 0.0
    return float(np.max(np.sqrt(np.mean(error[:, seen] ** 2, axis=0)) / deviation[seen]))


def _astray(posterior, offsets):
    from pcl.uncertainty.sampling.density import LogDensity         # which knows of Laplace itself
    density = LogDensity(posterior.problem, posterior.sigma)
    try:
        at_peak, *drawn = (density(posterior.theta + each) for each in (0.0, *offsets))
    except ValueError:      # a fit whose variances are not known has no density: nothing is told
        return False
    k = posterior.theta.size - posterior.left_out
    return bool(2.0 * np.median(at_peak - np.array(drawn)) > k + _FAR * np.sqrt(2.0 * k))
