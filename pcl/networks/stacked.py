"""Derivatives of a network at few points, of all outputs or along all inputs in one sweep.

The formulas of `pcl.networks.point`, one axis more in front: the output o of δ_k, the input c
of ȧ_k, ż_k and δ̇_k. Where points are few a sweep costs as much as its calls, whatever is in them.
"""

import numpy as np


class Stacked:
    """The same derivatives as `NetworkPoint` gives, at the n points of one block without skips.

    Parameters
    ----------
    block : `pcl.networks.block.Block` of all points
    """

    def __init__(self, block):
        self._block, self._rule = block, block.rule
        self._size = sum(Wb.size for Wb in block.rule.Wbar)
        self._slopes = [block.slope(k).copy() for k in range(1, len(block.rule.W))]
        self._first = self._adjoint = self._second = None

    def first(self):
        """(∂y/∂x (n, m, d), ∂y/∂params (n·m, p))."""
        if self._first is None:
            seed = np.zeros((self._rule.widths[-1],) * 2 + (self._block.n,))
            np.einsum("oon->on", seed)[:] = self._block.out_slope()
            deltas = self._deltas(seed)                                                 # (m, w_k, n)
            self._first = (np.matmul(self._rule.W[0], deltas[0]).transpose(2, 0, 1),
                           self._rows(deltas))
        return self._first

    def second(self, adjoint):
        """(⟨ȳ, ∂²y/∂x²⟩ (n, d, d), ⟨ȳ, ∂²y/∂x ∂params⟩ (n·d, p)) for the adjoint ȳ (n, m)."""
        if self._adjoint is None or not np.array_equal(self._adjoint, adjoint):
            self._adjoint, self._second = adjoint.copy(), self._curvatures(adjoint)
        return self._second

    def _curvatures(self, adjoint):
        deltas = self._deltas(self._block.seed(adjoint))                                # (w_k, n)
        along, zdots = self._tangents()                                                 # (d, w_k, n)
        bend = self._block.seed_second(adjoint)
        dots = [np.zeros_like(zdots[-1]) if bend is None else bend * zdots[-1]]
        for k in range(len(self._slopes), 0, -1):
            W, delta = self._rule.W[k], deltas[k]
            dot = np.matmul(W, dots[0]) * self._slopes[k - 1]
            dot += (self._block.bend(k) * (W @ delta)) * zdots[k - 1]
            dots.insert(0, dot)
        return np.matmul(self._rule.W[0], dots[0]).transpose(2, 1, 0), self._rows(dots, along, deltas)

    def _deltas(self, delta):
        """[δ_1 … δ_L] of δ_L (…, w_L, n)."""
        found = [delta]
        for W, slope in zip(self._rule.W[:0:-1], self._slopes[::-1]):
            found.insert(0, np.matmul(W, found[0]) * slope)
        return found

    def _tangents(self):
        """([ȧ_0 … ȧ_{L−1}], [ż_1 … ż_L]) along every input, each (d, w, n) or broadcast to it."""
        d = self._rule.widths[0]
        along = [np.broadcast_to(np.eye(d)[:, :, None], (d, d, self._block.n))]
        zdots = [np.broadcast_to(self._rule.W[0][:, :, None], (d, self._rule.widths[1], self._block.n))]
        for W, slope in zip(self._rule.W[1:], self._slopes):
            along.append(slope * zdots[-1])
            zdots.append(np.matmul(W.T, along[-1]))
        return along, zdots

    def _rows(self, deltas, along=None, plain=None):
        """Rows (n·c, p) of ā_{k−1} ⊗ δ_k [+ ȧ_{k−1} ⊗ δ_k^plain], δ_k (c, w_k, n)."""
        n, count = self._block.n, len(deltas[0])
        rows, start = np.empty((n, count, self._size)), 0
        for k, delta in enumerate(deltas):
            abar = _points_first(self._block.abar[k])                                   # (n, w̄)
            stop = start + abar.shape[1] * delta.shape[1]
            part = rows[:, :, start:stop].reshape(n, count, abar.shape[1], -1)
            np.multiply(abar[:, None, :, None], _points_first(delta)[:, :, None], out=part)
            if along is not None:
                part[:, :, :-1] += (_points_first(along[k])[:, :, :, None]
                                    * _points_first(plain[k])[:, None, None])
            start = stop
        return rows.reshape(n * count, -1)


def _points_first(a):
    """(n, …) of (…, n)."""
    return np.ascontiguousarray(a.transpose(a.ndim - 1, *range(a.ndim - 1)))
