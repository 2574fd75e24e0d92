"""Observations where u is prescribed: their sensitivity is exactly zero.

A solution is remembered with the numbers of its prescribed unknowns, as long as somebody holds it; the
first product of an observation with one tells of readings that see nothing else.
"""

import warnings
import weakref

import numpy as np
import tensorflow as tf

_solutions: dict[int, tuple] = {}     # id of the tensor: (weak reference to it, numbers)


def remembered(u, fixed, values):
    """u itself, from now on known as prescribed at the numbers `fixed` if their values are constant."""
    if len(fixed) and not tf.is_tensor(values):
        key = id(u)
        _solutions[key] = weakref.ref(u, lambda _: _solutions.pop(key, None)), fixed
    return u


def prescribed(u):
    """Numbers of the unknowns prescribed in u, None if it is not the result of a solve."""
    reference, fixed = _solutions.get(id(u), (None, None))
    return fixed if reference is not None and reference() is u else None


class Watch:
    """Called with each vector an observation is applied to; warns once."""

    def __init__(self, matrix, told=False):
        self._matrix, self._told = matrix, told

    def __call__(self, u):
        fixed = None if self._told else prescribed(u)
        if fixed is not None:
            self._told = warn_of_prescribed(self._matrix, fixed)


def warn_of_prescribed(matrix, fixed, stacklevel=4):
    """Whether rows of the matrix read prescribed unknowns only; a warning tells which."""
    free = np.ones(matrix.shape[1])
    free[fixed] = 0.0
    blind = np.flatnonzero(abs(matrix) @ free <= 1e-12 * abs(matrix).sum(axis=1))
    if blind.size:
        warnings.warn(f"{blind.size} of {matrix.shape[0]} observations, first number {blind[0]}, lie "
                      "where u is prescribed: they do not depend on any coefficient. Leave them out.",
                      RuntimeWarning, stacklevel=stacklevel)
    return blind.size > 0
