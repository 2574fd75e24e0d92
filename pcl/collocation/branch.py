"""Whether an element's solution of an index-1 system is the continuation of the one before it.

Newton's method can step over a fold of the equations onto another branch of (x', y), which solves
F = 0 just as well. Two tests see it: the sign of det [F_dx, F_y] changes, or following the solution
from node to node ends somewhere else.
"""

import numpy as np

from pcl.collocation.chain import EPS, ROUNDING, nonzero
from pcl.errors import NotConverged

NEAR = 0.5          # a Newton step from the node before hits the node to this part: the same branch
AGREE = 1e-3        # the same, at the end of a continuation in small steps
SMALLEST = 2.0 ** -12


class OtherBranch(NotConverged):
    """The solution that was found is not the continuation of the one before it."""


def require_continuous(system, before, chain, joined):
    """Refuse elements that have left the branch of (x', y) they started on.

    Parameters
    ----------
    before : tuple (x', x, y, t)
        A solution at the start of the chain, each without the axis of points.
    chain : Chain, elements in a row
    joined : bool (E,)
        Whether (x', y) are continuous from the element before (or `before`) on: False after a break.

    Raises
    ------
    OtherBranch
        With the time, and how far (x', y) are determined there.
    """
    dx, x, y, t = chain.points()
    points = [np.concatenate([np.reshape(a, (1, -1)) if np.ndim(b) == 2 else [a], b])
              for a, b in zip(before, (dx, x, y, t))]
    A = _matrices(system, points)
    signs = np.linalg.slogdet(A)[0]
    if (signs != signs[0]).any():
        k = int(np.flatnonzero(signs != signs[0])[0])
        raise OtherBranch("The determinant of [F_dx, F_y] of what Newton's method finds changes its sign "
                          f"before t = {points[3][k]:.9g}: {_weakest(system, points, k - 1)}.")
    v = np.hstack([points[0], points[2]])
    size = _sizes(system, points, v, A)
    apart = _apart(v[:-1] + _steps(system, points, v, A), v[:-1], v[1:], size)
    apart[::chain.scheme.K] *= joined                     # from the last node before to the first of each
    for k in np.flatnonzero(apart > NEAR):
        if not _follows(system, points, v, size, int(k)):
            raise OtherBranch(f"Past t = {points[3][k]:.9g} Newton's method finds another branch: "
                              f"{_weakest(system, points, k)}.")


def _steps(system, points, v, A):
    """Newton's steps from (x', y) of each point at (x, t) of the next one."""
    _, x, _, t = points
    n_x, m = x.shape[1], len(t) - 1
    F = system.evaluate(np.vstack([v[:-1, :n_x], v[1:, :n_x]]), np.vstack([x[1:], x[1:]]),
                        np.vstack([v[:-1, n_x:], v[1:, n_x:]]), np.append(t[1:], t[1:]))
    return -np.linalg.solve(A[1:], (F[:m] - F[m:])[..., None])[..., 0]


def weakness(system, point, recent):
    """How far [F_dx, F_y] at a point is from singular, and in words whom that concerns.

    Parameters
    ----------
    point : (x', x, y, t)
    recent : the same for points (m, …) of the solution before it
        Columns are measured in units of the largest value of their variable there, rows by their
        largest entry there, so that a single equation can be near singular too, and zeros do not count.

    Returns
    -------
    float, the smallest singular value relative to the largest; str
    """
    points = [np.concatenate([np.asarray(a)[None], b]) for a, b in zip(point, recent)]
    size = np.abs(np.hstack([points[0], points[2]])).max(axis=0)
    A = _matrices(system, points) * np.where(size > 0.0, size, 1.0)
    A = A[0] / nonzero(np.abs(A).max(axis=(0, 2)))[:, None]
    columns = nonzero(np.abs(A).max(axis=0)) if len(A) > 1 else 1.0
    U, s, Vt = np.linalg.svd(A / columns)
    value = s[-1] / max(s[0], 1.0)
    return value, (f"{system.equation_names[np.abs(U[:, -1]).argmax()]} determines "
                   f"{system.unknown_names[np.abs(Vt[-1]).argmax()]} at t = {point[3]:.9g} with a "
                   f"relative singular value of {value:.2g}")


def _weakest(system, points, k):
    return weakness(system, [p[k] for p in points], points)[1]


def _matrices(system, points):
    F_dx, _, F_y = system.differentiate(*points)
    return np.concatenate([F_dx, F_y], axis=2)


def _terms(system, points):
    """Sum of the sizes of the terms of every equation (m, n_eq)."""
    blocks = system.differentiate(*points)
    return sum(np.einsum("kin,kn->ki", np.abs(J), np.abs(a)) for J, a in zip(blocks, points))


def _sizes(system, points, v, A):
    """Size of each of (x', y), at least a thousand times what rounding in F makes of it."""
    rounding = ROUNDING * EPS * _terms(system, points)
    noise = np.abs(np.linalg.inv(A)) @ rounding[..., None]
    return np.maximum(np.abs(v), 1e3 * noise[..., 0]).max(axis=0) + 1e-300


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
