"""Sparse KKT backends: LDLᵀ with inertia by the package feral-solver (MIT), or SuperLU without one."""

import importlib.util
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from pcl.interior_point.kkt.dense import HELD
from pcl.interior_point.kkt.pattern import Pattern, stored
from pcl.support.optional import optional

_LARGE = 20000      # size from which feral chooses the ordering; with rows "amd" takes 0.7 to 1.0 of its
#                     time below, without rows (grids) up to 1.2
_EPSILON = 1e-8     # perturbation of the diagonal for SuperLU


def feral_is_installed():
    """True if the package feral-solver (module `feral`) can be imported."""
    return importlib.util.find_spec("feral") is not None


class _SparseKKT:
    """Assembly shared by the sparse backends; each factorises the entries of K its own way."""

    _base: np.ndarray

    def __init__(self, W=None, J=None):
        """W, J: matrices whose pattern later ones will have, if known."""
        self._last: tuple | None = None
        self._pattern: Any = None
        self.analysed = 0
        if J is not None and 0 not in J.shape:
            self._assemble(W, J)
            self._last = None

    def _factorised(self, values, held):
        raise NotImplementedError

    def factor(self, W: Any, J: Any, d_x: np.ndarray, d_c: np.ndarray) -> Any:
        """A factorised K; see `pcl.interior_point.kkt.protocol.KKT`."""
        if self._last is None or self._last[0] is not W or self._last[1] is not J:
            self._assemble(W, J)
        values = self._base.copy()
        d = np.concatenate([d_x, -d_c])
        values[self._pattern.diagonal] += d
        held = np.abs(d) >= HELD
        if held.any():
            values[self._pattern.touched(held)] = 0.0
            values[self._pattern.diagonal[held]] = np.sign(d[held])
        return self._factorised(values, np.flatnonzero(held))

    def _assemble(self, W, J):
        in_W, in_J = None if W is None else stored(W), stored(J)
        if self._pattern is None or not self._pattern.fits(in_W, in_J):
            self._pattern = Pattern(in_W, in_J, J.shape)
            self.analysed += 1
        self._base = self._pattern.values(in_W, in_J)
        self._last = (W, J)


class FeralKKT(_SparseKKT):
    """Multifrontal LDLᵀ of feral-solver: exact inertia, one symbolic analysis a pattern."""

    def __init__(self, W=None, J=None):
        super().__init__(W, J)
        self._feral = optional("feral", "sparse")
        self._solver: Any = None
        self._made = None

    def _factorised(self, values, held):
        pattern = self._pattern
        if not np.isfinite(values).all():
            return _Unusable()
        if self._made is not pattern:
            ordering = "amd" if pattern.n < pattern.size < _LARGE else "auto"
            self._solver = self._feral.Solver(parallel=False, ordering=ordering)
            self._matrix = self._feral.CscMatrix.from_triplet(
                pattern.size, pattern.row, pattern.col, values)
            self._made = pattern
        else:
            self._matrix.set_values(values)
        try:
            self._solver.factor(self._matrix)
        except self._feral.FeralError:
            return _Unusable()
        return _FeralFactor(self, self._solver.inertia, values, held)


class _Unusable:
    right_inertia, singular = False, True


class _FeralFactor:
    """A factor lives in the solver; one that was overtaken by a later one is made again for a solve."""

    def __init__(self, owner, inertia, values, held):
        self._owner, self._held, self._n = owner, held, owner._pattern.n
        self._values = values
        owner.current = self
        counts = _counts(inertia)
        self.singular = counts[2] > 0
        self.right_inertia = counts == (self._n, owner._pattern.size - self._n, 0)

    def solve(self, r_x: np.ndarray, r_c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(dx, dλ)."""
        if self._owner.current is not self:
            self._owner._matrix.set_values(self._values)
            self._owner._solver.factor(self._owner._matrix)
            self._owner.current = self
        b = np.concatenate([r_x, r_c])
        b[self._held] = 0.0
        x = self._owner._solver.solve(b)
        return x[:self._n], x[self._n:]


def _counts(inertia):
    return inertia.n_pos, inertia.n_neg, inertia.n_zero


class SuperLUKKT(_SparseKKT):
    """SuperLU with pivots kept on the diagonal: the signs of U's diagonal are the inertia of K.

    With diagonal pivots P K Pᵀ = L U and U = D Lᵀ, so Sylvester's law applies. S K S + diag(ε I, −ε I)
    is factorised, S the scale of the rows of J, ε = 1e-8, so that no diagonal pivot is zero (Vanderbei
    1995, quasidefinite matrices); the refinement on K takes the perturbation out. Eigenvalues of S K S
    below ε are not told from zero, and a factor where SuperLU left the diagonal counts as of the wrong
    inertia. Slower and less sure than LDLᵀ.
    """

    def _factorised(self, values, held):
        pattern = self._pattern
        scale = pattern.scale(values)
        values *= scale[pattern.row] * scale[pattern.col]
        values[pattern.diagonal] += np.where(np.arange(pattern.size) < pattern.n, _EPSILON, -_EPSILON)
        lower = sp.csc_array((values, pattern.row, pattern.indptr),
                             shape=(pattern.size, pattern.size))
        K = sp.csc_array(lower + sp.tril(lower, -1).T)
        if not np.isfinite(values).all():
            return _Unusable()
        try:
            lu = splu(K, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                      options={"SymmetricMode": True})
        except RuntimeError:
            return _Unusable()
        return _LUFactor(lu, scale, pattern.n, held)


class _LUFactor:
    def __init__(self, lu, scale, n, held):
        self._lu, self._scale, self._n, self._held = lu, scale, n, held
        d = lu.U.diagonal()
        self.singular = not np.abs(d).min(initial=np.inf) > 0.0
        on_diagonal = np.array_equal(lu.perm_r, lu.perm_c)
        self.right_inertia = bool(on_diagonal and (d > 0).sum() == n and not self.singular)

    def solve(self, r_x: np.ndarray, r_c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(dx, dλ)."""
        b = np.concatenate([r_x, r_c])
        b[self._held] = 0.0
        x = self._scale * self._lu.solve(self._scale * b)
        return x[:self._n], x[self._n:]
