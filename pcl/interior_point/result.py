"""What a solve returns, in SciPy's shape and in units of the program as given."""

from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from pcl.interior_point.status import Status
from pcl.support.axes import key, new_axes
from pcl.support.outcome import Outcome
from pcl.support.style import styled
from pcl.support.types import Array, Path
from pcl.support.writing import replace_file

_NAMED = 5      # worst rows named in a message


class Result(Outcome, OptimizeResult):
    """Outcome of `solve`; attributes and items are the same.

        ∇f + Jᵀλ − z_lower + z_upper = 0,   z ≥ 0

    Attributes
    ----------
    x, fun, success, status, message, nit
        `status` is a `Status`; int(status) is 0 for success, as SciPy's.
    lam, z_lower, z_upper : (m,), (n,), (n,)
        Multipliers of rows and bounds, in units of f over those of the row or variable.
    constraint_violation : largest violation of rows and bounds, before scaling
    dual_residual, complementarity : largest entries of ∇f + Jᵀλ − z and of z times distance, likewise
    barrier : last μ
    history : (nit + 1, 6)
        Objective, infeasibility, dual infeasibility, barrier, step length, regularisation.
    counts : evaluations by function, factorisations
    seconds : float
    attempts : how every attempt ended, see `solve`
    jac, nfev, njev, nhev, optimality, constr_violation, execution_time
        By SciPy's names, too: ∇f at x (n,), counts, the dual residual.

    Examples
    --------
    >>> import pcl
    >>> program = pcl.interior_point.TensorFlowProgram(lambda x: (x[0] - 2.0)**2, 1, x_upper=[1.0])
    >>> found = pcl.interior_point.solve(program, [0.0])
    >>> found.x.round(6), found.z_upper.round(5), int(found.status)     # 2 (x − 2) + z = 0 at x = 1
    (array([1.]), array([2.]), 0)
    >>> found.save("solved.npz")
    """

    x: Array
    fun: float
    success: bool
    status: Status
    message: str
    nit: int
    lam: Array
    z_lower: Array
    z_upper: Array
    constraint_violation: float
    dual_residual: float
    complementarity: float
    barrier: float
    history: Array
    counts: dict[str, int]
    seconds: float
    attempts: Any
    jac: Array
    nfev: int
    njev: int
    nhev: int
    optimality: float
    constr_violation: float
    execution_time: float

    def summary(self) -> str:
        """Why it ended, objective, residuals and counts."""
        return (f"{self.message}\nobjective {self.fun:.8g}, {self.x.size:,} unknowns, "
                f"{self.lam.size:,} rows, {self.nit} iterations, {self.seconds:.3g} s\nlargest violation "
                f"{self.constraint_violation:.2g}, dual residual {self.dual_residual:.2g}, "
                f"complementarity {self.complementarity:.2g}")

    @styled
    def plot(self, ax: Any = None) -> Any:
        """Infeasibility, dual infeasibility and barrier over the iterations, on a logarithmic axis.

        On `ax`, or on new axes.
        """
        ax = new_axes(ax)
        columns = {"infeasibility": 1, "dual infeasibility": 2, "barrier μ": 3}
        for (label, column), line in zip(columns.items(), ("-", "--", ":")):
            ax.semilogy(np.maximum(self.history[:, column], np.finfo(float).tiny), line, label=label)
        ax.set_ylim(bottom=1e-16)
        ax.set(xlabel="iteration", ylabel="scaled residual, μ")
        key(ax)
        return ax

    def save(self, path: Path) -> None:
        """x, multipliers and history as arrays of a NumPy file (.npz), status and message as words; what
        stood at `path` is replaced when the new file is whole."""
        arrays = {name: self[name] for name in ("x", "lam", "z_lower", "z_upper", "jac", "history")}
        replace_file(path, lambda file: np.savez(
            file, fun=self.fun, status=self.status.name, message=self.message, **arrays))


def result(status, detail, state, mu, monitor, count, bounds):
    """The result at a state."""
    form = state.form
    s_f = form.objective_scale or 1.0
    x = state.point.p[:form.n].copy()
    lam = form.row_scale * state.y / s_f
    gradient = _gradient(state, s_f)
    z_lower, z_upper = _bound_multipliers(state, lam, s_f, gradient)
    message = f"{status.value} {detail}".strip()
    dual, _, complementarity, _ = state.unscaled
    violation, rows = violations(state, bounds)
    if status is Status.INFEASIBLE or status is Status.RESTORATION_FAILED:
        message += worst_rows(form.program, rows)
    return Result(
        x=x, fun=state.point.f / s_f, success=status.success, status=status, message=message,
        nit=max(len(monitor.history) - 1, 0), lam=lam, z_lower=z_lower, z_upper=z_upper,
        constraint_violation=violation, dual_residual=dual, complementarity=complementarity,
        barrier=mu, history=np.array(monitor.history).reshape(-1, 6), counts=dict(count),
        seconds=monitor.seconds, jac=gradient, optimality=dual, constr_violation=violation,
        **_counted(count, monitor))


def _counted(count, monitor):
    """Counts by SciPy's names."""
    return {"nfev": count["objective"], "njev": count["gradient"], "nhev": count["hessian"],
            "execution_time": monitor.seconds}


def _gradient(state, s_f):
    """∇f (n,), entries of fixed variables included; NaN where it cannot be evaluated again."""
    form = state.form
    if not form.any_fixed:
        return state.point.g[:form.n] / s_f
    try:
        return np.asarray(form.program.gradient(state.point.p[:form.n].copy()), dtype=np.float64)
    except ArithmeticError:
        return np.full(form.n, np.nan)


def _bound_multipliers(state, lam, s_f, gradient):
    """z of the variables; of a fixed variable the part of its sign of ∇f + Jᵀλ."""
    form = state.form
    z_lower, z_upper = state.z_lower[:form.n] / s_f, state.z_upper[:form.n] / s_f
    if form.any_fixed:
        x = state.point.p[:form.n].copy()
        try:
            full = np.nan_to_num(gradient) + form.program.jacobian(x).T @ lam
        except ArithmeticError:
            full = np.zeros(form.n)
        z_lower = np.where(form.fixed, np.maximum(full, 0.0), z_lower)
        z_upper = np.where(form.fixed, np.maximum(-full, 0.0), z_upper)
    return z_lower, z_upper


def violations(state, bounds):
    """(largest violation of rows and bounds, violation of every row (m,)), in given units."""
    form, (x_lower, x_upper, c_lower, c_upper) = state.form, bounds
    x = state.point.p[:form.n]
    t = np.bincount(form.row, weights=form.sign * state.point.p[form.n:], minlength=form.m) \
        if form.row.size else np.zeros(form.m)
    c = (state.point.c - t + form.target) / form.unit
    rows = np.maximum(np.maximum(c_lower - c, c - c_upper), 0.0)
    rows[form.row_scale == 0.0] = 0.0
    outside = np.maximum(np.maximum(x_lower - x, x - x_upper), 0.0)
    return max(float(rows.max(initial=0.0)), float(outside.max(initial=0.0))), rows


def worst_rows(program, rows):
    """The worst rows with their violations, as a sentence."""
    worst = [j for j in np.argsort(rows)[::-1][:_NAMED] if rows[j] > 0.0]
    if not worst:
        return ""
    return " Worst rows: " + ", ".join(f"{program.row_name(int(j))} (violated by {rows[j]:.3g})"
                                       for j in worst) + "."


def start_only(status, detail, program, x, monitor, count):
    """The result when nothing could be evaluated."""
    n, m = program.n, program.m
    return Result(
        x=x, fun=np.nan, success=False, status=status, message=f"{status.value} {detail}".strip(), nit=0,
        lam=np.zeros(m), z_lower=np.zeros(n), z_upper=np.zeros(n), constraint_violation=np.nan,
        dual_residual=np.nan, complementarity=np.nan, barrier=np.nan, history=np.zeros((0, 6)),
        counts=dict(count), seconds=monitor.seconds, jac=np.full(n, np.nan), optimality=np.nan,
        constr_violation=np.nan, **_counted(count, monitor))
