"""The curvature of a law in its weights as products, for laws of many weights."""

import numpy as np
import scipy.sparse as sp

from pcl.support.types import Array

LARGE = 1000        # weights of all laws from which on products cost less than a matrix of them
_ROWS = 4           # weights a row (points × outputs) from which on they do


def many(rows):
    """Whether there are so many weights in a `RowLayout` that no matrix of weights by weights is made."""
    n = sum(rows.sizes)
    return n >= max(LARGE, _ROWS * rows.elements.E * sum(map(len, rows.laws)))


class LawCurvature:
    """H = Σ ⟨z̄, ∂²z/∂θ²⟩ + σ P at one point of a law, by its products: a symmetric matrix (p, p).

    Parameters
    ----------
    point : `laws.term.TermPoint`
    adjoint : z̄ (n, m)
    diagonal : (p,), σ P
    """

    def __init__(self, point, adjoint, diagonal):
        self._point, self._adjoint, self.diagonal = point, adjoint.copy(), diagonal
        self.bent = bool(adjoint.any())     # whether there is more than the diagonal
        self.shape = (len(diagonal), len(diagonal))

    def __len__(self):
        return len(self.diagonal)

    def __matmul__(self, v: Array) -> Array:
        product = self.diagonal * v
        return product + self._point.curvature_product(self._adjoint, v) if self.bent else product

    def toarray(self) -> Array:
        """The matrix."""
        H = np.diag(self.diagonal)
        return H + self._point.curvature(self._adjoint) if self.bent else H

    def tocsc(self):
        """The matrix, of its diagonal alone where z̄ = 0."""
        return sp.csc_array(self.toarray()) if self.bent else sp.diags_array(self.diagonal).tocsc()


def dense(H):
    """A weights' block as an array (p, p)."""
    return H if isinstance(H, np.ndarray) else H.toarray()


def sparse(H):
    """The same as a sparse matrix."""
    return sp.csc_array(H) if isinstance(H, np.ndarray) else H.tocsc()
