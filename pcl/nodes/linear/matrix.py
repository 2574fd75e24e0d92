"""Sparse matrices that are linear in their coefficients: constant pattern, TensorFlow values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.nodes.guard import guard
from pcl.nodes.linear.pattern import pattern_of
from pcl.nodes.linear.product import ProductNode
from pcl.nodes.linear.structure import Structure
from pcl.support.types import ArrayLike, Integers, Tensor
from pcl.support.validate import float64_sparse, require_finite

_POSITIVE_FACTOR = ("the factor of a form with a positive coefficient (the form takes positive=False if "
                    "it may have any sign)")


class SparseMatrix:
    """A(c) = Σ_j A_j(c_j), each A_j linear in its coefficient through a constant `Structure`.

        A_j(c) = Σ_k c_k Σ_{r in group k} test[r, :]ᵀ trial[r, :]

    The coefficients may be tensors; the pattern never changes. Sums, differences, multiples by
    numbers or scalar tensors, transposes and restrictions keep this form, so derivatives are
    taken at the coefficients and never at the matrix entries.

    A term whose coefficient must be positive keeps that promise through the algebra: s A and −A are
    refused where s ≤ 0 (InvalidCoefficient, when evaluated), as the form itself refuses such a
    coefficient. A difference A − B says its sign in the open and is allowed; what is subtracted is a
    term of any sign from then on.

    Parameters
    ----------
    structures : sequence of Structure, the A_j; usually by a form of a space, or by a `from_…` below
    coefficients : sequence of tensors or arrays (N_j,), the c_j
    space, positive : see below

    Attributes
    ----------
    shape : (n_rows, n_cols)
    positive : tuple of bool
        Which of the terms have a coefficient that must be positive.
    space : object or None
        The discretisation whose degrees of freedom number rows and columns (not used here).

    Raises
    ------
    ValueError, TypeError
        Coefficients of another size or kind; structures of different shapes.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> A = pcl.SparseMatrix.from_entries([0, 0, 1, 1], [0, 1, 0, 1], [2.0, -1.0, -1.0, 2.0], (2, 2))
    >>> B = 0.5 * A + pcl.SparseMatrix.from_scipy(np.eye(2))
    >>> B.to_scipy().toarray()
    array([[ 2. , -0.5],
           [-0.5,  2. ]])
    >>> (B @ [1.0, 0.0]).numpy(), B.restrict([0], [1]).to_scipy().toarray()
    (array([ 2. , -0.5]), array([[-0.5]]))
    """

    # numpy must leave `array * matrix` and `array @ matrix` to the methods below.
    __array_ufunc__ = None

    def __init__(self, structures: Iterable[Structure], coefficients: Iterable, space: Any = None,
                 positive: Iterable[bool] | None = None):
        self.structures = tuple(structures)
        self._coefficients = tuple(coefficients)
        self._refusal: Exception | None = None
        self.space = space
        self.positive = (False,) * len(self.structures) if positive is None else tuple(positive)
        self.shape = self.structures[0].shape

    def __repr__(self) -> str:
        terms = f"{len(self.structures)} terms, " if len(self.structures) > 1 else ""
        numbers = ", ".join(str(structure.size) for structure in self.structures)
        return f"SparseMatrix({self.shape}, {terms}linear in {numbers} coefficients)"

    @classmethod
    def from_structure(cls, structure: Structure, coefficient: ArrayLike | Tensor, space: Any = None,
                       positive: bool = False) -> SparseMatrix:
        """A(c) of one `structure`; `coefficient` (N,) tensor or array, or a scalar for all N.

        `positive` says that it has been refused unless positive (see `pcl.guard`), and that multiples
        of the matrix are to be refused likewise; `space` is what numbers rows and columns. ValueError or
        TypeError for a coefficient of another size or kind.
        """
        return cls([structure], [_coefficient(coefficient, structure.size)], space, [positive])

    @classmethod
    def from_entries(cls, rows: ArrayLike, cols: ArrayLike, values: ArrayLike | Tensor,
                     shape: Sequence[int]) -> SparseMatrix:
        """The matrix with `values[e]` added at (rows[e], cols[e]).

        Entries may come in any order; entries at the same place are summed.

        Raises
        ------
        IndexError
            A row or column number outside `shape`.
        """
        return cls.from_structure(Structure.from_entries(rows, cols, shape), values)

    @classmethod
    def from_scipy(cls, matrix: Any) -> SparseMatrix:
        """A constant matrix from `matrix`, sparse or dense; ValueError if an entry is not finite."""
        coo = float64_sparse("matrix", matrix).tocoo()
        rows, cols = coo.coords
        return cls.from_entries(rows, cols, coo.data, coo.shape)

    @property
    def coefficients(self) -> tuple:
        """The c_j, in the order of `structures`.

        InvalidCoefficient, a ValueError, where one must be positive and is not.
        """
        if self._refusal is not None:
            raise self._refusal
        return self._coefficients

    # --- algebra -------------------------------------------------------------------------
    def __add__(self, other: SparseMatrix) -> SparseMatrix:
        return self._combined(other, 1.0) if isinstance(other, SparseMatrix) else NotImplemented

    def __sub__(self, other: SparseMatrix) -> SparseMatrix:
        return self._combined(other, -1.0) if isinstance(other, SparseMatrix) else NotImplemented

    def _combined(self, other, sign):
        """self + sign · other, sign ±1."""
        if self.shape != other.shape:
            raise ValueError(f"matrices of shapes {self.shape} and {other.shape} cannot be added.")
        if self.space is not None and other.space is not None and self.space is not other.space:
            raise ValueError("the two matrices belong to different spaces; assemble both on one.")
        terms = dict(zip(self.structures, zip(self.coefficients, self.positive)))
        for structure, c, positive in zip(other.structures, other.coefficients, other.positive):
            c, positive = (c, positive) if sign > 0.0 else (-c, False)
            if structure in terms:
                c, positive = terms[structure][0] + c, terms[structure][1] and positive
            terms[structure] = c, positive
        coefficients, positive = zip(*terms.values())
        return SparseMatrix(terms, coefficients, self.space or other.space, positive)

    def __mul__(self, scalar: float | Tensor) -> SparseMatrix:
        scalar = _scalar(scalar, any(self.positive))
        scaled = [c * scalar for c in self.coefficients]
        return SparseMatrix(self.structures, scaled, self.space, self.positive)

    def __rmul__(self, scalar: float | Tensor) -> SparseMatrix:
        """scalar · A. Of a tensor, a refusal comes at the first use of the result.

        TensorFlow, which is asked first, would replace an error raised here by one of its own.
        """
        try:
            return self * scalar
        except (TypeError, ValueError) as refusal:
            if not tf.is_tensor(scalar):
                raise
            refused = SparseMatrix(self.structures, self._coefficients, self.space, self.positive)
            refused._refusal = refusal
            return refused

    def __truediv__(self, scalar: float | Tensor) -> SparseMatrix:
        return self * (1.0 / _scalar(scalar, any(self.positive)))

    def __neg__(self) -> SparseMatrix:
        return self * -1.0

    @property
    def T(self) -> SparseMatrix:
        """Aᵀ with the same coefficients."""
        return SparseMatrix([s.transpose() for s in self.structures], self.coefficients, self.space,
                            self.positive)

    def restrict(self, rows: Integers, cols: Integers) -> SparseMatrix:
        """A[rows, cols] with the same coefficients; `rows`, `cols` arrays of numbers."""
        structures = [s.restrict(rows, cols) for s in self.structures]
        return SparseMatrix(structures, self.coefficients, positive=self.positive)

    def projected(self, left: Any, right: Any) -> SparseMatrix:
        """leftᵀ A right with the same coefficients; `left`, `right` constant sparse matrices.

        ValueError if their shapes do not fit.
        """
        left, right = float64_sparse("left", left), float64_sparse("right", right)
        structures = [s.projected(left, right) for s in self.structures]
        return SparseMatrix(structures, self.coefficients, positive=self.positive)

    def __matmul__(self, x: ArrayLike | Tensor) -> Tensor:
        """A x for a tensor or array x of shape (n_cols,) or (n_cols, k)."""
        x = _vector("the vector in A @ x", x, self.shape[1])
        return nodes.call(ProductNode(self.structures, _columns(x)), *self.coefficients, x)

    # --- entries -------------------------------------------------------------------------
    @property
    def values(self) -> Tensor:
        """Entries as a tensor, in the order of `pattern` (compressed columns)."""
        maps = pattern_of(self.structures).linear_maps
        return tf.add_n([m @ c for m, c in zip(maps, self.coefficients)])

    def to_scipy(self) -> Any:
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


def _scalar(value, positive):
    """A scalar as a float or a guarded tensor, > 0 where `positive`."""
    value = nodes.as_input("the factor of a matrix", value)
    if value.shape != ():
        raise ValueError(f"a matrix is multiplied by something of shape {tuple(value.shape)}; "
                         "expected a scalar. Put a field into the coefficient instead.")
    if not tf.is_tensor(value):
        require_finite("the factor of a matrix", value)
    value = guard(value, name=_POSITIVE_FACTOR if positive else "the factor of a matrix",
                  positive=positive)
    return value if tf.is_tensor(value) else float(value)


def _vector(name, x, n):
    x = nodes.as_input(name, x)
    if len(x.shape) not in (1, 2) or x.shape[0] != n:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; expected ({n},) or ({n}, k).")
    return x


def _columns(x):
    """Number of columns of a (n, k) array, None for a vector."""
    return None if len(x.shape) == 1 else int(x.shape[1])
