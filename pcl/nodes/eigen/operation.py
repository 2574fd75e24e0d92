"""Eigenpairs as TensorFlow operations, differentiable to any order."""

import functools

import numpy as np
import tensorflow as tf

from pcl.nodes.eigen.choice import clusters, require_equal
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.solve import solve
from pcl.nodes.linear.structure import Structure


class Operation:
    """The values, or the pairs (1 + n, k), of a node from the entries of K and of M."""

    def __init__(self, node):
        self._node = node
        self.K, self.M = node.patterns
        self.n = self.K.shape[0]

    def values(self, K, M):
        """y = S λ; the gradient asks for pairs as an operation again, so that it has derivatives too."""
        choice = self._node.choice

        @tf.custom_gradient
        def operation(K, M):
            y = self._numeric(lambda K, M: choice.weights @ self._given(K, M)[0],
                              (len(choice.entries),), K, M)

            def gradient(bar):
                weights = tf.linalg.matvec(choice.weights, bar, transpose_a=True)
                self._require_equal(K, M, weights)
                pairs = self.pairs(K, M, range(choice.total))
                X = pairs[1:]
                return (self._products(self.K, X, X, weights),
                        -self._products(self.M, X, X, weights * pairs[0]))
            return y, gradient
        return operation(K, M)

    def pairs(self, K, M, numbers, simple=False):
        """(λ; X) of these numbers; `simple`: refused where one of them is multiple."""
        numbers = list(numbers)

        def numeric(K, M):
            if simple:
                self._node.require_simple(self._found(K, M), numbers)
            return np.vstack([part[..., numbers] for part in self._given(K, M)])

        @tf.custom_gradient
        def operation(K, M):
            y = self._numeric(numeric, (1 + self.n, len(numbers)), K, M)

            def gradient(bar):
                return self._pulled_back(K, M, numbers, tf.convert_to_tensor(bar))
            return y, gradient
        return operation(K, M)

    def _pulled_back(self, K, M, numbers, bar):
        pairs = self.pairs(K, M, numbers)
        self._require_simple(K, M, numbers, bar)
        bars = []
        for k in range(len(numbers)):
            value, x = pairs[0, k], pairs[1:, k]
            mu = -solve(self._bordered(K, M, value, x), tf.concat([bar[1:, k], bar[:1, k]], 0))
            p, q, x = mu[:-1, None], mu[-1:], x[:, None]
            bars.append((self._products(self.K, p, x, tf.ones(1, tf.float64)),
                         self._products(self.M, tf.concat([p, x], 1), tf.concat([x, x], 1),
                                        tf.concat([-value[None], -0.5 * q], 0))))
        return tuple(tf.add_n(list(parts)) for parts in zip(*bars))

    @staticmethod
    def _products(pattern, P, X, weights):
        """Σ_k weights_k P[rows, k] X[cols, k] at the entries of a pattern."""
        return tf.linalg.matvec(tf.gather(P, pattern.rows) * tf.gather(X, pattern.cols), weights)

    def _bordered(self, K, M, value, x):
        Mx = tf.math.unsorted_segment_sum(M * tf.gather(x, self.M.cols), self.M.rows, self.n)
        values = tf.concat([K, -value * M, -Mx, -Mx], 0)
        return SparseMatrix.from_structure(self._structure, values)

    @functools.cached_property
    def _structure(self):
        n, own = self.n, np.arange(self.n)
        last = np.full(n, n)
        rows = np.concatenate([self.K.rows, self.M.rows, own, last])
        cols = np.concatenate([self.K.cols, self.M.cols, last, own])
        return Structure.from_entries(rows, cols, (n + 1, n + 1))

    # --- values -----------------------------------------------------------------------------------
    def _found(self, K, M):
        return self._node.found(self.K.with_values(K), self.M.with_values(M))

    def _given(self, K, M):
        """(λ, X) of all numbers up to the largest one."""
        found = self._found(K, M)
        chosen = self._node.chosen(found)
        return found.values[chosen], found.vectors[:, chosen]

    @staticmethod
    def _numeric(function, shape, K, M):
        if tf.executing_eagerly():
            return tf.constant(function(K.numpy(), M.numpy()))
        return tf.ensure_shape(tf.numpy_function(function, [K, M], tf.float64, stateful=False), shape)

    def _require_equal(self, K, M, weights):
        """As of a `ValuesPoint`; inside a tf.function adjoints are not known yet."""
        if tf.executing_eagerly():
            found = self._found(K.numpy(), M.numpy())
            w = np.zeros(len(found.values))
            w[self._node.chosen(found)] = weights.numpy()
            for cluster in clusters(found.values, found.shift):
                require_equal(found.values, cluster, w[cluster])

    def _require_simple(self, K, M, numbers, bar):
        if tf.executing_eagerly():
            found = self._found(K.numpy(), M.numpy())
            self._node.require_simple(found, np.array(numbers)[np.any(bar.numpy() != 0.0, axis=0)])
