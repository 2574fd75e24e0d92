"""Simple eigenvalues and their vectors at one pencil, differentiated."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.engine.second.bases import InverseBase
from pcl.engine.second.tangent import total
from pcl.nodes.eigen.bordered import Bordered
from pcl.nodes.eigen.values import direction
from pcl.support.arrays import selection


class VectorsPoint:
    """(λ_1 … λ_k; x_1 … x_k) as an array (1 + n, k), each pair given by

        R(x, λ) = ((K − λM) x,  ½(1 − xᵀMx)) = 0,      R_v = [K − λM  −Mx; −(Mx)ᵀ  0]

        adjoint    (p, q) = −R_v⁻¹ (x̄, λ̄);   K̄ = p xᵀ,  M̄ = −λ p xᵀ − ½ q x xᵀ
        tangent    R_v (ẋ, λ̇) = (−(K̇ − λṀ)x, ½ xᵀṀx)
        curvature  2pᵀ(K̇ − λṀ)ẋ − 2λ̇ pᵀ(Mẋ + Ṁx) − q (ẋᵀMẋ + 2xᵀṀẋ)

    One factorisation a pair serves all of it.
    """

    def __init__(self, node, coefficients):
        self._node = node
        self.K, self.M, found = node.pairs(coefficients)
        node.require_simple(found, node.choice.numbers)
        chosen = node.chosen(found)[node.choice.numbers]
        self.values, self.vectors = found.values[chosen], found.vectors[:, chosen]
        self.value = np.vstack([self.values, self.vectors])
        self._kept: dict = {}

    def _bordered(self, i):
        if i not in self._kept:
            self._kept[i] = Bordered(self.K, self.M, self.values[i], self.vectors[:, i:i + 1])
        return self._kept[i]

    def _dual(self, adjoint):
        """[(i, p, q)] of the pairs with an adjoint."""
        moved = np.flatnonzero(np.any(adjoint != 0.0, axis=0))
        solved = [-self._bordered(i).solve(np.append(adjoint[1:, i], adjoint[0, i])) for i in moved]
        return [(i, mu[:-1], mu[-1]) for i, mu in zip(moved, solved)]

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        dual = self._dual(adjoint)
        return tuple(self._bar(s, mass, dual) if want else None
                     for (s, mass), want in zip(self._node.terms, wanted))

    def _bar(self, structure, mass, dual):
        bar = np.zeros(structure.size)
        for i, p, q in dual:
            x = self.vectors[:, i]
            by_p = structure.coefficient_adjoint(p, x)
            if mass:
                by_p = -self.values[i] * by_p - 0.5 * q * structure.coefficient_adjoint(x, x)
            bar += by_p
        return bar

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        moving = [(s, mass, t) for (s, mass), t in zip(self._node.terms, tangents) if t is not None]
        states = [self._state(plan, moving, i) for i in range(len(self.values))]
        if np.any(adjoint):
            for i, p, q in self._dual(adjoint):
                self._add_curvature(plan, moving, states[i], i, p, q)
        k, n = self.values.size, len(self.vectors)
        rows = np.append(k * (1 + np.arange(n)), 0)
        return total([state.left(selection(rows + i, self.value.size).T.tocsr())
                      for i, state in enumerate(states)])

    def _state(self, plan, moving, i):
        x, value = self.vectors[:, i], self.values[i]
        rhs = total([t.left(direction(s, mass, x, x[:, None], value)) for s, mass, t in moving])
        return plan.add_base(InverseBase(self._bordered(i), len(x) + 1, rhs))

    def _add_curvature(self, plan, moving, state, i, p, q):
        x, value = self.vectors[:, i], self.values[i]
        Mp = sp.csr_array((self.M @ p)[:, None])
        plan.add_square(state, sp.block_array([[-q * self.M, -Mp], [-Mp.T, None]], format="csr"))
        for s, mass, t in moving:
            first, last = s.right(p), np.zeros(s.size)
            if mass:
                first, last = -value * first - q * s.right(x), -s.coefficient_adjoint(p, x)
            plan.add_mixed(t, sp.hstack([first, sp.csr_array(last[:, None])], format="csr"), state)
