"""The leading eigenpairs of a symmetric operator that is known by its products alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy.linalg

from pcl.support import memory
from pcl.support.types import Array
from pcl.support.validate import known

METHODS = ("lanczos", "randomised")
UNSEEN = 0.1            # influence below which a direction may be dropped
ACCURACY = 1e-10        # residual |B v − λ v| of a pair that is found, relative to 1 + |λ|
ROUNDING = 100 * np.finfo(np.float64).eps       # the same relative to the largest |λ|
OVERSAMPLING = 10       # of the randomised method: N. Halko, P. Martinsson, J. Tropp, 2011, section 4.2
PASSES = 6              # it takes at most, beyond the first
LOOK = 5                # products of Lanczos' method between two looks at what is found
BLOCK = 32              # vectors a table grows by; the first rank that "auto" tries at random


@dataclasses.dataclass(frozen=True, eq=False)
class Eigenpairs:
    """B V ≈ V diag(λ), those of the largest `influence` first.

    Attributes
    ----------
    values : ndarray (k,), λ
    vectors : ndarray (p, k), V, orthonormal
    residuals : ndarray (k,), |B v − λ v|
    products : int, what it took
    dropped : float
        The largest influence of a direction that is left out, as far as the method has seen; 0 where it
        has seen all.
    """

    values: Array
    vectors: Array
    residuals: Array
    products: int
    dropped: float


def influence(values: Array) -> Array:
    """|1/(1 + λ) − 1| or |(1 + λ) − 1|, the larger: what λ does to a variance; +inf for λ ≤ −1."""
    values = np.asarray(values)
    below = -values / np.maximum(1.0 + values, np.finfo(np.float64).tiny)
    return np.where(values >= 0.0, values, np.where(values > -1.0, below, np.inf))


def eigenpairs(product: Callable[[Array], Array], size: int, rank: int | None, method: str,
               seed: int = 0) -> Eigenpairs:
    """The `rank` eigenpairs of B of the largest influence; None for all above `UNSEEN`.

    Parameters
    ----------
    product : v (size,) -> B v
    method : "lanczos" or "randomised"
        Lanczos with full reorthogonalisation; or subspace iteration from random vectors. The first takes
        about rank + 10 to 2 rank products, the second 2 (rank + 10) and more, in blocks.

    Raises
    ------
    MemoryError
        Vectors of this size would not fit.

    Source: A. Spantini et al., 2015, SIAM J. Sci. Comput. 37 (what is dropped); G. Golub, C. Van Loan,
    Matrix Computations, section 10.3; N. Halko, P. Martinsson, J. Tropp, 2011, SIAM Review 53 (5.3).
    """
    known("method", method, METHODS)
    return (_lanczos if method == "lanczos" else _randomised)(product, size, rank, seed)


# --- Lanczos -----------------------------------------------------------------------------------
class _Chain:
    """B Q = Q T + β q eᵀ, T tridiagonal; a direction that nothing leads to is begun anew at random."""

    def __init__(self, product, size, seed):
        self._product, self._rng = product, np.random.default_rng(seed)
        self._Q, self.length, self.exhausted = np.empty((size, 0)), 0, False
        self._alpha: list[float] = []
        self._beta: list[float] = []
        self._next = self._fresh()

    def extend(self):
        """One product."""
        size, j = len(self._Q), self.length
        if j == self._Q.shape[1]:
            memory.require(16 * size * (j + BLOCK), f"{j + BLOCK} vectors of {size:,} parameters",
                           "take a smaller rank=")
            self._Q = np.concatenate([self._Q, np.empty((size, BLOCK))], axis=1)
        q = self._Q[:, j] = self._next
        w = self._product(q)
        self._alpha.append(float(q @ w))
        self.length = j + 1
        w = self._orthogonal(w)
        beta = np.linalg.norm(w)
        if beta > ROUNDING * self._scale:
            self._next = w / beta
        else:
            self.exhausted = self._alone(j)
            beta, self._next = 0.0, self._fresh()
        self._beta.append(float(beta))

    def pairs(self):
        """(λ, coefficients in Q, |B v − λ v|) of all Ritz pairs."""
        values, S = scipy.linalg.eigh_tridiagonal(np.array(self._alpha), np.array(self._beta[:-1]))
        return values, S, np.abs(self._beta[-1] * S[-1])

    def vectors(self, S):
        return self._Q[:, :self.length] @ S

    @property
    def _scale(self):
        return max(np.abs(self._alpha).max(), np.max(self._beta, initial=0.0))

    def _alone(self, j):
        """Whether q_j was begun at random and B q_j vanishes: then B does on all that is left."""
        begun = j == 0 or self._beta[j - 1] == 0.0
        return self.length == len(self._Q) or (
            begun and abs(self._alpha[j]) <= ROUNDING * max(self._scale, np.finfo(float).tiny))

    def _fresh(self):
        w = self._rng.normal(size=len(self._Q))
        if self.length < len(w):
            w = self._orthogonal(w)
        return w / np.linalg.norm(w)

    def _orthogonal(self, w):
        Q = self._Q[:, :self.length]
        for _ in range(2):      # twice is enough (W. Kahan)
            w = w - Q @ (Q.T @ w)
        return w


def _lanczos(product, size, rank, seed):
    chain = _Chain(product, size, seed)
    while True:
        chain.extend()
        done = chain.exhausted or chain.length == size
        if not done and (chain.length % LOOK or chain.length < (rank or 0)):
            continue
        values, S, residuals = chain.pairs()
        kept, others = _parted(values, rank)
        if done or _found(values, residuals, kept) and (rank or len(others)):
            dropped = _dropped(values, residuals, kept, others) if len(others) or not done else 0.0
            return Eigenpairs(values[kept], chain.vectors(S[:, kept]), residuals[kept], chain.length,
                              dropped)


def _parted(values, rank):
    """(numbers of those that are kept, of the others), by influence."""
    order = np.argsort(-influence(values), kind="stable")
    count = rank or max(1, int((influence(values) >= UNSEEN).sum()))
    return order[:count], order[count:]


def _found(values, residuals, kept):
    level = np.maximum(ACCURACY * (1.0 + np.abs(values[kept])),
                       ROUNDING * np.abs(values).max(initial=0.0))
    return bool((residuals[kept] <= level).all())


def _dropped(values, residuals, kept, others):
    """An eigenvalue is within the residual of its estimate, and the kept ones are larger."""
    least = float(influence(values[kept]).min())
    return min(least, float((influence(values) + residuals)[others].max())) if len(others) else least


# --- at random ---------------------------------------------------------------------------------
def _randomised(product, size, rank, seed):
    """Subspace iteration; without a rank the subspace is doubled until it holds what is to be kept."""
    rng, products, Y = np.random.default_rng(seed), 0, np.empty((size, 0))
    count = min(size, (rank or BLOCK) + OVERSAMPLING)
    for _ in range(PASSES + 1):
        if Y.shape[1] < count:
            memory.require(32 * size * count, f"{count} vectors of {size:,} parameters",
                           "take a smaller rank=")
            fresh = rng.normal(size=(size, count - Y.shape[1]))
            Y, products = np.hstack([Y, _products(product, fresh)]), products + fresh.shape[1]
        Q = scipy.linalg.qr(Y, mode="economic")[0]
        Y, products = _products(product, Q), products + count
        T = Q.T @ Y
        values, S = scipy.linalg.eigh(0.5 * (T + T.T))
        residuals = np.linalg.norm(Y @ S - Q @ (S * values), axis=0)
        kept, others = _parted(values, rank)
        if not rank and len(others) < OVERSAMPLING and count < size:
            count = min(size, 2 * count)
        elif _found(values, residuals, kept):
            break
    dropped = 0.0 if count == len(kept) == size else _dropped(values, residuals, kept, others)
    return Eigenpairs(values[kept], Q @ S[:, kept], residuals[kept], products, dropped)


def _products(product, V):
    return np.stack([product(v) for v in V.T], axis=1)
