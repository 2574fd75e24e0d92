"""What IPOPT says of a program, as a `Result`: options translated, residuals evaluated anew."""

import time

import numpy as np

from pcl.interior_point.derivatives import require_right
from pcl.interior_point.ipopt.evaluations import Evaluations
from pcl.interior_point.ipopt.runs import installed
from pcl.interior_point.result import Result, worst_rows
from pcl.interior_point.start import held
from pcl.interior_point.status import End, Status

_WORDS = {
    "Solve_Succeeded": Status.SOLVED, "Feasible_Point_Found": Status.SOLVED,
    "Solved_To_Acceptable_Level": Status.ACCEPTABLE, "Infeasible_Problem_Detected": Status.INFEASIBLE,
    "Search_Direction_Becomes_Too_Small": Status.STEP_TOO_SMALL, "Diverging_Iterates": Status.DIVERGED,
    "Maximum_Iterations_Exceeded": Status.ITERATION_LIMIT,
    "Restoration_Failed": Status.RESTORATION_FAILED,
    "Error_In_Step_Computation": Status.STEP_TOO_SMALL, "Maximum_CpuTime_Exceeded": Status.TIME_LIMIT,
    "Maximum_WallTime_Exceeded": Status.TIME_LIMIT, "Invalid_Number_Detected": Status.EVALUATION_FAILED}
_PUSH = 1e-9            # the start has been pushed inside already
_WARM_BARRIER = 1e-6


def second_opinion(program, x, bounds, hessian, warm_start, check, settings):
    """The result of IPOPT, from x (n,) inside the bounds (x_lower, x_upper, c_lower, c_upper).

    settings: tol, acceptable_tol, constraint_tol, maxiter, max_seconds, initial_barrier, scaling,
    verbose, as `solve` has them. Success needs IPOPT's word and residuals before scaling below
    acceptable_tol.
    """
    run, begun = installed(), time.monotonic()
    try:
        evaluations = Evaluations(program, x, hessian == "exact")
        if check:
            require_right(program, x, exact=hessian == "exact")
    except End as end:
        return _failed(program, x, end, begun)
    multipliers = _multipliers(program, warm_start)
    answer = run(evaluations, bounds, x, multipliers, options(hessian, warm_start, **settings))
    if evaluations.error is not None:
        raise evaluations.error
    return _result(program, bounds, answer, evaluations.counts, settings["acceptable_tol"], begun)


def options(hessian, warm_start, *, tol, acceptable_tol, constraint_tol, maxiter, max_seconds,
            initial_barrier, scaling, verbose):
    """Settings of `solve` by IPOPT's names."""
    chosen = {
        "tol": float(tol), "acceptable_tol": float(max(tol, acceptable_tol)), "max_iter": int(maxiter),
        "constr_viol_tol": float(0.5 * tol if constraint_tol is None else min(0.5 * tol, constraint_tol)),
        "max_cpu_time": None if max_seconds is None else float(max_seconds),
        "mu_init": None if initial_barrier is None else float(initial_barrier),
        "hessian_approximation": hessian, "bound_push": _PUSH, "bound_frac": _PUSH,
        "nlp_scaling_method": "gradient-based" if scaling == "gradient" else "none",
        "print_level": 5 if verbose else 0, "sb": "yes"}
    if warm_start is not None:
        start = min(warm_start["barrier"], _WARM_BARRIER)
        chosen.update({f"warm_start_{name}": _PUSH for name in (
            "bound_push", "bound_frac", "slack_bound_push", "slack_bound_frac", "mult_bound_push")})
        chosen.update(warm_start_init_point="yes", mu_init=initial_barrier or max(start, tol / 10.0))
    return {name: value for name, value in chosen.items() if value is not None}


def _multipliers(program, warm_start):
    """(λ, z_lower, z_upper) to start from."""
    if warm_start is None:
        return np.zeros(program.m), np.zeros(program.n), np.zeros(program.n)
    return tuple(np.array(warm_start[name]) for name in ("lam", "z_lower", "z_upper"))


def _result(program, bounds, run, counts, level, begun):
    """The result at IPOPT's last point; of a fixed variable z is the part of its sign of ∇f + Jᵀλ."""
    x_lower, x_upper, c_lower, c_upper = bounds
    x = np.clip(run.x, x_lower, x_upper)
    gradient = np.array(program.gradient(x.copy()), dtype=np.float64)
    slope, c = gradient + program.jacobian(x.copy()).T @ run.lam, program.constraints(x.copy())
    fixed = held(x_lower, x_upper)
    z_lower = np.where(fixed, np.maximum(slope, 0.0), run.z_lower)
    z_upper = np.where(fixed, np.maximum(-slope, 0.0), run.z_upper)
    rows = np.maximum(np.maximum(c_lower - c, c - c_upper), 0.0)
    dual = float(np.abs(slope - z_lower + z_upper).max(initial=0.0))
    complementarity = max(_products(z_lower, x - x_lower), _products(z_upper, x_upper - x),
                          _products(np.maximum(-run.lam, 0.0), c - c_lower),
                          _products(np.maximum(run.lam, 0.0), c_upper - c))
    status = _status(run.word, level, rows.max(initial=0.0) / max(1.0, np.abs(c).max(initial=0.0)),
                     dual / max(1.0, np.abs(gradient).max(initial=0.0)))
    message = f"{status.value} IPOPT, through {run.package}: {run.word}."
    if status is Status.INFEASIBLE or status is Status.RESTORATION_FAILED:
        message += worst_rows(program, rows)
    history = np.array(run.history, dtype=np.float64).reshape(-1, 6)
    return _filled(
        x=x, fun=float(program.objective(x.copy())), status=status, message=message, lam=run.lam,
        z_lower=z_lower, z_upper=z_upper, violation=float(rows.max(initial=0.0)), dual=dual,
        complementarity=complementarity, barrier=history[-1, 3] if len(history) else np.nan,
        history=history, counts=counts, seconds=time.monotonic() - begun, gradient=gradient)


def _products(multipliers, distances):
    """Largest multiplier times distance, over the sides that exist."""
    there = np.isfinite(distances)
    return float((multipliers[there] * np.abs(distances[there])).max(initial=0.0))


def _status(word, level, violation, dual):
    """IPOPT's word; a success whose residuals are above the acceptable level is none."""
    status = _WORDS.get(word, Status.ERROR)
    return Status.ACCEPTABLE if status is Status.SOLVED and max(violation, dual) > level else status


def _failed(program, x, end, begun):
    n, m, nan = program.n, program.m, np.nan
    return _filled(
        x=x, fun=nan, status=end.status, message=f"{end.status.value} {end.detail}".strip(),
        lam=np.zeros(m), z_lower=np.zeros(n), z_upper=np.zeros(n), violation=nan, dual=nan,
        complementarity=nan, barrier=nan, history=np.zeros((0, 6)), counts={},
        seconds=time.monotonic() - begun, gradient=np.full(n, nan))


def _filled(*, status, violation, dual, gradient, history, counts, seconds, **rest):
    """The result with SciPy's names."""
    return Result(
        **rest, success=status.success, status=status, nit=max(len(history) - 1, 0), history=history,
        counts=dict(counts), seconds=seconds, constraint_violation=violation, dual_residual=dual,
        attempts=[status], jac=gradient, optimality=dual, constr_violation=violation,
        execution_time=seconds, nfev=counts.get("objective", 0), njev=counts.get("gradient", 0),
        nhev=counts.get("hessian", 0))
