"""Low rank to rounding, X = U R, by the randomised range finder of `pcl.support.range_finder`.

The columns are scaled to one length and the arrays to one norm first, so that what is neglected is
rounding in each parameter and in each array.
"""

import numpy as np

from pcl.support.range_finder import range_of

# Columns of the first block and of further ones, as parts of all.
FIRST, FURTHER = 4, 32


def low_rank(arrays):
    """(left factors U_i (n_i, r), R (r, p)), arrays[i] = U_i R to rounding; None if r is above p/2."""
    p = arrays[0].shape[1]
    norms = [np.linalg.norm(X) or 1.0 for X in arrays]
    X = np.concatenate([X / norm for X, norm in zip(arrays, norms)])
    lengths = np.sqrt(np.einsum("ij,ij->j", X, X))
    lengths[lengths == 0.0] = 1.0
    X /= lengths
    U = range_of(X, min(p, len(X)) // 2, p // FIRST, p // FURTHER)
    if U is None:
        return None
    ends = np.cumsum([len(array) for array in arrays])[:-1]
    return [norm * part for norm, part in zip(norms, np.split(U, ends))], (U.T @ X) * lengths
