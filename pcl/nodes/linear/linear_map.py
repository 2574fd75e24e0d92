"""A constant sparse matrix applied to tensors: observation, interpolation, injection."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pcl.engine import nodes
from pcl.engine.second.constants import CONSTANTS
from pcl.support.sparse import times_transposed
from pcl.support.types import ArrayLike, Tensor
from pcl.support.validate import float64_sparse


class LinearMap:
    """y = L x with a constant sparse L; `map @ x`, or `map(x)`, for x of shape (n,) or (n, k).

    Parameters
    ----------
    matrix : sparse or dense (m, n), finite; copied
    shapes : (shape of x, shape of y), optional
        For arrays of any shape, which L takes and gives flattened row by row; x may have k columns
        behind, (*shape of x, k), and so has y then.
    watch : function of x, optional
        Called before each product, for warnings.

    A map costs nothing in second-order sweeps: it is folded into its neighbours.

    Raises
    ------
    ValueError, TypeError
        Entries that are not finite numbers; shapes whose sizes are not those of the matrix.

    Examples
    --------
    >>> import pcl
    >>> mean = pcl.LinearMap([[0.5, 0.5]])
    >>> (mean @ [1.0, 3.0]).numpy(), (mean.T @ [1.0]).numpy()
    (array([2.]), array([0.5, 0.5]))
    """

    __array_ufunc__ = None

    def __init__(self, matrix: Any, shapes: tuple | None = None,
                 watch: Callable[[Any], None] | None = None):
        self.matrix = CONSTANTS.add(float64_sparse("matrix", matrix))
        self.shape, self.shapes, self._watch = self.matrix.shape, shapes, watch
        if shapes is not None and tuple(map(math.prod, shapes)) != self.shape[::-1]:
            raise ValueError(f"shapes is {shapes} for a matrix {self.shape}; expected those of x and y, "
                             f"with {self.shape[1]} and {self.shape[0]} entries.")

    def __matmul__(self, x: ArrayLike | Tensor) -> Tensor:
        if self._watch is not None:
            self._watch(x)
        if callable(x) and not tf.is_tensor(x):
            raise TypeError("the vector in L @ x is a function; expected its values, such as "
                            "f(V.dof_points) of a space.")
        x = nodes.as_input("the vector in L @ x", x)
        if not self._fits(tuple(x.shape)):
            expected = (f"({self.shape[1]},) or ({self.shape[1]}, k)" if self.shapes is None
                        else f"{self.shapes[0]}, or with k columns behind")
            raise ValueError(f"the vector in L @ x has shape {tuple(x.shape)}; expected {expected}.")
        return nodes.call(LinearMapNode(self), x)

    def __call__(self, x: ArrayLike | Tensor) -> Tensor:
        """L x."""
        return self @ x

    def __repr__(self) -> str:
        taken, given = ((self.shape[1],), (self.shape[0],)) if self.shapes is None else self.shapes
        return f"LinearMap({taken} → {given}, {self.matrix.nnz} entries)"

    def _fits(self, shape):
        ends = (self.shape[1],) if self.shapes is None else tuple(self.shapes[0])
        return len(shape) - len(ends) in (0, 1) and shape[:len(ends)] == ends

    def flattened(self, shape: tuple) -> tuple:
        """Of x of this shape: (n,), or (n, k) where it has columns."""
        rank = 1 if self.shapes is None else len(self.shapes[0])
        return (self.shape[1], *shape[rank:])

    def result(self, shape: tuple) -> tuple:
        """The shape of L x from that of x."""
        taken, given = ((None,), (self.shape[0],)) if self.shapes is None else self.shapes
        return (*given, *shape[len(taken):])

    @property
    def T(self) -> LinearMap:
        """Lᵀ."""
        return LinearMap(self.matrix.T, None if self.shapes is None else self.shapes[::-1])

    def tensorflow(self, x: Any) -> Any:
        """L x as a TensorFlow operation, differentiable to any order."""
        shape = tuple(x.shape)
        y = _multiply(self, tf.reshape(x, self.flattened(shape)), False)
        return tf.reshape(y, self.result(shape))

    @functools.cached_property
    def tensor(self) -> Any:
        """The matrix as a constant SparseTensor."""
        coo = self.matrix.tocoo()
        indices = np.stack(coo.coords, axis=1).astype(np.int64)
        with tf.init_scope():
            return tf.sparse.SparseTensor(indices, coo.data, self.shape)

    def columns(self, k: int) -> sp.csr_array:
        """L ⊗ I_k, acting on (n, k) arrays flattened row by row."""
        return sp.kron(self.matrix, sp.eye_array(k), format="csr")


class LinearMapNode:
    """The node of `LinearMap @ x`."""

    def __init__(self, linear_map):
        self.map = linear_map

    def tensorflow(self, x: Any) -> Any:
        return self.map.tensorflow(x)

    def output_shape(self, x: tuple) -> tuple:
        return self.map.result(x)

    def evaluate(self, x: np.ndarray) -> LinearMapPoint:
        return LinearMapPoint(self.map, x)


class LinearMapPoint:
    """L x at one x; the tangent is L·dx/dθ and there is no curvature."""

    def __init__(self, linear_map, x):
        self._map, self._before = linear_map, x.shape
        self._columns = linear_map.flattened(x.shape)[1:]
        value = linear_map.matrix @ x.reshape(-1, *self._columns)
        self.value = value.reshape(linear_map.result(x.shape))

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        if not wanted[0]:
            return (None,)
        adjoint = adjoint.reshape(-1, *self._columns)
        return (times_transposed(self._map.matrix, adjoint).reshape(self._before),)

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        flat = self._map.columns(*self._columns) if self._columns else self._map.matrix
        return tangents[0].left(flat)


def _multiply(linear_map, x, transposed):
    @tf.custom_gradient
    def product(x):
        columns = x if x.shape.rank == 2 else x[:, None]
        y = tf.sparse.sparse_dense_matmul(linear_map.tensor, columns, adjoint_a=transposed)
        y = y if x.shape.rank == 2 else y[:, 0]
        return y, lambda bar: _multiply(linear_map, tf.convert_to_tensor(bar), not transposed)
    return product(x)
