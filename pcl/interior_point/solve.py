"""`solve`: a nonlinear program in, a result out."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from pcl.execute import threads
from pcl.interior_point.algorithm import Algorithm, Rescale
from pcl.interior_point.attempts import ATTEMPTS, SECOND_BARRIER, SECOND_PUSH, tried
from pcl.interior_point.barrier import Adaptive, Monotone, start_value
from pcl.interior_point.convergence import Convergence
from pcl.interior_point.degenerate import is_suspect, lower_point
from pcl.interior_point.derivatives import require_right
from pcl.interior_point.door import (First, checked_for_ipopt, checked_program, checked_settings,
                                     checked_warm_start)
from pcl.interior_point.hessians import Hessian, strategy
from pcl.interior_point.ipopt import second_opinion
from pcl.interior_point.kkt.protocol import KKT, backend
from pcl.interior_point.monitor import Monitor
from pcl.interior_point.program import Program, row_maxima
from pcl.interior_point.restoration import Restoration
from pcl.interior_point.result import Result, result, start_only
from pcl.interior_point.scaling import curvature, scales, tiny_curvature
from pcl.interior_point.start import KAPPA, WARM_KAPPA, first_state, held, inner, make_form, warm_state
from pcl.interior_point.status import End, Status
from pcl.interior_point.table import IterationTable
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array

LOG = logging.getLogger(__name__)

_RULES = {"adaptive": Adaptive, "monotone": Monotone}
_WARM_BARRIER = 1e-6
_DESCENTS = 3       # points that are left although the first-order conditions hold there


def solve(program: Program, x0: ArrayLike | None = None, *, tol: float = 1e-8, maxiter: int = 3000,
          max_seconds: float | None = None, hessian: str | Hessian = "exact", kkt: str | KKT = "auto",
          barrier: str = "adaptive", initial_barrier: float | None = None,
          scaling: Any = "gradient", warm_start: Result | None = None,
          callback: Callable | None = None, verbose: int = 0, acceptable_tol: float = 1e-6,
          constraint_tol: float | None = None, check_derivatives: bool = False,
          reestimate_below: float = 1e-2, bound_push: ArrayLike = KAPPA,
          attempts: int = ATTEMPTS, solver: str = "pcl") -> Result:
    """A local minimum of f(x) subject to c_lower ≤ c(x) ≤ c_upper, x_lower ≤ x ≤ x_upper.

        ∇f + Jᵀλ − z_lower + z_upper = 0,      z ≥ 0,      z_i × distance_i = 0,      rows and bounds hold

    Parameters
    ----------
    program : Program
    x0 : (n,) array, optional
        Pushed inside the bounds, see `bound_push`. Not needed with `warm_start`.
    tol : float
        On the optimality error (5), and on the residuals before scaling.
    maxiter : int
        Iterations, those of the restoration phase included.
    max_seconds : float, optional
        Wall-clock limit, looked at between factorisations.
    hessian : "exact", "limited-memory" or an object, see `pcl.interior_point.hessians`
    kkt : "auto", "dense", "sparse", "superlu" or an object, see `pcl.interior_point.kkt.protocol`
    barrier : "adaptive" or "monotone"
    initial_barrier : float, optional
        First μ; else between 1e-3 and 0.1 by the size of the objective per bound.
    scaling : "gradient" or "none"
    warm_start : Result, optional
        Point (unless x0 is given), multipliers and μ of an earlier solve of a program of the same shape.
    callback : function of a Snapshot, optional
        Called every iteration; StopIteration ends the run.
    verbose : int
        1: an `IterationTable` on standard output; elsewhere by callback=IterationTable(stream).
    acceptable_tol : float
        Level at which a run that cannot go on is called acceptable.
    constraint_tol : float, optional
        Largest violation of a row of a solved program, before scaling; never more than tol/2.
    check_derivatives : bool
        Compare all first derivatives (and the Hessian, if exact) with differences at the start; a wrong
        entry is named and ends the run.
    reestimate_below : float
        Scaled violation up to which large multipliers are estimated anew by least squares. Far from
        feasibility the estimate costs textbook programs iterations; collocated DAEs gain by inf.
    bound_push : float, or (n,) array
        Least distance of x0 from its bounds, relative to max(1, |bound|) and to their width. (1e-9 with
        `warm_start`.)
    attempts : int
        Runs at most: one that fails before it has found a feasible point is followed by another from the
        same start, then from starts at random, see `pcl.interior_point.attempts`. 1: no further ones.
    solver : "pcl" or "ipopt"
        "ipopt": IPOPT (cyipopt, else CasADi's, extra `casadi`) runs once on the same functions and
        derivatives, a second opinion; `kkt`, `barrier`, `reestimate_below` and `attempts` have no meaning
        there, `callback` and Hessian objects are refused.

    Returns
    -------
    Result

    Raises
    ------
    ValueError, TypeError
        Bounds no number satisfies, a start or a first evaluation of a wrong shape, unknown settings.
    ImportError
        solver="ipopt", and no IPOPT is installed.

    Notes
    -----
    Points with a singular or indefinite reduced Hessian are left where the objective falls along its
    direction of least curvature, see `pcl.interior_point.degenerate`.
    Source: Wächter and Biegler, Math. Programming 106 (2006) 25–57; departures in `algorithm`.

    Examples
    --------
    Hock and Schittkowski's problem 71: x* = (1, 4.743, 3.821, 1.379), f* = 17.014.

    >>> import tensorflow as tf, pcl
    >>> program = pcl.interior_point.TensorFlowProgram(
    ...     lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2], 4,
    ...     lambda x: tf.stack([tf.reduce_prod(x), tf.reduce_sum(x**2)]),
    ...     c_lower=[25.0, 40.0], c_upper=[float("inf"), 40.0], x_lower=[1.0] * 4, x_upper=[5.0] * 4)
    >>> found = pcl.interior_point.solve(program, [1.0, 5.0, 5.0, 1.0])
    >>> found.x.round(3), round(found.fun, 3), found.success
    (array([1.   , 4.743, 3.821, 1.379]), 17.014, True)
    """
    checked_settings(tol, acceptable_tol, constraint_tol, maxiter, max_seconds, barrier, scaling,
                     initial_barrier, attempts, solver)
    bounds = checked_program(program)
    checked_warm_start(warm_start, program)
    x = _start(program, x0, warm_start, bounds, bound_push)
    if solver == "ipopt":
        checked_for_ipopt(callback, hessian)
        return second_opinion(program, x, bounds, hessian, warm_start, check_derivatives, {
            "tol": tol, "acceptable_tol": acceptable_tol, "constraint_tol": constraint_tol,
            "maxiter": maxiter, "max_seconds": max_seconds, "initial_barrier": initial_barrier,
            "scaling": scaling, "verbose": verbose})
    monitor, count = Monitor(_told(callback, verbose), maxiter, max_seconds, tol), _counts()

    def run(x, rule, mu, warm_start, check):
        ends = Convergence(tol, acceptable_tol, constraint_tol)
        return _Attempt(program, bounds, monitor, ends, tol, reestimate_below, count).from_start(
            x, hessian, kkt, rule, mu, scaling, warm_start, check)

    def again(x):
        push = np.maximum(bound_push, SECOND_PUSH)
        return run(_start(program, x, None, bounds, push), Monotone, SECOND_BARRIER, None, False)

    with threads.for_small(x.size):
        first = run(x, _RULES[barrier], initial_barrier, warm_start, check_derivatives)
        found = tried(first, again, x, attempts, tol)
    LOG.info("interior point: %d iterations, %.3g s, objective %.6g. %s", found.nit, found.seconds,
             found.fun, found.message)
    return found


def _told(callback, verbose):
    """The callback, after a table on standard output if it is verbose."""
    if not verbose:
        return callback
    table = IterationTable()
    if callback is None:
        return table

    def both(snapshot):
        table(snapshot)
        callback(snapshot)

    return both


def _start(program, x0, warm_start, bounds, push):
    if x0 is None and warm_start is None:
        raise ValueError("x0 is None; expected a start (n,), or warm_start=result.")
    x = float64_array("x0", warm_start["x"] if x0 is None else x0, (program.n,))
    x_lower, x_upper = bounds[:2]
    pushed = inner(x, x_lower, x_upper, push if warm_start is None else WARM_KAPPA)
    return np.where(held(x_lower, x_upper), x_lower, pushed)


def _counts():
    """Calls by function, none so far."""
    return dict.fromkeys(("objective", "gradient", "constraints", "jacobian", "hessian",
                          "factorisations"), 0)


class _Attempt:
    """One solve: what its end needs to make a result wherever it comes."""

    def __init__(self, program, bounds, monitor, ends, tol, near, count):
        self._program, self._bounds, self._monitor = program, bounds, monitor
        self._tol, self._ends, self._near, self._count = tol, ends, near, count
        self._algorithm, self._state, self._mu, self._slope = None, None, 0.0, None

    def from_start(self, x, hessian, kkt, rule, initial_barrier, scaling, warm_start, check):
        """Run to the end."""
        try:
            first = self._prepare(x, hessian, kkt, rule, initial_barrier, scaling, warm_start, check)
            self._run(first, lambda x, mu: self._prepare(x, hessian, kkt, rule, mu, scaling, None, False))
        except End as end:
            return self._result(end.status, end.detail, x)
        except KeyboardInterrupt:
            return self._result(Status.INTERRUPTED, "", x)
        except Exception as error:
            setattr(error, "partial_result", self._result(Status.ERROR, repr(error), x))
            raise

    def _run(self, algorithm, prepare):
        """Run the algorithm, prepared anew where the objective outgrew its scale, and from below a point
        that fulfils the first-order conditions and is no minimum."""
        descents = 0
        while True:
            size, mu = algorithm.trend.size, None
            try:
                return algorithm.run(self._state)
            except Rescale:
                x = algorithm.state.point.p[:self._program.n].copy()
            except End as end:
                solved = end.status is Status.SOLVED and descents < _DESCENTS
                x = self._below(algorithm) if solved else None
                if x is None:
                    raise
                descents, mu = descents + 1, _WARM_BARRIER
            algorithm = prepare(x, mu)
            algorithm.trend.size = size

    def _below(self, algorithm):
        return lower_point(algorithm, self._tol) if is_suspect(algorithm) else None

    def _prepare(self, x, hessian, kkt, rule, initial_barrier, scaling, warm_start, check):
        program = self._program
        first = First(program, x)
        self._hessian = strategy(hessian, program)
        W = first.hessian(program, x) if hessian == "exact" else None
        if check:
            require_right(program, x, exact=hessian == "exact")
        self._kkt = backend(kkt, W, first.J)
        size = curvature(W) if W is not None else tiny_curvature(program, x, first.g, self._bounds)
        rows = row_maxima(first.J)
        s_f, s_c = scales(scaling, first.g, rows, size)
        if self._slope is None:
            self._slope = float(np.abs(first.g).max(initial=0.0))
        form = make_form(program, self._bounds, s_f, s_c, rows, self._count, self._slope)
        slope = s_f * float(np.abs(first.g) @ np.maximum(1.0, np.abs(x)))
        self._mu = self._first_barrier(s_f * first.f, slope, form, initial_barrier, warm_start)
        make = first_state if warm_start is None else warm_state
        self._state = make(form, self._kkt, x, first.c, self._mu, warm_start)
        rule = rule if form.bounded else Monotone
        algorithm = self._make(form, rule(self._mu, self._tol * _share(s_f)), self._ends, self._hessian,
                               Restoration(self._phase, self._tol))
        algorithm.state, self._algorithm = self._state, algorithm
        return algorithm

    def _first_barrier(self, f, slope, form, given, warm_start):
        if given is None and warm_start is not None:
            return max(min(warm_start["barrier"], _WARM_BARRIER), self._tol / 10.0)
        return start_value(f, slope, form.bounded, given)

    def _make(self, form, rule, ends, hessian, restore, in_restoration=False):
        return Algorithm(form, self._kkt, hessian, self._monitor, rule, restore, ends, in_restoration,
                         self._near)

    def _phase(self, form, rule, ends):
        return self._make(form, rule, ends, self._hessian.fresh(), _no_restoration, True)

    def _result(self, status, detail, x):
        algorithm = self._algorithm
        state = algorithm.state if algorithm is not None else self._state
        if state is None:
            return start_only(status, detail, self._program, x, self._monitor, self._count)
        status, detail, state = self._ends.final(status, detail, algorithm, state, self._monitor)
        mu = algorithm.rule.mu if algorithm is not None else self._mu
        return result(status, detail, state, mu, self._monitor, self._count, self._bounds)


def _share(s_f):
    """By how much μ must end lower for complementarity to be small before scaling, too."""
    return float(np.clip(100.0 * s_f, 1e-6, 1.0))


def _no_restoration(algorithm):
    raise End(Status.STEP_TOO_SMALL, algorithm.failure)
