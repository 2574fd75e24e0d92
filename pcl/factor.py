"""Sparse factorisations behind one small registry, and the cache that shares them."""

import contextlib
import contextvars
import functools
import warnings

import numpy as np
import scipy.sparse

from pcl.errors import NotConverged, NotFinite, SingularMatrix
from pcl.factor_amg import AMG
from pcl.factor_cholespy import Cholespy
from pcl.factor_entries import Entries as _Entries
from pcl.factor_superlu import SuperLU as _SuperLU
from pcl.structure import digest
from pcl.validate import known, require_free

# Reciprocal condition below which no digit of a solution is right: the unit roundoff of float64.
SINGULAR = np.finfo(np.float64).eps

# Backward error that a factorisation should reach; partial pivoting does.
ACCURATE = 1e-14

# Reciprocal condition below which a solution is reported to have lost most of its 16 digits.
NEARLY_SINGULAR = 1e-12

_solvers = {}


def register_solver(name, factorise):
    """Make `factorise(matrix, symmetric)` available as solver `name`.

    `matrix` is a square CSC array; `symmetric` says that its values are. The result must have, for b
    of shape (n,) or (n, k),

        solve(b, transpose)   A⁻¹b or A⁻ᵀb with a backward error near rounding
        estimate(b)           A⁻¹b to a few digits, as cheaply as it comes
        entries, nbytes       multiplications of one solve, and the memory held

    and may raise SingularMatrix or NotConverged, in making it and in `solve`. A small positive definite
    matrix is solved at once, to see that it does.

    Raises
    ------
    ValueError
        The name is taken, or the trial has another solution.
    TypeError
        `factorise` cannot be called, or its result lacks a part.
    """
    require_free("solver", name, _solvers)
    if not callable(factorise):
        raise TypeError(f"factorise is a {type(factorise).__name__}; expected a function "
                        "factorise(matrix, symmetric).")
    _try_out(name, factorise)
    _solvers[name] = factorise


def _try_out(name, factorise):
    A = np.diag(np.full(4, 3.0)) - np.eye(4, k=1) - np.eye(4, k=-1)
    factor = factorise(scipy.sparse.csc_array(A), True)
    missing = [part for part in ("solve", "estimate", "entries", "nbytes")
               if getattr(factor, part, None) is None]
    if missing:
        raise TypeError(f"solver {name!r} makes a {type(factor).__name__} without "
                        f"{', '.join(missing)}; expected solve, estimate, entries and nbytes.")
    for b in (np.arange(1.0, 5.0), np.arange(8.0).reshape(4, 2)):
        for transpose in (False, True):
            x = np.asarray(factor.solve(b, transpose))
            if x.shape != b.shape or not np.abs(A @ x - b).max() <= 1e-8 * np.abs(b).max():
                raise ValueError(f"solver {name!r} does not solve a positive definite 4×4 matrix with "
                                 f"b of shape {b.shape} and transpose={transpose}.")


def solvers():
    """The registered names."""
    return sorted(_solvers)


def backend(name):
    """What was registered under this name: `factorise` without its checks."""
    return _solvers[known("solver", name, _solvers)]


class Factor:
    """A⁻¹ as a value: `F.solve(b)` and `F.solve(b, transpose=True)`.

    Solves are counted in `counts.back_substitutions`, one a right-hand side; `entries` estimates the
    multiplications of one, `nbytes` is the memory held.
    """

    def __init__(self, backend, n, counts):
        self._backend, self.n, self._counts = backend, n, counts
        self.nbytes, self.entries = backend.nbytes, backend.entries

    def solve(self, b, transpose=False):
        self._counts.back_substitutions += 1 if b.ndim == 1 else b.shape[1]
        return self._backend.solve(b, transpose)


class Counts:
    """Numbers of factorisations and of back-substitutions (right-hand sides) so far."""

    def __init__(self):
        self.factorisations = 0
        self.back_substitutions = 0

    def __repr__(self):
        return (f"Counts(factorisations={self.factorisations}, "
                f"back_substitutions={self.back_substitutions})")


class FactorCache:
    """Factorisations by content: one a matrix.

    Between evaluations the factors of the last one are kept, so that matrices which do not
    change are not factorised again, as long as they hold at most `budget` bytes together. Within one,
    the latest factors are kept up to twice the budget, and up to twice the `capacity` if there is one:
    a march through many matrices does not hold them all.

    Attributes
    ----------
    counts : Counts
    solutions : dict
        Of equations that start from their last solution: {call: the last one found}.
    """

    def __init__(self, budget=256_000_000, capacity=None):
        self.counts, self.solutions = Counts(), {}
        self.budget, self.capacity = budget, capacity
        self._recent, self._older, self._recent_bytes = {}, {}, 0

    def new_evaluation(self):
        """Keep what the last evaluation used, within the budget; forget what it did not."""
        self._older = self._recent if self._recent_bytes <= self.budget else {}
        self._recent, self._recent_bytes = {}, 0

    def get(self, matrix, solver, pattern_key=None):
        """The factor of a CSC array; `pattern_key` saves reading its pattern again."""
        pattern_key = pattern_key or (matrix.shape, digest(matrix.indices, matrix.indptr))
        key = (pattern_key, solver, digest(matrix.data))
        factor = self._recent.get(key)
        if factor is None:
            if len(self._recent) == self.capacity or self._recent_bytes > self.budget:
                self._older, self._recent, self._recent_bytes = self._recent, {}, 0
            factor = self._recent[key] = self._older.get(key) or self._new(matrix, solver)
            self._recent_bytes += factor.nbytes
        return factor

    def _new(self, matrix, solver):
        backend = factorise(matrix, solver)
        self.counts.factorisations += 1
        return Factor(backend, matrix.shape[0], self.counts)


# Outside a Problem: the last few matrices, so that a gradient finds the factor of its state.
_cache = contextvars.ContextVar("pcl_factor_cache", default=FactorCache(capacity=8))


def cached(matrix, solver, pattern_key=None):
    """The factor of a CSC array from the cache in use."""
    return _cache.get().get(matrix, solver, pattern_key)


def in_use():
    """The cache in use."""
    return _cache.get()


@contextlib.contextmanager
def using(cache):
    """Share factorisations through `cache` inside the block."""
    token = _cache.set(cache)
    try:
        yield
    finally:
        _cache.reset(token)


def factorise(matrix, solver="superlu"):
    """Factorise a square CSC array with a registered solver, refusing what is singular.

    Raises
    ------
    NotFinite
        An entry is NaN or infinite.
    SingularMatrix
        Constants on a connected component are in the null space (a diffusion problem without
        Dirichlet value there), a pivot is zero, the solver needs a positive definite matrix and this
        is none, or the reciprocal condition number of the matrix scaled to rows and columns of
        maximum 1 is estimated below the unit roundoff.
    NotConverged
        An iterative solver does not reach its tolerance.
    ValueError
        The solver needs a symmetric matrix and this is none.
    ImportError
        The solver's package is not installed.

    Warns
    -----
    RuntimeWarning
        That estimate is below `NEARLY_SINGULAR`.
    """
    make, n = backend(solver), matrix.shape[0]
    if not np.isfinite(matrix.data).all():
        raise NotFinite(f"the matrix has {np.count_nonzero(~np.isfinite(matrix.data))} entries that are "
                        "NaN or infinite; look at the coefficients it is assembled from.")
    entries = _Entries(matrix)
    try:
        factor, rcond = _accurate(make, matrix, entries)
    except (SingularMatrix, NotConverged):
        entries.explain_null_space()
        raise
    if not rcond > NEARLY_SINGULAR:
        entries.explain_null_space()
    if not rcond > SINGULAR:
        raise SingularMatrix(f"the {n}×{n} matrix is singular to working precision (estimated reciprocal "
                             f"condition {rcond:.1e} after scaling). Is a Dirichlet condition missing?")
    if rcond < NEARLY_SINGULAR:
        _warn_nearly_singular(n, rcond)
    return factor


def _accurate(make, matrix, entries):
    """The factorisation, and its estimated reciprocal condition."""
    symmetric = entries.is_symmetric()
    factor = make(matrix, symmetric)
    rcond, error = _probe(matrix, factor, entries)
    if symmetric and make is _SuperLU and not error <= ACCURATE:
        # Diagonal pivots do for positive definite matrices, not for every symmetric one.
        factor = make(matrix, False)
        rcond, _ = _probe(matrix, factor, entries)
    return factor, rcond


def _warn_nearly_singular(n, rcond):
    digits = int(np.ceil(-np.log10(rcond)))  # rounded, so that one text stands for many points
    warnings.warn(f"the {n}×{n} matrix is nearly singular (estimated reciprocal condition about "
                  f"1e-{digits} after scaling): up to {digits} of 16 digits of the solution are lost. "
                  "Scale the unknowns, or look for a part that is hardly held.", RuntimeWarning,
                  stacklevel=2)


def _probe(matrix, factor, entries):
    """Reciprocal condition and backward error of a factorisation, from two solves.

    The first is an estimate of 1/(‖Â‖·‖Â⁻¹‖) in the maximum norm, Â = R⁻¹ A C⁻¹ scaled as in
    `_scales`; the second max |Ax − b| / max(|A||x| + |b|).

    The scaling makes it blind to jumps of a coefficient, which do no harm. Two probes p of random
    signs and sizes bound ‖Â⁻¹‖ ≥ ‖Â⁻¹p‖/‖p‖, in practice within a small factor. Signs alone can be
    orthogonal to a null vector; sizes drawn from a continuum are so with probability 0.
    """
    probes = _random_probes(matrix.shape[0])
    with np.errstate(all="ignore"):
        rows, cols = _scales(entries)
        b = rows[:, None] * probes
        x = factor.estimate(b)
        inverse = (np.abs(cols[:, None] * x).max(axis=0) / np.abs(probes).max(axis=0)).max()
        norm = (entries.absolute @ (1.0 / cols) / rows).max()
        size = (entries.absolute @ np.abs(x) + np.abs(b)).max(axis=0)
        error = (np.abs(matrix @ x - b).max(axis=0) / size).max()
        return 1.0 / (norm * inverse), error


@functools.lru_cache(maxsize=4)
def _random_probes(n):
    rng = np.random.default_rng(0)
    probes = rng.choice([-1.0, 1.0], (n, 2)) * rng.uniform(0.5, 1.5, (n, 2))
    probes.setflags(write=False)
    return probes


def _scales(entries):
    """(r, c) such that the largest |a_ij|/(r_i c_j) is at most 1 in rows and 1 in columns.

    First r = c = √|diag A|, which keeps symmetry and ends there for a positive definite A; then the
    maxima that are left, by rows and by columns.
    """
    i, j = entries.i, entries.j
    root = np.sqrt(np.abs(entries.matrix.diagonal()))
    root[root == 0.0] = 1.0
    left = entries.size / root[i] / root[j]
    row = entries.largest(left, i)
    return root * row, root * entries.largest(left / row[i], j)


_solvers.update(superlu=_SuperLU, cholespy=Cholespy, amg=AMG)
