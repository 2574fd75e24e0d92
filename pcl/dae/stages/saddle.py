"""Off a saddle, where units of a law coincide."""

import numpy as np

from pcl.dae.result.uncertainty import Uncertainty

NUDGE = 1e-2        # of the root mean square of the weights, by which each of them is moved
_LOWER = 1e-9       # relative difference of objectives by which a way down is told from rounding


def off_saddle(program, result, solve):
    """The result itself, or a lower one where its reduced Hessian is not positive definite.

    Two units of a network with the same weights have the same gradient, so that Newton's method keeps
    them together: it ends where the first-order conditions hold, and the objective would fall if the
    units parted. The weights are moved at random by `NUDGE` of their size and the program is solved
    again; what does not end lower was no saddle, but a direction that nothing determines.

    Source: K. Fukumizu and S. Amari, Local minima and plateaus in hierarchical structures of multilayer
    perceptrons, Neural Networks 13 (2000) 317.

    Parameters
    ----------
    program : Transcription
    result : interior_point.Result, a success
    solve : function x -> Result, a main solve that stays close to where it begins
    """
    if not program.laws or Uncertainty(program, result, known=True).definite:
        return result
    again = solve(_nudged(program, result.x))
    if not again.success or not again.fun < result.fun - _LOWER * abs(result.fun):
        return result
    again.update(nit=result.nit + again.nit,
                 message=f"{again.message} (Begun again off a saddle, where units of a law coincide.)")
    return again


def _nudged(program, x):
    """x with other weights, the same ones each time."""
    first, random = program.elements.n, np.random.RandomState(0)
    theta = x[first:]
    size = NUDGE * np.sqrt(np.mean(theta ** 2))
    return np.concatenate([x[:first], theta + size * random.standard_normal(theta.size)])
