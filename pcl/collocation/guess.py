"""Where Newton's method begins on an element: the last polynomial, its tangent, or what stands still."""

import numpy as np

from pcl.collocation.chain import Chain

REACH = 10.0        # longest continuation of a polynomial, in units of the element it belongs to


def guesses(run, times, before):
    """Chains on the elements [times[e], times[e + 1]] for e along `before`, the best first.

    The last polynomial has x, x' and y right at its end, and so has the tangent: with either the error of
    the guess vanishes with the step, also where F is nonlinear in x'. What stands still (x' = 0) is the
    last resort, where a tangent leads out of where the equations can be evaluated.

    Parameters
    ----------
    times : (E, 2), starts and ends
    before : int (E,)
    """
    dx, x, y, t = run.point
    scheme, nodes = run.scheme, run.nodes(times)
    last = run.last
    if last is not None and (times.max() - t) <= REACH * last.h[0]:
        yield _chain(scheme, times, nodes, before, *_continued(last, scheme, times))
    for slope in (dx, np.zeros_like(dx)):
        start = x + (times[:, 0] - t)[:, None] * slope
        slots = start[:, None] + (np.diff(times) * scheme.points)[..., None] * slope
        if scheme.points[0] == 0.0:
            slots[:, 0] = np.diff(times) * dx
        yield _chain(scheme, times, nodes, before, start, slots,
                     np.broadcast_to(y, (*nodes.shape, y.size)))


def _chain(scheme, times, nodes, before, x0, slots, algebraic):
    return Chain(scheme, times[:, 0], np.diff(times)[:, 0], nodes, x0, slots, algebraic, before)


def _continued(last, scheme, times):
    """(x₀, slots, y) on other elements of the polynomials of one element."""
    z, h = last.unknowns[0], np.diff(times)
    tau = (times[:, :1] + h * scheme.points - last.t) / last.h
    start = ((times[:, 0] - last.t) / last.h)
    slots = (scheme.value_at(tau.ravel()) @ z).reshape(*tau.shape, -1)
    if scheme.points[0] == 0.0:
        slots[:, 0] = scheme.derivative_at(start) @ z * (h / last.h)
    y = scheme.algebraic_at(tau.ravel()) @ last.algebraic[0]
    return scheme.value_at(start) @ z, slots, y.reshape(*tau.shape, -1)
