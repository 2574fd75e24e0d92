"""BFGS, self-scaled BFGS and self-scaled Broyden, with bounds.

    d = −H g,      θ ← θ + t d,      H ← H improved by s = t d and y = g₊ − g, see `inverse_hessian`

H begins as the identity over |g|, so that the first step has the length 1 whatever the unit of the loss.
t satisfies Wolfe's conditions, see `wolfe`. The first one tried is 1, or that with which a parabola falls
as much as ℓ did in the last step, if that is less.

Bounds. Parameters A on a bound that the gradient pushes outwards are held; among the others the
direction is Newton's with the same H,

    d = −H (g + μ),   μ zero but in A,   d_A = 0,     so   H_AA μ_A = −(H g)_A

If d meets the box before t = 1, t is halved along θ(t) = P(θ + t d), P the projection onto the box, until
ℓ(θ(t)) ≤ ℓ + c₁ gᵀ(θ(t) − θ). With H the identity that is the method of the projected gradient.

Restart. Where no step is found, or six trials failed on the way to one, H becomes a multiple of the
identity again; where none is found from there either, the run is over.

Source: D. Bertsekas, 1982, Projected Newton methods for optimization problems with simple constraints,
SIAM J. Control Optim. 20; J. Nocedal, S. Wright, 2006, Numerical Optimization, algorithm 6.1.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.linalg

from pcl.support.types import Array
from pcl.support.validate import float64_array
from pcl.training.drivers.box_step import held_by
from pcl.training.drivers.inverse_hessian import RULES, InverseHessian
from pcl.training.drivers.scipy_minimize import CUT_SHORT
from pcl.training.drivers.wolfe import wolfe_point
from pcl.training.run.driven import Driven
from pcl.training.run.run import norm
from pcl.training.run.status import Status

_HALVINGS = 40
_AS_LAST = 2.02     # Nocedal and Wright, (3.60), and a hundredth more, so that it becomes 1


def drive(run: Driven, method: str, options: Mapping[str, Any]) -> None:
    """An iteration is a step with its line search."""
    rule, p, last = RULES[method], run.current.theta.size, np.inf
    H, fresh = InverseHessian(rule, _first(run, options), p), True
    while True:
        step = _step(run, H, options["c1"], options["c2"], last)
        if step is None and fresh:
            run.dead_end(Status.LINE_SEARCH_FAILED)
        fresh = step is None or run.failed_since_accepted >= CUT_SHORT
        if step is not None:
            if not fresh:
                H.update(step.s, step.y, step.curvature)
            last = max(run.current.loss - step.point.loss, 0.0) or np.inf
            run.accept(step.point)
        if fresh:
            last = np.inf
            H = InverseHessian(rule, 1.0 / norm(run.projected_gradient(run.current)), p)


@dataclasses.dataclass(frozen=True, eq=False)
class _Step:
    """To `point`: s and y (p,), and sᵀBs, None where the step was cut by the box."""

    point: Any
    s: Array
    y: Array
    curvature: float | None


def _step(run, H, c1, c2, last):
    """The `_Step` along Newton's direction, or None; ℓ fell by `last` in the step before."""
    g, start = run.current.gradient, run.current.theta
    d = _direction(run, H)
    slope = d @ g
    if not -np.inf < slope < 0.0:
        return None
    reach = _reach(run, d)
    found = (wolfe_point(run, d, min(1.0, _AS_LAST * last / -slope), c1, c2, reach) if reach >= 1.0
             else _along_the_box(run, d, c1))
    if found is None:
        return None
    point, t = found
    lower = point.loss < run.current.loss or run.gradient_norm(point) < run.gradient_norm(run.current)
    if not lower:
        return None                 # what there is to gain is not told from rounding
    return _Step(point, point.theta - start, point.gradient - g, None if t is None else -t * t * slope)


def _first(run, options):
    """H at the beginning: the option hess_inv0, or the identity over |g|."""
    if options["hess_inv0"] is None:
        return 1.0 / norm(run.projected_gradient(run.current))
    given = float64_array("options['hess_inv0']", options["hess_inv0"], shape=2 * run.current.theta.shape)
    return 0.5 * (given + given.T)


# --- bounds ------------------------------------------------------------------------------------
def _direction(run, H):
    """−H (g + μ) with zeros where parameters are held."""
    g = run.current.gradient
    held = np.flatnonzero(held_by(run.current.theta, g, run.bounds))
    if not held.size:
        return -H(g)
    pushed = g.copy()
    pushed[held] = 0.0
    pushed[held] = -scipy.linalg.solve(H.block(held), H(pushed)[held], assume_a="pos")
    d = -H(pushed)
    d[held] = 0.0
    return d


def _reach(run, d):
    """The largest t with θ + t d in the box."""
    if run.bounds is None:
        return np.inf
    lower, upper = run.bounds
    moving = d != 0.0
    room = np.where(d > 0.0, upper - run.current.theta, lower - run.current.theta)
    return float(np.min(room[moving] / d[moving], initial=np.inf))


def _along_the_box(run, d, c1):
    """(point, None) on θ(t) = P(θ + t d) by Armijo's condition, t halved from 1; or None."""
    start, t = run.current, 1.0
    for _ in range(_HALVINGS):
        theta = np.clip(start.theta + t * d, *run.bounds)
        promised = start.gradient @ (theta - start.theta)
        t *= 0.5
        if not promised < 0.0:
            continue
        point = run.trial(theta, gradient=True)
        if point.loss <= start.loss + c1 * promised:
            return point, None
    return None
