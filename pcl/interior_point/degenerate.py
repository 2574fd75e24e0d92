"""Points at which the first-order conditions hold although the objective falls along a curve through
them.

Where the reduced Hessian at a stationary point is singular or indefinite, the third derivative or a
negative curvature may lead on: x³ at 0, −x⁴ at 0, a saddle met along its valley. x⁴ at 0 is a minimum all
the same. Second derivatives cannot tell, so the objective is asked: along the direction d of least
curvature among those that the rows leave free,

    (W + Σ + δ) d_{k+1} + Aᵀ y = d_k,   A d_{k+1} = 0      (inverse iteration on a regular matrix),

at p ± τ d, τ = 1e-4, 2e-4, … of the size of x, the rows restored by Newton steps with the same matrix.
The first value that differs from f by more than what the tolerances allow decides: higher, this way leads
up; lower, p is no minimum. (A quasi-Newton W is small along steps that went on and on, which is that d.)
"""

import numpy as np

from pcl.errors import TrialFailure
from pcl.interior_point.barrier import fraction_to_boundary
from pcl.interior_point.form import Evaluated
from pcl.interior_point.kkt.inertia import InertiaCorrection, Irregular
from pcl.interior_point.kkt.system import System

_ITERATIONS = 6         # of the inverse iteration
_LEAST_SHIFT, _SMALLER = 1e-4, 0.25     # a shift δ_w above the first of the sequence is made smaller
_FIRST, _GROW = 1e-4, 2.0       # τ relative to max(1, ‖x‖∞); up to 1
_SHARE = 0.99           # of the distance to a bound that a probe may take
_RESTORED = 3           # Newton steps on the rows
_SURE = 10.0            # times the change that the tolerances allow, from which a change is one
_ROUNDING = 1e3 * np.finfo(np.float64).eps
_SLOW, _LONG = 0.1, 1e-6        # ratio of the last steps and their length, where Newton is linear


def is_suspect(algorithm):
    """Whether W may be singular or indefinite at the end of a run: a last step with δ_w > 0, steps that
    shrink by a constant factor (Newton's method is faster at a regular minimum), or none at all."""
    before, last = algorithm.lengths
    size = max(1.0, algorithm.extent(algorithm.state.point))
    slow = last > _SLOW * before > 0.0 and last > _LONG * size
    return last == 0.0 or algorithm.shift > 0.0 or slow


def lower_point(algorithm, tol):
    """x (n,) with the rows fulfilled and an objective clearly below that of the last point, or None."""
    state, form = algorithm.state, algorithm.form
    try:
        system, d = _least_curvature(algorithm)
    except (Irregular, TrialFailure):
        return None
    if not np.abs(d[:form.n]).max(initial=0.0) > 0.0:
        return None
    d = d / np.abs(d[:form.n]).max()
    allowed = max(tol, state.dual_error) * float(np.abs(d).sum()), float(state.products().sum())
    found = [_walked(state.point, system, sign * d, allowed, tol) for sign in (1.0, -1.0)]
    best = min((point for point in found if point is not None), key=lambda point: point.f, default=None)
    return None if best is None else best.p[:form.n].copy()


def _least_curvature(algorithm):
    """(a regular `System` at the last point, d (n + n_t,))."""
    state, form = algorithm.state, algorithm.form
    W, diagonal, nothing = algorithm.hessian_here(), algorithm.barrier_diagonal(), np.zeros(form.m)

    def make(delta_w, delta_c):
        return System(form, algorithm.kkt, W, state.point.J, diagonal + delta_w, delta_c)

    d = np.random.RandomState(0).standard_normal(form.size)
    system, _, delta_w, delta_c = InertiaCorrection().solve(
        make, lambda system: system.solve(d, nothing), algorithm.rule.mu)
    while delta_w > _LEAST_SHIFT:
        delta_w *= _SMALLER
        closer = make(delta_w, delta_c)
        if not _is_right(closer, d, nothing):
            break
        system = closer
    for _ in range(_ITERATIONS):
        d = system.solve(d / max(np.abs(d).max(initial=0.0), np.finfo(float).tiny), nothing)[0]
    return system, d


def _is_right(system, d, nothing):
    """The verdict on the inertia, which an iterative solution may withdraw."""
    if system.right_inertia:
        system.solve(d, nothing)
    return system.right_inertia


def _walked(start, system, d, allowed, tol):
    """The lowest point of a walk along d that never rises and ends clearly lower, or None."""
    size = max(1.0, float(np.abs(start.p[:start.form.n]).max(initial=0.0)))
    noise, lowest, tau = _ROUNDING * max(1.0, abs(start.f)), None, _FIRST * size
    while tau <= size:
        point = _restored(start, system, tau * d, tol)
        if point is None:
            break
        sure = _SURE * (allowed[0] * tau + allowed[1]) + noise
        if point.f > start.f + sure or (lowest is not None and point.f >= lowest.f):
            break
        if point.f < start.f - sure:
            if not _differentiable(point):
                break
            lowest = point
        tau *= _GROW
    return lowest


def _differentiable(point):
    """Whether derivatives are finite, as they must be where a run goes on."""
    try:
        point.differentiate()
    except TrialFailure:
        return False
    return True


def _restored(start, system, step, tol):
    """The point at `step` with the rows as good as at the start or to `tol`; None where there is none."""
    form = start.form
    share = min(fraction_to_boundary(start.d_lower, step, _SHARE),
                fraction_to_boundary(start.d_upper, -step, _SHARE))
    if share < 1.0:
        return None
    try:
        point = Evaluated(form, form.inside(start.p + step))
        for _ in range(_RESTORED):
            if np.abs(point.c).max(initial=0.0) <= max(tol, np.abs(start.c).max(initial=0.0)):
                return point
            dp = system.solve(np.zeros(form.size), -point.c)[0]
            if min(fraction_to_boundary(point.d_lower, dp, _SHARE),
                   fraction_to_boundary(point.d_upper, -dp, _SHARE)) < 1.0:
                return None
            point = Evaluated(form, form.inside(point.p + dp))
    except TrialFailure:
        return None
    good = np.abs(point.c).max(initial=0.0) <= max(tol, np.abs(start.c).max(initial=0.0))
    return point if good else None
