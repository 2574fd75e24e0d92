"""Viscoelasticity by Maxwell elements."""

from typing import Any

import tensorflow as tf

from pcl.support.types import Tensor


def maxwell(before: Any, elastic_change: Any, dt: Any, tau: Any) -> Tensor:
    """The stress h of a Maxwell element after a step, h' + h/τ = d/dt (elastic stress).

        h₁ = e^(−Δt/τ) h₀ + (1 − e^(−Δt/τ)) τ/Δt Δs

    with Δs the change of the stress its spring alone would have, 2G Δε: exact for strains that change
    linearly within a step. A generalised Maxwell (Prony) model adds several to an elastic stress.

    Parameters
    ----------
    before : tensor (q, …), h₀
    elastic_change : tensor (q, …), Δs
    dt, tau : scalars, or tensors that broadcast

    Source: J. C. Simo, T. J. R. Hughes, 1998, Computational Inelasticity, section 10.3.

    Returns
    -------
    h₁ : tensor (q, …), in the unit of the stress

    Examples
    --------
    At constant strain the stress decays by exp(−Δt/τ):

    >>> from fem.materials import maxwell
    >>> round(float(maxwell(1.0, 0.0, dt=2.0, tau=2.0)), 6)
    0.367879
    """
    decay = dt / tau
    return tf.exp(-decay) * before - tf.math.expm1(-decay) / decay * elastic_change
