"""The points of one profile, taken outwards from the peak until its drop is as wanted."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from pcl.support.interface import FAILURES

ROOTS = 6           # points of a side: the root of the drop rises by the wanted one over so many
FARTHEST = 40       # points of a side before it counts as open
LOWER = 1e-3        # of the log density, above the peak that was given, that is said


def chi_root(level):
    """√χ²₁(level)."""
    return float(np.sqrt(stats.chi2.ppf(level, 1)))


class Walk:
    """Points c of one profile, their drops and their minimisers θ.

    Parameters
    ----------
    value : float, c at the peak
    theta : (p,), the peak
    minimised : function (θ, step) -> (θ, drop, bool): c moved by step from a minimiser, the rest trained
        again, and whether that converged; raises one of `FAILURES` where there is no value
    """

    def __init__(self, value, theta, minimised):
        self._minimised = minimised
        self.points, self.drops, self.thetas = [float(value)], [0.0], [theta]
        self._failed = 0

    def root(self, c):
        """√(2 drop) at c, with the sign of the drop; None where the model has no value."""
        near = int(np.argmin(np.abs(np.array(self.points) - c)))
        if self.points[near] != c:
            try:
                theta, drop, converged = self._minimised(self.thetas[near], c - self.points[near])
            except FAILURES:
                return None
            self._failed += not converged
            self.points.append(float(c))
            self.drops.append(drop)
            self.thetas.append(theta)
            near = -1
        return float(np.sign(self.drops[near]) * np.sqrt(2.0 * np.abs(self.drops[near])))

    def ascending(self):
        """(points (n,), drops (n,), [θ, …]) in the order of c."""
        order = np.argsort(self.points)
        return (np.array(self.points)[order], np.array(self.drops)[order],
                [self.thetas[k] for k in order])

    def words(self, name, said=float):
        """What was met on the way; said : c as it is told."""
        points, drop, _ = self.ascending()
        found = []
        if self._failed:
            found.append(f"{self._failed} of {points.size - 1} trainings of the other numbers did not "
                         "converge: drops there are upper bounds, and the interval may be too short.")
        if drop.min() < -LOWER:
            k = int(drop.argmin())
            found.append(f"The log density is higher by {-drop[k]:.3g} at {name} = "
                         f"{said(points[k]):.6g}: theta is not the peak. Train further from "
                         "profile.theta there.")
        return tuple(found)


def end(walk, deviation, wanted, bound, said=float):
    """(c where the root of the drop is as wanted, "") to one side; (±∞, why) if it does not get there.

    said : c as it is told
    """
    start = inside = walk.points[0]
    before, step = 0.0, deviation * wanted / ROOTS
    for _ in range(FARTHEST):
        c = inside + step
        c = min(c, bound) if step > 0 else max(c, bound)
        root = walk.root(c)
        if root is None:
            return np.copysign(np.inf, deviation), (
                f"Not closed {_side(deviation)}: the model has no value at {said(c):.6g}.")
        if root >= wanted:
            return _crossing(walk, inside, c, wanted, abs(deviation)), ""
        if c == bound:
            return np.copysign(np.inf, deviation), (
                f"Not closed {_side(deviation)}: the bound {said(bound):.6g} is reached with a drop of "
                f"{0.5 * root ** 2:.3g}.")
        step *= np.clip((wanted / ROOTS) / max(abs(root - before), 1e-12), 0.5, 2.0)
        before, inside = root, c
    return np.copysign(np.inf, deviation), (
        f"Not closed {_side(deviation)}: at {said(inside):.6g}, {abs((inside - start) / deviation):.0f} "
        f"standard errors away, the drop is {0.5 * before ** 2:.3g}.")


def _crossing(walk, inside, outside, wanted, deviation):
    def excess(c):
        root = walk.root(c)
        return wanted if root is None else root - wanted
    return float(optimize.brentq(excess, inside, outside, xtol=1e-8 * deviation, rtol=1e-12))


def _side(deviation):
    return "above" if deviation > 0 else "below"
