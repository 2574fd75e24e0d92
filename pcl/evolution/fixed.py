"""Entries of the state of a march that are prescribed."""

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.evolution.systems import scalar
from pcl.nodes.linear.partition import Partition
from pcl.support.validate import whole_numbers


class Fixed:
    """Entries of the state that are prescribed: u[numbers] = g(t); `is_zero` where g is 0 at all times.

    Parameters
    ----------
    numbers : whole numbers below n, each once
    values : scalar, array or tensor (m,), or function t -> one of them; t is a float64 scalar tensor
    """

    def __init__(self, numbers, values, n):
        self.numbers = whole_numbers("fixed numbers", numbers, n)
        if len(np.unique(self.numbers)) < len(self.numbers):
            raise ValueError("fixed numbers has a number twice; expected each once.")
        self._values, self.split = values, Partition(self.numbers, n)
        self.is_zero = not callable(values) and not tf.is_tensor(values) and not np.any(values)

    def at(self, t, shape):
        """g(t) as a tensor (m, …) for a state of this shape."""
        g = self._values(scalar(t)) if callable(self._values) else self._values
        g = nodes.as_input("fixed values", g)
        if tuple(g.shape) not in {(), (len(self.numbers),), (len(self.numbers), *shape[1:])}:
            raise ValueError(f"fixed values has shape {tuple(g.shape)}; expected a scalar or "
                             f"({len(self.numbers)},), one value a fixed number.")
        columns = g if len(g.shape) in (0, len(shape)) else tf.reshape(g, (-1, *[1] * (len(shape) - 1)))
        return columns * tf.ones((len(self.numbers), *shape[1:]), tf.float64)

    def lift(self, t, shape):
        """E g(t), zero at the free entries, for a state of this shape."""
        return self.split.put_fixed @ self.at(t, shape)

    def imposed(self, u, t):
        """u with its fixed entries replaced by g(t)."""
        return self.split.put_free @ (self.split.take_free @ u) + self.lift(t, tuple(u.shape))
