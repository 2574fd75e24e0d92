"""The rounding error of a function, measured where it is evaluated.

What a loss subtracts, f(θ) − d for one, is rounded by ε|d| whatever is left over; seen from the loss
alone that size is unknown. It shows in the values at equidistant points so close together that any
smooth function is a straight line there: from the second difference on all that is left is noise. For
independent errors of standard deviation σ

    E (Δᵏ f)² = σ² (2k)! / (k!)²

Source: Moré and Wild, Estimating computational noise, SIAM J. Sci. Comput. 33, 2011, equation (2.3),
with their deterministic functions' six intervals. As there, a spacing that leaves values equal is too
small (what is rounded does not move) and is enlarged. Departures: of orders 4 to 6 the smallest
estimate counts, instead of a search for a plateau; vectors are taken entry by entry.
"""

import dataclasses
from math import factorial

import numpy as np

from pcl.training.run.run import EPS

INTERVALS = 6
SPACINGS = 2.0**-40, 2.0**-30, 2.0**-20    # of θ, relative; h⁴ at the widest is 1e-24
_DISTINCT = 6           # of the seven values
_ORDERS = (4, 5, 6)


@dataclasses.dataclass(frozen=True, eq=False)
class Noise:
    """Standard deviation of the loss's rounding errors, and gradients (7, p) at neighbours."""

    loss: float
    gradients: np.ndarray

    def along(self, directions):
        """Standard deviations of the gradient's components along the rows of `directions` (k, p)."""
        return deviation(self.gradients @ directions.T)


def sizes(theta):
    """|θ_i|, and the mean of them (1 if that is 0) for entries that are 0."""
    size = np.abs(theta)
    typical = float(size.mean()) or 1.0
    return np.where(size > 0.0, size, typical)


def deviation(values):
    """σ of each column of `values` (7, k), taken at equidistant neighbouring points."""
    values = np.asarray(values, float)
    unit = np.abs(values).max() or 1.0      # against overflow of the squares
    table, found = values / unit, []
    for order in range(1, INTERVALS + 1):
        table = np.diff(table, axis=0)
        if order in _ORDERS:
            weight = factorial(order) ** 2 / factorial(2 * order)
            found.append(np.sqrt(weight * (table**2).mean(axis=0)))
    return unit * np.min(found, axis=0)


def spread(evaluate, theta, direction, value=lambda found: found):
    """Answers at seven equidistant points from θ, at the first spacing that tells their losses apart.

    evaluate : θ ↦ answer, or None; value : answer ↦ loss. None if a point cannot be evaluated.
    """
    for h in SPACINGS:
        found = [evaluate(theta + j * h * direction) for j in range(INTERVALS + 1)]
        if any(answer is None for answer in found):
            return None
        if len({value(answer) for answer in found}) >= _DISTINCT:
            break
    return found


def loss_noise(losses, loss):
    """Standard deviation of the rounding error of the loss, at least that of its last digit."""
    return max(float(deviation(np.array(losses)[:, None])[0]), EPS * abs(loss))


def measured(around):
    """`Noise` at the end point of `around`, a `Surroundings`; None if a neighbour cannot be evaluated."""
    found = spread(around.value_and_gradient, around.theta, around.random_direction(),
                   lambda pair: pair[0])
    if found is None:
        return None
    losses, gradients = zip(*found)
    return Noise(loss_noise(losses, around.loss), np.array(gradients))
