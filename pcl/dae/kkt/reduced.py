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
doubled where they have stayed below `CALM` for some Jacobians in a row.
"""

from typing import Any

import numpy as np
from scipy.linalg import blas

from pcl.dae.blocks import along, filled, spans, summed, total
from pcl.dae.kkt.condensed import Condensed, Eliminated, Layout
from pcl.dae.kkt.projected import Operator, Preconditioner, Projected, clipped, diagonal
from pcl.dae.kkt.small import small_factor
from pcl.dae.program.law_curvature import LawCurvature, dense, many
from pcl.errors import SingularMatrix
from pcl.interior_point.kkt.dense import HELD
from pcl.interior_point.kkt.protocol import backend

GROWTH, CALM = 1e5, 1e3     # largest |∂x/∂x₀| before a segment is halved; below CALM it is doubled
_PATIENCE = 5               # Jacobians in a row below CALM until then
LONGEST = 128               # outputs at the nodes of a segment: the work within one grows with the square
_REGULAR = 1e-7             # d_c of an equation up to which it is left out (dual regularisation)


class ReducedKKT:
    """A backend for programs with `StructuredJacobian` and `StructuredHessian`.

    Parameters
    ----------
    segment : int, elements of a segment at the beginning; as many as have `LONGEST` outputs if None
    adapt : bool, whether segments change their length with the growth along them
    iterative : bool, whether the small system is solved by conjugate gradients, see `projected`; where
        there are `many` weights if None. Blocks of weights that are arrays are factorised all the same.
    """

    def __init__(self, segment=None, adapt=True, iterative=None):
        self.segment, self._adapt, self._iterative = segment, adapt, iterative
        self._J, self._condensed, self._full = None, None, None
        self._rows, self._layouts, self._calm = None, {}, 0

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
        iterative = many(J.rows) if self._iterative is None else self._iterative
        known = W is None or all(isinstance(block, LawCurvature) for block in W.theta)
        return ReducedFactor(self._condensed, W, d_x, d_c, iterative and known)

    def _condense(self, J):
        longest = max(1, LONGEST // max(1, sum(map(len, J.rows.laws))))
        self.segment = self.segment or longest
        try:
            eliminated = Eliminated(J, self._layout(J.rows))
        except SingularMatrix:
            return None
        while True:
            found = Condensed(eliminated, self._layout(J.rows))
            if not self._adapt:
                return found
            if found.growth <= GROWTH or found.layout.L == 1:
                break
            self.segment, self._calm = max(1, found.layout.L // 2), 0
        self._calm = self._calm + 1 if found.growth < CALM else 0
        if self._calm > _PATIENCE:
            self.segment, self._calm = min(longest, 2 * self.segment), 0
        return found

    def _layout(self, rows):
        """The `Layout` of segments of the present length."""
        if self._rows is not rows:
            self._rows, self._layouts = rows, {}
        if self.segment not in self._layouts:
            self._layouts[self.segment] = Layout(rows, self.segment)
        return self._layouts[self.segment]

    def _assembled(self, W, J, d_x, d_c):
        """With all equations relaxed nothing can be eliminated: the whole K as a sparse matrix."""
        if self._full is None or self._full[0] is not J or self._full[1] is not W:
            sparse = None if W is None else W.tocsc()
            self._full = (J, W, sparse, J.tocsc(), backend("sparse", None, None))
        _, _, W, J, kkt = self._full
        return kkt.factor(W, J, d_x, d_c)


def _with_products(B, M, N, cross):
    """B + Nᵀ half + halfᵀ N, lower triangles (p_θ, p_θ); B is overwritten."""
    N, half = _factors(M, N, cross)
    return blas.dsyr2k(1.0, N.T, half.T, beta=1.0, c=B, lower=1, overwrite_c=1)


def _half_product(M, N, cross):
    """Nᵀ half (p_θ, p_θ): as many operations as Nᵀ half + halfᵀ N by dsyr2k, for which SciPy lets no
    other thread run beside it; NumPy's products do."""
    N, half = _factors(M, N, cross)
    return N.T @ half


def _factors(M, N, cross):
    """N and half = ½ M N − cross, as (rows, p_θ)."""
    half = np.matmul(0.5 * M, N)
    half -= cross
    rows = len(N) * N.shape[1]
    return N.reshape(rows, -1), half.reshape(rows, -1)


class Singular:
    """The equations of an element cannot be solved for its slots."""

    right_inertia, singular = False, True


class ReducedFactor:
    """K factorised; see `pcl.interior_point.kkt.protocol.Factor`."""

    def __init__(self, condensed, W, d_x, d_c, iterative=False):
        self.c, self.W, self._at = condensed, W, condensed.layout
        self._split(d_x, d_c)
        self._local_hessian()
        M, cross = self._segment_hessians(), condensed.mixed(W)
        self.singular = not (np.isfinite(M).all() and np.isfinite(cross).all())
        self.right_inertia = False
        if not self.singular:
            self._factorise(M, cross, not iterative)

    # --- the reduced matrix -------------------------------------------------------------------
    def _split(self, d_x, d_c):
        at, elements = self._at, self._at.elements
        self._diagonal = elements.local(d_x[:elements.n])
        self._d_p = d_x[elements.n - at.n_P:elements.n]
        self._diagonal[:, at.cut:] = 0.0
        self._d_theta = d_x[elements.n:]
        relaxed = at.rows.split(d_c)[2]
        with np.errstate(divide="ignore"):
            self._stiff = 1.0 / relaxed

    def _local_hessian(self):
        """L (E, width, width)."""
        path, shape = self.c.J.path, (len(self._diagonal),) + 2 * (self._diagonal.shape[1],)
        self.L = np.zeros(shape) if self.W is None else self.W.local.copy()
        np.einsum("eii->ei", self.L)[:] += self._diagonal
        if path.size:
            self.L += np.matmul(path.transpose(0, 2, 1) * self._stiff[:, None], path)

    def _segment_hessians(self):
        """M (S, n_s, n_s)."""
        c, at = self.c, self._at
        small = at.in_segments(np.matmul(c.Q.transpose(0, 2, 1), np.matmul(self.L, c.Q)))

        def of(s):
            M = np.matmul(small[s], c.Z[s]).reshape(c.flat[s].shape)
            return np.matmul(c.flat[s].transpose(0, 2, 1), M)
        pieces = spans(at.S, c.flat.size * at.n_s // 16)        # its products count, not its entries
        return filled(np.empty((at.S, at.n_s, at.n_s)), of, pieces)

    def _reduced_hessian(self, M, cross):
        """B over (θ, p, starts): the lower triangles of its two diagonal blocks, and the one below."""
        c, at = self.c, self._at
        low, corner = self._border(M, cross, c.N)
        return self._theta(M[:, at.nu, at.nu], cross[:, at.nu]), low, corner

    def _border(self, M, cross, N):
        """Rows (p, starts) against θ, and among themselves; ν = −N θ."""
        at, n_P, n_e = self._at, self._at.n_P, self._at.n_e
        low, corner = np.zeros((n_P + n_e, N.shape[2])), np.zeros((n_P + n_e,) * 2)
        segment, state = at.starts
        if n_e:
            low[n_P:] = cross[segment, state] - self._outputs(M[:, :at.n_x], N)[segment, state]
            corner[n_P:, n_P:] = np.where(segment[:, None] == segment,
                                          M[segment[:, None], state[:, None], state], 0.0)
        if n_P:
            low[:n_P] = at.of_parameters(cross[:, at.p] - self._outputs(M[:, at.p], N))
            np.add.at(corner, (at.p_places[:, :, None], at.p_places[:, None]), M[:, at.p, at.p])
            corner[:n_P, :n_P] += np.diag(self._d_p)
            corner[n_P + np.arange(n_e)[:, None], at.p_places[segment]] = M[segment, state][:, at.p]
        return low, corner

    def _outputs(self, M, N):
        """M_ν N (S, r, p) of rows M (S, r, n_s)."""
        out, nu = np.empty((*M.shape[:2], N.shape[2])), self._at.nu
        return filled(out, lambda s: np.matmul(M[s, :, nu], N[s]), spans(len(N), N.size))

    def _theta(self, M, cross):
        """Nᵀ M N − Nᵀ cross − crossᵀ N + ∂²/∂θ² + diagonal, lower triangle."""
        n, N = self._at.n_theta, self.c.N
        B = np.zeros((n, n), order="F")
        start = 0
        for block in ([] if self.W is None else self.W.theta):
            stop = start + len(block)
            B.T[start:stop, start:stop] = dense(block)      # symmetric
            start = stop
        np.einsum("ii->i", B)[:] += self._d_theta
        if not (n and N.size):
            return B
        pieces = spans(len(N), N.size, -(-n // N.shape[1]))     # of n rows at least
        if len(pieces) == 1:
            return _with_products(B, M, N, cross)
        half = total(lambda s: _half_product(M[s], N[s], cross[s]), pieces)
        B += half
        B += half.T
        return B

    def _joint_matrix(self, N):
        """A of the rows x₀ − end of the segment before = r at cuts, over (θ, p, starts); ν = −N θ."""
        c, at, n = self.c, self._at, N.shape[2]
        A = np.zeros((len(at.cuts), at.n_x, n + at.n_P + at.n_e))
        if not len(at.cuts):
            return A.reshape(0, A.shape[2])
        end = c.end[at.cuts - 1]
        A[:, :, :n] = np.matmul(end[:, :, at.nu], N[at.cuts - 1])
        row = np.arange(len(at.cuts))[:, None]
        A[row, :, n + at.p_places[at.cuts]] = -end[:, :, at.p].transpose(0, 2, 1)
        segment, state = at.starts
        e, row = n + at.n_P + np.arange(at.n_e), np.full(at.S + 1, -1)
        row[at.cuts] = np.arange(len(at.cuts))
        mine, before = row[segment] >= 0, row[segment + 1] >= 0
        A[row[segment[mine]], state[mine], e[mine]] = 1.0
        after = row[segment[before] + 1]
        A[after, :, e[before]] -= end[after, :, state[before]]
        return A.reshape(len(at.cuts) * at.n_x, A.shape[2])

    def _factorise(self, M, cross, direct):
        A = self._joint_matrix(self.c.N)
        if not direct:
            self._small_factor = self._projected(M, cross, A)
            self.right_inertia = self._small_factor.right_inertia
            return
        top, low, corner = self._reduced_hessian(M, cross)
        self.singular = not all(np.isfinite(block).all() for block in (top, low, corner))
        if not self.singular:
            self._small_factor = small_factor(top, low, corner, A)
            self.right_inertia = self._small_factor.right_inertia

    def _projected(self, M, cross, A):
        """By conjugate gradients; see `pcl.dae.kkt.projected`."""
        c, at, theta = self.c, self._at, [] if self.W is None else self.W.theta
        span, positive = c.span(diagonal(theta, self._d_theta)), clipped(M)
        half = np.matmul(0.5 * positive[:, at.nu, at.nu], span.N)
        flat = [block.reshape(-1, span.size) for block in (span.N, half)]
        top = blas.dsyr2k(1.0, *(block.T for block in flat), beta=1.0, c=np.eye(span.size), lower=1)
        low, corner = self._border(positive, np.zeros((at.S, at.n_s, 1)), span.N)
        small = small_factor(np.asfortranarray(top), low, corner, self._joint_matrix(span.N))
        G = Preconditioner(span, small)
        return Projected(Operator(c, M, cross, theta, self._d_theta, self._d_p), G, A)

    # --- solutions ----------------------------------------------------------------------------
    def solve(self, r_x: np.ndarray, r_c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(dx, dλ) with K [dx; dλ] = [r_x; r_c]."""
        c, at, elements = self.c, self._at, self._at.elements
        r_local, r_joint, r_path = at.rows.split(r_c)
        r_joint = self._joints_by_element(r_joint)
        path = c.J.path
        g = np.zeros((elements.E, elements.width))
        g[:, :at.cut] = elements.local(r_x[:elements.n])[:, :at.cut]
        if path.size:
            g += np.matmul((self._stiff * r_path)[:, None], path)[:, 0]
        particular, ends = self._particular(r_local, r_joint)
        q, cuts = self._small(self._right(g, particular, r_x), r_joint, ends)
        u = self._expand(particular, q)
        theta = q[:at.n_theta]
        lam = self._multipliers(g, u, theta, cuts)
        slack = (self._stiff * (np.matmul(path, u[:, :, None])[:, :, 0] - r_path)
                 if path.size else np.zeros(0))
        p = q[at.n_theta:at.n_theta + at.n_P]
        x = elements.join(u[:, :at.n_x], u[:, at.n_x:at.cut], p)
        return np.concatenate([x, theta]), np.concatenate([*lam, slack.ravel()])

    def _joints_by_element(self, r):
        """(E, n_x), zero at free starts."""
        at = self._at
        out, count = np.zeros((at.elements.E, at.n_x)), len(at.inner) * at.n_x
        out[at.inner] = r[:count].reshape(-1, at.n_x)
        out[at.given] = r[count:]
        return out

    def _particular(self, r_local, r_joint):
        """u with the rows fulfilled, q = 0; and the state after each segment (S, n_x)."""
        c, at, elements = self.c, self._at, self._at.elements
        u = np.zeros((elements.E, elements.width))
        u[:, at.n_x:at.cut] = np.matmul(c.inverse, r_local[:, :, None])[:, :, 0]
        after = c.J.joints.after(u)
        right = r_joint.copy()
        right[at.segments.head[at.cuts]] = 0.0
        right[1:] += np.where(at.coupled[1:, None], after[:-1], 0.0)
        starts = c.recursion.solve(right)
        u[:, :at.cut] += np.matmul(c.Q[:, :at.cut, :at.n_x], starts[:, :, None])[:, :, 0]
        last = at.segments.last
        ends = np.matmul(c.step[last, :, :at.n_x], starts[last, :, None])[:, :, 0] + after[last]
        return u, ends

    def _right(self, g, u, r_x):
        """The right-hand side of the small system over (θ, p, starts)."""
        c, at, elements = self.c, self._at, self._at.elements
        g = g - np.matmul(self.L, u[:, :, None])[:, :, 0]
        s = at.in_segments(np.matmul(g[:, None], c.Q)).reshape(at.S, 1, -1)
        s = np.matmul(s, c.flat)[:, 0]
        nu = s[:, at.nu]
        theta = r_x[elements.n:] - summed(nu, c.N)
        theta -= self._mixed_product(u)
        p = r_x[elements.n - at.n_P:elements.n] + at.of_parameters(s[:, at.p])
        return np.concatenate([theta, p, s[at.starts]])

    def _mixed_product(self, u):
        """(∂²/∂θ∂u) u, (p_θ,)."""
        if self.W is None:
            return np.zeros(self._at.n_theta)
        parts = [summed(u @ A.T, X) for X, A in zip(self.W.mixed, self.W.inputs)]
        return np.concatenate([*parts, np.zeros(0)])

    def _small(self, right, r_joint, ends):
        """(q, multipliers of the cuts (cuts, n_x))."""
        at, cuts = self._at, self._at.cuts
        rows = r_joint[at.segments.head[cuts]] + ends[cuts - 1]
        solved = self._small_factor.solve(np.concatenate([right, rows.ravel()]))
        self.right_inertia = self._small_factor.right_inertia
        return solved[:len(right)], solved[len(right):].reshape(-1, at.n_x)

    def _expand(self, u, q):
        """u = particular + Q Z P q."""
        c, at = self.c, self._at
        s = np.zeros((at.S, at.n_s))
        s[at.starts] = q[at.n_theta + at.n_P:]
        s[:, at.nu] = -along(c.N, q[:at.n_theta])
        s[:, at.p] = q[at.n_theta:at.n_theta + at.n_P][at.p_places]
        inner = at.out_of_segments(np.matmul(c.flat, s[:, :, None]).reshape(at.S, at.L, -1))
        return u + np.matmul(c.Q, inner[:, :, None])[:, :, 0]

    def _multipliers(self, g, u, theta, cuts):
        """(local (E·n_w·K,), joints) from the stationarity of u, from the last element back."""
        c, at = self.c, self._at
        g = g - np.matmul(self.L, u[:, :, None])[:, :, 0]
        start = 0
        for X, A in zip([] if self.W is None else self.W.mixed, [] if self.W is None else self.W.inputs):
            if X.size:
                g -= along(X, theta[start:start + X.shape[2]]) @ A
            start += X.shape[2]
        local = np.matmul(g[:, None, at.n_x:at.cut], c.inverse)[:, 0]
        at_start = g[:, :at.n_x] - np.matmul(local[:, None], c.J.local[:, :, :at.n_x])[:, 0]
        ends = at.segments.last[at.cuts - 1]      # before a cut: its multiplier comes from there
        if len(ends):
            at_start[ends] += np.matmul(cuts[:, None], c.step[ends, :, :at.n_x])[:, 0]
        joint = c.recursion.solve_transposed(at_start)
        after = np.zeros_like(joint)
        after[:-1] = np.where(at.coupled[1:, None], joint[1:], 0.0)
        after[ends] = cuts
        more = c.J.joints.pulled(after)[:, at.n_x:at.cut]
        local += np.matmul(more[:, None], c.inverse)[:, 0]
        return local.ravel(), joint[at.inner].ravel(), joint[at.given]
