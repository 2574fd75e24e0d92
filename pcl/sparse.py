"""Sparse matrices that are linear in their coefficients: constant pattern, TensorFlow values."""

import numpy as np
import tensorflow as tf

from pcl import nodes
from pcl.admissible import guard
from pcl.product import ProductNode
from pcl.structure import Structure, pattern_of
from pcl.validate import float64_sparse, require_finite


class SparseMatrix:
    """A(c) = Σ_j A_j(c_j), each A_j linear in its coefficient through a constant `Structure`.

        A_j(c) = Σ_k c_k Σ_{r in group k} test[r, :]ᵀ trial[r, :]

    The coefficients may be tensors; the pattern never changes. Sums, differences, multiples by
    numbers or scalar tensors, transposes and restrictions keep this form, so derivatives are
    taken at the coefficients and never at the matrix entries.

    Attributes
    ----------
    shape : (n_rows, n_cols)
    space : object or None
        The discretisation whose degrees of freedom number rows and columns (not used here).
    """

    # numpy must leave `array * matrix` and `array @ matrix` to the methods below.
    __array_ufunc__ = None

    def __init__(self, structures, coefficients, space=None):
        self.structures = tuple(structures)
        self.coefficients = tuple(coefficients)
        self.space = space
        self.shape = self.structures[0].shape

    @classmethod
    def from_structure(cls, structure, coefficient, space=None):
        """A(c) of one structure; `coefficient` (N,) tensor or array, or a scalar for all N."""
        return cls([structure], [_coefficient(coefficient, structure.size)], space)

    @classmethod
    def from_entries(cls, rows, cols, values, shape):
        """The matrix with `values[e]` added at (rows[e], cols[e]).

        Entries may come in any order; entries at the same place are summed.

        Raises
        ------
        IndexError
            A row or column number outside `shape`.
        """
        return cls.from_structure(Structure.from_entries(rows, cols, shape), values)

    @classmethod
    def from_scipy(cls, matrix):
        """A constant matrix."""
        coo = float64_sparse("matrix", matrix).tocoo()
        return cls.from_entries(*coo.coords, coo.data, coo.shape)

    # --- algebra -------------------------------------------------------------------------
    def __add__(self, other):
        if not isinstance(other, SparseMatrix):
            return NotImplemented
        if self.shape != other.shape:
            raise ValueError(f"matrices of shapes {self.shape} and {other.shape} cannot be added.")
        if self.space is not None and other.space is not None and self.space is not other.space:
            raise ValueError("the two matrices belong to different spaces; assemble both on one.")
        terms = dict(zip(self.structures, self.coefficients))
        for structure, c in zip(other.structures, other.coefficients):
            terms[structure] = terms[structure] + c if structure in terms else c
        return SparseMatrix(terms, terms.values(), self.space or other.space)

    def __mul__(self, scalar):
        scalar = _scalar(scalar)
        scaled = [c * scalar for c in self.coefficients]
        return SparseMatrix(self.structures, scaled, self.space)

    __rmul__ = __mul__

    def __truediv__(self, scalar):
        return self * (1.0 / _scalar(scalar))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + (-other) if isinstance(other, SparseMatrix) else NotImplemented

    @property
    def T(self):
        """Aᵀ with the same coefficients."""
        return SparseMatrix([s.transpose() for s in self.structures], self.coefficients, self.space)

    def restrict(self, rows, cols):
        """A[rows, cols] with the same coefficients; `rows`, `cols` arrays of numbers."""
        structures = [s.restrict(rows, cols) for s in self.structures]
        return SparseMatrix(structures, self.coefficients)

    def __matmul__(self, x):
        """A x for a tensor or array x of shape (n_cols,) or (n_cols, k)."""
        x = _vector("the vector in A @ x", x, self.shape[1])
        return nodes.call(ProductNode(self.structures, _columns(x)), *self.coefficients, x)

    # --- entries -------------------------------------------------------------------------
    @property
    def values(self):
        """Entries as a tensor, in the order of `pattern` (compressed columns)."""
        maps = pattern_of(self.structures).linear_maps
        return tf.add_n([m @ c for m, c in zip(maps, self.coefficients)])

    def to_scipy(self):
        """The matrix as a SciPy CSC array; the coefficients must have values (not be traced)."""
        return pattern_of(self.structures).matrix([np.asarray(c) for c in self.coefficients])


def _coefficient(c, size):
    """`c` as a (size,) tensor or float64 array; a scalar is broadcast, nothing else is."""
    c = nodes.as_input("the coefficient", c)
    if c.shape == ():
        return c * np.ones(size)
    if tuple(c.shape) != (size,):
        raise ValueError(f"the coefficient has shape {tuple(c.shape)}; expected ({size},), one value "
                         "a point, or a scalar.")
    return c


def _scalar(value):
    value = nodes.as_input("the factor of a matrix", value)
    if value.shape != ():
        raise ValueError(f"a matrix is multiplied by something of shape {tuple(value.shape)}; "
                         "expected a scalar. Put a field into the coefficient instead.")
    if tf.is_tensor(value):
        return guard(value, name="the factor of a matrix")
    require_finite("the factor of a matrix", value)
    return float(value)


def _vector(name, x, n):
    x = nodes.as_input(name, x)
    if len(x.shape) not in (1, 2) or x.shape[0] != n:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; expected ({n},) or ({n}, k).")
    return x


def _columns(x):
    """Number of columns of a (n, k) array, None for a vector."""
    return None if len(x.shape) == 1 else int(x.shape[1])
