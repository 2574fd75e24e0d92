"""Low rank to rounding, X = U R, by a randomised range finder.

Source: N. Halko, P.-G. Martinsson, J. A. Tropp, "Finding structure with randomness", SIAM Review 53
(2011) 217–288, algorithm 4.2 block by block. The columns are scaled to one length and the arrays to one
norm first, so that what is neglected is rounding in each parameter and in each array.
"""

import numpy as np

# Columns of the first block and of further ones, as parts of all; random vectors that judge the result.
FIRST, FURTHER, PROBES = 4, 32, 6

# Neglected part against the whole, in the norm of a random product: the rounding of some ten
# operations, as in the Jacobian of a network. Much smaller values are that of the product itself.
NEGLIGIBLE = 2e-14


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


def range_of(X, limit, first, further, sketch=None):
    """Orthonormal U with U Uᵀ X = X to rounding, or None if it has more than `limit` columns.

    X : array (m, n)
    first, further : int, columns of U that are tried first, and added
    sketch : function (columns, rng) -> random combinations of the columns of X (m, columns); normal ones
    """
    sketch = sketch or (lambda columns, rng: X @ rng.normal(size=(X.shape[1], columns)))
    rng = np.random.default_rng(0)
    probes = X @ rng.normal(size=(X.shape[1], PROBES))
    U, width = np.zeros((len(X), 0)), first
    while 0 < width <= limit - U.shape[1]:
        Y = sketch(width, rng)
        for _ in range(2 if U.size else 1):  # the second pass removes what rounding has left
            Y = np.linalg.qr(Y - U @ (U.T @ Y))[0]
        U = np.concatenate([U, Y], axis=1)
        neglected = probes - U @ (U.T @ probes)
        if np.all(np.linalg.norm(neglected, axis=0) <= NEGLIGIBLE * np.linalg.norm(probes, axis=0)):
            return U
        width = max(further, 1)
    return None
