"""The ends of the Hessian's spectrum at one point, and what its quadratic model has left to gain."""

import dataclasses

import numpy as np
import scipy.linalg

from pcl.training.run.run import EPS, norm

NEGATIVE = 1e-8     # relative to the largest |eigenvalue|: below this it is a saddle
_SEEN = 10.0       # standard deviations
_EXHAUSTED = 1e-12  # a Lanczos vector below this, relatively: the space is invariant


@dataclasses.dataclass(frozen=True, eq=False)
class Spectrum:
    """Smallest and largest eigenvalue of a symmetric matrix, and the vector (p,) of the smallest."""

    smallest: float
    largest: float
    lowest: np.ndarray | None = None

    @property
    def indefinite(self):
        """Whether the smallest eigenvalue is visibly negative."""
        return self.smallest < -NEGATIVE * max(abs(self.smallest), abs(self.largest))

    @property
    def shows_minimum(self):
        """Positive semidefinite up to rounding, and not zero."""
        return self.largest > 0.0 and not self.indefinite


def spectrum(H, free=None):
    """`Spectrum` of a symmetric matrix (p, p), or of its rows and columns `free`; None without any."""
    if free is not None and not free.all():
        return _of_part(H, free) if free.any() else None
    values = scipy.linalg.eigvalsh(H)
    found = Spectrum(float(values[0]), float(values[-1]))
    if not found.indefinite:
        return found
    vector = scipy.linalg.eigh(H, subset_by_index=(0, 0))[1][:, 0]
    return dataclasses.replace(found, lowest=vector)


def _of_part(H, free):
    found = spectrum(H[np.ix_(free, free)])
    if found.lowest is None:
        return found
    lowest = np.zeros(len(H))
    lowest[free] = found.lowest
    return dataclasses.replace(found, lowest=lowest)


def spectrum_of_product(product, start, most):
    """The same from v ↦ H v by at most `most` products: Ritz values, which lie inside the spectrum.

    start : (p,) array, a random vector: orthogonal to no eigenvector.
    """
    T, V, _ = lanczos(product, start, most)
    values, vectors = np.linalg.eigh(T)
    return Spectrum(float(values[0]), float(values[-1]), V.T @ vectors[:, 0])


def decrement(product, g, most, noise):
    """(½ gᵀ H⁻¹ g, whether it has settled): what a Newton step is predicted to gain.

    From Lanczos vectors of g and their Ritz pairs (λ_i, q_i): Σ (g·q_i)²/2λ_i. Components g·q_i within
    ten standard deviations of the gradient's noise there, `noise(q)` for rows q, are none. An eigenvalue
    at rounding level counts as that level, from which the gain is at least as large; a negative one
    gives +inf.
    """
    T, V, exhausted = lanczos(product, g, most)
    full, shorter = _gain(T, V, g, noise), len(T) - len(T) // 4
    part = _gain(T[:shorter, :shorter], V[:shorter], g, noise)
    return full, exhausted or abs(full - part) <= 0.1 * full


def _gain(T, V, g, noise):
    values, vectors = np.linalg.eigh(T)
    parts, floor = norm(g) * vectors[0], EPS * max(len(T), 10) * np.abs(values).max()
    seen = np.abs(parts) > _SEEN * noise(vectors.T @ V)
    if not seen.any():
        return 0.0
    if floor == 0.0 or (values[seen] < -floor).any():
        return np.inf
    return 0.5 * float((parts[seen] * (parts[seen] / np.maximum(values[seen], floor))).sum())


def lanczos(product, start, most):
    """(T (k, k), V (k, p), exhausted): H restricted to the Krylov space of `start`, reorthogonalised.

    Source: Golub and Van Loan, Matrix Computations, 4th ed., algorithm 10.1.1, with full
    reorthogonalisation, twice. exhausted : the space is invariant or all of ℝᵖ.
    """
    p = start.size
    V, size = [start / norm(start)], 0.0
    alpha: list[float] = []
    beta: list[float] = []
    for k in range(min(p, most)):
        w = product(V[k])
        size = max(size, norm(w))
        alpha.append(float(w @ V[k]))
        for _ in range(2):
            basis = np.array(V)
            w = w - basis.T @ (basis @ w)
        b = norm(w)
        if k + 1 == p or b <= _EXHAUSTED * size:
            return _tridiagonal(alpha, beta), np.array(V), True
        beta.append(b)
        V.append(w / b)
    return _tridiagonal(alpha, beta[:-1]), np.array(V[:-1]), False


def _tridiagonal(alpha, beta):
    return np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1)
