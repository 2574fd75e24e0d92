"""The eigenpairs of a symmetric pencil K x = λ M x nearest to a shift: found, checked, none left out."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse.linalg as spla

from pcl import factor
from pcl.errors import InvalidCoefficient, NotConverged, SingularMatrix
from pcl.factor.entries import Entries
from pcl.factor.inertia import negative_eigenvalues
from pcl.support.validate import require_finite

# The shift below a semidefinite K, in units of the largest K_ii/M_ii: K − σM is definite, and σ mostly
# smaller than the eigenvalues asked for. Where it is not, a second shift is −1 times the largest found.
SHIFT = 1e-6

# Eigenvalues this small against the shift are zero to rounding.
ZERO = 1e-6

# Up to so many unknowns all eigenvalues are found, by dense linear algebra.
DENSE = 200

# Largest |Kx − λMx| of an accepted pair, relative to |K||x| + |λ||M||x|.
RESIDUAL = 1e-10

# Searches, each for twice as many pairs, before eigenvalues that are still missing are an error.
ATTEMPTS = 4


@dataclass(frozen=True)
class Found:
    """Eigenvalues ascending (m,), vectors (n, m) with XᵀMX = I, and the shift they are nearest to."""

    values: np.ndarray
    vectors: np.ndarray
    shift: float


class Pencil:
    """K − λM with K symmetric, M symmetric positive definite, CSC arrays.

    Raises
    ------
    ValueError
        A matrix is not symmetric.
    InvalidCoefficient
        M is not positive definite.
    """

    def __init__(self, K, M, solver="superlu"):
        self.K, self.M, self.solver, self.n = K, M, solver, K.shape[0]
        require_finite("K (its entries)", K.data)
        require_finite("M (its entries)", M.data)
        _require_symmetric("K", K)
        _require_symmetric("M", M)
        _require_positive(M)

    def smallest(self, count):
        """The `count` smallest eigenpairs of a semidefinite K as `Found`."""
        shift = -SHIFT * _scale(self.K, self.M)
        found = self.nearest(shift, count, lowest=True)
        largest = found.values.max()
        if ZERO * abs(shift) < largest < abs(shift):
            found = self.nearest(-largest, count, lowest=True)
        return found

    def nearest(self, shift, count, lowest=False):
        """The `count` pairs nearest to the shift as `Found`; `lowest`: refused if one is below it."""
        F = self._factor(shift)
        if self.n <= DENSE or 2 * count >= self.n:
            pairs = self._dense(F, shift, count)
        else:
            pairs = self._complete(F, shift, count, lowest)
        if lowest and pairs[0][0] < shift:
            raise _indefinite(f"the eigenvalue {pairs[0][0]:.8g}")
        values, vectors = _nearest(pairs, shift, count)
        self._check(values, vectors)
        return Found(values, vectors, shift)

    def _factor(self, shift):
        try:
            return factor.cached((self.K - shift * self.M).tocsc(), self.solver)
        except SingularMatrix as error:
            raise SingularMatrix(f"K − σM is singular for σ = {shift:.8g}: it is an eigenvalue. Take "
                                 "another sigma near to it.") from error

    def _dense(self, F, shift, count):
        """All pairs from the symmetric Lᵀ(K − σM)⁻¹L, M = LLᵀ, whose eigenvalues are 1/(λ − σ).

        Small λ − σ are accurate so; where the largest asked for are not, from L⁻¹KL⁻ᵀ.
        """
        L = np.linalg.cholesky(self.M.toarray())
        C = L.T @ F.solve(L)
        inverse, Y = scipy.linalg.eigh((C + C.T) / 2.0)
        pairs = _ordered(shift + 1.0 / inverse, scipy.linalg.solve_triangular(L.T, Y))
        if np.all(self._residuals(*_nearest(pairs, shift, count)) <= RESIDUAL):
            return pairs
        return scipy.linalg.eigh(self.K.toarray(), self.M.toarray())

    def _complete(self, F, shift, count, lowest):
        """At least `count` pairs by Lanczos' method; the inertia tells that none is left out."""
        wanted = count + 1
        for attempt in range(ATTEMPTS):
            values, vectors = self._lanczos(F, shift, min(wanted, self.n - 1), attempt)
            missing = self._missing(values, shift, count, lowest)
            if not missing:
                return values, vectors
            wanted = max(2 * wanted, wanted + missing)
        raise NotConverged(f"Lanczos' method leaves out eigenvalues near {shift:.6g}: after {ATTEMPTS} "
                           "searches their number is not that of the negative pivots. Ask for a few "
                           "more, or take another sigma.")

    def _lanczos(self, F, shift, count, seed):
        start = np.random.default_rng(seed).normal(size=self.n)
        inverse = spla.LinearOperator((self.n, self.n), dtype=float, matvec=lambda b: F.solve(b.ravel()))
        try:
            pairs = spla.eigsh(self.K, k=count, M=self.M, sigma=shift, OPinv=inverse, v0=start, tol=0.0,
                               ncv=min(self.n, max(2 * count + 1, 24)))
        except spla.ArpackNoConvergence as error:
            raise NotConverged(f"Lanczos' method found {len(error.eigenvalues)} of {count} eigenvalues "
                               f"near {shift:.6g}; ask for fewer, or give sigma.") from error
        return _ordered(*pairs)

    def _missing(self, values, shift, count, lowest):
        """How many eigenvalues as near to the shift as these are not among them, by negative pivots.

        Counted is within a radius in the widest gap between distances, at or beyond the one of number
        `count`; where pivots tell nothing the pairs are believed, as they are checked one by one.
        """
        distance = np.sort(np.abs(values - shift))
        if len(distance) <= count:
            return 1 + count - len(distance)
        j = count + int(np.argmax(np.diff(distance)[count - 1:]))
        radius = (distance[j - 1] + distance[j]) / 2.0
        above = self._number_below(shift + radius)
        below = 0 if lowest else self._number_below(shift - radius)
        if above is None or below is None or above - below == j:
            return 0
        if lowest and self._number_below(shift):
            raise _indefinite(f"{self._number_below(shift)} eigenvalues < 0")
        return abs(above - below - j)

    def _number_below(self, shift):
        return negative_eigenvalues(self.K - shift * self.M)

    def _residuals(self, values, vectors):
        """max |Kx − λMx| relative to max (|K||x| + |λ||M||x|), of each pair."""
        error = np.abs(self.K @ vectors - (self.M @ vectors) * values).max(axis=0)
        size = abs(self.K) @ np.abs(vectors) + (abs(self.M) @ np.abs(vectors)) * np.abs(values)
        return error / np.maximum(size.max(axis=0), np.finfo(float).tiny)

    def _check(self, values, vectors):
        """Refuse pairs whose residual is not that of rounding."""
        error = self._residuals(values, vectors)
        bad = np.flatnonzero(~(error <= RESIDUAL))
        if bad.size:
            raise NotConverged(f"the eigenvalue {values[bad[0]]:.8g} has a residual of "
                               f"{error[bad[0]]:.1e} relative to |K||x| + |λ||M||x|; at most "
                               f"{RESIDUAL:.0e} is accepted. Are the units of unknowns so different?")


def _nearest(pairs, shift, count):
    """The `count` pairs nearest to the shift, in the order given."""
    values, vectors = pairs
    places = np.sort(np.argsort(np.abs(values - shift), kind="stable")[:count])
    return values[places], vectors[:, places]


def _ordered(values, vectors):
    order = np.argsort(values, kind="stable")
    return values[order], vectors[:, order]


def _scale(K, M):
    largest = float(np.max(np.abs(K.diagonal()) / M.diagonal()))
    return largest if largest > 0.0 else 1.0


def _require_symmetric(name, matrix):
    if not Entries(matrix).is_symmetric():
        gap = abs(matrix - matrix.T).max()
        raise ValueError(f"{name} is not symmetric: entries differ from their mirror images by up to "
                         f"{gap:.3g}. Expected a symmetric matrix, whose eigenvalues are real.")


def _require_positive(M):
    diagonal = M.diagonal()
    bad = np.flatnonzero(~(diagonal > 0.0))
    if bad.size:
        raise InvalidCoefficient(f"M is not positive definite: {diagonal[bad[0]]:.3g} in place {bad[0]} "
                                 "of its "
                                 "diagonal. Expected a mass matrix with a positive density everywhere.")
    negative = negative_eigenvalues(M)
    if negative is None or negative:
        raise InvalidCoefficient(f"M is not positive definite: it has {negative or 'some'} eigenvalues "
                                 "≤ 0. Expected a mass matrix with a positive density.")


def _indefinite(what):
    return InvalidCoefficient(f"K is not positive semidefinite: it has {what}. Give sigma, and the "
                              "eigenvalues nearest to it are found.")
