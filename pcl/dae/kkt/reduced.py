"""The Newton system of a collocated program, reduced to weights, parameters and states at cuts.

    K = [[W + diag(d_x), Jᵀ], [J, −diag(d_c)]]

The equations of an element are square in its slots w, so that w follows from the state x₀ at its start,
from ν = ∂z/∂θ dθ, and from p; and the next x₀ from w. Along a segment of elements this gives u = Y s with
s = (x₀ of the segment, ν, p). What is left is the reduced Hessian over q = (θ, p, free starts, cuts),

    B = Pᵀ (Σ Yᵀ L Y) P + …,   s = P q,   L = the local Hessians + diag(d_x) + gᵀ d_c⁻¹ g of path rows,

where θ enters through the few rows ν alone: one dense product of (points × outputs) rows, however
many states there are. Without cuts B > 0 is the right inertia of K (one Cholesky factorisation); with
cuts their joints stay as rows of a dense indefinite system.

Long segments multiply the growth of the dynamics: they are halved where entries of Y exceed `GROWTH`, and
doubled where they stay below `CALM`.
"""

from typing import Any

import numpy as np
from scipy.linalg import blas

from pcl.dae.kkt.chain import slots_inverted
from pcl.dae.kkt.recursion import Recursion
from pcl.dae.kkt.segments import Segments, padded
from pcl.dae.kkt.small import small_factor
from pcl.dae.program.structured import summed
from pcl.errors import SingularMatrix
from pcl.interior_point.kkt.dense import HELD
from pcl.interior_point.kkt.protocol import backend

GROWTH, CALM = 1e5, 1e3     # largest |∂x/∂x₀| before a segment is halved; below CALM it is doubled
LONGEST = 128               # outputs at the nodes of a segment: the work within one grows with the square
_REGULAR = 1e-7             # d_c of an equation up to which it is left out (dual regularisation)


class ReducedKKT:
    """A backend for programs with `StructuredJacobian` and `StructuredHessian`.

    Parameters
    ----------
    segment : int, elements of a segment at the beginning; as many as have `LONGEST` outputs if None
    adapt : bool, whether segments change their length with the growth along them
    """

    def __init__(self, segment=None, adapt=True):
        self.segment, self._adapt = segment, adapt
        self._J, self._condensed, self._full = None, None, None

    def factor(self, W: Any, J: Any, d_x: np.ndarray, d_c: np.ndarray) -> Any:
        """A factorised K; see `pcl.interior_point.kkt.protocol.KKT`."""
        equations = d_c[:J.shape[0] - J.path.shape[0] * J.path.shape[1]]
        slots = d_x[:J.rows.elements.n - J.rows.elements.n_p]
        if max(equations.max(initial=0.0) / _REGULAR, slots.max(initial=0.0) / HELD) >= 1.0:
            return self._assembled(W, J, d_x, d_c)
        if self._J is not J:
            self._J, self._condensed = J, self._condense(J)
        if self._condensed is None:
            return Singular()
        return ReducedFactor(self._condensed, W, d_x, d_c)

    def _condense(self, J):
        longest = max(1, LONGEST // max(1, sum(map(len, J.rows.laws))))
        self.segment = self.segment or longest
        while True:
            try:
                found = Condensed(J, self.segment)
            except SingularMatrix:
                return None
            if not self._adapt:
                return found
            if found.growth > GROWTH and found.segments.length > 1:
                self.segment = max(1, found.segments.length // 2)
                continue
            if found.growth < CALM:
                self.segment = min(longest, 2 * self.segment)
            return found

    def _assembled(self, W, J, d_x, d_c):
        """With all equations relaxed nothing can be eliminated: the whole K as a sparse matrix."""
        if self._full is None or self._full[0] is not J or self._full[1] is not W:
            sparse = None if W is None else W.tocsc()
            self._full = (J, W, sparse, J.tocsc(), backend("sparse", None, None))
        _, _, W, J, kkt = self._full
        return kkt.factor(W, J, d_x, d_c)


class Singular:
    """The equations of an element cannot be solved for its slots."""

    right_inertia, singular = False, True


class Condensed:
    """u = Y s of one Jacobian; see the head of the file.

    Sizes: E elements, S segments of L, n_in = n_x + n_ν + n_p, n_s = n_x + L n_ν + n_p.
    """

    def __init__(self, J, length):
        rows, elements = J.rows, J.rows.elements
        self.J, self.rows, self.elements = J, rows, elements
        self._mixed = None
        self.n_x, self.n_p, self.cut = elements.n_x, elements.n_p, elements.width - elements.n_p
        self.law_rows = np.concatenate([*rows.laws, np.zeros(0, dtype=int)]).astype(int)
        self.n_nu = len(self.law_rows)
        self.inverse = slots_inverted(J)
        self.segments = Segments(elements.starts, elements.E, length)
        self.n_P = elements.parameters.n
        self.p_places = elements.parameters.places[elements.experiment[self.segments.head]]  # (S, n_p)
        self.S, self.L = self.segments.table.shape
        self._eliminate()
        self._chain()
        self.coupled = np.ones(elements.E, dtype=bool)
        self.coupled[self.segments.head] = False
        self.recursion = Recursion(self.step[:, :, :self.n_x], self.coupled)
        self._weights()

    def _eliminate(self):
        """Q (E, width, n_in): u in terms of (x₀, ν, p); step (E, n_x, n_in): the next x₀."""
        n_x, J, E = self.n_x, self.J, self.elements.E
        right = np.zeros((E, J.local.shape[1], n_x + self.n_nu + self.n_p))
        right[:, :, :n_x] = -J.local[:, :, :n_x]
        right[:, self.law_rows, n_x + np.arange(self.n_nu)] = 1.0
        right[:, :, n_x + self.n_nu:] = -J.local[:, :, self.cut:]
        self.Q = np.zeros((E, self.elements.width, right.shape[2]))
        self.Q[:, :n_x, :n_x] = np.eye(n_x)
        self.Q[:, n_x:self.cut] = np.matmul(self.inverse, right)
        self.Q[:, self.cut:, n_x + self.n_nu:] = np.eye(self.n_p)
        self.step = np.matmul(self.J.joints.ends, self.Q)

    def _chain(self):
        """Z (S, L, n_in, n_s): (x₀, ν, p) of each element in terms of s; end (S, n_x, n_s)."""
        n_x, n_nu, S, L = self.n_x, self.n_nu, self.S, self.L
        n_s = n_x + L * n_nu + self.n_p
        Z = np.zeros((S, L, n_x + n_nu + self.n_p, n_s))
        neutral = np.zeros(self.step.shape[1:])
        neutral[:, :n_x] = np.eye(n_x)
        step = padded(self.step, neutral)[self.segments.table]
        Z[:, 0, :n_x, :n_x] = np.eye(n_x)
        k, i = np.arange(L)[:, None], n_x + np.arange(n_nu)
        Z[:, k, i, k * n_nu + i] = 1.0
        Z[:, :, n_x + n_nu:, n_s - self.n_p:] = np.eye(self.n_p)
        Z[:, 0, :n_x, n_s - self.n_p:] = self.J.joints.starts[self.segments.head]
        for k in range(L - 1):
            np.matmul(step[:, k], Z[:, k], out=Z[:, k + 1, :n_x])
        self.Z, self.flat = Z, Z.reshape(S, -1, n_s)
        self.end, self.n_s = np.matmul(step[:, -1], Z[:, -1]), n_s
        states = Z[:, :, :n_x, :n_x]        # what p and ν do has other units
        self.growth = float(np.abs(states).max()) if np.isfinite(Z).all() else np.inf

    def _weights(self):
        """N (S, L·n_ν, p_θ): −ν of each segment in terms of dθ."""
        E, sizes = self.elements.E, self.rows.sizes
        if len(sizes) == 1:
            N = self.J.weights[0]
        else:
            N = np.zeros((E, self.n_nu, sum(sizes)))
            i = j = 0
            for block in self.J.weights:
                N[:, i:i + block.shape[1], j:j + block.shape[2]] = block
                i, j = i + block.shape[1], j + block.shape[2]
        self.n_theta = sum(sizes)
        self.N = self.in_segments(N).reshape(self.S, self.L * self.n_nu, self.n_theta)

    def mixed(self, W):
        """Σ over elements of ∂²/∂s∂θ, (S, n_s, p_θ); the same for every shift of the diagonal."""
        if self._mixed is None or self._mixed[0] is not W:
            self._mixed = W, self._mixed_of(W)
        return self._mixed[1]

    def _mixed_of(self, W):
        out = np.zeros((self.S, self.n_s, self.n_theta))
        start = 0
        for X, A in zip([] if W is None else W.mixed, [] if W is None else W.inputs):
            stop = start + X.shape[2]
            if X.size:
                a = np.matmul(self.in_segments(np.matmul(A, self.Q)), self.Z)       # (S, L, K d, n_s)
                a = a.reshape(self.S, -1, self.n_s).transpose(0, 2, 1)
                out[:, :, start:stop] = np.matmul(a, self.in_segments(X).reshape(self.S, -1, X.shape[2]))
            start = stop
        return out

    def in_segments(self, blocks):
        """Blocks (E, …) as (S, L, …), zero where a segment is short."""
        E = self.elements.E
        if self.S * self.L == E:
            return blocks.reshape(self.S, self.L, *blocks.shape[1:])
        return padded(blocks)[self.segments.table]

    def out_of_segments(self, blocks):
        """The inverse of `in_segments`."""
        return blocks[self.segments.table < self.elements.E]


class ReducedFactor:
    """K factorised; see `pcl.interior_point.kkt.protocol.Factor`."""

    def __init__(self, condensed, W, d_x, d_c):
        self.c, self.W = condensed, W
        self._split(d_x, d_c)
        self._local_hessian()
        self._unknown_starts()
        self._factorise(self._reduced_hessian())

    # --- the reduced matrix -------------------------------------------------------------------
    def _split(self, d_x, d_c):
        c, elements = self.c, self.c.elements
        diagonal = elements.local(d_x[:elements.n])
        self._d_p = d_x[elements.n - c.n_P:elements.n]
        diagonal[:, c.cut:] = 0.0
        self._diagonal, self._d_theta = diagonal, d_x[elements.n:]
        relaxed = c.rows.split(d_c)[2]
        with np.errstate(divide="ignore"):
            self._stiff = 1.0 / relaxed

    def _local_hessian(self):
        """L (E, width, width)."""
        path = self.c.J.path
        self.L = np.zeros((self.c.elements.E,) + 2 * (self.c.elements.width,))
        if self.W is not None:
            self.L += self.W.local
        np.einsum("eii->ei", self.L)[:] += self._diagonal
        if path.size:
            self.L += np.matmul(path.transpose(0, 2, 1) * self._stiff[:, None], path)

    def _unknown_starts(self):
        """Entries (segment, state) of starts that are unknowns of the small system."""
        c = self.c
        free = ~c.rows.jointed[c.segments.head]
        free[c.segments.cut] = True
        self._starts = np.nonzero(free)
        self._n_e = len(self._starts[0])
        self._rows_cut = np.flatnonzero(c.segments.cut)

    def _reduced_hessian(self):
        """B over (θ, p, starts): the lower triangles of its two diagonal blocks, and the one below."""
        c = self.c
        n_x, n_p, n_theta = c.n_x, c.n_p, c.n_theta
        small = np.matmul(c.Q.transpose(0, 2, 1), np.matmul(self.L, c.Q))
        M = np.matmul(c.in_segments(small), c.Z).reshape(c.flat.shape)
        M = np.matmul(c.flat.transpose(0, 2, 1), M)
        self._cross = c.mixed(self.W)
        nu, p = slice(n_x, c.n_s - n_p), slice(c.n_s - n_p, c.n_s)
        rows = c.S * c.L * c.n_nu
        half = np.matmul(0.5 * M[:, nu, nu], c.N) - self._cross[:, nu]
        top = self._theta(c.N.reshape(rows, n_theta), half.reshape(rows, n_theta))
        segment, state = self._starts
        pe = np.concatenate([np.tile(np.arange(c.n_s - n_p, c.n_s), (c.S, 1)),
                             np.tile(np.arange(n_x), (c.S, 1))], axis=1)
        # rows (p, x₀) of every segment against θ
        against = np.take_along_axis(self._cross, pe[:, :, None], axis=1) - np.matmul(
            np.take_along_axis(M, pe[:, :, None], axis=1)[:, :, nu], c.N)
        low = np.concatenate([self._of_parameters(against[:, :n_p]), against[segment, n_p + state]])
        n_P = c.n_P
        corner = np.zeros((n_P + self._n_e,) * 2)
        np.add.at(corner, (c.p_places[:, :, None], c.p_places[:, None]), M[:, p, p])
        corner[:n_P, :n_P] += np.diag(self._d_p)
        corner[n_P + np.arange(self._n_e)[:, None], c.p_places[segment]] = M[segment, state][:, p]
        corner[n_P:, n_P:] = np.where(segment[:, None] == segment,
                                      M[segment[:, None], state[:, None], state], 0.0)
        return top, low, corner

    def _of_parameters(self, values):
        """Sums (n_P, …) of values (S, n_p, …) over the segments that share a parameter."""
        out = np.zeros((self.c.n_P, *values.shape[2:]))
        np.add.at(out, self.c.p_places, values)
        return out

    def _theta(self, N, half):
        """Nᵀ half + halfᵀ N + ∂²/∂θ² + diagonal, lower triangle."""
        n = self.c.n_theta
        B = np.zeros((n, n), order="F")
        start = 0
        for block in ([] if self.W is None else self.W.theta):
            stop = start + len(block)
            B.T[start:stop, start:stop] = block     # symmetric
            start = stop
        np.einsum("ii->i", B)[:] += self._d_theta
        if not (n and N.size):
            return B
        return blas.dsyr2k(1.0, N.T, half.T, beta=1.0, c=B, lower=1, overwrite_c=1)

    def _joint_matrix(self):
        """A of the rows x₀ − end of the segment before = r at cuts, over (θ, p, starts)."""
        c, cuts = self.c, self._rows_cut
        A = np.zeros((len(cuts), c.n_x, c.n_theta + c.n_P + self._n_e))
        end = c.end[cuts - 1]
        A[:, :, :c.n_theta] = np.matmul(end[:, :, c.n_x:c.n_s - c.n_p], c.N[cuts - 1])
        row = np.arange(len(cuts))[:, None]
        A[row, :, c.n_theta + c.p_places[cuts]] = -end[:, :, c.n_s - c.n_p:].transpose(0, 2, 1)
        segment, state = self._starts
        e = c.n_theta + c.n_P + np.arange(self._n_e)
        for row, s in enumerate(cuts):
            mine, before = segment == s, segment == s - 1
            A[row, state[mine], e[mine]] = 1.0
            A[row][:, e[before]] -= end[row][:, state[before]]
        return A.reshape(len(cuts) * c.n_x, A.shape[2])

    def _factorise(self, B):
        self.singular, self.right_inertia = not all(np.isfinite(block).all() for block in B), False
        if self.singular:
            return
        arguments = *B, self._joint_matrix()
        self._small_factor = small_factor(*arguments)
        self.right_inertia = self._small_factor.right_inertia

    # --- solutions ----------------------------------------------------------------------------
    def solve(self, r_x: np.ndarray, r_c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(dx, dλ) with K [dx; dλ] = [r_x; r_c]."""
        c, elements = self.c, self.c.elements
        r_local, r_joint, r_path = c.rows.split(r_c)
        r_joint = self._joints_by_element(r_joint)
        path = c.J.path
        g = np.zeros((elements.E, elements.width))
        g[:, :c.cut] = elements.local(r_x[:elements.n])[:, :c.cut]
        if path.size:
            g += np.matmul((self._stiff * r_path)[:, None], path)[:, 0]
        particular, ends = self._particular(r_local, r_joint)
        q, cuts = self._small(self._right(g, particular, r_x), r_joint, ends)
        u = self._expand(particular, q)
        theta = q[:c.n_theta]
        lam = self._multipliers(g, u, theta, cuts)
        slack = (self._stiff * (np.matmul(path, u[:, :, None])[:, :, 0] - r_path)
                 if path.size else np.zeros(0))
        p = q[c.n_theta:c.n_theta + c.n_P]
        x = elements.join(u[:, :c.n_x], u[:, c.n_x:c.cut], p)
        return np.concatenate([x, theta]), np.concatenate([*lam, slack.ravel()])

    def _joints_by_element(self, r):
        """(E, n_x), zero at free starts."""
        c = self.c
        inner = np.flatnonzero(~c.elements.first)
        out = np.zeros((c.elements.E, c.n_x))
        out[inner] = r[:len(inner) * c.n_x].reshape(-1, c.n_x)
        at = c.elements.first[:, None] & c.rows.jointed
        out[at] = r[len(inner) * c.n_x:]
        return out

    def _particular(self, r_local, r_joint):
        """u with the rows fulfilled, q = 0; and the state after each segment (S, n_x)."""
        c, elements = self.c, self.c.elements
        u = np.zeros((elements.E, elements.width))
        u[:, c.n_x:c.cut] = np.matmul(c.inverse, r_local[:, :, None])[:, :, 0]
        after = c.J.joints.after(u)
        right = r_joint.copy()
        right[c.segments.head[c.segments.cut]] = 0.0
        right[1:] += np.where(c.coupled[1:, None], after[:-1], 0.0)
        starts = c.recursion.solve(right)
        u[:, :c.cut] += np.matmul(c.Q[:, :c.cut, :c.n_x], starts[:, :, None])[:, :, 0]
        last = c.segments.last
        ends = np.matmul(c.step[last, :, :c.n_x], starts[last, :, None])[:, :, 0] + after[last]
        return u, ends

    def _right(self, g, u, r_x):
        """The right-hand side of the small system over (θ, p, starts)."""
        c, elements = self.c, self.c.elements
        g = g - np.matmul(self.L, u[:, :, None])[:, :, 0]
        s = c.in_segments(np.matmul(g[:, None], c.Q)).reshape(c.S, 1, -1)
        s = np.matmul(s, c.flat)[:, 0]
        nu = s[:, c.n_x:c.n_s - c.n_p]
        theta = r_x[elements.n:] - summed(nu, c.N)
        theta -= self._mixed_product(u)
        p = r_x[elements.n - c.n_P:elements.n] + self._of_parameters(s[:, c.n_s - c.n_p:])
        return np.concatenate([theta, p, s[self._starts]])

    def _mixed_product(self, u):
        """(∂²/∂θ∂u) u, (p_θ,)."""
        if self.W is None:
            return np.zeros(self.c.n_theta)
        parts = [summed(u @ A.T, X) for X, A in zip(self.W.mixed, self.W.inputs)]
        return np.concatenate([*parts, np.zeros(0)])

    def _small(self, right, r_joint, ends):
        """(q, multipliers of the cuts (cuts, n_x))."""
        c, cuts = self.c, self._rows_cut
        rows = r_joint[c.segments.head[cuts]] + ends[cuts - 1]
        solved = self._small_factor.solve(np.concatenate([right, rows.ravel()]))
        return solved[:len(right)], solved[len(right):].reshape(-1, c.n_x)

    def _expand(self, u, q):
        """u = particular + Q Z P q."""
        c = self.c
        s = np.zeros((c.S, c.n_s))
        s[self._starts] = q[c.n_theta + c.n_P:]
        s[:, c.n_x:c.n_s - c.n_p] = -(c.N @ q[:c.n_theta])
        s[:, c.n_s - c.n_p:] = q[c.n_theta:c.n_theta + c.n_P][c.p_places]
        inner = c.out_of_segments(np.matmul(c.flat, s[:, :, None]).reshape(c.S, c.L, -1))
        return u + np.matmul(c.Q, inner[:, :, None])[:, :, 0]

    def _multipliers(self, g, u, theta, cuts):
        """(local (E·n_w·K,), joints) from the stationarity of u, from the last element back."""
        c, elements = self.c, self.c.elements
        g = g - np.matmul(self.L, u[:, :, None])[:, :, 0]
        start = 0
        for X, A in zip([] if self.W is None else self.W.mixed, [] if self.W is None else self.W.inputs):
            if X.size:
                g -= (X @ theta[start:start + X.shape[2]]) @ A
            start += X.shape[2]
        local = np.matmul(g[:, None, c.n_x:c.cut], c.inverse)[:, 0]
        at_start = g[:, :c.n_x] - np.matmul(local[:, None], c.J.local[:, :, :c.n_x])[:, 0]
        ends = c.segments.last[self._rows_cut - 1]      # before a cut: its multiplier comes from there
        at_start[ends] += np.matmul(cuts[:, None], c.step[ends, :, :c.n_x])[:, 0]
        joint = c.recursion.solve_transposed(at_start)
        after = np.zeros_like(joint)
        after[:-1] = np.where(c.coupled[1:, None], joint[1:], 0.0)
        after[ends] = cuts
        more = c.J.joints.pulled(after)[:, c.n_x:c.cut]
        local += np.matmul(more[:, None], c.inverse)[:, 0]
        inner = ~elements.first
        fixed = elements.first[:, None] & c.rows.jointed
        return local.ravel(), joint[inner].ravel(), joint[fixed]
