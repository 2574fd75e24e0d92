"""All conditions of a solve: what is prescribed, what is tied together, what multipliers keep."""

import functools

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.common.constraint import rows_and_values
from fem.common.dirichlet import gather_rows
from pcl.nodes.guard import guard
from pcl.nodes.linear.linear_map import LinearMap

# Conditions that agree differ by rounding only, against the largest value.
_AGREEMENT = 1e-10


class Conditions:
    """u = P z + g, and C u = d kept by multipliers.

    Attributes
    ----------
    elimination : Elimination
    g : array or tensor (n,), or None for zero
    values : array or tensor, h
    multipliers, targets : sparse (k, n), C, and (k,), d
    """

    def __init__(self, space, dirichlet, constraints=None, columns=None):
        n = space.n * (columns or 1)
        rows, values = gather_rows(space, dirichlet, columns)
        tied, given = rows_and_values(constraints, n, "elimination")
        h = _joined(values, given)
        self.elimination = space.elimination(sp.vstack([rows, tied], format="csr"))
        _check_agreement(self.elimination.redundant, h)
        self.values = h
        zero = not tf.is_tensor(h) and not h.any()
        self.g = None if zero else times(self.elimination.lift, h)
        self.multipliers, self.targets = rows_and_values(constraints, n, "multiplier")

    @property
    def fixed(self):
        """Numbers of the unknowns that are not free."""
        return self.elimination.fixed

    @property
    def at_fixed(self):
        """The values of the unknowns that are not free, where every condition fixes one alone."""
        return times(self.elimination.lift_fixed, self.values)

    @functools.cached_property
    def border(self):
        """C P (k, n_z), and d − C g."""
        C = LinearMap(self.multipliers)
        target = self.targets if self.g is None else self.targets - times(C, self.g)
        return LinearMap(self.multipliers @ self.elimination.put.matrix), target

    def expanded(self, z):
        """u (n,) from z."""
        u = self.elimination.put @ z
        return u if self.g is None else u + self.g


def times(linear_map, x):
    """L x; of a constant at once."""
    return linear_map @ x if tf.is_tensor(x) else linear_map.matrix @ x


def _joined(one, other):
    if not other.shape[0]:
        return one
    traced = tf.is_tensor(one) or tf.is_tensor(other)
    return tf.concat([one, other], 0) if traced else np.concatenate([one, other])


def _check_agreement(redundant, h):
    """Refuse conditions that contradict each other: K h must vanish."""
    if not redundant.shape[0]:
        return
    if tf.is_tensor(h):
        gap = tf.abs(LinearMap(redundant) @ h)
        room = _AGREEMENT * tf.reduce_max(tf.abs(h)) + np.finfo(np.float64).tiny
        guard(room - gap, "the agreement of Dirichlet values and constraints on the same unknowns",
              positive=True)
        return
    gap = np.abs(redundant @ h)
    bad = gap > _AGREEMENT * np.abs(h).max(initial=0.0)
    if bad.any():
        raise ValueError(f"{bad.sum()} of the Dirichlet values and constraints contradict others on the "
                         f"same unknowns, by up to {gap.max():.3g}. Give each unknown once, or the "
                         f"same value, "
                         "for example by a predicate that leaves out the corner.")
