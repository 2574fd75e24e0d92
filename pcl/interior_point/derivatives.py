"""Derivatives against differences of their functions: a full check, and a cheap suspicion."""

import numpy as np
import scipy.sparse as sp

from pcl.errors import TrialFailure
from pcl.interior_point.status import End, Status

_STEPS = (1e-4, 1e-6)   # relative steps of the directional test
_WRONG = 1e-3       # relative error that counts, if both steps agree on it
_STEP = 6e-6        # about ε^(1/3), for central differences
_TOLERANCE = 1e-4   # relative to the largest entry of the column's difference


def suspect(state):
    """A sentence if f' or c' disagree with differences along one direction at this point, else "".

    The direction is random with a fixed seed, each entry of the size of its variable, and short enough to
    stay inside the bounds. Differences at two steps must agree with each other and contradict the
    derivative; a function that is not smooth or not defined around the point raises no suspicion.
    """
    form, point = state.form, state.point
    x = point.p[:form.n]
    room = np.minimum(point.d_lower, point.d_upper)[:form.n]
    direction = np.random.RandomState(0).uniform(0.5, 1.0, x.size) * np.where(
        np.random.RandomState(1).rand(x.size) < 0.5, -1.0, 1.0)
    direction *= np.where(form.fixed, 0.0, np.minimum(np.maximum(1.0, np.abs(x)), 0.5 * room / _STEPS[0]))
    try:
        g = np.asarray(form.program.gradient(x.copy()), dtype=np.float64)
        J = form.program.jacobian(x.copy())
        near, nearer = (_difference(form.program, x, h * direction, h) for h in _STEPS)
    except TrialFailure:
        return ""
    claimed = np.concatenate([[g @ direction], J @ direction])
    wrong = _disagree(near, nearer, claimed)
    if wrong.size == 0:
        return ""
    j = int(wrong[0])
    name = "gradient" if j == 0 else f"jacobian, row {form.program.row_name(j - 1)}"
    return (f"{name}: derivative along a direction is {claimed[j]:.6g}, differences give "
            f"{nearer[j]:.6g}.")


def _difference(program, x, step, h):
    with np.errstate(all="ignore"):
        return (_values(program, x + step) - _values(program, x - step)) / (2.0 * h)


def _values(program, x):
    return np.concatenate([[float(program.objective(x.copy()))],
                           np.asarray(program.constraints(x.copy()), dtype=np.float64)])


def _disagree(near, nearer, claimed):
    with np.errstate(all="ignore"):
        size = np.maximum(np.maximum(np.abs(claimed), np.abs(nearer)), 1e-6)
        error = np.abs(claimed - nearer)
        agreement = np.abs(near - nearer)
        return np.flatnonzero((error > _WRONG * size) & (agreement < 0.1 * error))


def require_right(program, x, exact):
    """End(WRONG_DERIVATIVE) naming the entry of ∇f, J or W that differs most from differences."""
    lam = np.random.RandomState(2).uniform(0.5, 1.0, program.m)
    checks = [("gradient", lambda v: np.atleast_1d(np.float64(program.objective(v))),
               np.asarray(program.gradient(x.copy()), dtype=np.float64)[None, :]),
              ("jacobian", program.constraints, _dense(program.jacobian(x.copy())))]
    if exact:
        checks.append(("hessian", lambda v: program.gradient(v) + program.jacobian(v).T @ lam,
                       _dense(program.hessian(x.copy(), lam, 1.0))))
    for name, function, claimed in checks:
        place = _worst(function, x, claimed)
        if place is not None:
            j, i, difference = place
            raise End(Status.WRONG_DERIVATIVE, _sentence(program, name, j, i, claimed[j, i], difference))


def _sentence(program, name, j, i, claimed, difference):
    variable = program.variable_name(i)
    row = {"gradient": "", "jacobian": f"row {program.row_name(j)}, ",
           "hessian": f"{program.variable_name(j)}, "}[name] if name != "gradient" else ""
    return f"{name}[{row}{variable}] is {claimed:.8g}, differences give {difference:.8g}."


def _dense(A):
    return A if isinstance(A, np.ndarray) else (A if sp.issparse(A) else A.tocsc()).toarray()


def _worst(function, x, claimed):
    """(row, column, difference) of the first column with a wrong entry, or None."""
    for i in range(x.size):
        h = _STEP * max(1.0, abs(x[i]))
        step = np.zeros(x.size)
        step[i] = h
        with np.errstate(all="ignore"):
            above, below = (np.asarray(function(x + s), dtype=np.float64) for s in (step, -step))
        difference = (above - below) / (2.0 * h)
        noise = 10.0 * np.finfo(np.float64).eps * np.abs(above) / h
        size = np.maximum(np.abs(difference), np.abs(claimed[:, i])) + 1e-3
        error = np.abs(difference - claimed[:, i]) - noise
        bad = error > _TOLERANCE * size
        if bad.any():
            j = int(np.argmax(np.where(bad, error / size, 0.0)))
            return j, i, difference[j]
    return None
