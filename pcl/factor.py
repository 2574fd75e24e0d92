"""Sparse factorisations behind one small registry, and the cache that shares them."""

import contextlib
import contextvars
import warnings

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from pcl.errors import NotFinite, SingularMatrix
from pcl.structure import digest
from pcl.validate import known

# Reciprocal condition below which no digit of a solution is right: the unit roundoff of float64.
SINGULAR = np.finfo(np.float64).eps

# Backward error that a factorisation should reach; partial pivoting does.
ACCURATE = 1e-14

# Reciprocal condition below which a solution is reported to have lost most of its 16 digits.
NEARLY_SINGULAR = 1e-12

# Row sums this small against Σ|a_ij| mean that constants are in the null space.
ROUNDING = 1e-12

# Right-hand sides that SuperLU solves at a time: more of them leave the cache (measured on
# 10,000 unknowns and 921 right-hand sides: 16 to 32 columns are 2.5 times faster than all).
COLUMNS = 24

_solvers = {}


def register(name, factorise):
    """Make `factorise(matrix, symmetric)` available as solver `name`.

    `matrix` is a square CSC array; `symmetric` says that its values are. The result must have
    `solve(b, transpose)` for b of shape (n,) or (n, k), and `nbytes`, the memory it holds. It may
    raise SingularMatrix.
    """
    _solvers[name] = factorise


def solvers():
    """The registered names."""
    return sorted(_solvers)


class Factor:
    """A⁻¹ as a value: `F.solve(b)` and `F.solve(b, transpose=True)`.

    Solves are counted in `counts.back_substitutions`, one a right-hand side; `entries` estimates the
    multiplications of one.
    """

    def __init__(self, backend, n, counts):
        self._backend, self.n, self._counts = backend, n, counts
        self.nbytes = backend.nbytes
        self.entries = backend.nbytes // 12

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
    change are not factorised again, as long as they hold at most `budget` bytes together. With a
    `capacity`, every so many matrices count as one evaluation.
    """

    def __init__(self, budget=256_000_000, capacity=None):
        self.counts = Counts()
        self.budget, self.capacity = budget, capacity
        self._recent, self._older = {}, {}

    def new_evaluation(self):
        """Keep what the last evaluation used, within the budget; forget what it did not."""
        size = sum(f.nbytes for f in self._recent.values())
        self._older = self._recent if size <= self.budget else {}
        self._recent = {}

    def get(self, matrix, solver, pattern_key=None):
        """The factor of a CSC array; `pattern_key` saves reading its pattern again."""
        pattern_key = pattern_key or (matrix.shape, digest(matrix.indices, matrix.indptr))
        key = (pattern_key, solver, digest(matrix.data))
        if key not in self._recent:
            if len(self._recent) == self.capacity:
                self.new_evaluation()
            self._recent[key] = self._older.get(key) or self._new(matrix, solver)
        return self._recent[key]

    def _new(self, matrix, solver):
        backend = factorise(matrix, solver)
        self.counts.factorisations += 1
        return Factor(backend, matrix.shape[0], self.counts)


# Outside a Problem: the last few matrices, so that a gradient finds the factor of its state.
_cache = contextvars.ContextVar("pcl_factor_cache", default=FactorCache(capacity=8))


def cached(matrix, solver, pattern_key=None):
    """The factor of a CSC array from the cache in use."""
    return _cache.get().get(matrix, solver, pattern_key)


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
        Dirichlet value there), a pivot is zero, or the reciprocal condition number of the
        matrix scaled to rows and columns of maximum 1 is estimated below the unit roundoff.

    Warns
    -----
    RuntimeWarning
        That estimate is below `NEARLY_SINGULAR`.
    """
    known("solver", solver, _solvers)
    n = matrix.shape[0]
    if not np.isfinite(matrix.data).all():
        raise NotFinite(f"the matrix has {np.count_nonzero(~np.isfinite(matrix.data))} entries that are "
                        "NaN or infinite; look at the coefficients it is assembled from.")
    entries = _Entries(matrix)
    try:
        backend, rcond = _accurate_backend(matrix, solver, entries)
    except SingularMatrix:
        _explain_null_space(matrix, entries)
        raise
    if not rcond > NEARLY_SINGULAR:
        _explain_null_space(matrix, entries)
    if not rcond > SINGULAR:
        raise SingularMatrix(f"the {n}×{n} matrix is singular to working precision (estimated reciprocal "
                             f"condition {rcond:.1e} after scaling). Is a Dirichlet condition missing?")
    if rcond < NEARLY_SINGULAR:
        _warn_nearly_singular(n, rcond)
    return backend


def _accurate_backend(matrix, solver, entries):
    """The factorisation, and its estimated reciprocal condition."""
    symmetric = _is_symmetric(matrix, entries)
    backend = _solvers[solver](matrix, symmetric)
    rcond, error = _probe(matrix, backend, entries)
    if symmetric and solver == "superlu" and not error <= ACCURATE:
        # Diagonal pivots do for positive definite matrices, not for every symmetric one.
        backend = _SuperLU(matrix, False)
        rcond, _ = _probe(matrix, backend, entries)
    return backend, rcond


def _warn_nearly_singular(n, rcond):
    digits = int(np.ceil(-np.log10(rcond)))  # rounded, so that one text stands for many points
    warnings.warn(f"the {n}×{n} matrix is nearly singular (estimated reciprocal condition about "
                  f"1e-{digits} after scaling): up to {digits} of 16 digits of the solution are lost. "
                  "Scale the unknowns, or look for a part that is hardly held.", RuntimeWarning,
                  stacklevel=2)


class _Entries:
    """The entries of a CSC array as plain arrays: row i, column j, value, size |value|."""

    def __init__(self, matrix):
        self.n = matrix.shape[0]
        self.i, self.value = matrix.indices, matrix.data
        self.j = np.repeat(np.arange(self.n), np.diff(matrix.indptr))
        self.size = np.abs(self.value)

    def row_sums(self, weights):
        """Σ_j of `weights`, given entry by entry."""
        return np.bincount(self.i, weights, self.n)

    def largest(self, entries, number):
        """The largest of the entries that share a number; 1 instead of 0."""
        largest = np.zeros(self.n)
        np.maximum.at(largest, number, entries)
        return np.where(largest > 0.0, largest, 1.0)


def _is_symmetric(matrix, entries):
    """Whether A = Aᵀ up to the rounding of an assembly: relative to the rows that an entry joins."""
    rows = np.sqrt(entries.largest(entries.size, entries.i))
    by_rows, i, j = matrix.tocsr(), entries.i, entries.j
    if np.array_equal(by_rows.indptr, matrix.indptr) and np.array_equal(by_rows.indices, i):
        difference = by_rows.data - matrix.data
    else:  # the patterns differ, perhaps by stored zeros only
        unmatched = (matrix - matrix.T).tocoo()
        (i, j), difference = unmatched.coords, unmatched.data
    return bool(np.all(np.abs(difference) <= 1e-14 * rows[i] * rows[j]))


def _explain_null_space(matrix, entries):
    """Raise SingularMatrix naming the unknown or the component, where the cause can be seen."""
    n = matrix.shape[0]
    size = entries.row_sums(entries.size)
    empty = np.flatnonzero(size == 0.0)
    if empty.size:
        raise SingularMatrix(f"row {empty[0]} of the {n}×{n} matrix is zero: this unknown is in no "
                             "equation.")
    balanced = np.abs(entries.row_sums(entries.value)) <= ROUNDING * size
    if not balanced.any():
        return
    count, component = sp.csgraph.connected_components(matrix, directed=False)
    free = np.flatnonzero(np.bincount(component, ~balanced, minlength=count) == 0)
    if free.size:
        first = int(np.flatnonzero(component == free[0])[0])
        raise SingularMatrix(
            f"singular: component {free[0]} of {count} (the one with unknown {first}) has no Dirichlet "
            "value, so its solution is known only up to a constant. Prescribe a value on it.")


def _probe(matrix, backend, entries):
    """Reciprocal condition and backward error of a factorisation, from two solves.

    The first is an estimate of 1/(‖Â‖·‖Â⁻¹‖) in the maximum norm, Â = R⁻¹ A C⁻¹ scaled as in
    `_scales`; the second max |Ax − b| / max(|A||x| + |b|).

    The scaling makes it blind to jumps of a coefficient, which do no harm. Two probes p of random
    signs and sizes bound ‖Â⁻¹‖ ≥ ‖Â⁻¹p‖/‖p‖, in practice within a small factor. Signs alone can be
    orthogonal to a null vector; sizes drawn from a continuum are so with probability 0.
    """
    rng = np.random.default_rng(0)
    shape = matrix.shape[0], 2
    probes = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)
    with np.errstate(all="ignore"):
        rows, cols = _scales(entries)
        b = rows[:, None] * probes
        x = backend.solve(b, False)
        inverse = (np.abs(cols[:, None] * x).max(axis=0) / np.abs(probes).max(axis=0)).max()
        norm = (entries.row_sums(entries.size / cols[entries.j]) / rows).max()
        error = max(_backward_error(matrix, entries, x[:, k], b[:, k]) for k in range(2))
        return 1.0 / (norm * inverse), error


def _backward_error(matrix, entries, x, b):
    """max |Ax − b| / max(|A||x| + |b|)."""
    size = entries.row_sums(entries.size * np.abs(x)[entries.j]) + np.abs(b)
    return np.abs(matrix @ x - b).max() / size.max()


def _scales(entries):
    """(r, c) such that the largest |a_ij|/(r_i c_j) is at most 1 in rows and 1 in columns.

    First r = c = √|diag A|, which keeps symmetry and ends there for a positive definite A; then the
    maxima that are left, by rows and by columns.
    """
    i, j = entries.i, entries.j
    root = np.sqrt(entries.row_sums(np.where(i == j, entries.size, 0.0)))
    root[root == 0.0] = 1.0
    left = entries.size / root[i] / root[j]
    row = entries.largest(left, i)
    return root * row, root * entries.largest(left / row[i], j)


class _SuperLU:
    def __init__(self, matrix, symmetric):
        options = {}
        if symmetric:
            options = dict(permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.001,
                           options=dict(SymmetricMode=True))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", spla.MatrixRankWarning)
                self._lu = spla.splu(sp.csc_matrix(matrix), **options)
        except (RuntimeError, spla.MatrixRankWarning) as error:
            raise SingularMatrix(f"SuperLU: {error}. Is a Dirichlet condition missing, or a "
                                 "coefficient zero on a patch?") from error

        self.nbytes = 12 * self._lu.nnz  # a value and a row number an entry of L and U

    def solve(self, b, transpose):
        trans = "T" if transpose else "N"
        if b.ndim == 1:
            return self._lu.solve(b, trans)
        x = np.empty(b.shape)
        for start in range(0, b.shape[1], COLUMNS):
            columns = slice(start, start + COLUMNS)
            x[:, columns] = self._lu.solve(np.asfortranarray(b[:, columns]), trans)
        return x


class _Cholespy:
    def __init__(self, matrix, symmetric):
        cholespy = _optional("cholespy")
        if not symmetric:
            raise ValueError("solver 'cholespy' needs a symmetric matrix; use solver='superlu'.")
        coo = matrix.tocoo()
        rows, cols = (c.astype(np.int32) for c in coo.coords)
        try:
            self._solver = cholespy.CholeskySolverD(
                matrix.shape[0], rows, cols, coo.data, cholespy.MatrixType.COO)
        except (RuntimeError, ValueError) as error:
            raise SingularMatrix(f"cholespy: {error}. A matrix that is not positive definite needs "
                                 "solver='superlu'.") from error

        self.nbytes = 10 * 12 * matrix.nnz  # the fill is not reported: a factor of ten is typical

    def solve(self, b, transpose):
        columns = np.array(b.reshape(len(b), -1), order="C")  # it takes no read-only arrays
        x = np.empty_like(columns)
        self._solver.solve(columns, x)
        return x.reshape(b.shape)


def _optional(module):
    try:
        return __import__(module)
    except ImportError as error:
        raise ImportError(f"solver {module!r} needs the package of that name, which is not installed. "
                          f"Run `pip install {module}`, or use solver='superlu'.") from error


register("superlu", _SuperLU)
register("cholespy", _Cholespy)
