"""Sparse factorisation that refuses what is singular."""

import functools
import warnings

import numpy as np

from pcl.errors import NotConverged, NotFinite, SingularMatrix
from pcl.factor.amg import AMG
from pcl.factor.cholespy import Cholespy
from pcl.factor.entries import Entries as _Entries
from pcl.factor.null_space import described, is_rounding, null_space
from pcl.factor.registry import _solvers, backend
from pcl.factor.superlu import SuperLU as _SuperLU
from pcl.factor.watch import Judged

# Reciprocal condition below which no digit of a solution is right: the unit roundoff of float64.
SINGULAR = np.finfo(np.float64).eps

# Backward error that a factorisation should reach; partial pivoting does.
ACCURATE = 1e-14

# Reciprocal condition below which a solution is reported to have lost most of its 16 digits.
NEARLY_SINGULAR = 1e-12


def factorise(matrix, solver="superlu", watch=None):
    """Factorise a square CSC array with a registered solver, refusing what is singular.

    `watch`, a `pcl.factor.watch.Watch` of its pattern, saves most of the checks where they were made
    of a matrix like this.

    Raises
    ------
    NotFinite
        An entry is NaN or infinite.
    SingularMatrix
        Constants on a connected component are in the null space (a diffusion problem without
        Dirichlet value there), a pivot is zero, the solver needs a positive definite matrix and this
        is none, or the reciprocal condition number of the matrix scaled to rows and columns of
        maximum 1 is estimated below the unit roundoff, or a vector is annihilated to rounding.
        `null_space` of the error holds what A annihilates.
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
    found = _spot_checked(matrix, watch)
    if found is not None:
        return found
    entries = _Entries(matrix)
    try:
        factor, judged = _accurate(make, matrix, entries)
    except NotConverged:
        entries.explain_null_space()
        raise
    except SingularMatrix as error:
        raise _refusal(str(error), entries) from error
    rcond = judged.rcond
    if not rcond > SINGULAR:
        raise _refusal(f"the {n}×{n} matrix is singular to working precision (estimated reciprocal "
                       f"condition {rcond:.1e} after scaling).", entries)
    if not rcond > NEARLY_SINGULAR:
        _judge_nearly_singular(entries, rcond)
    elif watch is not None:
        watch.judged = judged
    return factor


def _spot_checked(matrix, watch):
    """The factorisation where the watch lets it pass; None if everything has to be looked at."""
    if watch is None or watch.judged is None:
        return None
    try:
        return watch.factor(matrix, _random_probes(matrix.shape[0])[:, 0], NEARLY_SINGULAR)
    except (SingularMatrix, NotConverged):
        return None


def _judge_nearly_singular(entries, rcond):
    """Refuse what annihilates a vector to rounding; else a warning says how many digits are lost."""
    null = null_space(entries.matrix, *_scales(entries))
    if null is not None and is_rounding(entries.matrix, null, *_scales(entries)):
        raise _refusal(f"the {entries.n}×{entries.n} matrix annihilates a vector to rounding.", entries)
    entries.explain_null_space()
    _warn_nearly_singular(entries.n, rcond)


def _refusal(message, entries):
    """The refusal of a singular matrix, with its null space and a sentence on it.

    Constants on a component are the cause only where there are no further null vectors: those of a body
    without supports are rotations too.
    """
    null = null_space(entries.matrix, *_scales(entries))
    try:
        entries.explain_null_space()
    except SingularMatrix as known:
        if null is None or known.null_space is None or null.shape[1] <= known.null_space.shape[1]:
            return known
    return SingularMatrix(f"{message} {described(null)}", null_space=null)


def _accurate(make, matrix, entries):
    """The factorisation, and what is found of it."""
    symmetric = entries.is_symmetric()
    with np.errstate(all="ignore"):
        scales = _scales(entries)
    factor = make(matrix, symmetric)
    rcond, error = _probe(matrix, factor, entries, scales)
    direct = symmetric and make is _SuperLU
    if direct and not error <= ACCURATE:
        # Diagonal pivots do for positive definite matrices, not for every symmetric one.
        direct = symmetric = False
        factor = make(matrix, False)
        rcond, _ = _probe(matrix, factor, entries, scales)
    again = factor.again if make is _SuperLU else lambda another: make(another, symmetric)
    return factor, Judged(again, symmetric, ACCURATE if direct else np.inf, rcond, *scales)


def _warn_nearly_singular(n, rcond):
    digits = int(np.ceil(-np.log10(rcond)))  # rounded, so that one text stands for many points
    warnings.warn(f"the {n}×{n} matrix is nearly singular (estimated reciprocal condition about "
                  f"1e-{digits} after scaling): up to {digits} of 16 digits of the solution are lost. "
                  "Scale the unknowns, or look for a part that is hardly held.", RuntimeWarning,
                  stacklevel=2)


def _probe(matrix, factor, entries, scales):
    """Reciprocal condition and backward error of a factorisation, from two solves.

    The first is an estimate of 1/(‖Â‖·‖Â⁻¹‖) in the maximum norm, Â = R⁻¹ A C⁻¹ scaled as in
    `_scales`; the second max |Ax − b| / max(|A||x| + |b|).

    The scaling makes it blind to jumps of a coefficient, which do no harm. Two probes p of random
    signs and sizes bound ‖Â⁻¹‖ ≥ ‖Â⁻¹p‖/‖p‖, in practice within a small factor. Signs alone can be
    orthogonal to a null vector; sizes drawn from a continuum are so with probability 0.
    """
    probes = _random_probes(matrix.shape[0])
    with np.errstate(all="ignore"):
        rows, cols = scales
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
