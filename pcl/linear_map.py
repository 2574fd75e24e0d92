"""A constant sparse matrix applied to tensors: observation, interpolation, injection."""

import functools

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pcl import nodes
from pcl.validate import float64_sparse


class LinearMap:
    """y = L x with a constant sparse L; `map @ x` for x of shape (n,) or (n, k).

    Parameters
    ----------
    matrix : sparse or dense (m, n), finite; copied
    watch : function of x, optional
        Called before each product, for warnings.

    A map costs nothing in second-order sweeps: it is folded into its neighbours.
    """

    __array_ufunc__ = None

    def __init__(self, matrix, watch=None):
        self.matrix = float64_sparse("matrix", matrix)
        self.shape, self._watch = self.matrix.shape, watch

    def __matmul__(self, x):
        if self._watch is not None:
            self._watch(x)
        x = nodes.as_input("the vector in L @ x", x)
        if len(x.shape) not in (1, 2) or x.shape[0] != self.shape[1]:
            raise ValueError(f"the vector in L @ x has shape {tuple(x.shape)}; expected "
                             f"({self.shape[1]},) or ({self.shape[1]}, k).")
        return nodes.call(LinearMapNode(self), x)

    @property
    def T(self):
        """Lᵀ."""
        return LinearMap(self.matrix.T)

    def tensorflow(self, x):
        """L x as a TensorFlow operation, differentiable to any order."""
        return _multiply(self, x, False)

    @functools.cached_property
    def tensor(self):
        """The matrix as a constant SparseTensor."""
        coo = self.matrix.tocoo()
        indices = np.stack(coo.coords, axis=1).astype(np.int64)
        with tf.init_scope():
            return tf.sparse.SparseTensor(indices, coo.data, self.shape)

    def columns(self, k):
        """L ⊗ I_k, acting on (n, k) arrays flattened row by row."""
        return sp.kron(self.matrix, sp.eye_array(k), format="csr")


class LinearMapNode:
    """The node of `LinearMap @ x`."""

    def __init__(self, linear_map):
        self.map = linear_map

    def tensorflow(self, x):
        return self.map.tensorflow(x)

    def output_shape(self, x):
        return (self.map.shape[0], *x[1:])

    def evaluate(self, x):
        return LinearMapPoint(self.map, x)


class LinearMapPoint:
    """L x at one x; the tangent is L·dx/dθ and there is no curvature."""

    def __init__(self, linear_map, x):
        self.matrix = linear_map.matrix
        self.flat = self.matrix if x.ndim == 1 else linear_map.columns(x.shape[1])
        self.value = self.matrix @ x

    def pullback(self, adjoint, wanted):
        return (self.matrix.T @ adjoint if wanted[0] else None,)

    def extend(self, plan, tangents, adjoint):
        return tangents[0].left(self.flat)


def _multiply(linear_map, x, transposed):
    @tf.custom_gradient
    def product(x):
        columns = x if x.shape.rank == 2 else x[:, None]
        y = tf.sparse.sparse_dense_matmul(linear_map.tensor, columns, adjoint_a=transposed)
        y = y if x.shape.rank == 2 else y[:, 0]
        return y, lambda bar: _multiply(linear_map, tf.convert_to_tensor(bar), not transposed)
    return product(x)
