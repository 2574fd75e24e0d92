"""The rounding error of a function, measured where it is evaluated.

What a loss subtracts, f(θ) − d for one, is rounded by ε|d| whatever is left over; seen from the loss alone
that size is unknown. It shows in the values at equidistant points so close together that any smooth
function is a straight line there: from the second difference on all that is left is noise. For independent
errors of standard deviation σ

    E (Δᵏ f)² = σ² (2k)! / (k!)²

Source: Moré and Wild, Estimating computational noise, SIAM J. Sci. Comput. 33, 2011, equation (2.3), with
their deterministic functions' six intervals. Departures: orders 3 to 6 are pooled instead of searched for
a plateau, the spacing being fixed at the size of rounding; vectors are taken entry by entry.
"""

import dataclasses
from math import factorial

import numpy as np

from pcl.drivers.run import EPS

INTERVALS = 6
_SPACING = 2.0**12 * EPS    # of θ, relative: thousands of neighbours in double precision, a line to any loss
_ORDERS = (3, 4, 5, 6)


@dataclasses.dataclass(frozen=True, eq=False)
class Noise:
    """Standard deviation of the loss's rounding errors, and gradients (7, p) at equidistant neighbours."""

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
            found.append(weight * (table**2).mean(axis=0))
    return unit * np.sqrt(np.mean(found, axis=0))


def measured(around):
    """`Noise` at the end point of `around`, a `Surroundings`; None if a neighbour cannot be evaluated."""
    direction = around.random_direction()
    losses, gradients = [], []
    for j in range(INTERVALS + 1):
        found = around.value_and_gradient(around.theta + j * _SPACING * direction)
        if found is None:
            return None
        losses.append([found[0]])
        gradients.append(found[1])
    loss = max(float(deviation(losses)[0]), EPS * abs(around.loss))
    return Noise(loss, np.array(gradients))
