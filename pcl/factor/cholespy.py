"""Sparse Cholesky factorisation by cholespy (CHOLMOD), an optional package."""

import numpy as np

from pcl.errors import SingularMatrix
from pcl.support.optional import optional
from pcl.support.types import Array


class Cholespy:
    """A = L Lᵀ; symmetric positive definite matrices."""

    def __init__(self, matrix, symmetric):
        cholespy = optional("cholespy", "cholespy")
        if not symmetric:
            raise ValueError("solver 'cholespy' needs a symmetric matrix; use solver='superlu'.")
        coo = matrix.tocoo()
        rows, cols = (c.astype(np.int32) for c in coo.coords)
        try:
            self._solver = cholespy.CholeskySolverD(
                matrix.shape[0], rows, cols, coo.data, cholespy.MatrixType.COO)
        except (RuntimeError, ValueError) as error:
            raise SingularMatrix(f"cholespy: {error}. A matrix that is not positive definite needs "
                                 "solver='superlu'.") from error
        self.entries = 10 * matrix.nnz  # the fill is not reported: a factor of ten is typical
        self.nbytes = 12 * self.entries

    def solve(self, b: Array, transpose: bool) -> Array:
        columns = np.array(b.reshape(len(b), -1), order="C")  # it takes no read-only arrays
        x = np.empty_like(columns)
        self._solver.solve(columns, x)
        return x.reshape(b.shape)

    def estimate(self, b: Array) -> Array:
        return self.solve(b, False)
