"""The unknowns split into free and fixed ones: restrictions and injections."""

import numpy as np

from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import selection
from pcl.support.types import Integers


class Partition:
    """u = P u_I + E u_D, with P and E the injections of free (I) and fixed (D) unknowns.

    Parameters
    ----------
    fixed : ndarray of different numbers
    n : int

    Attributes
    ----------
    free, fixed : ndarray
    take_free, take_fixed : LinearMap (n_I, n), (n_D, n): Pᵀ and Eᵀ
    put_free, put_fixed : LinearMap (n, n_I), (n, n_D): P and E
    """

    def __init__(self, fixed: Integers, n: int):
        mask = np.ones(n, dtype=bool)
        mask[fixed] = False
        self.free, self.fixed = np.flatnonzero(mask), fixed
        self.take_free = LinearMap(selection(self.free, n))
        self.take_fixed = LinearMap(selection(fixed, n))
        self.put_free, self.put_fixed = self.take_free.T, self.take_fixed.T
