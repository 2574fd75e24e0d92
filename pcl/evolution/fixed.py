"""Entries of the state of a march that are prescribed."""

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pcl.engine import nodes
from pcl.evolution.systems import scalar
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.validate import whole_numbers


class Fixed:
    """Entries of the state that are prescribed: u[numbers] = g(t).

    Parameters
    ----------
    numbers : whole numbers below n, each once
    values : scalar, array or tensor (m,), or function t -> one of them; t is a float64 scalar tensor
    """

    def __init__(self, numbers, values, n):
        self.numbers = whole_numbers("fixed numbers", numbers, n)
        if len(np.unique(self.numbers)) < len(self.numbers):
            raise ValueError("fixed numbers has a number twice; expected each once.")
        self._values = values
        self.free = np.setdiff1d(np.arange(n), self.numbers)
        self.put, self.take = _selection(self.numbers, n).T, _selection(self.numbers, n)
        self.put_free, self.take_free = _selection(self.free, n).T, _selection(self.free, n)

    def at(self, t, shape):
        """g(t) as a tensor (m, …) for a state of this shape."""
        g = self._values(scalar(t)) if callable(self._values) else self._values
        g = nodes.as_input("fixed values", g)
        if tuple(g.shape) not in {(), (len(self.numbers),), (len(self.numbers), *shape[1:])}:
            raise ValueError(f"fixed values has shape {tuple(g.shape)}; expected a scalar or "
                             f"({len(self.numbers)},), one value a fixed number.")
        columns = g if len(g.shape) in (0, len(shape)) else tf.reshape(g, (-1, *[1] * (len(shape) - 1)))
        return columns * tf.ones((len(self.numbers), *shape[1:]), tf.float64)

    def imposed(self, u, t):
        """u with its fixed entries replaced by g(t)."""
        return self.put_free @ (self.take_free @ u) + self.put @ self.at(t, tuple(u.shape))


def _selection(numbers, n):
    rows = np.arange(len(numbers))
    return LinearMap(sp.csr_array((np.ones(len(numbers)), (rows, numbers)), shape=(len(numbers), n)))
