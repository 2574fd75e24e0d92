"""Elements in chains, and what Newton's method needs of F(x', x, y, t) = 0 at the nodes."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dgetrf, dgetrs

from pcl.collocation.scheme import Scheme
from pcl.errors import SingularMatrix

EPS = np.finfo(np.float64).eps
ROUNDING = 64.0     # F is zero when below this many units of rounding of the terms it is made of


@dataclass(frozen=True, eq=False)
class Chain:
    """E elements, each a solution or a guess on [t, t + h].

    Attributes
    ----------
    t, h : (E,)
    nodes : (E, K), times at which the equations hold
    x0 : (E, n_x); slots : (E, K, n_x); algebraic : (E, K, n_y)
    before : int (E,), the element at whose end this one starts; −1 where x₀ is given
    """

    scheme: Scheme
    t: np.ndarray
    h: np.ndarray
    nodes: np.ndarray
    x0: np.ndarray
    slots: np.ndarray
    algebraic: np.ndarray
    before: np.ndarray

    @property
    def unknowns(self):
        """[x₀; slots] (E, K + 1, n_x)."""
        return np.concatenate([self.x0[:, None], self.slots], axis=1)

    def points(self):
        """(x', x, y, t) at all nodes (E·K, …)."""
        z, m = self.unknowns, self.nodes.size
        dx = self.scheme.derivative @ z / self.h[:, None, None]
        return (dx.reshape(m, -1), (self.scheme.value @ z).reshape(m, -1),
                self.algebraic.reshape(m, -1), self.nodes.ravel())

    def end(self, e=-1):
        """(x', x, y) at the end of element e."""
        z = np.concatenate([self.x0[e][None], self.slots[e]])
        return (self.scheme.end_derivative @ z / self.h[e], self.scheme.end @ z,
                self.scheme.end_algebraic @ self.algebraic[e])

    def ends(self):
        """(x, y) at the ends of all elements (E, n_x), (E, n_y)."""
        return self.scheme.end @ self.unknowns, self.scheme.end_algebraic @ self.algebraic

    def gaps(self):
        """End of the element before minus start (E, n_x), 0 where the start is given."""
        ends = self.scheme.end @ self.unknowns
        return np.where((self.before >= 0)[:, None], ends[self.before] - self.x0, 0.0)

    def part(self, chosen):
        """The elements of a slice, the first of which starts where it does."""
        arrays = (self.t, self.h, self.nodes, self.x0, self.slots, self.algebraic)
        return row(self.scheme, *(a[chosen] for a in arrays))

    def moved(self, length, step):
        """This plus a part of a Newton step (δx₀, δslots and δy)."""
        starts, inner = step
        n_x = self.x0.shape[1]
        return replace(self, x0=self.x0 + length * starts, slots=self.slots + length * inner[..., :n_x],
                       algebraic=self.algebraic + length * inner[..., n_x:])


def row(scheme, t, h, nodes, x0, slots, algebraic):
    """A chain of elements in a row: all but the first start where the one before ends."""
    return Chain(scheme, t, h, nodes, x0, slots, algebraic, np.arange(-1, len(t) - 1))


class Factors:
    """LU factors of ∂F/∂(slots, y) of every element, its rows scaled, and ∂F/∂x₀."""

    def __init__(self, system, chain, blocks):
        F_dx, F_x, F_y = blocks
        scheme, E, K = chain.scheme, len(chain.t), chain.scheme.K
        self._scheme, self._before = scheme, chain.before
        n_eq, n_x = F_dx.shape[1:]
        F_dx = F_dx.reshape(E, K, n_eq, n_x) / chain.h[:, None, None, None]
        F_x = F_x.reshape(E, K, n_eq, n_x)
        J = np.zeros((E, K, n_eq, K, n_eq))
        for j in range(K):
            J[:, :, :, j, :n_x] = (scheme.derivative[:, j + 1, None, None] * F_dx
                                   + scheme.value[:, j + 1, None, None] * F_x)
            J[:, j, :, j, n_x:] = F_y.reshape(E, K, n_eq, -1)[:, j]
        J = J.reshape(E, K * n_eq, K * n_eq)
        self._rows = 1.0 / nonzero(np.abs(J).max(axis=2))                               # (E, K·n_eq)
        self._starts = (scheme.derivative[:, 0, None, None] * F_dx
                        + scheme.value[:, 0, None, None] * F_x).reshape(E, K * n_eq, n_x)
        self._lu = [dgetrf(rows[:, None] * A) for rows, A in zip(self._rows, J)]
        for e, (_, _, info) in enumerate(self._lu):
            if info:
                names = system.state_names + system.algebraic_names
                raise SingularMatrix("The collocation equations on the element from "
                                     f"t = {chain.t[e]:.9g} of length {chain.h[e]:.3g} are singular: "
                                     f"{names[(info - 1) % n_eq]} is not determined by them.")

    def step(self, F, gaps):
        """Newton's step (δx₀ (E, n_x), δ(slots, y) (E, K, n)) for F (E·K, n) and gaps (E, n_x)."""
        E, n_x = gaps.shape
        F = F.reshape(E, -1)
        starts, inner = np.zeros((E, n_x)), np.empty((E, self._scheme.K, F.shape[1] // self._scheme.K))
        for e, before in enumerate(self._before):
            right = F[e]
            if before >= 0:
                z = np.concatenate([starts[before][None], inner[before, :, :n_x]])
                starts[e] = gaps[e] + self._scheme.end @ z
                right = right + self._starts[e] @ starts[e]
            lu, pivots, _ = self._lu[e]
            inner[e] = dgetrs(lu, pivots, -self._rows[e] * right)[0].reshape(inner.shape[1:])
        if not np.isfinite(inner).all():
            raise SingularMatrix("The collocation equations are singular to working precision.")
        return starts, inner


def rounding_terms(chain, blocks, floor):
    """Σ |∂F/∂a| (|a| + floor) of every equation (E·K, n_eq): rounding of F is EPS times as large."""
    n_x, m = chain.x0.shape[1], chain.nodes.size
    z = np.abs(chain.unknowns) + floor[:n_x]
    sizes = (np.abs(chain.scheme.derivative) @ z / chain.h[:, None, None],
             np.abs(chain.scheme.value) @ z, np.abs(chain.algebraic) + floor[n_x:])
    return sum(np.einsum("kin,kn->ki", np.abs(J), size.reshape(m, -1))
               for J, size in zip(blocks, sizes))


def nonzero(a):
    """`a` with ones in place of zeros, for divisions."""
    return np.where(a == 0.0, 1.0, a)
