"""Block-diagonal matrices: an m × m block at every point."""

import numpy as np

from pcl.engine.second.tangent import block_diagonal
from pcl.errors import SingularMatrix


class Blocks:
    """Z = diag(Z_1 … Z_q).

    Parameters
    ----------
    matrix : sparse (q·m, q·m)
    m : int

    Raises
    ------
    ValueError
        An entry outside of the blocks.
    """

    def __init__(self, matrix, m):
        coo = matrix.tocoo()
        i, j = coo.coords
        outside = np.flatnonzero((i // m != j // m) & (coo.data != 0.0))
        if outside.size:
            point, other = i[outside[0]] // m, j[outside[0]] // m
            raise ValueError(f"the equation at point {point} depends on the unknowns of point {other}; "
                             "expected every row by itself. Use pcl.solve_nonlinear for a system.")
        self.blocks = np.zeros((matrix.shape[0] // m, m, m))
        inside = i // m == j // m
        i, j, data = i[inside], j[inside], coo.data[inside]
        np.add.at(self.blocks, (i // m, i % m, j % m), data)

    def solve(self, b, transpose=False):
        """Z⁻¹ b or Z⁻ᵀ b for b (q, m).

        Raises
        ------
        SingularMatrix
            The message names a point.
        """
        blocks = self.blocks.transpose(0, 2, 1) if transpose else self.blocks
        try:
            return np.linalg.solve(blocks, b[..., None])[..., 0]
        except np.linalg.LinAlgError as error:
            raise self._singular() from error

    def inverse(self):
        """Z⁻¹, sparse."""
        try:
            return block_diagonal(np.linalg.inv(self.blocks))
        except np.linalg.LinAlgError as error:
            raise self._singular() from error

    def _singular(self):
        k = int(np.argmin(np.linalg.svd(self.blocks, compute_uv=False)[:, -1]))
        return SingularMatrix(f"the Jacobian of the pointwise equation is singular at point {k}.")
