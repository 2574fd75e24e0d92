"""States and slots of a collocated program in terms of few unknowns, from one Jacobian.

Within an element u = Q (x₀, ν, p), along a segment of elements u = Y s with s = (x₀ of the segment,
ν, p); see `pcl.dae.kkt.reduced`.
"""

import numpy as np

from pcl.dae.blocks import filled, spans
from pcl.dae.kkt.chain import slots_inverted
from pcl.dae.kkt.recursion import Recursion
from pcl.dae.kkt.segments import Segments, padded


class Layout:
    """What segments of a length have in common at every Jacobian.

    Sizes: E elements, S segments of L, n_in = n_x + n_ν + n_p, n_s = n_x + L n_ν + n_p, n_P parameters.

    Attributes
    ----------
    starts : (segment (n_e,), state (n_e,)) of starts that are unknowns of the small system
    cuts : int (cuts,), segments that begin inside a trajectory
    coupled : bool (E,), whether an element follows another of its segment
    p_places : int (S, n_p)
    inner, given : elements that follow another; bool (E, n_x), starts of first ones that a row gives
    """

    def __init__(self, rows, length):
        self.rows, self.elements = rows, rows.elements
        elements = self.elements
        self.n_x, self.n_p, self.cut = elements.n_x, elements.n_p, elements.width - elements.n_p
        self.law_rows = np.concatenate([*rows.laws, np.zeros(0, dtype=int)]).astype(int)
        self.n_nu, self.n_theta, self.n_P = len(self.law_rows), sum(rows.sizes), elements.parameters.n
        self.segments = Segments(elements.starts, elements.E, length)
        self.S, self.L = self.segments.table.shape
        self.n_s = self.n_x + self.L * self.n_nu + self.n_p
        self.p_places = elements.parameters.places[elements.experiment[self.segments.head]]
        self.coupled = np.ones(elements.E, dtype=bool)
        self.coupled[self.segments.head] = False
        self.inner, self.given = np.flatnonzero(~elements.first), elements.first[:, None] & rows.jointed
        free = ~rows.jointed[self.segments.head]
        free[self.segments.cut] = True
        self.starts = np.nonzero(free)
        self.n_e, self.cuts = len(self.starts[0]), np.flatnonzero(self.segments.cut)
        self.nu, self.p = slice(self.n_x, self.n_s - self.n_p), slice(self.n_s - self.n_p, self.n_s)
        self._full = self.S * self.L == elements.E
        self._inside = self.segments.table < elements.E

    def in_segments(self, blocks):
        """Blocks (E, …) as (S, L, …), zero where a segment is short."""
        if self._full:
            return blocks.reshape(self.S, self.L, *blocks.shape[1:])
        return padded(blocks)[self.segments.table]

    def out_of_segments(self, blocks):
        """The inverse of `in_segments`."""
        return blocks.reshape(-1, *blocks.shape[2:]) if self._full else blocks[self._inside]

    def of_parameters(self, values):
        """Sums (n_P, …) of values (S, n_p, …) over the segments that share a parameter."""
        out = np.zeros((self.n_P, *values.shape[2:]))
        if self.n_P:
            np.add.at(out, self.p_places, values)
        return out


class Eliminated:
    """Elements without their slots: Q (E, width, n_in), u in terms of (x₀, ν, p), step (E, n_x, n_in),
    the next x₀; inverse (E, n_w K, n_w K), of the slots; N (E, n_ν, p_θ), −ν in terms of dθ.

    Raises
    ------
    SingularMatrix
    """

    def __init__(self, J, layout):
        self.J, self.inverse = J, slots_inverted(J)
        E, n_x, n_p, n_nu, cut = J.rows.elements.E, layout.n_x, layout.n_p, layout.n_nu, layout.cut
        self.Q = np.zeros((E, J.rows.elements.width, n_x + n_nu + n_p))
        self.Q[:, :n_x, :n_x] = np.eye(n_x)
        np.matmul(self.inverse, -J.local[:, :, :n_x], out=self.Q[:, n_x:cut, :n_x])
        self.Q[:, n_x:cut, n_x:n_x + n_nu] = self.inverse[:, :, layout.law_rows]
        if n_p:
            np.matmul(self.inverse, -J.local[:, :, cut:], out=self.Q[:, n_x:cut, n_x + n_nu:])
            self.Q[:, cut:, n_x + n_nu:] = np.eye(n_p)
        self.step = np.matmul(J.joints.ends, self.Q)
        self.N = self._weights(n_nu)

    def _weights(self, n_nu):
        sizes = self.J.rows.sizes
        if len(sizes) == 1:
            return self.J.weights[0]
        N = np.zeros((self.J.rows.elements.E, n_nu, sum(sizes)))
        i = j = 0
        for block in self.J.weights:
            N[:, i:i + block.shape[1], j:j + block.shape[2]] = block
            i, j = i + block.shape[1], j + block.shape[2]
        return N


class Span:
    """θ = D^(−½) (Q c + what N does not see), Qᵀ Q = 1: the weights as far as they move the outputs.

    Attributes
    ----------
    Q : (r, p_θ), its rows orthonormal
    root : (p_θ,), D^(−½)
    N : (S, L·n_ν, r), −ν in terms of c
    size : int, r
    """

    def __init__(self, Q, T, D, shape):
        self.Q, self.root, self.size = Q, 1.0 / np.sqrt(D), len(Q)
        self.N = T.reshape(*shape, self.size)


def _orthonormal(N):
    """(Q (r, p), T (rows, r)) with N = T Q, Q Qᵀ = 1."""
    Q, T = np.linalg.qr(N.T)
    return np.ascontiguousarray(Q.T), np.ascontiguousarray(T.T)


class Condensed:
    """u = Y s of one Jacobian: Z (S, L, n_in, n_s), (x₀, ν, p) of each element in terms of s; end
    (S, n_x, n_s), the state after a segment; N (S, L·n_ν, p_θ)."""

    def __init__(self, eliminated, layout):
        self.layout, self.J, self.inverse = layout, eliminated.J, eliminated.inverse
        self.Q, self.step = eliminated.Q, eliminated.step
        self._mixed = self._rows = None
        self._chain()
        self.recursion = Recursion(self.step[:, :, :layout.n_x], layout.coupled)
        self.N = layout.in_segments(eliminated.N).reshape(layout.S, layout.L * layout.n_nu,
                                                          layout.n_theta)

    def _chain(self):
        at = self.layout
        n_x, n_nu, n_p, S, L, n_s = at.n_x, at.n_nu, at.n_p, at.S, at.L, at.n_s
        Z = np.zeros((S, L, n_x + n_nu + n_p, n_s))
        neutral = np.zeros(self.step.shape[1:])
        neutral[:, :n_x] = np.eye(n_x)
        step = padded(self.step, neutral)[at.segments.table]
        Z[:, 0, :n_x, :n_x] = np.eye(n_x)
        k, i = np.arange(L)[:, None], n_x + np.arange(n_nu)
        Z[:, k, i, k * n_nu + i] = 1.0
        if n_p:
            Z[:, :, n_x + n_nu:, at.p] = np.eye(n_p)
            Z[:, 0, :n_x, at.p] = self.J.joints.starts[at.segments.head]
        for k in range(L - 1):
            np.matmul(step[:, k], Z[:, k], out=Z[:, k + 1, :n_x])
        self.Z, self.flat = Z, Z.reshape(S, -1, n_s)
        self.end = np.matmul(step[:, -1], Z[:, -1])
        states = Z[:, :, :n_x, :n_x]        # what p and ν do has other units
        self.growth = float(np.abs(states).max()) if np.isfinite(Z).all() else np.inf

    def span(self, D):
        """`Span` of the rows N for the diagonal D (p_θ,)."""
        shape = self.N.shape[:2]
        if np.ptp(D) > 0.0:
            Q, T = _orthonormal(self.N.reshape(-1, D.size) / np.sqrt(D))
            return Span(Q, T, D, shape)
        if self._rows is None:
            self._rows = _orthonormal(self.N.reshape(-1, D.size))
        Q, T = self._rows
        return Span(Q, T / np.sqrt(D[0]), D, shape)

    def mixed(self, W):
        """Σ over elements of ∂²/∂s∂θ, (S, n_s, p_θ); the same for every shift of the diagonal."""
        if self._mixed is None or self._mixed[0] is not W:
            self._mixed = W, self._mixed_of(W)
        return self._mixed[1]

    def _mixed_of(self, W):
        at, blocks = self.layout, [] if W is None else zip(W.mixed, W.inputs)
        parts = [self._mixed_part(X, A) for X, A in blocks]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([*parts, np.zeros((at.S, at.n_s, 0 if parts else at.n_theta))], axis=2)

    def _mixed_part(self, X, A):
        at = self.layout
        if not X.size:
            return np.zeros((at.S, at.n_s, X.shape[2]))
        a = np.matmul(at.in_segments(np.matmul(A, self.Q)), self.Z)                 # (S, L, K d, n_s)
        a = a.reshape(at.S, -1, at.n_s).transpose(0, 2, 1)
        X = at.in_segments(X).reshape(at.S, -1, X.shape[2])
        out = np.empty((at.S, at.n_s, X.shape[2]))
        return filled(out, lambda s: np.matmul(a[s], X[s]), spans(at.S, X.size))
