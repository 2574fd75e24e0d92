"""Newton's method for many small equations at once, damped at every point by itself."""

import numpy as np

from pcl.errors import NotConverged, TrialFailure
from pcl.nodes.equation.newton import CLOSE, SMALLEST_STEP


def newton(settings, start, at, blocks):
    """z (q, m) with r_k(z_k) = 0 at every point k.

    Parameters
    ----------
    settings : pcl.nodes.equation.newton.Newton
        `tolerance`, `atol` and `maxiter`; a point has converged when its last correction is below
        `tolerance` times the largest entry of z_k (or `atol`), and then rests.
    start : array (q, m)
    at : function z -> point with `residual` (q·m,)
    blocks : function point -> Blocks, the Jacobians there

    Returns
    -------
    point
        The equation evaluated at the solution.

    Raises
    ------
    NotConverged
        The message tells how many points are left, and one of them with its residual norm.
    """
    z, point = start, at(start)
    left = np.ones(len(z), dtype=bool)
    for _ in range(settings.maxiter):
        norms = _norms(point, z.shape)
        _require_finite(norms, left)
        step = np.where(left[:, None], _step(blocks(point), point, z.shape), 0.0)
        z, point = _damped(z, step, norms, at)
        size = np.abs(step).max(axis=1)
        left = size > np.maximum(settings.tolerance * np.abs(z).max(axis=1), settings.atol)
        if not left.any():
            return point
    raise _failed("iteration limit", left, _norms(point, z.shape))


def _step(Z, point, shape):
    return Z.solve(point.residual.reshape(shape))


def _damped(z, step, norms, at):
    """z − α step with α = 1, ½, ¼, … at every point, until its residual is shorter."""
    alpha = np.ones(len(z))
    close = np.abs(step).max(axis=1) <= CLOSE * np.abs(z).max(axis=1)
    while True:
        trial = z - alpha[:, None] * step
        try:
            point = at(trial)
            sizes = _norms(point, z.shape)
        except TrialFailure:                    # of all together: nobody says which
            point, sizes = None, np.full(len(z), np.inf)
        good = (sizes <= (1.0 - 1e-4 * alpha) * norms) | (close & np.isfinite(sizes))
        if good.all():
            return trial, point
        alpha = np.where(good, alpha, alpha / 2.0)
        if alpha.min() < SMALLEST_STEP:
            raise _failed("no step along Newton's direction shortens the residual", ~good, norms)


def _norms(point, shape):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.linalg.norm(point.residual.reshape(shape), axis=1)


def _require_finite(norms, left):
    if not np.isfinite(norms).all():
        raise _failed("the residual is not finite at the first iterate", ~np.isfinite(norms), norms)


def _failed(reason, left, norms):
    k = int(np.flatnonzero(left)[0])
    return NotConverged(f"Newton's method failed at {int(left.sum())} of {len(norms)} points ({reason}), "
                        f"first at point {k} with a residual norm of {norms[k]:.2e}. Start nearer to the "
                        "solution.")
