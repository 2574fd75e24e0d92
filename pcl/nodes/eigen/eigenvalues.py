"""Eigenvalues of K x = λ M x as a node: `eigenvalues`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pcl import factor
from pcl.engine import nodes
from pcl.nodes.eigen.choice import Choice, clusters, multiple
from pcl.nodes.eigen.operation import Operation
from pcl.nodes.eigen.pencil import Found, Pencil
from pcl.nodes.eigen.values import ValuesPoint
from pcl.nodes.eigen.vectors import VectorsPoint
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.pattern import pattern_of
from pcl.support.arrays import digest, selection
from pcl.support.caches import Bounded
from pcl.support.types import Tensor
from pcl.support.validate import float64_array, known

# Further eigenvalues that are found to see whether the last one is multiple.
EXTRA = 2

# Pencils whose pairs a node keeps.
KEPT = 4

# The sign of a vector is that of its first entry of at least this part of the largest.
LEADING = 0.5


def eigenvalues(K: SparseMatrix, M: SparseMatrix | None = None,
                count: int | Sequence = 6, *, sigma: float | None = None, vectors: bool = False,
                solver: str = "superlu") -> Tensor | tuple[Tensor, Tensor]:
    """The smallest eigenvalues λ of K x = λ M x, differentiable in the coefficients of K and M.

        λ̇_i = x_iᵀ(K̇ − λ_i Ṁ) x_i,    XᵀMX = I

    Second derivatives follow from those of the vectors, by one factorisation an eigenvalue.

    Parameters
    ----------
    K : SparseMatrix (n, n), symmetric; without `sigma` positive semidefinite
    M : SparseMatrix (n, n), symmetric positive definite; the identity by default
    count : int, or a list of numbers and of tuples of numbers
        The `count` first ones; or those of these numbers (0 is the first), where a tuple stands for the
        mean of several: [0, (1, 2), 5].
    sigma : float, optional
        The eigenvalues nearest to it are meant, instead of the smallest; K may then be indefinite.
    vectors : bool
        Whether the vectors are given too.
    solver : str
        For K − σM, see `pcl.solve`; without `sigma` it is positive definite.

    Returns
    -------
    values : tensor (k,), of numbers ascending
    vectors : tensor (n, k), only if asked for
        XᵀMX = I; the first entry of at least half the size of the largest is positive.

    Raises
    ------
    TypeError, ValueError
        K or M is no SparseMatrix, not square, of different shapes; `count` exceeds n; when evaluated: not
        symmetric.
    MultipleEigenvalue
        When evaluated: vectors of eigenvalues that coincide, or derivatives of one of them alone. A mean
        over all of them, or any function in which they have equal first derivatives, has a gradient; the
        mean as an entry of `count` has second derivatives too. Other eigenvalues are not affected.
    InvalidCoefficient, SingularMatrix, NotFinite, NotConverged
        When evaluated: M is not positive definite or K not semidefinite; sigma is an eigenvalue; entries
        that are not finite; Lanczos' method fails, or leaves eigenvalues out.

    Notes
    -----
    Up to 200 unknowns by dense linear algebra, else by shift-and-invert Lanczos (ARPACK); each pair is
    checked by its residual, and the inertia of shifted matrices says that none is missing. In training
    eigenvalues are numbered by size at each θ: where two cross, a single one has a kink.

    Examples
    --------
    Two masses 1 between three springs k: λ = k, 3k.

    >>> import numpy as np, pcl
    >>> K = pcl.SparseMatrix.from_entries([0, 0, 1, 1], [0, 1, 0, 1], [2.0, -1.0, -1.0, 2.0], (2, 2))
    >>> problem = pcl.Problem(lambda t: pcl.eigenvalues(t["k"] * K, count=2)[0], {"k": 5.0})
    >>> pcl.eigenvalues(5.0 * K, count=2).numpy(), problem.gradient([5.0]).round(6)
    (array([ 5., 15.]), array([1.]))
    """
    M = _mass(K, M)
    known("solver", solver, factor.solvers())
    choice = Choice(count, K.shape[0])
    if vectors and choice.has_means:
        raise ValueError(f"count is {count} and vectors are asked for; expected numbers alone: a mean "
                         "of several eigenvalues has no vector.")
    sigma = None if sigma is None else float(float64_array("sigma", sigma, shape=()))
    node = EigenNode(K.structures, M.structures, choice, sigma, vectors, solver)
    result = nodes.call(node, *K.coefficients, *M.coefficients)
    if not vectors:
        return result
    n, k = K.shape[0], len(choice.entries)
    values = LinearMap(selection(np.arange(k), (1 + n) * k), ((1 + n, k), (k,)))
    return values @ result, LinearMap(selection(np.arange(1, 1 + n), 1 + n)) @ result


def _mass(K, M):
    """M, the identity where there is none; K and M refused unless they are square and fit."""
    if M is None:
        own = np.arange(_order("K", K))
        M = SparseMatrix.from_entries(own, own, np.ones(len(own)), K.shape)
    if _order("M", M) != _order("K", K):
        raise ValueError(f"K has shape {K.shape} and M {M.shape}; expected the same.")
    if K.space is not None and M.space is not None and K.space is not M.space:
        raise ValueError("K and M belong to different spaces; assemble both on one.")
    return M


def _order(name, matrix):
    if not isinstance(matrix, SparseMatrix):
        raise TypeError(f"{name} is a {type(matrix).__name__}; expected a pcl.SparseMatrix. A constant "
                        f"matrix becomes one by SparseMatrix.from_scipy({name}).")
    if matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
        raise ValueError(f"{name} has shape {matrix.shape}; expected a square matrix.")
    return matrix.shape[0]


class EigenNode:
    """y = S λ (k,), or the pairs (λ; X) (1 + n, k); inputs the coefficients of K, then those of M.

    Attributes
    ----------
    terms : list of (Structure, whether it is of M), one an input
    """

    def __init__(self, K, M, choice, sigma, vectors, solver):
        self.patterns = pattern_of(K), pattern_of(M)
        self._structures = K, M         # patterns live as long as these
        self.terms = [*((s, False) for s in K), *((s, True) for s in M)]
        self.choice, self.sigma, self._vectors, self._solver = choice, sigma, vectors, solver
        self._found = Bounded(KEPT)
        self._operation = Operation(self)

    def tensorflow(self, *inputs: Any) -> Any:
        K, M = (tf.add_n([m.tensorflow(c) for m, c in zip(pattern.linear_maps, own)])
                for pattern, own in zip(self.patterns, self._split(inputs)))
        if self._vectors:
            return self._operation.pairs(K, M, self.choice.numbers, simple=True)
        return self._operation.values(K, M)

    def output_shape(self, *shapes: tuple) -> tuple:
        k = len(self.choice.entries)
        return (1 + self.patterns[0].shape[0], k) if self._vectors else (k,)

    def evaluate(self, *inputs: np.ndarray) -> ValuesPoint | VectorsPoint:
        return VectorsPoint(self, inputs) if self._vectors else ValuesPoint(self, inputs)

    def _split(self, inputs):
        k = len(self._structures[0])
        return inputs[:k], inputs[k:]

    def pairs(self, coefficients):
        """(K, M, `Found`) at these coefficients."""
        K, M = (pattern.matrix(own) for pattern, own in zip(self.patterns, self._split(coefficients)))
        return K, M, self.found(K, M)

    def found(self, K, M):
        """The pairs asked for, and so many more that their last cluster is complete."""
        return self._found.kept(digest(K.data, M.data), lambda: self._search(Pencil(K, M, self._solver)))

    def _search(self, pencil):
        count = min(self.choice.total + EXTRA, pencil.n)
        while True:
            found = (pencil.smallest(count) if self.sigma is None else pencil.nearest(self.sigma, count))
            if count == pencil.n or not self._is_cut(found):
                return Found(found.values, _signed(found.vectors), found.shift)
            count = min(2 * count, pencil.n)

    def _is_cut(self, found):
        """Whether an eigenvalue asked for is in the cluster of the last found, which may go on."""
        distance = np.abs(found.values - found.shift)
        ends = [c for c in clusters(found.values, found.shift)
                if np.isin(c, [0, len(found.values) - 1, int(np.argmax(distance))]).any()]
        ends = [c for c in ends if self.sigma is not None or len(found.values) - 1 in c]
        return any(np.isin(c, self.chosen(found)).any() and len(c) > 1 for c in ends)

    def chosen(self, found):
        """Places of the first `total` ones, ascending."""
        if self.sigma is None:
            return np.arange(self.choice.total)
        nearest = np.argsort(np.abs(found.values - self.sigma), kind="stable")[:self.choice.total]
        return np.sort(nearest)

    def require_simple(self, found, numbers):
        """Refuse vectors of these numbers where one of them is in a cluster."""
        places = self.chosen(found)[numbers]
        for cluster in clusters(found.values, found.shift):
            if len(cluster) > 1 and np.isin(cluster, places).any():
                raise multiple(found.values, cluster, "their vectors are not determined.")


def _signed(vectors):
    """Each vector with its first leading entry positive."""
    size = np.abs(vectors)
    first = np.argmax(size >= LEADING * size.max(axis=0), axis=0)
    return vectors * np.where(vectors[first, np.arange(vectors.shape[1])] < 0.0, -1.0, 1.0)
