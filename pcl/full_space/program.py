"""The nonlinear program of a full space: rows R(u, θ) = 0 and lower ≤ q(u, θ) ≤ upper."""

from typing import Any

import numpy as np

from pcl.full_space.point import FullPoint

SLACK = 1e-8            # relative, by which a row that was left out may be outside its bounds


def outside(rows: np.ndarray, bounds: tuple, slack: float) -> np.ndarray:
    """Which rows are outside their bounds (lower, upper) by more than a relative slack."""
    lower, upper = bounds
    room = slack * np.maximum(np.abs(rows), 1.0)
    return (rows < lower - room) | (rows > upper + room)


class FullProgram:
    """minimise ℓ(x) subject to rows(x)[kept] in their bounds, a `pcl.interior_point.Program`.

    Parameters
    ----------
    at : function x -> FullPoint
    x_bounds, c_bounds : pairs of arrays
        Of all unknowns and of all rows.
    kept : indices of the rows that move with x
    names : (functions i -> str of the variables and of the rows)
    """

    def __init__(self, at: Any, x_bounds: tuple, c_bounds: tuple, kept: np.ndarray, names: tuple):
        self._at, self._kept, self._rows = at, kept, c_bounds[0].size
        self.x_lower, self.x_upper = x_bounds
        self._bounds = c_bounds
        self.c_lower, self.c_upper = (bound[kept] for bound in c_bounds)
        self.n, self.m = self.x_lower.size, kept.size
        self.variable_name, self._row_name = names
        self._last: tuple[np.ndarray, FullPoint] | None = None

    def point(self, x: np.ndarray) -> FullPoint:
        """Everything at x; the last one is remembered."""
        if self._last is None or not np.array_equal(self._last[0], x):
            self._last = x.copy(), self._at(x)
        return self._last[1]

    def objective(self, x: np.ndarray) -> float:
        return self.point(x).value

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return self.point(x).gradient()

    def constraints(self, x: np.ndarray) -> np.ndarray:
        return self.point(x).rows[self._kept]

    def jacobian(self, x: np.ndarray) -> Any:
        return self.point(x).jacobian[self._kept]

    def hessian(self, x: np.ndarray, lam: np.ndarray, sigma: float) -> Any:
        return self.point(x).hessian(self.spread(lam), sigma)

    def spread(self, lam: np.ndarray) -> np.ndarray:
        """The multipliers of all rows, 0 where a row does not move."""
        every = np.zeros(self._rows)
        every[self._kept] = lam
        return every

    def broken(self, rows: np.ndarray) -> int | None:
        """The number of a row that is left out and outside its bounds, of all `rows`, or None."""
        wrong = outside(rows, self._bounds, SLACK)
        wrong[self._kept] = False
        return int(np.argmax(wrong)) if wrong.any() else None

    def row_name(self, j: int) -> str:
        return self._row_name(int(self._kept[j]))
