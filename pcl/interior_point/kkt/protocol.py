"""The symmetric indefinite system of one step: what a backend provides, and the choice by name.

    K [dx; dλ] = [r_x; r_c],      K = [[W + diag(d_x), Jᵀ], [J, −diag(d_c)]]
"""

from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from pcl.interior_point.kkt.dense import DenseKKT, HELD
from pcl.interior_point.kkt.sparse import FeralKKT, SuperLUKKT, feral_is_installed
from pcl.support.nearest import nearest

__all__ = ["HELD", "KKT", "Factor", "backend"]

_DENSE = 200    # n + m up to which the dense backend is taken
_FULL = 0.3     # share of entries above which a matrix counts as dense
_DENSE_LIMIT = 2000


class Factor(Protocol):
    """A factorised K.

    right_inertia: exactly n positive and m negative eigenvalues; `solve` of an iterative backend that
    meets negative curvature withdraws it. singular: a zero eigenvalue, as far as rounding can tell; then
    `solve` is not called.
    """

    right_inertia: bool
    singular: bool

    def solve(self, r_x: np.ndarray, r_c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(dx (n,), dλ (m,))."""


class KKT(Protocol):
    """A backend. It may keep what it computed for the last *objects* W and J (compared with `is`)."""

    def factor(self, W: Any, J: Any, d_x: np.ndarray, d_c: np.ndarray) -> Factor:
        """Factorise K; W is None where it is zero. d_c ≥ 0.

        d_x[i] ≥ HELD: variable i is held (dx_i = 0 will do). d_c[j] ≥ HELD: row j is free (dλ_j = 0).
        Never raises on a singular K.
        """


BACKENDS = ("auto", "dense", "sparse", "superlu")


def backend(kkt, W, J):
    """The backend of a name ("auto", "dense", "sparse", "superlu"), or the object given."""
    if kkt == "auto":
        return _automatic(W, J)
    if kkt == "dense":
        return DenseKKT()
    if kkt == "sparse":
        return FeralKKT(W, J) if feral_is_installed() else SuperLUKKT(W, J)
    if kkt == "superlu":
        return SuperLUKKT(W, J)
    if isinstance(kkt, str) or not callable(getattr(kkt, "factor", None)):
        raise ValueError(f"kkt is {kkt!r}; known are {', '.join(BACKENDS)}, or an object with "
                         f"factor(W, J, d_x, d_c).{nearest(kkt, BACKENDS)}")
    return kkt


def _automatic(W, J):
    size = sum(J.shape)
    if size <= _DENSE or (size <= _DENSE_LIMIT and _density(W) + _density(J) > _FULL):
        return DenseKKT()
    return backend("sparse", W, J)


def _density(A):
    if A is None or 0 in A.shape:
        return 0.0
    return A.nnz / (A.shape[0] * A.shape[1]) if sp.issparse(A) else 1.0
