"""The null space of a singular sparse matrix, and what can be said of it without knowing the problem."""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from pcl.factor.entries import MOST

# The shift of the inverse iteration, and |Ax| of a null vector of unit length, against the scaled matrix.
SHIFT, NEGLIGIBLE = 1e-9, 1e-10

# Larger matrices are not searched: the factorisation of their shifted ones may not fit the memory.
LARGEST = 100_000

# Entries below this share of the largest are zero, and equal within it.
SAME = 1e-6

# Numbers of unknowns that a message shows.
_SHOWN = 3


def null_space(matrix, rows, cols):
    """An orthonormal basis (n, r) of vectors with A x = 0 to rounding, r ≤ `MOST`; None if none is found.

    Inverse iteration with a small shift on a block of random vectors, for A scaled by 1/rows and
    1/cols; the singular values of A on what it ends with tell how many of them are null vectors.
    """
    n = matrix.shape[0]
    if n > LARGEST:
        return None
    with np.errstate(all="ignore"):
        A = sp.csc_matrix(sp.diags_array(1.0 / rows) @ matrix @ sp.diags_array(1.0 / cols))
        Y = _iterated(A, np.random.default_rng(0).normal(size=(n, min(MOST, n))))
    if Y is None or not np.isfinite(Y).all():
        return None
    _, sizes, V = np.linalg.svd(A @ Y, full_matrices=False)
    null = Y @ V[sizes <= NEGLIGIBLE * spla.norm(A, np.inf)].T
    return np.linalg.qr(null / cols[:, None])[0] if null.shape[1] else None


def is_rounding(matrix, null, rows, cols):
    """Whether A x of null vectors is what rounding leaves, max |Ax| ≤ 4 n^⅔ ε max |A||x|, at most 1e-13.

    The growth with n is measured on saddle points and on bodies without supports up to n = 5000.
    """
    A = sp.diags_array(1.0 / rows) @ matrix @ sp.diags_array(1.0 / cols)
    X = null * cols[:, None]
    bound = min(4.0 * len(X) ** (2.0 / 3.0) * np.finfo(float).eps, 1e-13)
    return bool(np.abs(A @ X).max() <= bound * (abs(A) @ np.abs(X)).max())


def _iterated(A, Y):
    for shift in (SHIFT, -np.sqrt(2.0) * SHIFT):
        try:
            lu = spla.splu(sp.csc_matrix(A + shift * sp.eye_array(A.shape[0])))
        except RuntimeError:
            continue
        for _ in range(3):
            Y = np.linalg.qr(lu.solve(Y))[0]
        return Y
    return None


def described(null):
    """A sentence on a null space (n, r), or on one that was not found (None)."""
    if null is None:
        return "Is a Dirichlet condition missing, or a coefficient zero on a patch?"
    x = null[:, 0] / null[np.argmax(np.abs(null[:, 0])), 0]
    if null.shape[1] > 1:
        held = np.argsort(-np.linalg.norm(null, axis=1), kind="stable")[:_SHOWN]
        some = "at least " if null.shape[1] == MOST else ""
        return (f"It has {some}{null.shape[1]} independent null vectors, largest at the unknowns "
                f"{', '.join(map(str, held))}: what they move is held by no condition.")
    moved = np.flatnonzero(np.abs(x) > SAME)
    if np.all(np.abs(x[moved] - 1.0) <= SAME):
        return (f"Its null vector is 1 at {len(moved)} of {len(x)} unknowns, first number "
                f"{moved[0]}, last {moved[-1]}, and 0 elsewhere: nothing determines their level (that of "
                "a pressure, or of a part that is not held). Prescribe one of them, or their mean value.")
    held = np.argsort(-np.abs(x), kind="stable")[:_SHOWN]
    return (f"Its null vector is not 0 at {len(moved)} of {len(x)} unknowns, largest at number "
            f"{', '.join(map(str, held))}: that combination is held by no condition.")
