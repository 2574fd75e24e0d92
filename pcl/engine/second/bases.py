"""The kinds of sensitivities a plan is made of: their contract, blocks of θ, and solves."""

from typing import Any, Protocol

import numpy as np

from pcl.engine.second.backward import without
from pcl.engine.second.columns import Columns, Dense
from pcl.engine.second.tangent import Identity, Tangent


class Base(Protocol):
    """B = Op (Σ_a N_a B_a), Op applied product by product to a combination of earlier bases.

    `rhs`
        Σ_a N_a B_a as a `Tangent`; None for what is given from outside, of which only `size` is used.
    `size`
        Number of rows of B.
    `stays`
        Whether the backward direction may leave it in place: θ, and what is cheap over θ alone.
    `pushforward(x)`, `pullback(y)`
        Op x and Opᵀ y, for one column or several.
    `cost(p)`
        Multiplications of (p columns forward, the elimination backward), where the two differ.
    `columns(sweep)`
        B as `pcl.engine.second.columns.Columns` in a `pcl.engine.second.sweep.Sweep`, which has those of
        the bases before it. The forms it takes (`sweep.take`) it adds to sweep.Q itself.
    `eliminated(forms)`
        The same quadratic form over earlier bases alone.
    """

    @property
    def rhs(self) -> Tangent | None: ...

    @property
    def size(self) -> int: ...

    @property
    def stays(self) -> bool: ...

    def pushforward(self, x: np.ndarray) -> np.ndarray: ...

    def pullback(self, y: np.ndarray) -> np.ndarray: ...

    def cost(self, p: int) -> tuple[float, float]: ...

    def columns(self, sweep: Any) -> Columns: ...

    def eliminated(self, forms: list) -> list: ...


class CurvedBase(Base, Protocol):
    """A base that brings the curvature C = ∇²⟨ȳ, Op⟩ in its right-hand side.

    `second(y, x)`
        Opᵀ y + C x in one sweep; either may be None for zero.
    `forms()`
        C as forms on the right-hand side; none where `columns` and `eliminated` add it themselves.
    """

    def second(self, y: np.ndarray | None, x: np.ndarray | None) -> np.ndarray: ...

    def forms(self) -> list: ...


class LeafBase:
    """A block of θ: the columns start … stop of the identity."""

    rhs, stays = None, True

    def __init__(self, start, stop):
        self.start, self.stop = start, stop
        self.size = stop - start


class GivenBase:
    """A tangent that comes from outside of the plan: what one step of a recurrence starts from."""

    rhs, stays = None, False

    def __init__(self, size):
        self.size = size


class InverseBase:
    """S = A⁻¹ T, T = Σ_a N_a B_a, with A factorised: the sensitivity of a linear or nonlinear solve.

    Parameters
    ----------
    factor : pcl.factor.Factor of A (n, n)
    size : int
        n·k for k right-hand sides, flattened row by row.
    rhs : Tangent, T
    """

    stays = False

    def __init__(self, factor, size, rhs=None):
        self.factor, self.size, self.rhs = factor, size, rhs

    def pushforward(self, x: np.ndarray) -> np.ndarray:
        return self.factor.solve(self._columns(x)).reshape(x.shape)

    def pullback(self, y: np.ndarray) -> np.ndarray:
        return self.factor.solve(self._columns(y), transpose=True).reshape(y.shape)

    def _columns(self, x):
        n = self.factor.n
        return x if x.shape == (n,) else x.reshape(n, -1)

    def cost(self, p: int) -> tuple[float, float]:
        n, solve = self.size, self.factor.entries
        return p * solve, n * solve + 2 * n ** 3 + n ** 2 * p

    def columns(self, sweep: Any) -> Columns:
        """S by one block solve; Sᵀ (K S + Σ_a K_a B_a) is added to Q, sharing one pass over the B_a."""
        square, mixed = sweep.take(self)
        folded = {a: K for a, K in mixed.items() if a not in sweep.sums}
        rhs, Z = sweep.products([(self.size, self.rhs.terms), (self.size, folded)])
        S = np.ascontiguousarray(self.pushforward(rhs))
        for a in mixed.keys() - folded.keys():
            sweep.sums[a] += mixed[a].T @ S
        if square is not None:
            Z += square @ S
        if square is not None or folded:
            sweep.Q += S.T @ Z
        return Dense(S)

    def eliminated(self, forms: list) -> list:
        if all(self not in (f.a, f.b) for f in forms):
            return forms
        return without(self, forms, self.rhs, self.pullback(np.eye(self.size)))


class FewRowsBase:
    """B = Σ_a N_a B_a with few dense rows, held as it is: composing N_aᵀ W N_b would make it square.

    The tangent of what sums over all points, such as an eigenvalue.
    """

    def __init__(self, size, rhs):
        self.size, self.rhs = size, rhs

    @property
    def stays(self):
        return all(base.stays for base in self.rhs.terms)

    def pushforward(self, x: np.ndarray) -> np.ndarray:
        return x

    def pullback(self, y: np.ndarray) -> np.ndarray:
        return y

    def cost(self, p: int) -> tuple[float, float]:
        return 0.0, 0.0

    def columns(self, sweep: Any) -> Columns:
        return Dense(sweep.products([(self.size, self.rhs.terms)])[0])

    def eliminated(self, forms: list) -> list:
        if all(self not in (f.a, f.b) for f in forms):
            return forms
        return without(self, forms, self.rhs, Identity(self.size))
