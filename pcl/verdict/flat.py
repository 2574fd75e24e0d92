"""A flat tail told from a minimum: parameters to which the loss has become blind during the run.

Let D = diag max(|θ_i|, 1) and v a vector of random signs. Entry i of D H D v is zero exactly if row i of the
Hessian is, for a generic v: then no change of θ_i, alone or with others, changes the loss to second order. With
residuals r and J = dr/dθ those rows are the zero columns of J: the weights of saturated activations, and all
weights under a clipped output. Row i counts as blind if

    |D H D v|_i ≤ 1e-8 |ℓ(θ)|   and   |D H D v|_i ≤ 1e-6 of what it was at the start

so that a parameter that the data never saw, and one that merely came down from a remote start, are none.
"""

import numpy as np

_BLIND, _COLLAPSED = 1e-8, 1e-6
SHARE = 0.5             # of the parameters
LEFT = 0.01             # of the loss at the start: a sum of squares below it is a fit, whatever is blind


def blind_share(around, start):
    """Share of the free parameters that became blind between θ0 = `start` (p,) and the end."""
    free = around.free > 0.0
    if not free.any():
        return 0.0
    now = _response(around, around.theta)
    blind = now <= _BLIND * abs(around.loss)
    if not (blind & free).sum() > SHARE * free.sum():
        return 0.0
    then = _response(around, start)
    blind &= (now <= _COLLAPSED * then) & (then > 0.0)
    return float((blind & free).sum() / free.sum())


def _response(around, theta):
    D = np.maximum(np.abs(theta), 1.0)
    signs = np.random.default_rng(1).choice([-1.0, 1.0], theta.size)
    return np.abs(D * around.product(D * signs, theta))
