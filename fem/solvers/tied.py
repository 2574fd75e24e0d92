"""A march of unknowns that are tied together: u = P z + L h(t), and multipliers λ that keep C u = d."""

import dataclasses

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pcl.evolution.systems import FirstOrder, SecondOrder
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.support.arrays import placed


class Tied:
    """The equation of evolution for y = (z, h, λ), u = Q y with Q = [P L 0].

        Qᵀ M Q y' + (Qᵀ K Q + [· (C Q)ᵀ; C Q ·]) y + Qᵀ r(Q y, t) = Qᵀ f(t) + [·; d]

    The entries h of y are prescribed: what the conditions E u = h(t) say.

    Parameters
    ----------
    conditions : Conditions
        At the first time.

    Attributes
    ----------
    fixed : numbers of the entries h in y
    """

    def __init__(self, conditions):
        elimination = conditions.elimination
        P, L = elimination.put.matrix, elimination.lift.matrix
        self._count = conditions.multipliers.shape[0]
        n_z, m = P.shape[1], L.shape[1]
        self._take = sp.vstack([elimination.take_free.matrix, conditions.rows,
                                sp.csr_array((self._count, P.shape[0]))], format="csr")
        self._Q = sp.hstack([P, L, sp.csr_array((P.shape[0], self._count))], format="csr")
        self.put, self._put_T = LinearMap(self._Q), LinearMap(self._Q.T)
        self.fixed = np.arange(n_z, n_z + m)
        self._border, self._target = self._bordered(conditions)

    def system(self, system):
        """The system of y.

        Raises
        ------
        ValueError
            Multipliers in a system of second order.
        """
        if self._count and isinstance(system, SecondOrder):
            raise ValueError("a constraint by multipliers (a mean value, rigid motions) is given for a "
                             "system of second order; expected pcl.FirstOrder, or constraints by "
                             "elimination.")
        changed = dict(mass=self._projected(system.mass), stiffness=self._stiffness(system.stiffness),
                       load=self._load(system.load))
        if isinstance(system, SecondOrder):
            changed["damping"] = self._each(system.damping, self._matrix)
        if system.residual is not None:
            changed["residual"] = self._residual(system)
        return dataclasses.replace(system, **changed)

    def taken(self, u):
        """y of u, with multipliers zero."""
        taken = LinearMap(self._take)
        return taken @ u if tf.is_tensor(u) else taken.matrix @ u

    def expanded(self, y):
        """u (n, …, times) of y."""
        flat = self.put @ tf.reshape(y, (y.shape[0], -1))
        return tf.reshape(flat, (flat.shape[0], *y.shape[1:]))

    def _bordered(self, conditions):
        k, size = self._count, self._Q.shape[1]
        if not k:
            return None, None
        C, last = conditions.multipliers @ self._Q, placed(size - k, k, size)
        border = last @ C
        return SparseMatrix.from_scipy(border + border.T), LinearMap(last) @ conditions.targets

    def _projected(self, M):
        """Qᵀ M Q, of the identity Qᵀ Q."""
        return SparseMatrix.from_scipy(self._Q.T @ self._Q) if M is None else self._matrix(M)

    def _matrix(self, M):
        return M.projected(self._Q, self._Q)

    def _stiffness(self, stiffness):
        if self._border is None:
            return self._each(stiffness, self._matrix)
        if stiffness is None:
            return self._border
        return self._each(stiffness, lambda K: self._matrix(K) + self._border)

    def _load(self, load):
        def reduced(f):
            f = self._put_T @ f
            if self._target is None:
                return f
            return f + (self._target if len(f.shape) == 1 else self._target[:, None])
        return self._target if load is None else self._each(load, reduced)

    def _residual(self, system):
        if isinstance(system, FirstOrder):
            return lambda y, t: self._put_T @ system.residual(self.put @ y, t)
        return lambda y, v, t: self._put_T @ system.residual(self.put @ y, self.put @ v, t)

    @staticmethod
    def _each(given, change):
        """`change` of what is constant, or of each value of a function of time."""
        if given is None:
            return None
        if callable(given) and not tf.is_tensor(given):
            return lambda t: change(given(t))
        return change(given)
