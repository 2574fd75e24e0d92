"""The node of a sparse linear solve, A(c) u = b."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pcl import factor
from pcl.engine import nodes
from pcl.engine.second.bases import InverseBase
from pcl.engine.second.tangent import total
from pcl.errors import NotFinite, SingularMatrix
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.partition import Partition
from pcl.nodes.linear.pattern import pattern_of
from pcl.nodes.linear.product import flat_structures
from pcl.support.types import ArrayLike, Tensor
from pcl.support.validate import known, whole_numbers


def solve(A: SparseMatrix, b: ArrayLike | Tensor, solver: str = "superlu", *, fixed: tuple | None = None,
          name_null: Callable[[np.ndarray], str | None] | None = None) -> Tensor:
    """u = A⁻¹ b, differentiable to any order in the coefficients of A and in b.

    Parameters
    ----------
    A : SparseMatrix (n, n)
    b : tensor or array (n,) or (n, k); k right-hand sides share one factorisation
    solver : str
        "superlu" for any matrix; for symmetric positive definite ones "cholespy", a factorisation, and
        "amg", an iteration for large systems with few right-hand sides (packages of their own: cholespy,
        pyamg). `pcl.factor.solvers()` lists what is registered.
    fixed : (numbers, values), optional
        u[numbers] = values, a scalar, (m,) or (m, k), which may be tensors; their equations are left out.
    name_null : function of an array (n, r), optional
        Words for the null space of a singular matrix, spanned by the columns; None where it knows none.

    Returns
    -------
    u : tensor of the shape of b

    Raises
    ------
    TypeError, ValueError
        A is no SparseMatrix or not square, b has another dtype or shape; when evaluated: the solver
        needs a symmetric matrix.
    SingularMatrix, NotConverged, NotFinite
        When evaluated: no solution that could be trusted.

    Examples
    --------
    >>> import pcl
    >>> A = pcl.SparseMatrix.from_entries([0, 0, 1, 1], [0, 1, 0, 1], [2.0, -1.0, -1.0, 2.0], (2, 2))
    >>> pcl.solve(A, [1.0, 1.0]).numpy()
    array([1., 1.])
    >>> pcl.solve(A, [0.0, 3.0], fixed=([0], 1.0)).numpy()                  # u₀ = 1, −u₀ + 2u₁ = 3
    array([1., 2.])
    """
    _check_system(A, b, solver)
    if fixed is not None:
        return _with_fixed(A, b, solver, fixed, name_null)
    b = nodes.as_input("b", b)
    if 0 in b.shape:
        return tf.zeros_like(b)
    columns = None if len(b.shape) == 1 else int(b.shape[1])
    return nodes.call(SolveNode(A.structures, columns, solver, name_null), *A.coefficients, b)


def _check_system(A, b, solver):
    known("solver", solver, factor.solvers())
    if not isinstance(A, SparseMatrix):
        raise TypeError(f"A is a {type(A).__name__}; expected a pcl.SparseMatrix. A constant matrix "
                        "becomes one by SparseMatrix.from_scipy(A).")
    if A.shape[0] != A.shape[1]:
        raise ValueError(f"A has shape {A.shape}; expected a square matrix.")
    b = nodes.as_input("b", b)
    if len(b.shape) not in (1, 2) or b.shape[0] != A.shape[0]:
        raise ValueError(f"b has shape {tuple(b.shape)}; expected ({A.shape[0]},) or ({A.shape[0]}, k).")


def _with_fixed(A, b, solver, fixed, name_null):
    """u = P u_I + E g with A_II u_I = b_I − A_ID g."""
    b, n = nodes.as_input("b", b), A.shape[0]
    numbers, g = whole_numbers("fixed numbers", fixed[0], n), nodes.as_input("fixed values", fixed[1])
    if len(np.unique(numbers)) < len(numbers):
        raise ValueError("fixed numbers has a number twice; expected each once.")
    if tuple(g.shape) not in {(), (len(numbers),), (len(numbers), *b.shape[1:])}:
        raise ValueError(f"fixed values has shape {tuple(g.shape)}; expected a scalar or "
                         f"({len(numbers)},), one value a fixed number.")
    split = Partition(numbers, n)
    columns = g if len(g.shape) in (0, len(b.shape)) else g[:, None]
    g = columns * tf.ones((len(numbers), *b.shape[1:]), tf.float64)
    rhs = split.take_free @ b - A.restrict(split.free, numbers) @ g

    def named(null):
        return name_null(split.put_free.matrix @ null)
    u = solve(A.restrict(split.free, split.free), rhs, solver, name_null=name_null and named)
    return split.put_free @ u + split.put_fixed @ g


class SolveNode:
    """Inputs c_1 … c_J, b; output u with Σ_j A_j(c_j) u = b."""

    def __init__(self, structures, columns, solver, name_null=None):
        self.structures, self.columns, self.solver = structures, columns, solver
        self._name_null = name_null

    def tensorflow(self, *inputs: Any) -> Any:
        *coefficients, b = inputs
        pattern = pattern_of(self.structures)
        values = tf.add_n([m.tensorflow(c) for m, c in zip(pattern.linear_maps, coefficients)])
        return _tensorflow_solve(pattern, self, False, values, b)

    def factor_at(self, coefficients):
        """The factorisation of A(c); for the same arrays it is found without reading them again."""
        return self.factor(*pattern_of(self.structures).identified(coefficients))

    def factor(self, matrix, pattern_key, data_key=None):
        """The factorisation of a matrix; a singular one in words of the problem, where they are known."""
        try:
            return factor.cached(matrix, self.solver, pattern_key, data_key)
        except SingularMatrix as error:
            named = self._name_null is not None and error.null_space is not None
            words = self._name_null(error.null_space) if named else None
            if words is None:
                raise
            raise SingularMatrix(f"singular: {words}", null_space=error.null_space) from error

    def output_shape(self, *shapes: tuple) -> tuple:
        return shapes[-1]

    def evaluate(self, *inputs: np.ndarray) -> "SolvePoint":
        *coefficients, b = inputs
        return SolvePoint(self, coefficients, b)


class SolvePoint:
    """u = A(c)⁻¹ b at one (c, b), with the factor that gave it.

        adjoint    μ = A⁻ᵀ ū;  b̄ = μ,  c̄_j = −∂(μᵀ A_j u)/∂c_j
        tangent    A u̇ = ḃ − Σ_j left_j(u) ċ_j
        curvature  −μᵀ A(c) u: mixed blocks −right_j(μ) between c_j and u
    """

    def __init__(self, node, coefficients, b):
        self.flat = flat_structures(node.structures, node.columns)
        self.factor = node.factor_at(coefficients)
        self.value = _checked(self.factor.solve(b))
        self._last = None

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        mu = self._dual(adjoint.ravel())
        u = self.value.ravel()
        bars = [-s.coefficient_adjoint(mu, u) if want else None for s, want in zip(self.flat, wanted)]
        return (*bars, mu.reshape(self.value.shape) if wanted[-1] else None)

    def _dual(self, adjoint):
        """μ = A⁻ᵀ ū; the last one is kept, as the curvature needs it again."""
        last = self._last
        if last is None or not np.array_equal(adjoint, last[0]):
            mu = self.factor.solve(adjoint.reshape(self.value.shape), transpose=True).ravel()
            self._last = last = adjoint, mu
        return last[1]

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        *c_tangents, b_tangent = tangents
        u = self.value.ravel()
        moving = [(s, t) for s, t in zip(self.flat, c_tangents) if t is not None]
        rhs = total([b_tangent, *(t.left(s.left(-u)) for s, t in moving)])
        tangent = plan.add_base(InverseBase(self.factor, u.size, rhs))
        adjoint = adjoint.ravel()
        if np.any(adjoint):
            mu = self._dual(adjoint)
            for s, t in moving:
                plan.add_mixed(t, s.right(-mu), tangent)
        return tangent


def _checked(u):
    bad = ~np.isfinite(u)
    if bad.any():
        raise NotFinite(f"the solution of the linear system has {int(bad.sum())} entries that are NaN "
                        "or infinite; look at the right-hand side.")
    return u


def _tensorflow_solve(pattern, node, transpose, values, b):
    """A⁻¹b or A⁻ᵀb as a TensorFlow operation; its gradient is made of such operations again."""
    def numeric(values, b):
        matrix = pattern.with_values(values)
        return _checked(node.factor(matrix, pattern.key).solve(b, transpose))

    @tf.custom_gradient
    def operation(values, b):
        if tf.executing_eagerly():
            u = tf.constant(numeric(values.numpy(), b.numpy()))
        else:
            u = tf.numpy_function(numeric, [values, b], tf.float64, stateful=False)
            u = tf.ensure_shape(u, b.shape)

        def gradient(u_bar):
            # The state is solved for again (its factor is cached) as a differentiable operation:
            # reusing the array u would cut the path of the second derivative.
            u_bar = tf.convert_to_tensor(u_bar)
            state = _tensorflow_solve(pattern, node, transpose, values, b)
            mu = _tensorflow_solve(pattern, node, not transpose, values, u_bar)
            left, right = (state, mu) if transpose else (mu, state)
            products = tf.gather(left, pattern.rows) * tf.gather(right, pattern.cols)
            return -(products if products.shape.rank == 1 else tf.reduce_sum(products, axis=1)), mu
        return u, gradient
    return operation(values, b)
