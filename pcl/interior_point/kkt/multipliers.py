"""Multipliers of the rows by least squares (Wächter and Biegler 2006, section 3.6)."""

import numpy as np

from pcl.interior_point.kkt.system import System

LARGEST = 1e3       # λ_max: larger estimates at the start are dropped
_SHIFT = 1e-8       # δ_c, for dependent rows


def least_squares(form, kkt, point, z_lower, z_upper):
    """y minimising ‖∇f + Aᵀ y − z_l + z_u‖₂, or None where the rows are numerically dependent.

        [I, Aᵀ; A, −δ_c] [w; y] = −[∇f − z_l + z_u; 0]                               (36)
    """
    if form.m == 0:
        return np.zeros(0)
    for shift in (0.0, _SHIFT):
        system = System(form, kkt, None, point.J, np.ones(form.size), shift)
        if system.right_inertia:
            _, y = system.solve(z_lower - z_upper - point.g, np.zeros(form.m))
            if system.accurate:
                return y
    return None
