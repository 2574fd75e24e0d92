"""Trajectories of a collocated program solved for along their chains of elements."""

import numpy as np

from pcl.errors import SingularMatrix


def slots_inverted(J):
    """(E, n_w K, n_w K): the inverse of the columns of the slots in the equations of every element.

    Raises
    ------
    SingularMatrix
    """
    elements = J.rows.elements
    slots = J.local[:, :, elements.n_x:elements.width - elements.n_p]
    try:
        inverse = np.linalg.inv(slots)
    except np.linalg.LinAlgError:
        inverse = np.full(slots.shape, np.nan)
    if not np.isfinite(inverse).all():
        raise SingularMatrix("the equations of an element cannot be solved for its slots.")
    return inverse


class Chain:
    """Sweeps along the elements of all trajectories at once, from Jacobian blocks."""

    def __init__(self, rows):
        self._rows, self._elements = rows, rows.elements
        counts = np.diff(np.append(self._elements.starts, self._elements.E))
        self.steps = [self._elements.starts[counts > k] + k for k in range(counts.max())]

    def blocks(self, J):
        """(J, `slots_inverted`)."""
        return J, slots_inverted(J)

    def forward(self, blocks, r, jumps):
        """u (E, width, c), p = 0: J_x x₀ + J_w w = r (E, n_w K, c), x₀_e = end of u_(e−1) + jumps_e."""
        J, inverse = blocks
        n_x, cut = self._elements.n_x, self._elements.width - self._elements.n_p
        u = np.zeros((self._elements.E, self._elements.width, r.shape[2]))
        for k, e in enumerate(self.steps):
            x0 = jumps[e] + (np.matmul(J.joints.ends[e - 1], u[e - 1]) if k else 0.0)
            u[e, :n_x] = x0
            u[e, n_x:cut] = np.matmul(inverse[e], r[e] - np.matmul(J.local[e, :, :n_x], x0))
        return u

    def tangents(self, blocks, dtheta, dp, dx0):
        """u (E, width, c) along dθ (p, c), dP (n_P, c), dx₀ (E, n_x, c) of free starts."""
        J, cut = blocks[0], self._elements.width - self._elements.n_p
        dp = dp[self._elements.parameters.places[self._elements.experiment]]            # (E, n_p, c)
        r = -np.matmul(J.local[:, :, cut:], dp)
        start = 0
        for rows, N in zip(self._rows.laws, J.weights):
            stop = start + N.shape[2]
            r[:, rows] -= np.matmul(N, dtheta[start:stop])
            start = stop
        dx0 = dx0 + np.matmul(J.joints.starts, dp)
        dx0[1:] += np.where(self._elements.first[1:, None, None], 0.0,
                            np.matmul(J.joints.ends[:-1, :, cut:], dp[:-1]))
        u = self.forward(blocks, r, dx0)
        u[:, cut:] = dp
        return u

    def adjoint(self, blocks, g):
        """λ (m,) with J_uᵀ λ = g (E, width) at all unknowns but q; zero at the rows of paths."""
        J, inverse = blocks
        elements, n_x, cut = self._elements, self._elements.n_x, self._elements.width - self._elements.n_p
        local, joint = np.zeros(J.local.shape[:2]), np.zeros((elements.E + 1, n_x))
        for k in range(len(self.steps) - 1, -1, -1):
            e = self.steps[k]
            later = np.where(np.isin(e + 1, elements.starts) | (e + 1 == elements.E), elements.E, e + 1)
            pulled = g[e] + np.einsum("en,enw->ew", joint[later], J.joints.ends[e])
            local[e] = np.matmul(pulled[:, None, n_x:cut], inverse[e])[:, 0]
            joint[e] = pulled[:, :n_x] - np.matmul(local[e][:, None], J.local[e, :, :n_x])[:, 0]
        joint = joint[:-1]
        given = elements.first[:, None] & self._rows.jointed
        paths = np.zeros(elements.E * elements.K * self._rows.paths)
        return np.concatenate([local.ravel(), joint[~elements.first].ravel(), joint[given], paths])
