"""Eigenvalues at one pencil, differentiated: means over multiple ones included."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.engine.second.bases import FewRowsBase, InverseBase
from pcl.engine.second.tangent import total
from pcl.nodes.eigen.bordered import Bordered
from pcl.nodes.eigen.choice import clusters, multiple, require_equal, together
from pcl.nodes.eigen.undefined import UndefinedBase

_ALONE = "each for itself is not differentiable there."


class ValuesPoint:
    """y = S λ(K, M) at one pencil, S the weights of a `Choice`; X the vectors, XᵀMX = I.

        tangent    λ̇_i = x_iᵀ(K̇ − λ_i Ṁ) x_i
        curvature  2 Σ_i w_i [x_iᵀ(K̇ − λ_i Ṁ) ẋ_i − ½ Σ_k Λ̇_ki x_kᵀṀx_i],   w = Sᵀ ȳ

    with (ẋ_i, Λ̇_·i) from the system that `Bordered` solves, bordered by vectors X_C, i in C:

        (K − λ_iM) ẋ_i − M X_C Λ̇_·i = −(K̇ − λ_iṀ) x_i,    −(MX_C)ᵀ ẋ_i = ½ X_CᵀṀx_i

    For C = {i}, the derivative of a simple vector. In a multiple eigenvalue vectors turn freely and ẋ_i
    does not exist; but where the adjoints w_i in C are equal (`choice.together`) terms between members,

        2 (a_ik² − a_ki²)/(λ_i − λ_k) = −2 m_ik (a_ik + a_ki),
        a_ik = x_kᵀ(K̇ − λ_iṀ)x_i,   m_ik = x_kᵀṀx_i,

    stay finite, and the sum is this. Tangents need no solve, curvature a factorisation an eigenvalue.
    """

    def __init__(self, node, coefficients):
        self._node = node
        self.K, self.M, self.found = node.pairs(coefficients)
        self.value = node.choice.weights @ self.found.values[node.chosen(self.found)]
        self._clusters = clusters(self.found.values, self.found.shift)

    def _adjoints(self, adjoint):
        """w = Sᵀȳ of all that were found, the members of a cluster refused where they differ."""
        w = np.zeros(len(self.found.values))
        w[self._node.chosen(self.found)] = self._node.choice.weights.T @ adjoint
        for cluster in self._clusters:
            w[cluster] = require_equal(self.found.values, cluster, w[cluster])
        return w

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        w = self._adjoints(adjoint)[None]
        return tuple(self._rows(s, mass, w)[0] if want else None
                     for (s, mass), want in zip(self._node.terms, wanted))

    def _rows(self, structure, mass, weights):
        """Σ_i weights[e, i] ∂λ_i/∂c (e, N) of the coefficient of a structure, of M or of K."""
        values, X = self.found.values, self.found.vectors
        scaled = -weights * values if mass else weights
        used = np.flatnonzero(np.any(weights != 0.0, axis=0))
        rows = [structure.coefficient_adjoint(X[:, i], X[:, i]) for i in used]
        return scaled[:, used] @ np.array(rows).reshape(len(used), structure.size)

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        moving = [(s, mass, t) for (s, mass), t in zip(self._node.terms, tangents) if t is not None]
        if np.any(adjoint):
            for members, weight in together(self.found.values, self._adjoints(adjoint), self.found.shift):
                self._add_curvature(plan, moving, members, weight)
        return self._tangent(plan, moving)

    def _tangent(self, plan, moving):
        """ẏ; what is no function of whole clusters is an `UndefinedBase`."""
        S = np.zeros((len(self.value), len(self.found.values)))
        S[:, self._node.chosen(self.found)] = self._node.choice.weights
        cut = [c for c in self._clusters if np.any(np.ptp(S[:, c], axis=1) > 0.0)]
        undefined = np.unique([e for c in cut for e in np.flatnonzero(np.ptp(S[:, c], axis=1) > 0.0)])
        defined = np.where(np.isin(np.arange(len(S)), undefined)[:, None], 0.0, S)
        rows = total([t.left(self._rows(s, mass, defined)) for s, mass, t in moving])
        parts = [plan.add_base(FewRowsBase(len(S), rows))]
        if len(undefined):
            place = np.eye(len(S))[:, undefined.astype(int)]
            base = UndefinedBase(plan, len(undefined), moving[0][2],
                                 multiple(self.found.values, cut[0], _ALONE))
            parts.append(plan.add_base(base).left(place))
        return total(parts)

    def _add_curvature(self, plan, moving, members, weight):
        X, values = self.found.vectors[:, members], self.found.values[members]
        alike = len(clusters(values, self.found.shift)) == 1
        common = Bordered(self.K, self.M, float(values.mean()), X) if alike else None
        for x, value in zip(X.T, values):
            bordered = common or Bordered(self.K, self.M, value, X, exact=False)
            rhs = total([t.left(direction(s, mass, x, X, value)) for s, mass, t in moving])
            state = plan.add_base(InverseBase(bordered, bordered.n, rhs))
            for s, mass, t in moving:
                plan.add_mixed(t, weight * _mixed(s, mass, x, X, value), state)


def direction(structure, mass, x, X, value):
    """∂/∂c of the right-hand side (−(K̇ − λṀ)x; ½ XᵀṀx), sparse (n + r, N)."""
    left = structure.left(x)
    if not mass:
        return sp.vstack([-left, sp.csr_array((X.shape[1], structure.size))], format="csr")
    return sp.vstack([value * left, sp.csr_array(0.5 * (left.T @ X).T)], format="csr")


def _mixed(structure, mass, x, X, value):
    """The form between ċ and (ẋ, Λ̇), sparse (N, n + r)."""
    if not mass:
        return sp.hstack([structure.right(x), sp.csr_array((structure.size, X.shape[1]))], format="csr")
    return sp.hstack([-value * structure.right(x), sp.csr_array(-0.5 * (structure.left(x).T @ X))],
                     format="csr")
