"""Where the entries of a sparse matrix stand."""

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.nodes.linear.pattern import Pattern, pattern_of
from pcl.nodes.linear.structure import Structure
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array

# Made once for each pattern, for as long as it lives.
_of_patterns: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


class Places:
    """A[rows[e], cols[e]] += values[e]: the pattern that a vector of values belongs to.

    Numbers count from 0, entries come in any order, and entries at one place are summed.

    Parameters
    ----------
    rows, cols : arrays of whole numbers (nnz,)
    shape : (n_rows, n_cols)

    Attributes
    ----------
    size : int
        nnz, the number of entries.
    kept : dict
        What is constant for these places and costs time to make, kept by its makers.

    Raises
    ------
    TypeError, ValueError, IndexError
        Not whole numbers; different lengths; a number outside the shape.

    Examples
    --------
    >>> import pcl
    >>> places = pcl.rules.Places([0, 1, 1, 0], [0, 1, 1, 1], (2, 2))
    >>> places.matrix([1.0, 2.0, 3.0, 4.0]).toarray()
    array([[1., 4.],
           [0., 5.]])
    """

    def __init__(self, rows: ArrayLike, cols: ArrayLike, shape: Sequence[int]):
        self.structure = Structure.from_entries(rows, cols, shape)
        self.shape, self.size = self.structure.shape, self.structure.size
        self.rows, self.cols = np.array(rows, dtype=np.int64), np.array(cols, dtype=np.int64)
        self.kept: dict[Any, Any] = {}

    @classmethod
    def of(cls, pattern: Pattern) -> "Places":
        """The places of a `pcl.nodes.linear.pattern.Pattern`: each once, by columns."""
        if pattern not in _of_patterns:
            _of_patterns[pattern] = cls(pattern.rows, pattern.cols, pattern.shape)
        return _of_patterns[pattern]

    @property
    def pattern(self) -> Pattern:
        """The pattern with entries at one place summed."""
        return pattern_of((self.structure,))

    def matrix(self, values: ArrayLike) -> sp.csc_array:
        """The SciPy CSC array with these values (nnz,); ValueError if there are not as many."""
        return self.pattern.matrix([float64_array("values", values, shape=(self.size,))])
