"""The small system of a reduced KKT matrix by conjugate gradients: no matrix of weights by weights.

    [B, Aᵀ; A, 0] [q; y] = [r; b],      q = (θ, p, starts),    s = R q the unknowns of the segments
    B = D + C + Rᵀ M R + mixed terms

D is the diagonal (prior and shifts), C the curvature of the laws in their weights, of full rank and
known by its products, M the segments' Hessians. A product with B costs rows × p_θ operations. The
preconditioner is the same system with G = D + Rᵀ M₊ R in the place of B, M₊ without the negative
eigenvalues of M. It is solved densely in the span of the rows of N, of which there are points × outputs,
by an orthonormal basis of them; outside it G is D. (Woodbury's formula is the same in exact arithmetic
and cancels where Rᵀ M₊ R is much larger than D.) As A q = b holds along the iteration, it is that of B on
the null space of A; a direction of negative curvature there is the verdict that the inertia is wrong.

Directions are kept and made conjugate to all before them: further right-hand sides (refinements,
corrections of second order) begin with what is known.

Source: N. I. M. Gould, M. E. Hribar and J. Nocedal, On the solution of equality constrained quadratic
programming problems arising in optimization, SIAM J. Sci. Comput. 23 (2001), algorithm 2.1 with its
update of the residual.
"""

import numpy as np


_TOL = 1e-6         # of the error in the norm of B, relative; what is left is refined on K
_MOST = 400         # directions kept
_WAIT, _LESS = 30, 0.5      # steps until the residual must have halved, else rounding has the word
_FLOOR = 1e-14      # of the largest entry: least diagonal of the preconditioner


class Operator:
    """Products with B.

    Parameters
    ----------
    condensed : Condensed
    M : (S, n_s, n_s), the segments' Hessians
    cross : (S, n_s, p_θ), ∂²/∂s∂θ
    theta : list of blocks of the weights, with `@`
    d_theta, d_p : (p_θ,), (n_P,)
    """

    def __init__(self, condensed, M, cross, theta, d_theta, d_p):
        self._at, self._N, self._M, self._cross = condensed.layout, condensed.N, M, cross
        self._theta, self._d_theta, self._d_p = theta, d_theta, d_p

    def spread(self, q):
        """s = R q (S, n_s)."""
        at = self._at
        s, n = np.zeros((at.S, at.n_s)), at.n_theta + at.n_P
        s[at.starts] = q[n:]
        s[:, at.nu] = -(self._N @ q[:at.n_theta])
        s[:, at.p] = q[at.n_theta:n][at.p_places]
        return s

    def __matmul__(self, q):
        at, s, theta, start = self._at, self.spread(q), q[:self._at.n_theta], 0
        out = self._d_theta * theta
        for block in self._theta:
            stop = start + len(block)
            out[start:stop] += block @ theta[start:stop]
            start = stop
        t = np.matmul(self._M, s[:, :, None])[:, :, 0]
        if self._cross is not None:
            t += self._cross @ theta
            out += _summed(s, self._cross)
        out -= _summed(t[:, at.nu], self._N)
        p = self._d_p * q[at.n_theta:at.n_theta + at.n_P] + at.of_parameters(t[:, at.p])
        return np.concatenate([out, p, t[at.starts]])


def _summed(y, blocks):
    """Σ y_si blocks_sip."""
    return y.ravel() @ blocks.reshape(y.size, -1)


class Preconditioner:
    """The system with G, exact in the span of N, D elsewhere.

    Parameters
    ----------
    span : `condensed.Span`
    small : the factorised system over (c, p, starts) and the multipliers of A
    """

    def __init__(self, span, small):
        self._span, self._small = span, small
        self.right_inertia = small.right_inertia

    def solve(self, r):
        """The inverse times r."""
        span = self._span
        top = span.root * r[:span.root.size]
        c = span.Q @ top
        inner = self._small.solve(np.concatenate([c, r[span.root.size:]]))
        top += (inner[:span.size] - c) @ span.Q
        return np.concatenate([span.root * top, inner[span.size:]])


class Directions:
    """P_i with Pᵢᵀ B P_j = 0, i ≠ j, and B P_i; the last `_MOST` of them."""

    def __init__(self):
        self._P = self._BP = np.zeros((0, 0))
        self._curvature, self._count = np.zeros(_MOST), 0

    def conjugate(self, g):
        """g without its parts along the directions, in the inner product of B."""
        k = min(self._count, _MOST)
        for _ in range(2 if k else 0):
            g = g - ((self._BP[:k] @ g) / self._curvature[:k]) @ self._P[:k]
        return g

    def add(self, P, BP, curvature):
        """One more; the oldest is forgotten beyond `_MOST`."""
        self._make_room(len(P))
        i = self._count % _MOST
        self._P[i], self._BP[i], self._curvature[i] = P, BP, curvature
        self._count += 1

    def minimise(self, q, residual):
        """Move q, in place, to the minimum over the span of all directions."""
        k = min(self._count, _MOST)
        if k:
            alpha = (self._P[:k] @ residual) / self._curvature[:k]
            q += alpha @ self._P[:k]
            residual -= alpha @ self._BP[:k]

    def _make_room(self, n):
        if self._count == len(self._P) < _MOST:
            more = np.empty((min(max(16, self._count), _MOST - self._count), n))
            self._P, self._BP = (np.concatenate([old.reshape(-1, n), more])
                                 for old in (self._P, self._BP))


class Projected:
    """The small system; `right_inertia` is withdrawn by a solution that meets negative curvature.

    Parameters
    ----------
    operator : Operator
    preconditioner : Preconditioner
    A : (k, n_q)
    """

    def __init__(self, operator, preconditioner, A):
        self._B, self._G, self._A, self._kept = operator, preconditioner, A, Directions()
        self.right_inertia = preconditioner.right_inertia

    def solve(self, r):
        """(q; y) of (r; b), to `_TOL`; zero once negative curvature was met."""
        if not self.right_inertia:
            return np.zeros(len(r))
        n = len(r) - len(self._A)
        q, y = self._preconditioned(r[:n], r[n:])
        Bq = self._B @ q
        residual, enough = r[:n] - Bq - y @ self._A, _TOL ** 2 * abs(float(q @ Bq))
        self._kept.minimise(q, residual)
        least, waited = np.inf, 0
        while waited < _WAIT:
            g, v = self._preconditioned(residual, np.zeros(len(self._A)))
            residual -= v @ self._A
            y += v
            size = float(residual @ g)
            if not size > enough:
                break
            least, waited = (size, 0) if size < _LESS * least else (least, waited + 1)
            if not self._step(q, residual, self._kept.conjugate(g)):
                self.right_inertia = False
                break
        return np.concatenate([q, y])

    def _preconditioned(self, r, b):
        x = self._G.solve(np.concatenate([r, b]))
        return x[:len(r)].copy(), x[len(r):].copy()

    def _step(self, q, residual, P):
        """Move q, in place, to the minimum along P; False where the curvature is negative."""
        BP = self._B @ P
        curvature = float(P @ BP)
        if not curvature > 0.0:
            return False
        alpha = float(P @ residual) / curvature
        q += alpha * P
        residual -= alpha * BP
        self._kept.add(P, BP, curvature)
        return True


def clipped(M):
    """M (S, n, n) without its negative eigenvalues."""
    eigenvalues, E = np.linalg.eigh(0.5 * (M + M.transpose(0, 2, 1)))
    return np.matmul(E * np.maximum(eigenvalues, 0.0)[:, None], E.transpose(0, 2, 1))


def diagonal(theta, d_theta):
    """D (p_θ,) > 0 of the blocks of the weights, `LawCurvature`, and the shifts."""
    D = d_theta + np.concatenate([block.diagonal for block in theta]) if theta else d_theta
    return np.maximum(D, _FLOOR * max(float(np.abs(D).max(initial=0.0)), 1e-300))
