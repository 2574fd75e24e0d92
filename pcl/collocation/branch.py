"""Whether an element's solution of an index-1 system is the continuation of the one before it.

Newton's method can step over a fold of the equations onto another branch of (x', y), which solves
F = 0 just as well. Two tests see it: the sign of det [F_dx, F_y] changes, or following the solution
from node to node ends somewhere else.
"""

import numpy as np

from pcl.errors import SingularMatrix

NEAR = 0.5          # a Newton step from the node before hits the node to this part: the same branch
AGREE = 1e-3        # the same, at the end of a continuation in small steps
SMALLEST = 2.0 ** -12


def require_continuous(system, before, element):
    """Refuse an element that has left the branch of (x', y) it started on.

    Parameters
    ----------
    before : tuple (x', x, y, t)
        A solution at the start of the element, each without the axis of points.

    Raises
    ------
    SingularMatrix
        A fold lies between the start and the end; the variables concerned are named.
    """
    dx, x, y, t = element.points()
    points = [np.concatenate([np.atleast_1d(a)[None] if np.ndim(a) else [a], b])
              for a, b in zip(before, (dx, x, y, t))]
    A = _matrices(system, points)
    signs = np.linalg.slogdet(A)[0]
    if (signs != signs[0]).any():
        k = int(np.flatnonzero(signs != signs[0])[0])
        raise SingularMatrix("The determinant of [F_dx, F_y] changes its sign before "
                             f"t = {points[3][k]:.9g}: "
                             f"{_weakest(system, points, k - 1)}.")
    v = np.hstack([points[0], points[2]])
    size = _sizes(system, points, v, A)
    n_x = x.shape[1]
    change = system.evaluate(v[:-1, :n_x], x, v[:-1, n_x:], t) - system.evaluate(dx, x, y, t)
    step = -np.linalg.solve(A[1:], change[..., None])[..., 0]
    for k in np.flatnonzero(_apart(v[:-1] + step, v[:-1], v[1:], size) > NEAR):
        if not _follows(system, points, v, size, int(k)):
            raise SingularMatrix(f"Past t = {points[3][k]:.9g} the solution lies on another branch: "
                                 f"{_weakest(system, points, k)}.")


def weakness(system, point):
    """Relative smallest singular value of [F_dx, F_y] at (x', x, y, t), and whom it concerns."""
    point = [np.asarray(a)[None] for a in point]
    A = (_matrices(system, point) / _nonzero(_terms(system, point))[..., None])[0]
    A = A / _nonzero(np.abs(A).max(axis=0))
    U, s, Vt = np.linalg.svd(A)
    return s[-1] / s[0], (f"{system.equation_names[np.abs(U[:, -1]).argmax()]} hardly determines "
                          f"{system.unknown_names[np.abs(Vt[-1]).argmax()]} at t = {point[3][0]:.9g} "
                          f"(relative singular value {s[-1] / s[0]:.2g})")


def _weakest(system, points, k):
    return weakness(system, [p[k] for p in points])[1]


def _matrices(system, points):
    F_dx, _, F_y = system.differentiate(*points)
    return np.concatenate([F_dx, F_y], axis=2)


def _terms(system, points):
    """Sum of the sizes of the terms of every equation (m, n_eq)."""
    blocks = system.differentiate(*points)
    return sum(np.einsum("kin,kn->ki", np.abs(J), np.abs(a)) for J, a in zip(blocks, points))


def _sizes(system, points, v, A):
    """Size of each of (x', y), at least a thousand times what rounding in F makes of it."""
    rounding = 64 * np.finfo(np.float64).eps * _terms(system, points)
    noise = np.abs(np.linalg.inv(A)) @ rounding[..., None]
    return np.maximum(np.abs(v), 1e3 * noise[..., 0]).max(axis=0) + 1e-300


def _nonzero(a):
    return np.where(a == 0.0, 1.0, a)


def _apart(a, old, new, size):
    """‖a − new‖ relative to ‖new − old‖, each variable in units of its size; 0 where nothing moved."""
    moved = np.linalg.norm((new - old) / size, axis=-1)
    miss = np.linalg.norm((a - new) / size, axis=-1)
    return np.where(miss > 1e-3, miss / np.maximum(moved, 1e-300), 0.0)


def _follows(system, points, v, size, k):
    """Whether (x', y), followed from point k along the line of (x, t), ends at point k + 1."""
    _, x, _, t = points
    position, length, current = 0.0, 0.25, v[k]
    while position < 1.0:
        s = min(1.0, position + length)
        trial = _corrected(system, (1 - s) * x[k] + s * x[k + 1], (1 - s) * t[k] + s * t[k + 1], current,
                           size)
        if trial is not None:
            position, current, length = s, trial, 2 * length
        elif length > SMALLEST:
            length /= 2
        else:
            return False
    return bool(_apart(current, v[k], v[k + 1], size) <= AGREE)


def _corrected(system, x, t, v, size):
    """(x', y) at (x, t) by Newton from v; None unless each step is at most a quarter of the last."""
    n_x, last = x.size, np.inf
    for _ in range(8):
        point = (v[None, :n_x], x[None], v[None, n_x:], np.array([t]))
        A, F = _matrices(system, point)[0], system.evaluate(*point)[0]
        try:
            step = -np.linalg.solve(A, F)
        except np.linalg.LinAlgError:
            return None
        length = np.linalg.norm(step / size)
        if length > 0.25 * last and length > 1e-5:
            return None
        v, last = v + step, length
        if length <= 1e-5:
            return v
    return v
