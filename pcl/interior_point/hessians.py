"""Where the Hessian W of the Lagrangian comes from.

A strategy has  at(x, lam, sigma) -> W,  called once a step, and  accepted(x_old, x_new, lam, sigma),
called after every accepted step with the new multipliers, and  fresh() -> a strategy without memory.
"""

from typing import Any, Protocol

import numpy as np

_MEMORY = 6         # pairs kept (Byrd, Nocedal and Schnabel 1994 advise 3 to 7)
_DAMPING = 0.2      # Powell 1978: sᵀy is kept above 0.2 sᵀBs
_SMALLEST, _LARGEST = 1e-8, 1e8     # bounds of ξ


class Hessian(Protocol):
    """A source of W."""

    def at(self, x: np.ndarray, lam: np.ndarray, sigma: float) -> Any:
        """W, symmetric (n, n), or None where it is zero."""

    def accepted(self, x_old: np.ndarray, x_new: np.ndarray, lam: np.ndarray, sigma: float) -> None:
        """An accepted step."""


class Exact:
    """W = σ ∇²f + Σ λ_j ∇²c_j from `program.hessian`."""

    def __init__(self, program):
        self._program = program

    def at(self, x, lam, sigma):
        """W(x, λ, σ)."""
        return self._program.hessian(x, lam, sigma)

    def accepted(self, x_old, x_new, lam, sigma):
        """Nothing to remember."""

    def fresh(self):
        """Itself."""
        return self


class LowRank:
    """W = ξ I + V M Vᵀ, with V (n, 2k) and M⁻¹ (2k, 2k)."""

    def __init__(self, xi, V, inverse_middle):
        self.xi, self.V, self.inverse_middle = xi, V, inverse_middle
        self.shape = (V.shape[0], V.shape[0])

    def __matmul__(self, v):
        out = self.xi * v
        if self.V.shape[1]:
            out = out + self.V @ np.linalg.solve(self.inverse_middle, self.V.T @ v)
        return out


class LimitedMemory:
    """Damped limited-memory BFGS in compact form (Byrd, Nocedal and Schnabel 1994, theorem 2.3).

        B = ξ I − [ξS Y] [[ξ SᵀS, L], [Lᵀ, −D]]⁻¹ [ξS Y]ᵀ,      (SᵀY)_ij = L (i > j) + D (i = j) + …

    s = x_new − x_old, y = ∇_x𝓛(x_new, λ) − ∇_x𝓛(x_old, λ) with the new λ; ξ = ‖y‖/‖s‖ of the last
    pair, between sᵀy/sᵀs and yᵀy/sᵀy (either alone solved fewer of the textbook collection). y is
    replaced by Powell's ỹ = θ y + (1 − θ) B s where sᵀy < 0.2 sᵀBs: B stays positive.
    """

    def __init__(self, program, memory=_MEMORY):
        self._program, self._memory = program, memory
        self._s, self._y, self._xi, self._W = [], [], 1.0, None

    def fresh(self):
        """The same without pairs."""
        return LimitedMemory(self._program, self._memory)

    def at(self, x, lam, sigma):
        """B as a `LowRank`."""
        if self._W is None or self._W.shape[0] != x.size:
            self._W = self._compact(x.size)
        return self._W

    def accepted(self, x_old, x_new, lam, sigma):
        """Take the pair of a step."""
        s = x_new - x_old
        y = self._gradient(x_new, lam, sigma) - self._gradient(x_old, lam, sigma)
        length = float(s @ s)
        if length <= (1e-14 * (1.0 + np.abs(x_new).max(initial=0.0))) ** 2:
            return
        y = self._damped(s, y, x_new, lam, sigma)
        self._s, self._y = (self._s + [s])[-self._memory:], (self._y + [y])[-self._memory:]
        self._xi = min(max(float(np.sqrt(y @ y / length)), _SMALLEST), _LARGEST)
        self._W = None

    def _damped(self, s, y, x, lam, sigma):
        B = self.at(x, lam, sigma)
        if not self._s:
            B = LowRank(max(abs(float(s @ y)) / float(s @ s), _SMALLEST), np.zeros((s.size, 0)),
                        np.zeros((0, 0)))
        Bs = B @ s
        curvature, sy = float(s @ Bs), float(s @ y)
        if sy >= _DAMPING * curvature:
            return y
        theta = (1.0 - _DAMPING) * curvature / (curvature - sy)
        return theta * y + (1.0 - theta) * Bs

    def _gradient(self, x, lam, sigma):
        g = self._program.jacobian(x).T @ lam
        return g + sigma * np.asarray(self._program.gradient(x)) if sigma else g

    def _compact(self, n):
        if not self._s:
            return LowRank(self._xi, np.zeros((n, 0)), np.zeros((0, 0)))
        S, Y = np.array(self._s).T, np.array(self._y).T
        SY = S.T @ Y
        L, D = np.tril(SY, -1), np.diag(np.diag(SY))
        inverse_middle = -np.block([[self._xi * (S.T @ S), L], [L.T, -D]])
        return LowRank(self._xi, np.hstack([self._xi * S, Y]), inverse_middle)


def strategy(hessian, program):
    """The strategy of a name ("exact", "limited-memory"), or the object given."""
    if hessian == "exact":
        return Exact(program)
    if hessian == "limited-memory":
        return LimitedMemory(program)
    if isinstance(hessian, str) or not all(
            callable(getattr(hessian, name, None)) for name in ("at", "accepted")):
        raise ValueError(f"hessian is {hessian!r}; known are exact, limited-memory, or an object with "
                         "at(x, lam, sigma) and accepted(x_old, x_new, lam, sigma).")
    return hessian
