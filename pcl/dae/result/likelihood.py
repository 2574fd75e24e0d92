"""How likely the readings are under a fit, name by name, and what that says beside other models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pcl.dae.program.density import Density
from pcl.dae.result.uncertainty import Undetermined

_COUNTED = 1000     # weights up to which those that are determined are counted, by a solve each


@dataclass(frozen=True)
class Likelihood:
    """−2 ln L of the readings, all constants included, and Akaike's and Schwarz' criteria

        AIC = −2 ln L + 2 k,      BIC = −2 ln L + k ln n

    Attributes
    ----------
    parts : {name: −2 ln L of the readings under it}
    counts : {name: number of readings}
    free : float
        k: parameters, unknown numbers of the noise, free starts, and of the weights of laws as many as
        the readings determine and not their prior (to first order); NaN where that cannot be told, and
        for more than 1,000 weights.
    common : bool
        Whether the weights are relative and their common variance, Σ ω r²/n, is one of k.
    """

    parts: dict[str, float]
    counts: dict[str, int]
    free: float
    common: bool

    @property
    def deviance(self) -> float:
        """−2 ln L."""
        return sum(self.parts.values())

    @property
    def log(self) -> float:
        """ln L."""
        return -0.5 * self.deviance

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.deviance + 2.0 * self.free

    @property
    def bic(self) -> float:
        """Schwarz' criterion."""
        return self.deviance + self.free * float(np.log(sum(self.counts.values())))

    def __str__(self):
        parts = ", ".join(f"{name} {self.parts[name]:.6g} of {self.counts[name]} readings"
                          for name in self.parts)
        common = ", with one variance for all weights" if self.common else ""
        return (f"−2 ln L = {self.deviance:.6g} ({parts}{common}), {self.free:.4g} free numbers, "
                f"AIC {self.aic:.6g}, BIC {self.bic:.6g}")


def likelihood_of(program, result, known, uncertainty):
    """The `Likelihood` of a result.

    known : bool, whether weights are 1/σ²; uncertainty : `Uncertainty` of the result without curvature
    """
    misfit = program.misfit
    variance = 1.0 if known else misfit.at(result.x) / max(misfit.size, 1)
    parts, counts = parts_of(program, result, variance)
    return Likelihood(parts, counts, _free(program, uncertainty) + (not known), not known)


def parts_of(program, result, variance=1.0):
    """({name: −2 ln L}, {name: number of readings}), with the variances `variance`/ω of weights ω."""
    elements, misfit, parts, counts = program.elements, program.misfit, {}, {}
    u, plain = elements.local(result.x[:elements.n]), misfit.plain
    for k, name in enumerate(plain.names):
        mine = plain.variable == k
        parts[name] = _normal(plain.residuals(u)[mine], plain.weights[mine] / variance)
        counts[name] = int(mine.sum())
    for term in misfit.terms:
        name, h = term.reading.name, term.reading.value(u)
        parts[name] = (term.at(u).value if isinstance(term.density, Density) else
                       _normal(h - term.density.data, term.density.weights / variance))
        counts[name] = h.size
    return parts, counts


def _normal(r, omega):
    """−2 ln p of residuals (n,) with variances 1/ω."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(omega @ r ** 2 + np.log(2.0 * np.pi / omega).sum())


def _free(program, uncertainty):
    """k, see `Likelihood`."""
    elements = program.elements
    place = slice(elements.n - elements.parameters.n, elements.n)
    p = np.count_nonzero(program.x_lower[place] < program.x_upper[place])
    starts = np.count_nonzero(elements.first[:, None] & ~program.rows.jointed)
    weights = sum(program.rows.sizes)
    if not weights:
        return float(p + starts)
    if weights > _COUNTED:
        return np.nan
    try:
        return p + starts + uncertainty.determined_weights
    except Undetermined:
        return np.nan
