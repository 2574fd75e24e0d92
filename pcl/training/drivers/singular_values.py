"""Singular value decomposition of a Jacobian, of low numerical rank where it is.

The sensitivities of smooth networks inside equations have far fewer singular values above rounding than
rows or columns. Then J = U (Uᵀ J) with an orthonormal U of few columns, found by random combinations of
J's columns and judged by others, and Uᵀ J is decomposed instead: 4 m p k flops and the decomposition of
(k, p). What is neglected is what counts as zero anyway, max(m, p) ε relative to J.
"""

import numpy as np
import scipy.linalg

from pcl.support.range_finder import range_of
from pcl.training.run.run import EPS

# Smaller sides are decomposed as they are. Parts of the smaller side: columns of U that are tried first,
# added, and that still pay.
SMALL, FIRST, FURTHER, MOST = 256, 8, 32, 3


def svd(J):
    """(U, σ, Vᵀ) of J (m, p): all min(m, p) singular values, or those above rounding."""
    found = low_rank_svd(J)
    return full_svd(J) if found is None else found


def low_rank_svd(J, expected=0):
    """(U (m, k), σ (k,), Vᵀ (k, p)) with k < min(m, p)/3, or None.

    expected : int, how many are above rounding in a matrix like this one, where that is known
    """
    n = min(J.shape)
    if n < SMALL:
        return None
    first, little = min(max(expected + n // FURTHER, n // FIRST), n // MOST), max(J.shape) * EPS
    U = range_of(J, n // MOST, first, n // FURTHER, negligible=little, falling=0.5)
    if U is None:
        return None
    Q, R = np.linalg.qr(J.T @ U)
    V, sigma, inner = full_svd(R)
    return U @ inner.T, sigma, (Q @ V).T


def full_svd(J):
    """LAPACK's, by divide and conquer, or by QR iterations where that does not converge."""
    try:
        return scipy.linalg.svd(J, full_matrices=False, check_finite=False)
    except np.linalg.LinAlgError:
        return scipy.linalg.svd(J, full_matrices=False, check_finite=False, lapack_driver="gesvd")
