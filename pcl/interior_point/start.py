"""From a program and a start to a form and a first state."""

import numpy as np

from pcl.interior_point.form import Evaluated, Form
from pcl.interior_point.kkt.multipliers import LARGEST, least_squares
from pcl.interior_point.state import State

KAPPA = 1e-2       # κ_1 = κ_2 of section 3.6: distance of the start from the bounds
WARM_KAPPA = 1e-9  # the same for a warm start
_EQUAL = 1e-14     # relative distance of bounds that count as equal
_RELAXATION, _ROUNDING = 5e-9, 1e-14     # sides are widened: first × size + second × |side|
_LEAST_SIZE = 1e-10     # size of a row: ‖∇c_j‖∞ at the start, between this and 1


def make_form(program, bounds, s_f, s_c, sizes, count, slope=0.0):
    """The standard form of a program.

    Inequalities get a slack with bounds; free rows are switched off by a scale of zero; variables with
    equal bounds (up to rounding) are held. Sides of inequalities are widened a little, bounds of
    variables are not. sizes (m,): ‖∇c_j‖∞ at the start; a row in small units is widened in these.
    """
    x_lower, x_upper, c_lower, c_upper = bounds
    free = np.isinf(c_lower) & np.isinf(c_upper)
    rows = np.flatnonzero((c_lower < c_upper) & ~free)
    fixed = held(x_lower, x_upper)
    s_c = np.where(free, 0.0, s_c)
    target = np.where(c_lower == c_upper, s_c * np.where(free, 0.0, c_lower), 0.0)
    size = np.clip(sizes[rows], _LEAST_SIZE, 1.0)
    low = s_c[rows] * _widened(c_lower[rows], -size)
    high = s_c[rows] * _widened(c_upper[rows], size)
    n, size = x_lower.size, x_lower.size + rows.size
    return Form(
        program=program, count=count, n=n, m=c_lower.size,
        row=rows, sign=-np.ones(rows.size), cost=np.zeros(rows.size),
        lower=np.concatenate([np.where(fixed, -np.inf, x_lower), low]),
        upper=np.concatenate([np.where(fixed, np.inf, x_upper), high]),
        fixed=fixed, objective_scale=s_f, row_scale=s_c, target=target,
        weight=np.zeros(size), reference=np.zeros(size), slope=slope)


def held(lower, upper):
    """Which variables have bounds without a number between them that is worth the name."""
    size = np.where(np.isfinite(upper), np.abs(upper), 0.0)
    return upper - lower <= _EQUAL * size


def _widened(side, size):
    """The side moved by the signed size."""
    moved = side + size * _RELAXATION + np.sign(size) * _ROUNDING * np.abs(side)
    return np.where(np.isfinite(side), moved, side)


def inner(x, lower, upper, kappa=KAPPA):
    """x pushed inside its bounds: at least κ max(1, |bound|) or κ (u − l) away (section 3.6)."""
    width = kappa * (upper - lower)
    at_lower, at_upper = (np.where(np.isfinite(b), b, 0.0) for b in (lower, upper))
    p_lower = np.minimum(kappa * np.maximum(1.0, np.abs(at_lower)), width)
    p_upper = np.minimum(kappa * np.maximum(1.0, np.abs(at_upper)), width)
    x = np.where(np.isfinite(lower), np.maximum(x, at_lower + p_lower), x)
    return np.where(np.isfinite(upper), np.minimum(x, at_upper - p_upper), x)


def first_state(form, kkt, x, c, mu, warm):
    """Slacks at the rows' values pushed inside, z = 1, y by least squares (section 3.6)."""
    t = inner(form.row_scale[form.row] * c[form.row], form.lower[form.n:], form.upper[form.n:])
    point = Evaluated(form, form.inside(np.concatenate([x, t]))).differentiate()
    z_lower, z_upper = 1.0 * np.isfinite(form.lower), 1.0 * np.isfinite(form.upper)
    y = least_squares(form, kkt, point, z_lower, z_upper)
    if y is None or np.abs(y).max(initial=0.0) > LARGEST:
        y = np.zeros(form.m)
    return State(point, y, z_lower, z_upper)


def warm_state(form, kkt, x, c, mu, warm):
    """The state of an earlier result: multipliers kept, distances to the bounds at least tiny."""
    t = inner(form.row_scale[form.row] * c[form.row], form.lower[form.n:], form.upper[form.n:],
              WARM_KAPPA)
    point = Evaluated(form, form.inside(np.concatenate([x, t]))).differentiate()
    y = form.objective_scale * warm["lam"] / form.unit
    z_lower = _positive(form.objective_scale * warm["z_lower"], -y[form.row], form.lower,
                        point.d_lower, mu)
    z_upper = _positive(form.objective_scale * warm["z_upper"], y[form.row], form.upper,
                        point.d_upper, mu)
    return State(point, y, z_lower, z_upper)


def _positive(z_x, z_t, bound, distance, mu):
    z = np.maximum(np.concatenate([z_x, np.maximum(z_t, 0.0)]), mu / distance)
    return np.where(np.isfinite(bound), z, 0.0)
