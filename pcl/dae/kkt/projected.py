"""The small system of a reduced KKT matrix by conjugate gradients: no matrix of weights by weights.

    [B, Aᵀ; A, 0] [q; y] = [r; b],      q = (θ, p, starts),    s = R q the unknowns of the segments
    B = D + C + Rᵀ M R + mixed terms

D is the diagonal (prior and shifts), C the curvature of the laws in their weights, of full rank and
known by its products, M the segments' Hessians. A product with B costs rows × p_θ operations. The
preconditioner is the same system with G = D + Rᵀ M₊ R in the place of B, M₊ without the negative
eigenvalues of M. Woodbury's formula inverts its block of the weights, the few other rows by their Schur
complement. As A q = b holds along the iteration, it is that of B on the null space of A; a direction of
negative curvature there is the verdict that the inertia is wrong.

Directions are kept and made conjugate to all before them: further right-hand sides (refinements,
corrections of second order) begin with what is known.

Source: N. I. M. Gould, M. E. Hribar and J. Nocedal, On the solution of equality constrained quadratic
programming problems arising in optimization, SIAM J. Sci. Comput. 23 (2001), algorithm 2.1 with its
update of the residual.
"""

import numpy as np

from pcl.dae.kkt.small import Scaled, stacked
from pcl.dae.kkt.woodbury import Woodbury
from pcl.dae.program.law_curvature import diagonal_of

_TOL = 1e-9         # of the residual in the norm of G⁻¹, relative; what is left is refined on K
_MOST = 400         # directions that are kept, and iterations of one solution
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
    """The system with G, its block of the weights D + Vᵀ V, by the Schur complement of that block.

    Parameters
    ----------
    D, V : (p_θ,), (r, p_θ)
    L, C : rows of (p, starts) against θ, and among themselves
    A : (k, n_q)
    """

    def __init__(self, D, V, L, C, A):
        self._T, self._k = Woodbury(D, V), len(D)
        self._rows = np.vstack([L, A[:, :self._k]])
        self._rest = None
        if len(self._rows):
            self._Z = self._T.solve(self._rows.T)
            self._rest = Scaled(stacked(C, A[:, self._k:]) - np.tril(self._rows @ self._Z))
        self.right_inertia = not self._T.failed and (
            self._rest is None or self._rest.positive == len(C))

    def solve(self, r):
        """The inverse times r."""
        top = self._T.solve(r[:self._k])
        if self._rest is None:
            return top
        rest = self._rest.solve(r[self._k:] - self._rows @ top)
        return np.concatenate([top - self._Z @ rest, rest])


class Projected:
    """The small system; `right_inertia` is withdrawn by a solution that meets negative curvature.

    Parameters
    ----------
    operator : Operator
    preconditioner : Preconditioner
    A : (k, n_q)
    """

    def __init__(self, operator, preconditioner, A):
        self._B, self._G, self._A = operator, preconditioner, A
        self._P, self._BP, self._curvature = [], [], []
        self.right_inertia = preconditioner.right_inertia

    def solve(self, r):
        """(q; y) of (r; b); zero once negative curvature was met."""
        if not self.right_inertia:
            return np.zeros(len(r))
        n = len(r) - len(self._A)
        q, y = self._preconditioned(r[:n], r[n:])
        Bq = self._B @ q
        residual, enough = r[:n] - Bq - y @ self._A, _TOL ** 2 * abs(float(q @ Bq))
        self._known(q, residual)
        for _ in range(_MOST):
            g, v = self._preconditioned(residual, np.zeros(len(self._A)))
            residual -= v @ self._A
            y += v
            if not float(residual @ g) > enough:
                break
            step = self._direction(g)
            if step is None:
                self.right_inertia = False
                break
            self._along(q, residual, *step)
        return np.concatenate([q, y])

    def _preconditioned(self, r, b):
        x = self._G.solve(np.concatenate([r, b]))
        return x[:len(r)].copy(), x[len(r):].copy()

    def _known(self, q, residual):
        """Go to the minimum over all directions kept."""
        for step in zip(self._P, self._BP, self._curvature):
            self._along(q, residual, *step)

    @staticmethod
    def _along(q, residual, P, BP, curvature):
        alpha = float(P @ residual) / curvature
        q += alpha * P
        residual -= alpha * BP

    def _direction(self, g):
        """(P, B P, Pᵀ B P), P = g made conjugate to the directions before; None: negative curvature."""
        P = g
        for _ in range(2):
            for old, BP, curvature in zip(self._P, self._BP, self._curvature):
                P = P - (BP @ P) / curvature * old
        BP = self._B @ P
        curvature = float(P @ BP)
        if not curvature > 0.0:
            return None
        for kept, new in ((self._P, P), (self._BP, BP), (self._curvature, curvature)):
            kept.append(new)
            del kept[:-_MOST]
        return P, BP, curvature


def clipped(M):
    """(M₊ (S, n, n), U (S, n, n)): M without its negative eigenvalues, M₊ = U Uᵀ."""
    eigenvalues, E = np.linalg.eigh(0.5 * (M + M.transpose(0, 2, 1)))
    U = E * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None]
    return np.matmul(U, U.transpose(0, 2, 1)), U


def diagonal(theta, d_theta):
    """D (p_θ,) > 0 of the blocks of the weights and the shifts."""
    D = d_theta + np.concatenate([*map(diagonal_of, theta), np.zeros(0 if theta else len(d_theta))])
    return np.maximum(D, _FLOOR * max(float(np.abs(D).max(initial=0.0)), 1e-300))
