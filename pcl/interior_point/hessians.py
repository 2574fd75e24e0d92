"""Where the Hessian W of the Lagrangian comes from.

A strategy has  at(x, lam, sigma) -> W,  called once a step, and  accepted(x_old, x_new, lam, sigma),
called after every accepted step with the new multipliers, and  fresh() -> a strategy without memory.
"""

from typing import Any, Protocol

import numpy as np

from pcl.interior_point.kkt.low_rank_matrix import LowRank
from pcl.support.nearest import nearest

_MEMORY = 10        # pairs kept; six took 1931 iterations on the textbook collection, ten 1800
_DAMPING = 0.2      # Powell 1978: sᵀy is kept above 0.2 sᵀBs
_SMALLEST, _LARGEST = 1e-8, 1e8     # bounds of ξ
_DEPENDENT = 1e-11  # relative singular values of the pairs below count as zero
_DEFINITE = 1e-10   # smallest eigenvalue of B relative to ξ


class Hessian(Protocol):
    """A source of W."""

    def at(self, x: np.ndarray, lam: np.ndarray, sigma: float) -> Any:
        """W, symmetric (n, n), or None where it is zero."""

    def accepted(self, x_old: np.ndarray, x_new: np.ndarray, lam: np.ndarray, sigma: float) -> None:
        """An accepted step."""

    def fresh(self) -> "Hessian":
        """The same without memory, for the restoration phase, whose rows are others."""


class Exact:
    """W = σ ∇²f + Σ λ_j ∇²c_j from `program.hessian`."""

    def __init__(self, program):
        self._program = program

    def at(self, x: np.ndarray, lam: np.ndarray, sigma: float) -> Any:
        """W(x, λ, σ)."""
        return self._program.hessian(x, lam, sigma)

    def accepted(self, x_old: np.ndarray, x_new: np.ndarray, lam: np.ndarray, sigma: float) -> None:
        """Nothing to remember."""

    def fresh(self) -> "Exact":
        """Itself."""
        return self


class LimitedMemory:
    """Damped limited-memory BFGS: B of the last pairs, begun at ξ I.

        B⁺ = B − B s sᵀB / sᵀBs + y yᵀ / sᵀy,
        s = x_new − x_old,      y = ∇_x𝓛(x_new, λ) − ∇_x𝓛(x_old, λ),      λ the new one at both points

    ξ is the largest sᵀy/sᵀs of the pairs kept: along steps that obey the rows it measures the curvature
    that counts, which ‖y‖/‖s‖ overstates (129 iterations against 30 on a collocated cart-pole), and the
    last one alone may be so small that the next step is far too long (over 1000 against 144 on a hanging
    chain). y is replaced by Powell's ỹ = θ y + (1 − θ) B s where sᵀy < 0.2 sᵀBs: B stays positive.

    B differs from ξ I in the span of the pairs alone. The recursion is done there, in an orthonormal
    basis by singular values, where it keeps its positive eigenvalues; the compact form of Byrd, Nocedal
    and Schnabel (Math. Programming 63, 1994) is the same matrix but loses them to rounding.
    """

    def __init__(self, program, memory=_MEMORY):
        self._program, self._memory = program, memory
        self._s, self._y, self._xi, self._W = [], [], 1.0, None

    def fresh(self) -> "LimitedMemory":
        """The same without pairs."""
        return LimitedMemory(self._program, self._memory)

    def at(self, x: np.ndarray, lam: np.ndarray, sigma: float) -> Any:
        """B as a `LowRank`."""
        if self._W is None or self._W.shape[0] != x.size:
            self._W = self._low_rank(x.size)
        return self._W

    def accepted(self, x_old: np.ndarray, x_new: np.ndarray, lam: np.ndarray, sigma: float) -> None:
        """Take the pair of a step."""
        s = x_new - x_old
        length = float(s @ s)
        if length <= (1e-14 * (1.0 + np.abs(x_new).max(initial=0.0))) ** 2:
            return
        y = self._gradient(x_new, lam, sigma) - self._gradient(x_old, lam, sigma)
        y = self._damped(s, y, x_new, lam, sigma)
        self._s, self._y = (self._s + [s])[-self._memory:], (self._y + [y])[-self._memory:]
        largest = max(float(s @ y) / float(s @ s) for s, y in zip(self._s, self._y))
        self._xi, self._W = min(max(largest, _SMALLEST), _LARGEST), None

    def _damped(self, s, y, x, lam, sigma):
        sy = float(s @ y)
        Bs = self.at(x, lam, sigma) @ s if self._s else max(abs(sy) / float(s @ s), _SMALLEST) * s
        curvature = float(s @ Bs)
        if sy >= _DAMPING * curvature:
            return y
        theta = (1.0 - _DAMPING) * curvature / (curvature - sy)
        return theta * y + (1.0 - theta) * Bs

    def _gradient(self, x, lam, sigma):
        g = self._program.jacobian(x).T @ lam
        return g + sigma * np.asarray(self._program.gradient(x)) if sigma else g

    def _low_rank(self, n):
        if not self._s:
            return LowRank(self._xi, np.zeros((n, 0)), np.zeros(0))
        pairs = np.array(self._s + self._y)     # (2k, n)
        lengths = np.maximum(np.linalg.norm(pairs, axis=1), np.finfo(np.float64).tiny)
        U, sizes, _ = np.linalg.svd((pairs / lengths[:, None]).T, full_matrices=False)
        Q = U[:, sizes > _DEPENDENT * sizes[0]]
        B = self._xi * np.eye(Q.shape[1])
        for s, y in zip(np.array(self._s) @ Q, np.array(self._y) @ Q):
            Bs = B @ s
            B += np.outer(y, y) / (s @ y) - np.outer(Bs, Bs) / (s @ Bs)
        eigenvalues, E = np.linalg.eigh(0.5 * (B + B.T))
        return LowRank(self._xi, Q @ E, np.maximum(eigenvalues, _DEFINITE * self._xi) - self._xi)


def strategy(hessian, program):
    """The strategy of a name ("exact", "limited-memory"), or the object given."""
    if hessian == "exact":
        return Exact(program)
    if hessian == "limited-memory":
        return LimitedMemory(program)
    if isinstance(hessian, str) or not all(
            callable(getattr(hessian, name, None)) for name in ("at", "accepted", "fresh")):
        raise ValueError(f"hessian is {hessian!r}; known are exact, limited-memory, or an object with "
                         "at(x, lam, sigma), accepted(x_old, x_new, lam, sigma) and fresh(), the same "
                         "without memory (itself, if it remembers nothing)."
                         f"{nearest(hessian, ('exact', 'limited-memory'))}")
    return hessian
