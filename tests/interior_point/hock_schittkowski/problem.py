"""One test problem as a record: minimise f(x) over the box with rows between two bounds."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

INF = float("inf")
GE, EQ, FREE = (0, INF), (0, 0), (-INF, INF)


@dataclass(frozen=True)
class Problem:
    """min f(x),  c_lower ≤ c(x) ≤ c_upper,  lower ≤ x ≤ upper.

    Attributes
    ----------
    number : int, as in the book.
    x0 : tuple of float, the published start, which may lie outside the bounds.
    objective, constraints : callable
        ``f(x, m)``, a scalar, and ``c(x, m)``, a list. `x` is anything with items, `m` the
        module that has exp, log, sqrt, sin, cos, erf and step for such items: `values`, `duals`,
        or one of CasADi's functions.
    optimum : float, the published value unless a comment says otherwise.
    bounds, rows : tuple of pairs (lower, upper), one an unknown and one a row; no bounds: free.
    minimiser : tuple of float or None, in closed form where the book has it.
    other_optima : tuple of float, objectives at further local solutions.
    multipliers : bool, whether multipliers exist at the minimiser.
    """

    number: int
    x0: tuple
    objective: Callable
    optimum: float
    bounds: tuple = ()
    constraints: Callable = lambda x, m: []
    rows: tuple = ()
    minimiser: tuple | None = None
    other_optima: tuple = ()
    multipliers: bool = True

    @property
    def name(self):
        return f"HS{self.number}"

    @property
    def lower(self):
        return self._side(self.bounds or len(self.x0) * (FREE,), 0)

    @property
    def upper(self):
        return self._side(self.bounds or len(self.x0) * (FREE,), 1)

    @property
    def c_lower(self):
        return self._side(self.rows, 0)

    @property
    def c_upper(self):
        return self._side(self.rows, 1)

    @staticmethod
    def _side(pairs, side):
        return np.array([pair[side] for pair in pairs], dtype=float)
