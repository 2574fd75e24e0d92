"""Conjugate gradients with algebraic multigrid: large symmetric positive definite systems.

pyamg, an optional package, makes the hierarchy; the iteration and its checks stand here.
"""

import numpy as np
import scipy.linalg as sla
import scipy.sparse as sp

from pcl.errors import NotConverged, SingularMatrix
from pcl.support.optional import optional
from pcl.support.types import Array

# The iteration ends when √(rᵀM⁻¹r), about the energy norm of the error, has fallen by this factor.
REDUCTION = 1e-13

# The same for estimates: below the share 1/√n that a null vector has in a random vector.
ROUGH = 1e-6

# Largest max|b − Ax| / max(|A||x| + |b|) of an accepted solution, with r = b − Ax computed anew.
BACKWARD_ERROR = 1e-12

# Corrections A d = b − Ax of a solution that is not accepted yet.
CORRECTIONS = 3

# Iterations of one solve; ten to fifty are typical.
ITERATIONS = 500

# The coarsest matrix is factorised densely, in a millisecond, if it has so few rows.
COARSEST = 500


class AMG:
    """x with A x = b by conjugate gradients, preconditioned by one V-cycle M⁻¹ a step.

    The hierarchy is that of Ruge and Stüben (classical coarsening and interpolation, Galerkin
    products), smoothed by a forward Gauss–Seidel sweep before and a backward one after, so that M is
    symmetric. Its memory is a few times that of A, its set-up costs about as much as one solve.

    Every solution is checked with its true residual b − Ax: a relative backward error above
    `BACKWARD_ERROR` after `CORRECTIONS` further solves raises NotConverged. Mostly it is near 1e-14:
    values, gradients and Hessians equal those of a direct solver to about 1e-9 relative (1e-16 times
    the condition number, times ten). Columns of b are solved for one after the other, at 10 to 50
    cycles each: with hundreds of them, as in a dense Hessian, a factorisation is cheaper.

    Raises
    ------
    ValueError
        A is not symmetric.
    SingularMatrix
        A is seen not to be positive definite: a diagonal entry or a curvature pᵀAp that is not
        positive, or a coarsest matrix without Cholesky factor. It may be indefinite or singular.

    Notes
    -----
    Source: Ruge, Stüben, Algebraic multigrid (1987); Hestenes, Stiefel (1952).
    """

    def __init__(self, matrix, symmetric):
        if not symmetric:
            raise ValueError("solver 'amg' needs a symmetric matrix; use solver='superlu'.")
        optional("pyamg", "amg")
        A = sp.csr_matrix(matrix.T)  # Aᵀ = A: compressed columns are read as rows
        self._matrix = A if A.has_canonical_format else _canonical(A)
        self._absolute = abs(self._matrix)
        _require_positive(self._matrix.diagonal())
        self._cycle = _Cycle(self._matrix)
        self.entries = 20 * self._cycle.entries
        self.nbytes = self._cycle.nbytes

    def solve(self, b: Array, transpose: bool) -> Array:
        return self._each_column(self._checked_solution, b)

    def estimate(self, b: Array) -> Array:
        return self._each_column(lambda c: self._conjugate_gradients(c, ROUGH), b)

    @staticmethod
    def _each_column(solution, b):
        columns = b.reshape(len(b), -1)
        x = np.empty_like(columns)
        for k, column in enumerate(columns.T):
            size = np.abs(column).max(initial=0.0)
            finite = 0.0 < size < np.inf                           # b = 0 has x = 0, NaN has NaN
            x[:, k] = size * solution(column / size) if finite else 0.0 * size
        return x.reshape(b.shape)

    def _checked_solution(self, b):
        x = self._conjugate_gradients(b, REDUCTION)
        for _ in range(CORRECTIONS):
            r = b - self._matrix @ x
            if self._backward_error(r, x, b) <= BACKWARD_ERROR:
                return x
            x = x + self._conjugate_gradients(r, REDUCTION)
        error = self._backward_error(b - self._matrix @ x, x, b)
        if error <= BACKWARD_ERROR:
            return x
        raise NotConverged(f"solver 'amg' leaves a residual of {error:.1e} relative to |A||x| + |b|; at "
                           f"most {BACKWARD_ERROR:.0e} is accepted. Is the matrix singular? Else use "
                           "solver='superlu'.")

    def _backward_error(self, residual, x, b):
        return np.abs(residual).max() / (self._absolute @ np.abs(x) + np.abs(b)).max()

    def _conjugate_gradients(self, b, reduction):
        """x with √(rᵀM⁻¹r) reduced by `reduction`, from x = 0."""
        x, r, p = np.zeros_like(b), b.copy(), np.zeros_like(b)
        z = self._cycle(r)
        rz = first = _squared(r, z)
        for _ in range(ITERATIONS):
            p += z
            q = self._matrix @ p
            step = rz / _curvature(p, q)
            x += step * p
            r -= step * q
            z = self._cycle(r)
            rz, last = _squared(r, z), rz
            if rz <= reduction ** 2 * first:
                return x
            p *= rz / last
        raise NotConverged(f"solver 'amg' reduced the residual only by {np.sqrt(rz / first):.1e} in "
                           f"{ITERATIONS} iterations; {reduction:.0e} was asked for. Is the matrix "
                           "singular? Else use solver='superlu'.")


class _Cycle:
    """r ↦ M⁻¹ r, one V-cycle from zero; symmetric and positive definite."""

    def __init__(self, matrix):
        import pyamg
        from pyamg.relaxation.relaxation import gauss_seidel
        hierarchy = pyamg.ruge_stuben_solver(matrix, max_levels=40, max_coarse=COARSEST)
        self._levels = [(level.A, level.P, level.R) for level in hierarchy.levels[:-1]]
        self._sweep, self._last = gauss_seidel, hierarchy.levels[-1].A
        self._cholesky = _cholesky(self._last) if self._last.shape[0] <= COARSEST else None
        kept = [m for level in self._levels for m in level] + [self._last]
        self.entries = sum(m.nnz for m in kept)
        self.nbytes = 12 * self.entries

    def __call__(self, r):
        return self._descend(0, r)

    def _descend(self, number, r):
        if number == len(self._levels):
            return self._coarsest(r)
        A, P, R = self._levels[number]
        z = np.zeros_like(r)
        self._sweep(A, z, r, sweep="forward")
        z += P @ self._descend(number + 1, R @ (r - A @ z))
        self._sweep(A, z, r, sweep="backward")
        return z

    def _coarsest(self, r):
        """A⁻¹ r; a symmetric sweep where no coarser matrix could be made (hardly coupled unknowns)."""
        if self._cholesky is not None:
            return sla.cho_solve(self._cholesky, r, check_finite=False)
        z = np.zeros_like(r)
        self._sweep(self._last, z, r, sweep="symmetric")
        return z


def _canonical(matrix):
    """A copy with sorted entries, one a place."""
    matrix = matrix.copy()
    matrix.sum_duplicates()
    return matrix


def _cholesky(matrix):
    try:
        return sla.cho_factor(matrix.toarray())
    except np.linalg.LinAlgError as error:
        raise _not_definite("no Cholesky factor of the coarsest matrix") from error


def _require_positive(diagonal):
    bad = np.flatnonzero(~(diagonal > 0.0))
    if bad.size:
        raise _not_definite(f"{diagonal[bad[0]]:.3g} in place {bad[0]} of the diagonal")


def _curvature(p, q):
    """pᵀq for q = A p, refused unless positive."""
    value = float(p @ q)
    if not 0.0 < value < np.inf:
        raise _not_definite(f"a direction of curvature {value:.1e}")
    return value


def _squared(r, z):
    """rᵀz for z = M⁻¹ r, refused if negative."""
    value = float(r @ z)
    if not 0.0 <= value < np.inf:
        raise _not_definite(f"a preconditioned residual of square {value:.1e}")
    return value


def _not_definite(what):
    return SingularMatrix(f"the matrix is not positive definite: solver 'amg' finds {what}. Use "
                          "solver='superlu' if it need not be.")
