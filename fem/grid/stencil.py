"""Difference stencils on tensor-product grids, as sparse matrices.

Node (i, j, k) of a grid with `shape` (n_x, n_y, n_z) has number (i n_y + j) n_z + k: arrays over the
nodes are `u.reshape(shape)`. A face lies halfway between two neighbouring nodes; faces are numbered
direction by direction, in each by the same rule.
"""

import itertools

import numpy as np

from pcl.support.arrays import scatter_rows


def lattice(axes):
    """All points (N, dim) with coordinates from the vectors in `axes`."""
    return np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1)


def outer(vectors):
    """The product of one entry of each vector, at all points of their lattice, (N,)."""
    result = np.ones(1)
    for v in vectors:
        result = np.multiply.outer(result, v).ravel()
    return result


def midpoints(x):
    """(x_i + x_{i+1})/2."""
    return x[:-1] + np.diff(x) / 2


def widths(x):
    """Widths of the control intervals: from midpoint to midpoint, up to x_0 and x_{n−1} at the ends."""
    return np.diff(np.concatenate([x[:1], midpoints(x), x[-1:]]))


def face_nodes(shape):
    """(n_faces, 2) node numbers on both sides of each face, the smaller coordinate first."""
    numbers = np.arange(np.prod(shape)).reshape(shape)
    sides = []
    for d, m in enumerate(shape):
        below, above = numbers.take(range(m - 1), axis=d), numbers.take(range(1, m), axis=d)
        sides.append(np.stack([below.ravel(), above.ravel()], axis=1))
    return np.concatenate(sides)


def with_direction(axes, along, across):
    """For each direction d the vectors across(x_e) of all e but d, and along(x_d) in place d."""
    return [[along(x) if e == d else across(x) for e, x in enumerate(axes)] for d in range(len(axes))]


def nodal_derivative(axes, d):
    """Sparse (n, n) ∂/∂x_d from three nodes, exact for parabolas; one-sided at the ends.

    With the parabola's nodes p_0, p_1, p_2 around t = x_i its slope there is
    Σ_j u_j (2t − p_k − p_m) / ((p_j − p_k)(p_j − p_m)), {j, k, m} = {0, 1, 2}.
    """
    x, shape = axes[d], tuple(len(a) for a in axes)
    stencil = np.clip(np.arange(len(x)) - 1, 0, len(x) - 3)[:, None] + np.arange(3)      # (n_d, 3)
    p = x[stencil] - x[:, None]                                                          # t = 0
    k, m = p[:, [1, 0, 0]], p[:, [2, 2, 1]]
    weights = (-k - m) / ((p - k) * (p - m))
    numbers = np.arange(np.prod(shape)).reshape(shape)
    columns = [numbers.take(s, axis=d).ravel() for s in stencil.T]
    along = [-1 if e == d else 1 for e in range(len(shape))]
    values = [np.broadcast_to(w.reshape(along), shape).ravel() for w in weights.T]
    return scatter_rows(np.stack(values, axis=1), np.stack(columns, axis=1), numbers.size)


def multilinear(axes, points):
    """Sparse (m, n): interpolation at points (m, dim) inside, linear in each coordinate."""
    shape = tuple(len(x) for x in axes)
    corners, shares = zip(*(_interval(x, p) for x, p in zip(axes, points.T)))
    columns, values = [], []
    for corner in itertools.product((0, 1), repeat=len(axes)):
        columns.append(np.ravel_multi_index([i + c for i, c in zip(corners, corner)], shape))
        values.append(np.prod([s if c else 1 - s for s, c in zip(shares, corner)], axis=0))
    return scatter_rows(np.stack(values, axis=1), np.stack(columns, axis=1), int(np.prod(shape)))


def _interval(x, p):
    """Number i of the interval of each p, and the share (p − x_i)/(x_{i+1} − x_i) in [0, 1]."""
    i = np.clip(np.searchsorted(x, p, side="right") - 1, 0, len(x) - 2)
    return i, np.clip((p - x[i]) / (x[i + 1] - x[i]), 0.0, 1.0)
