"""Plasticity of von Mises (J₂) with isotropic hardening: the return to the yield surface."""

from typing import Any, NamedTuple

import tensorflow as tf

from pcl.nodes.pointwise.solve_pointwise import solve_pointwise
from pcl.support.types import Tensor

# Keeps the square root of a vanishing trial stress differentiable; to stresses squared it is far below
# rounding.
_TINY = 1e-200


class Return(NamedTuple):
    """Where a return mapping ends: deviatoric stress, plastic strain and its accumulated length.

    Attributes
    ----------
    deviator : tensor (q, 3, 3), s, in the unit of the shear modulus
    plastic : tensor (q, 3, 3), ε_p
    hardened : tensor (q,), p

    Examples
    --------
    >>> import numpy as np
    >>> from fem.materials import radial_return
    >>> e = 0.01 * np.diag([1.0, -0.5, -0.5])[None]
    >>> step = radial_return(e, np.zeros((1, 3, 3)), np.zeros(1), shear=80.0, yield_stress=1.2)
    >>> step.plastic.numpy()[0].diagonal().round(6).tolist()
    [0.005, -0.0025, -0.0025]
    """

    deviator: Tensor
    plastic: Tensor
    hardened: Tensor


def radial_return(strain_deviator: Any, plastic: Any, hardened: Any, shear: Any, yield_stress: Any,
                  hardening: Any = 0.0) -> Return:
    """One implicit step of σ_eq ≤ σ_y(p), ε_p' = (3/2) p' s/σ_eq, p' ≥ 0.

        trial   s* = 2G (e − ε_p),   f = σ*_eq − σ_y(p)
        f ≤ 0   elastic
        f > 0   3G Δp + σ_y(p + Δp) = σ*_eq,   s = (1 − 3G Δp/σ*_eq) s*,   Δε_p = (3/2) Δp s*/σ*_eq

    With linear hardening σ_y = σ₀ + H p the length is Δp = f/(3G + H). Any other hardening is a
    function, for instance a network, and Δp is found by `pcl.solve_pointwise`.

    Parameters
    ----------
    strain_deviator : tensor (q, 3, 3), e, at the end of the step
    plastic : tensor (q, 3, 3), ε_p before; deviatoric
    hardened : tensor (q,), p before
    shear : G
    yield_stress : σ₀; ignored with a function
    hardening : H, or a function p (q,) ↦ σ_y(p) (q,) that does not fall faster than −3G

    Returns
    -------
    Return

    Source: J. C. Simo, T. J. R. Hughes, 1998, Computational Inelasticity, box 3.1 (without kinematic
    hardening; there in the norm of s, here in the equivalent stress).

    Raises
    ------
    NotConverged
        When evaluated, with a hardening function: no Δp is found.

    Examples
    --------
    Pulled far beyond the yield stress 1.2, without hardening the equivalent stress stays there:

    >>> import numpy as np
    >>> from fem.materials import equivalent, radial_return
    >>> e = 0.1 * np.diag([1.0, -0.5, -0.5])[None]
    >>> step = radial_return(e, np.zeros((1, 3, 3)), np.zeros(1), shear=80.0, yield_stress=1.2)
    >>> equivalent(step.deviator).numpy().round(6).tolist(), step.hardened.numpy().round(3).tolist()
    ([1.2], [0.095])
    """
    trial = 2.0 * shear * (strain_deviator - plastic)
    size = tf.sqrt(1.5 * tf.reduce_sum(tf.square(trial), axis=[1, 2]) + _TINY)
    if callable(hardening):
        increment = _solved(size, hardened, shear, hardening)
    else:
        excess = size - yield_stress - hardening * hardened
        increment = tf.maximum(excess, 0.0) / (3.0 * shear + hardening)
    along = (1.5 * increment / size)[:, None, None] * trial
    return Return(trial - 2.0 * shear * along, plastic + along, hardened + increment)


def _solved(size, hardened, shear, yield_stress):
    """Δp ≥ 0 of 3G Δp + σ_y(p + Δp) = σ*_eq, zero where the trial is elastic."""
    yields = size > yield_stress(hardened)

    def equation(increment):
        length = 3.0 * shear * increment + yield_stress(hardened + increment) - size
        return tf.where(yields, length / (3.0 * shear), increment)
    return solve_pointwise(equation, tf.zeros_like(size))
