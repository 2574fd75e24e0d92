"""Weights of a law fitted to smooth trajectories of its inputs and outputs."""

import numpy as np
from scipy.optimize import minimize

from pcl.dae.law import Law

_FLAT = 1e-8        # spread of a variable, relative to its size, below which it is not used as a scale
MAXITER = 500
RIDGE = 1e-2        # a weight of size 1 costs as much as one point that is off by a tenth of a scale


def normalised(law, a, z):
    """The same law with shift and scale of inputs a (n, d) and outputs z (n, m): means and standard
    deviations."""
    return Law(law.net, law.inputs, law.outputs, *_shift_scale(a), *_shift_scale(z))


def pretrain(law, a, z, theta):
    """θ that minimises mean ((law − z)/scale)² + `RIDGE` ‖θ‖² / n from θ, by L-BFGS-B.

    Targets are in units of their scale, so that the ridge does not depend on the units of the misfit.
    """
    n = len(z)
    penalty = 2.0 * RIDGE / n
    omega = 1.0 / (law.output_scale ** 2 * n)

    def loss(theta):
        point = law.at(theta, a)
        r = point.value - z
        value = float((omega * r ** 2).sum()) + 0.5 * penalty * theta @ theta
        return value, point.pullback(2.0 * omega * r) + penalty * theta
    return minimize(loss, theta, jac=True, method="L-BFGS-B",
                    options={"maxiter": MAXITER, "maxfun": 2 * MAXITER})


def _shift_scale(values):
    shift, scale = values.mean(axis=0), values.std(axis=0)
    flat = scale <= _FLAT * np.maximum(np.abs(shift), 1e-300)
    size = np.where(np.abs(shift) > 0.0, np.abs(shift), 1.0)
    return shift, np.where(flat, size, scale)
