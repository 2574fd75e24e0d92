"""An orthonormal basis of the columns of a matrix of low numerical rank, from random combinations.

Source: N. Halko, P.-G. Martinsson, J. A. Tropp, "Finding structure with randomness", SIAM Review 53
(2011) 217–288, algorithm 4.2 block by block.
"""

import numpy as np

# Random vectors that judge the result.
PROBES = 6

# Neglected part against the whole, in the norm of a random product: the rounding of some ten
# operations, as in the Jacobian of a network. Much smaller values are that of the product itself.
NEGLIGIBLE = 2e-14


def range_of(X, limit, first, further, sketch=None, negligible=NEGLIGIBLE, falling=0.0):
    """Orthonormal U with U Uᵀ X = X up to `negligible`, or None if it has more than `limit` columns.

    X : array (m, n)
    first, further : int, columns of U that are tried first, and added
    sketch : function (columns, rng) -> random combinations of the columns of X (m, columns); normal ones
    negligible : norm of the neglected part of random products against theirs
    falling : 0 never gives up before `limit`; at 1 the neglected part has to fall with the columns as
        fast as would end there, at ½ as fast as its square root
    """
    sketch = sketch or (lambda columns, rng: X @ rng.normal(size=(X.shape[1], columns)))
    rng = np.random.default_rng(0)
    probes = X @ rng.normal(size=(X.shape[1], PROBES))
    whole = np.linalg.norm(probes, axis=0)
    U, width = np.zeros((len(X), 0)), first
    while 0 < width <= limit - U.shape[1]:
        Y = sketch(width, rng)
        for _ in range(2 if U.size else 1):  # the second pass removes what rounding has left
            Y = np.linalg.qr(Y - U @ (U.T @ Y))[0]
        U = np.concatenate([U, Y], axis=1)
        neglected = np.linalg.norm(probes - U @ (U.T @ probes), axis=0)
        if np.all(neglected <= negligible * whole):
            return U
        if falling and np.any(neglected > negligible ** (falling * U.shape[1] / limit) * whole):
            return None
        width = max(further, 1)
    return None
