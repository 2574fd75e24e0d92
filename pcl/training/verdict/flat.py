"""A flat tail told from a minimum: parameters to which the loss has become blind during the run.

Let D = diag max(|θ_i|, 1) and v a vector of random signs. Entry i of D H D v is zero exactly if row i
of the Hessian is, for a generic v: then no change of θ_i, alone or with others, changes the loss to
second order. With residuals r and J = dr/dθ those rows are the zero columns of J: the weights of
saturated activations, and all weights under a clipped output. Parameters are blind where

    |D H D v|_i ≤ 1e-6 |ℓ(θ)|

and have *become* blind if that entry was 1e5 times larger at the start, or is when all blind parameters
are made ten to ten thousand times smaller, which wakes a saturated activation. A parameter that the
data never see, and one that merely came down from a remote start, are not counted. Nor are those of a
sum of squares that is fitted: at the end it is below a hundredth of what it is at those other points
and at θ = 0, where it is of the size of the data.
"""

import numpy as np

_BLIND, _COLLAPSED = 1e-6, 1e-5     # gtol times what a tail still gives for θ of size 10
_SHRUNK = 1e-1, 1e-2, 1e-3, 1e-4
SHARE = 0.4             # of the parameters: in one layer of tanh three units of five
_LEFT = 0.01


def blind_share(around):
    """Share of the free parameters whose change does not change the loss."""
    return _share(around, _response(around, around.theta) <= _BLIND * abs(around.loss))


def flat_share(around, start, sum_of_squares):
    """Share of the free parameters that became blind since θ0 = `start` (p,), 0 for a fit."""
    now = _response(around, around.theta)
    blind = now <= _BLIND * abs(around.loss)
    if _share(around, blind) <= SHARE:
        return 0.0
    others = [start, *(np.where(blind, c * around.theta, around.theta) for c in _SHRUNK)]
    others = [theta for theta in others if around.value(theta) is not None]
    if sum_of_squares and around.loss <= _LEFT * _least(around, [*others, np.zeros(start.size)]):
        return 0.0
    awake = np.max([_response(around, theta) for theta in others], axis=0, initial=0.0)
    return _share(around, blind & (now <= _COLLAPSED * awake) & (awake > _BLIND * abs(around.loss)))


def _least(around, points):
    losses = [around.value(around.inside(theta)) for theta in points]
    return min((loss for loss in losses if loss is not None), default=0.0)


def _share(around, chosen):
    free = around.free > 0.0
    return float((chosen & free).sum() / max(free.sum(), 1))


def _response(around, theta):
    D = np.maximum(np.abs(theta), 1.0)
    signs = np.random.default_rng(1).choice([-1.0, 1.0], theta.size)
    return np.abs(D * around.product(D * signs, theta))
