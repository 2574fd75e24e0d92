"""How far a point with multipliers is from the first-order conditions, from the program alone."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Residuals:
    """Largest entries, unscaled multipliers and derivatives, each over its natural size.

    violation : of bounds, and of rows over 1 + the row's max|J|.
    stationarity : of ∇f + Jᵀλ − z_lower + z_upper over 1 + max|∇f|.
    complementarity : of a multiplier times the distance to its bound (0 beyond it, 1 where there is
        no bound) over 1 + |f|. The positive part of λ belongs to the upper bound of its row, the
        negative to the lower; rows that are equations do not count.
    sign : of −z_lower and −z_upper over 1 + max|∇f|.
    """

    violation: float
    stationarity: float
    complementarity: float
    sign: float

    @property
    def worst(self):
        """The largest of the four; NaN if one is NaN."""
        return float(np.max((self.violation, self.stationarity, self.complementarity, self.sign)))


def residuals(program, result):
    """Residuals of `result` (x, lam, z_lower, z_upper) for `program`."""
    x, lam = np.asarray(result.x), np.asarray(result.lam)
    z_lower, z_upper = np.asarray(result.z_lower), np.asarray(result.z_upper)
    g, c, J = program.gradient(x), program.constraints(x), program.jacobian(x)
    box = np.concatenate((x - program.x_lower, program.x_upper - x))
    rows = np.concatenate((c - program.c_lower, program.c_upper - c))
    z = np.concatenate((z_lower, z_upper))
    lam_signed = np.where(program.c_lower < program.c_upper, (-lam, lam), 0.0)
    products = _inside(np.concatenate((box, rows))) * np.concatenate((z, *np.maximum(lam_signed, 0.0)))
    size, row_size = 1.0 + _size(g), 1.0 + np.abs(J).max(axis=1, initial=0.0)
    return Residuals(
        violation=_excess(np.concatenate((-box, -rows / np.tile(row_size, 2)))),
        stationarity=_size(g + J.T @ lam - z_lower + z_upper) / size,
        complementarity=_size(products) / (1.0 + abs(program.objective(x))),
        sign=_excess(-z) / size)


def _inside(distance):
    return np.where(np.isfinite(distance), np.maximum(distance, 0.0), 1.0)


def _size(v):
    return float(np.abs(v).max(initial=0.0))


def _excess(v):
    return float(v.max(initial=0.0))
