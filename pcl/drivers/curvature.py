"""The smallest eigenvalue of the Hessian at one point."""

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

_SMALL = 32     # up to here the Hessian is formed from products with unit vectors
NEGATIVE = 1e-8     # relative to the largest |eigenvalue|: below this it is a saddle


def smallest_eigenvalue(H):
    """Smallest eigenvalue of a symmetric matrix (p, p), and whether it is visibly negative."""
    values = scipy.linalg.eigvalsh(H)
    return float(values[0]), bool(values[0] < -NEGATIVE * np.abs(values).max())


def smallest_eigenvalue_of_product(product, p):
    """The same from v ↦ H v alone: Lanczos (ARPACK) for p > 32; None if that fails."""
    if p <= _SMALL:
        H = np.stack([product(e) for e in np.eye(p)])
        return smallest_eigenvalue(0.5 * (H + H.T))
    operator = LinearOperator((p, p), matvec=product, dtype=np.float64)
    v0 = np.random.default_rng(0).standard_normal(p)
    try:
        ends = eigsh(operator, k=2, which="BE", v0=v0, tol=1e-6, return_eigenvectors=False)
    except ArpackNoConvergence:
        return None
    low, high = min(ends), max(ends)
    return float(low), bool(low < -NEGATIVE * max(abs(low), abs(high)))
