"""The node of a sparse matrix times a vector, y = A(c) x."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.engine.second.constants import CONSTANTS
from pcl.engine.second.patterns import PATTERNS
from pcl.engine.second.tangent import total
from pcl.nodes.linear.pattern import pattern_of
from pcl.support.sparse import times_transposed


class ProductNode:
    """y = Σ_j A_j(c_j) x; inputs c_1 … c_J, x. `columns` is k for x of shape (n, k), None for (n,)."""

    def __init__(self, structures, columns):
        self.structures = structures
        self.columns = columns
        self._last = None

    def matrix(self, coefficients):
        """A(c), CSR; the same object for the same arrays: products with a constant one are known then."""
        last = self._last
        if last is None or any(a is not b for a, b in zip(last[0], coefficients)):
            matrix = PATTERNS.converted(pattern_of(self.structures).matrix(coefficients), "csr")
            self._last = last = coefficients, CONSTANTS.add(matrix)
        return last[1]

    def tensorflow(self, *inputs: Any) -> Any:
        *coefficients, x = inputs
        return tf.add_n([s.tensorflow(c, x) for s, c in zip(self.structures, coefficients)])

    def output_shape(self, *shapes: tuple) -> tuple:
        return (self.structures[0].shape[0], *shapes[-1][1:])

    def evaluate(self, *inputs: np.ndarray) -> "ProductPoint":
        *coefficients, x = inputs
        return ProductPoint(self, coefficients, x)


class ProductPoint:
    """A(c) x at one (c, x).

        tangent    Σ_j left_j(x) ċ_j + A ẋ
        curvature  ⟨ȳ, A(c) x⟩: mixed blocks right_j(ȳ) between c_j and x
    """

    def __init__(self, node, coefficients, x):
        self.structures = node.structures
        self.flat = flat_structures(node.structures, node.columns)
        self.x, self.coefficients = x, coefficients
        self.matrix = node.matrix(coefficients)
        self.value = self.matrix @ x

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        bars = [s.coefficient_adjoint(adjoint.ravel(), self.x.ravel()) if want else None
                for s, want in zip(self.flat, wanted)]
        return (*bars, times_transposed(self.matrix, adjoint) if wanted[-1] else None)

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        *c_tangents, x_tangent = tangents
        x, y_bar = self.x.ravel(), adjoint.ravel()
        parts = []
        for s, t in zip(self.flat, c_tangents):
            if t is None:
                continue
            parts.append(t.left(s.left(x)))
            if x_tangent is not None and np.any(y_bar):
                plan.add_mixed(t, s.right(y_bar), x_tangent)
        if x_tangent is not None:
            matrix = self.matrix
            if self.x.ndim == 2:
                matrix = pattern_of(self.flat).matrix(self.coefficients)
            parts.append(x_tangent.left(matrix))
        return total(parts)


def flat_structures(structures, columns):
    """The structures acting on (n, k) arrays flattened row by row."""
    return structures if columns is None else tuple(s.columns(columns) for s in structures)
