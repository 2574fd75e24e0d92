"""Priors of PEtab as those of `pcl.dae`.

A log-normal density of p itself has 1/p as a factor, which the density of ln p has not:

    −ln p + …:   (ln p − μ)²/2σ² + ln p = (ln p − (μ − σ²))²/2σ² + constant
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pcl.dae.petab.unsupported import Unsupported
from pcl.dae.priors import LogNormalPrior, NormalPrior

UNIFORM = ("uniform", "parameterScaleUniform")


def prior_of(name: str, kind: str, numbers: tuple[float, float], scale: str) -> Any:
    """The prior of a parameter, None for a uniform one.

    Parameters
    ----------
    kind : objectivePriorType; numbers : objectivePriorParameters
    scale : "lin", "log" or "log10", parameterScale

    Raises
    ------
    Unsupported
        Laplace priors, which have a kink.
    """
    mean, deviation = numbers
    if kind == "parameterScaleNormal" and scale != "lin":
        unit = _unit(scale)
        return LogNormalPrior(float(np.exp(unit * mean)), unit * deviation)
    if kind in ("normal", "parameterScaleNormal"):
        return NormalPrior(mean, deviation)
    if kind == "logNormal":
        return LogNormalPrior(float(np.exp(mean - deviation ** 2)), deviation)
    raise Unsupported(f"the prior of {name!r} is {kind!r}, which is not supported; expected normal, "
                      f"logNormal, parameterScaleNormal, {' or '.join(UNIFORM)}.")


def _unit(scale):
    return np.log(10.0) if scale == "log10" else 1.0
