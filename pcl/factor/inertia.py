"""How many eigenvalues of a symmetric matrix are negative, by the signs of its pivots."""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

# Largest backward error of a factorisation whose signs are believed.
_BELIEVED = 1e-8


def negative_eigenvalues(matrix):
    """Their number, None where diagonal pivots alone do not give an accurate factorisation.

    P A Pᵀ = L D Lᵀ without further exchanges has as many negative pivots as A has negative eigenvalues
    (Sylvester). SuperLU gives it as L U with U = D Lᵀ, if no pivot is zero and none grows too much,
    which is seen from one solve.
    """
    A = sp.csc_matrix(matrix)
    try:
        lu = spla.splu(A, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                       options=dict(SymmetricMode=True))
    except RuntimeError:
        return None
    if not np.array_equal(lu.perm_r, lu.perm_c) or not _is_accurate(A, lu):
        return None
    return int(np.count_nonzero(lu.U.diagonal() < 0.0))


def _is_accurate(A, lu):
    b = np.random.default_rng(0).uniform(0.5, 1.5, A.shape[0])
    with np.errstate(all="ignore"):
        x = lu.solve(b)
        error = np.abs(A @ x - b).max() / (abs(A) @ np.abs(x) + b).max()
    return bool(error <= _BELIEVED)
