"""The step of a quadratic model within a radius and a box.

    minimise  q(s) = g·s + ½ sᵀ H s   subject to  |s| ≤ Δ,   lower ≤ θ + s ≤ upper

not solved, but lowered as far as two methods do:

1. the subspace of the parameters that are not held by a bound (on it, and pushed out by −∇q) is gone
   through by the exact step of `trust_region_step`, cut at the box; those that were cut are held from
   then on, and the rest is gone through again from there;
2. the projected gradient, |P(θ − t g) − θ| ≤ Δ with the t that Armijo's condition on q accepts. It is the
   step where it lowers q by more than ten times as much, which keeps the method from creeping along
   bounds that are near.

Source: A. Conn, N. Gould, P. Toint, 1988, Global convergence of a class of trust region algorithms for
optimization with simple bounds, SIAM J. Numer. Anal. 25; C.-J. Lin, J. Moré, 1999, Newton's method for
large bound-constrained optimization problems, SIAM J. Optim. 9.
"""

import numpy as np

from pcl.training.drivers.trust_region_step import Step, TrustRegionModel
from pcl.training.run.run import norm

_PASSES, _HALVINGS = 20, 60
_ARMIJO, _WORTH = 0.01, 0.1


def held_by(theta, g, bounds):
    """Which entries are on a bound that −g points out of, (p,) bool."""
    if bounds is None:
        return np.zeros(theta.size, bool)
    lower, upper = bounds
    return (theta <= lower) & (g >= 0.0) | (theta >= upper) & (g <= 0.0)


class BoxModel:
    """g·s + ½ sᵀHs at θ in a box; the first subspace serves all radii.

    Parameters
    ----------
    g : (p,) array
    H : (p, p) array, symmetric
    theta : (p,) array
    bounds : (lower, upper)

    Raises
    ------
    numpy.linalg.LinAlgError
        As `TrustRegionModel`.
    """

    def __init__(self, g, H, theta, bounds):
        if not (np.isfinite(g).all() and np.isfinite(H).all()):
            raise np.linalg.LinAlgError("g or H is not finite")
        self._g, self._H, self._theta, self._bounds = g, H, theta, bounds
        self._free = ~held_by(theta, g, bounds)
        self._first = self._on(self._free, g) if self._free.any() else None

    def step(self, radius):
        """The better of the two, as a `Step` with the multiplier of the first subspace."""
        inside, best = self._through_subspaces(radius), self._projected_gradient(radius)
        return inside if inside.decrease >= _WORTH * best.decrease else best

    def _on(self, free, g):
        return TrustRegionModel(g[free], self._H[np.ix_(free, free)])

    def _through_subspaces(self, radius):
        s, free, model = np.zeros_like(self._g), self._free.copy(), self._first
        multiplier, on_boundary, room = 0.0, False, radius
        for _ in range(_PASSES):
            if model is None or not room > 0.0:
                break
            part = model.step(room)
            w = np.zeros_like(s)
            w[free] = part.s
            on_boundary |= part.on_boundary
            multiplier = multiplier or part.multiplier
            s, cut = self._cut(s, w)
            free &= ~cut
            if not cut.any() or not free.any():
                break
            model, room = self._on(free, self._g + self._H @ s), radius - norm(s)
        return self._result(s, multiplier, on_boundary)

    def _cut(self, s, w):
        """(s + t w cut at the box with the first t of 1, ½, … that lowers q, the entries cut)."""
        before = self._decrease(s)
        for _ in range(_HALVINGS):
            end = self._inside(s + w)
            if self._decrease(end) > before:
                return end, end != s + w
            w = 0.5 * w
        return s, np.zeros(s.size, bool)

    def _projected_gradient(self, radius):
        """Along P(θ − t g) − θ."""
        moving = norm(self._g[self._free])
        t = radius / moving if moving > 0.0 else 0.0
        for _ in range(_HALVINGS):
            s = self._inside(-t * self._g)
            if self._decrease(s) >= -_ARMIJO * (self._g @ s):
                break
            t *= 0.5
        return self._result(s, 0.0, norm(s) >= (1.0 - 1e-8) * radius)

    def _inside(self, s):
        return np.clip(self._theta + s, *self._bounds) - self._theta

    def _result(self, s, multiplier, on_boundary):
        return Step(s, float(multiplier), self._decrease(s), bool(on_boundary))

    def _decrease(self, s):
        return float(-(s @ (self._g + 0.5 * (self._H @ s))))
