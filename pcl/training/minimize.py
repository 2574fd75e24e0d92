"""Training in reduced space: minimise loss(θ) by a method chosen by name."""

import dataclasses
import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pcl.callbacks import combined, restore
from pcl.execute import threads
from pcl.support.interface import require_interface
from pcl.support.memory import require
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, positive_integer
from pcl.training.automatic import automatic
from pcl.training.bounds import parse_bounds
from pcl.training.checkpoint import Session
from pcl.training.drivers.batches import BatchEvaluator
from pcl.training.drivers.hand_over import SwitchingEvaluator
from pcl.training.drivers.inverse_hessian import RULES
from pcl.training.drivers.least_squares import ResidualEvaluator
from pcl.training.drivers.newton_cg import MetricEvaluator
from pcl.training.methods import METHODS, choose, merge, positive, within
from pcl.training.progress import Progress
from pcl.training.result import Result
from pcl.training.run.deadline import TimedProblem
from pcl.training.run.evaluator import Counts, LossEvaluator
from pcl.training.run.inside import pushed_inside
from pcl.training.run.objective import Objective
from pcl.training.run.run import Run, Stop, Tolerances, norm
from pcl.training.run.status import Status
from pcl.training.scipy_words import as_scipy
from pcl.training.verdict.judge import Verdict, judged
from pcl.training.verdict.surroundings import Surroundings

__all__ = ["minimize"]

LOG = logging.getLogger(__name__)

# Relative to |g(x0)| and to |loss|: what Newton's method reaches in double precision with
# some room, and the last digits of the loss.
GTOL, FTOL = 1e-8, 1e-14
_INTERFACE = ("theta0", "size", "value", "gradient", "value_and_gradient")
# Bytes for p parameters. trust-exact: the Hessians of two points, scaled, shifted, factored;
# BFGS and its relatives: the inverse Hessian, changed in place; trust-krylov: SciPy's table of
# Lanczos vectors.
_BYTES = {"trust-exact": lambda p: 40 * p**2, "newton-trust-region": lambda p: 40 * p**2,
          **dict.fromkeys(RULES, lambda p: 8 * p**2),
          "trust-krylov": lambda p: min(16 * p**2, 8 * 10**9)}


def minimize(problem: Any, method: str = "auto", x0: ArrayLike | None = None, bounds: Any = None,
             callback: Callable | Sequence[Callable] | None = None, maxiter: int | None = None,
             gtol: float = GTOL, ftol: float = FTOL, xtol: float = 0.0, gtol_absolute: float = 0.0,
             progress: bool | None = None, options: Mapping[str, Any] | None = None,
             max_seconds: float | None = None, certify: bool = False, tol: float | None = None,
             checkpoint: str | os.PathLike[str] | None = None, checkpoint_seconds: float = 30.0,
             resume: str | os.PathLike[str] | None = None) -> Result:
    """A local minimiser of loss(θ), with the history of the run and the reason of its end.

        minimise loss(θ),   lower ≤ θ ≤ upper

    Parameters
    ----------
    problem : Problem
        Or any object with its array interface: `theta0`, `size`, `value`, `gradient`,
        `value_and_gradient`, and what the method needs of `hessian`, `hvp`, `residuals`,
        `jacobian`, `has_residuals`; `counts`, `unravel` and `slices` are used if present.
    method : str, upper or lower case
        "auto" goes by what the problem states and its size: levenberg-marquardt with residuals,
        newton-trust-region with a loss, newton-cg above 2,000 parameters, L-BFGS-B for a loss with
        bounds. `result.method` tells.

        =================== ============================== ================ ===================
        name                uses                           default maxiter  bounds
        =================== ============================== ================ ===================
        trust-exact         Hessian                        200              newton-trust-region
        newton-trust-region Hessian                        200              yes
        trust-krylov        Hessian-vector products        200              newton-cg
        trust-ncg           Hessian-vector products        200              newton-cg
        newton-cg           Hessian-vector products        200              yes
        ssbroyden           gradient                       2000             yes
        ssbfgs              gradient                       2000             yes
        BFGS                gradient                       2000             yes
        L-BFGS-B            gradient                       2000             yes
        levenberg-marquardt residuals, dr/dθ               200              yes
        least-squares       residuals, dr/dθ               200              not lm
        adam                gradient                       5000             yes
        hand-over           gradient, then the best of the 2000             yes
                            above, see drivers.hand_over
        =================== ============================== ================ ===================

        SciPy's trust regions take no bounds: with any, the method named runs in their place, with its
        own options.
    x0 : (p,) array or {block: array}, optional
        Start; `problem.theta0` if None. Outside the bounds it is moved to the nearest bound.
    bounds : list of p pairs, scipy.optimize.Bounds, or {block: (lower, upper)}, optional
        None in a pair means no bound.
    callback : callable or list of them, optional
        Called as `callback(snapshot)` after every iteration with a `history.Snapshot`, or, if its only
        parameter has that name, as SciPy's `callback(intermediate_result)` with x and fun. Raising
        StopIteration ends the run; its words end up in the message. See `pcl.callbacks`.
    maxiter : int, optional
        Iterations; rejected steps of the trust-region methods count, for least-squares an
        iteration is a step that lowered the loss.
    gtol : float
        Stop when |g| ≤ gtol |g(x0)|, 2-norms, with bounds of the projected gradient, and the
        loss agrees that this is a minimum: |g ∘ max(|θ|, 1)|/|loss| is below 1e-4 (nothing left
        to gain) or above 1e6 (a root is near); or when that ratio is at rounding level.
        Independent of the unit of the loss, and not fooled by a remote start.
    gtol_absolute : float
        Stop also when |g| ≤ gtol_absolute.
    ftol : float
        Stop when |change of the loss| ≤ ftol |loss| in three steps in a row.
    tol : float, optional
        SciPy's name for `gtol`.
    xtol : float
        Stop when |step| ≤ xtol |θ| for an accepted step.
    progress : bool, optional
        Progress bar; None shows it on a terminal only.
    options : dict, optional
        SciPy's maxiter and disp (a bar), and those of the method.
        trust-*: initial_trust_radius 1, max_trust_radius 1000, eta 0.15,
        skip_rejected_hessians True, trust-exact: subproblem_maxiter 100, trust-krylov: inexact
        True. ssbroyden, ssbfgs, BFGS: c1 1e-4, c2 0.9, hess_inv0 None (identity over |g(x0)|); the
        first two are self-scaled, see `drivers.inverse_hessian`. L-BFGS-B: maxcor None (as many pairs as
        parameters, at least 10, at most 100 and 1 GB), maxls 50, maxfun None. least-squares: algorithm
        "trf" ("dogbox", "lm"), loss "linear" ("soft_l1", "huber", "cauchy", "arctan"), f_scale 1,
        x_scale, tr_solver, tr_options, max_nfev None (100 maxiter + 1000). levenberg-marquardt: loss and
        f_scale as there, x_scale None (1), initial_trust_radius None (|x0/x_scale|), corrections 3,
        linear_algebra "auto" ("svd", of all singular values; "cholesky", of JᵀJ + λ or JJᵀ + λ with
        refinement): the singular values above rounding where these are few, Cholesky's factors where
        the condition number allows it or the SVD would take more than 2e11 flops, 6 M n² + 20 n³ with
        n = min(m, p) and M = max(m, p); `result.linear_algebra` tells.
        newton-trust-region: initial_trust_radius, max_trust_radius, eta. newton-cg: hessian "auto"
        ("exact", "gauss-newton"), preconditioner None (v ↦ M⁻¹ v; by default the covariance of the prior
        where every block of a problem from `from_data` has a normal one, else the identity), eta_max 0.5,
        c1 1e-4, memory 100 products, max_products 200 a step; gradient norms are √(gᵀ M⁻¹ g), so that
        nothing depends on the mesh of a field, see `drivers.newton_cg`. hand-over: first "L-BFGS-B"
        ("adam"). adam: learning_rate 1e-3, beta_1 0.9, beta_2 0.999, epsilon 1e-7, batch None, seed 0:
        with a batch, of experiments of `Problem.sum`, an iteration is a pass through all of them in an
        order drawn from the seed, a step a batch, and the loss and the gradient of all at its end.
        The optimizer works on loss/loss_scale: 1 for SciPy's trust-* and L-BFGS-B, whose iterates are
        then those of scipy.optimize.minimize; None, the default of adam and trust-krylov (which takes
        any |g| below 1.4e-8 for zero), is the power of two nearest |g(x0)|, with which they do not
        depend on the unit of the loss; BFGS and its relatives never do.
    max_seconds : float, optional
        No evaluation begins later than this, counted from the call, but at the start: a run also ends
        within an iteration, and within one value, gradient, Hessian, Jacobian or product of a
        `pcl.Problem`, between two of its parts: nodes, steps of a march or of Newton, blocks of points or
        of right-hand sides. One such part, an evaluation of another object, and one factorisation of the
        optimizer's are finished once begun. The evaluations behind the status (see
        `pcl.training.verdict`) are made for runs that end by themselves.
    certify : bool
        Check all derivatives at the point returned; the record is `result.certificate`.
    checkpoint : path, optional
        File that holds the run, written whole or not at all: every `checkpoint_seconds` at the
        end of an iteration, but never taking more than a fifth of the time, and when the run
        ends for whatever reason. The generation before is kept beside it as path.previous. A
        file that cannot be written is warned of and the run goes on.
    checkpoint_seconds : float
    resume : path, optional
        Checkpoint to go on from, with the same problem, method, options and bounds; x0 is that
        of the file. The end is that of a run never interrupted, bit for bit: θ and history
        (seconds aside). Limits, tolerances and callbacks may differ. hand-over, which
        decides by the clock, goes on in the method it was in.

    Returns
    -------
    Result, a scipy.optimize.OptimizeResult
        x, fun, jac : the best point evaluated, its loss and gradient; theta : x by name;
        success, status (`Status`), message (its sentence); nit, nfev, njev, nhev, nhvp;
        history (`History`), counts (dict), failed (trial points that could not be evaluated),
        gradient_norm, method; stages (of hand-over: which method ran when and why it was left, a
        list of `drivers.hand_over.Stage`; else empty); for the trust-region methods hess (of the
        dense ones) and smallest_eigenvalue, of the parameters that are on no bound, where the run ended
        at a stationary point, else None. With a robust loss, fun, jac and history are those of
        C² Σ ρ((r/C)²), C = f_scale.

    Raises
    ------
    ValueError, TypeError
        Bad arguments; a file to resume from that is damaged or of another run
        (`CheckpointError`, a ValueError); a gradient or Hessian of the wrong shape; a Hessian
        whose relative asymmetry exceeds 1e-8; a start that cannot be evaluated (also
        TrialFailure).
    MemoryError
        Less memory is free than the method needs.
    Exception
        What the callback or the problem raises in mid-run passes through, carrying the result
        so far as its attribute `partial_result`.

    Notes
    -----
    A tolerance of 0 never stops a run: with all four at 0 it goes to the iteration limit, or
    until no step changes θ or the loss any more. SciPy's own tests are switched off.
    At a trial point that cannot be evaluated (TrialFailure, arithmetic error, NaN, infinity)
    the step is shortened and the run goes on from the last good point. Ctrl-C ends the run
    and returns the best point with status INTERRUPTED; so does SIGTERM in a run with a
    checkpoint that was started in the main thread.
    Cost of going on: trust-exact and newton-trust-region compute one Hessian,
    levenberg-marquardt one Jacobian, adam nothing. BFGS and its relatives, L-BFGS-B, trust-krylov
    and trust-ncg are replayed from the recorded answers of the problem (8 p bytes for each gradient
    or product, in memory and in the file) without evaluating it, least-squares with its
    Jacobians computed again.
    A run whose start is stationary returns at once with STATIONARY_START. That is a success
    only if the loss is 0; or, for the trust-region methods, the Hessian is positive
    semidefinite and not zero; or, for the others, the gradient is at rounding level but not
    exactly zero, as it is where the loss does not see θ.

    Examples
    --------
    >>> import numpy as np, tensorflow as tf, pcl
    >>> x = np.linspace(0.0, 2.0, 9)
    >>> data = 3.0 * np.exp(-1.5 * x)
    >>> problem = pcl.Problem.from_residuals(
    ...     lambda t: t["a"] * tf.exp(-t["k"] * x) - data, {"a": 1.0, "k": 1.0})
    >>> result = pcl.minimize(problem)
    >>> result.success, {name: float(value.round(6)) for name, value in result.theta.items()}
    (True, {'a': 3.0, 'k': 1.5})
    >>> bounded = pcl.minimize(problem, bounds={"k": (0.0, 1.0)})
    >>> float(bounded.theta["k"].round(6))
    1.0
    """
    require_interface(problem, *_INTERFACE, *(("certify",) if certify else ()))
    asked, _ = choose(automatic(problem, bounds) if method == "auto" else method)
    name, chosen = within(asked, bounds)
    options, maxiter, progress = as_scipy(options, maxiter, progress)
    settings = merge(name, options)
    tolerances = Tolerances(gtol if tol is None else tol, gtol_absolute, ftol, xtol)
    LOG.info("%s begins: %d parameters", name, problem.size)
    limit = chosen.maxiter if maxiter is None else positive_integer("maxiter", maxiter)
    callback = combined(callback)
    if max_seconds is not None and not positive(max_seconds):
        raise ValueError(f"max_seconds is {max_seconds!r}; expected a positive number or None.")
    session = Session(checkpoint, checkpoint_seconds, resume)
    theta, box = _start(problem, x0, bounds, name, chosen, settings)
    theta = session.prepare(problem, name, settings, theta, box, given=x0 is not None)
    session.verify(_evaluator(problem, name, settings, Counts())[0], theta)
    counts = Counts()
    timed = TimedProblem(problem, np.inf if max_seconds is None else max_seconds)
    evaluator, extra = _evaluator(session.recorded(timed), name, settings, counts)
    bar = Progress(progress, limit, name)
    try:
        with session.terminable(), threads.for_small(theta.size):
            run = Run(Objective(evaluator, counts), theta, tolerances, limit, callback=callback,
                      progress=bar, bounds=box, problem_counts=getattr(problem, "counts", None),
                      max_seconds=max_seconds, session=session if session.active else None,
                      length=evaluator.length if chosen.metric else norm)
            timed.begin()
            restore(callback, run.recorded)
            status = _drive(run, lambda: chosen.drive(run, name, settings, *extra), problem, name,
                            settings, session)
    finally:
        bar.close()
    result = _finished(run, status, problem, name, settings, certify)
    LOG.info("%s: %d iterations, %.3g s, loss %.6g. %s", name, result.nit, result.seconds, result.fun,
             result.message)
    return result


def _drive(run, drive, problem, name, settings, session):
    status = Status.ERROR
    try:
        status = _driven(run, drive, problem, name, settings)
    finally:
        session.finish(status)
    return status


def _driven(run, drive, problem, name, settings):
    if run.stationary_at_start:
        return Status.STATIONARY_START
    try:
        _require_memory(name, run.current.theta.size)
        drive()
    except Stop as stop:
        run.reason = stop.reason
        return stop.status
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except Exception as error:
        if _from_keyboard(error):
            return Status.INTERRUPTED
        setattr(error, "partial_result", _result(run, Status.ERROR, problem, name, settings, judge=False))
        raise
    raise RuntimeError(f"{name} returned without a reason.")


def _from_keyboard(error):
    # Compiled code that meets a KeyboardInterrupt between two calls reports a SystemError.
    return isinstance(error, SystemError) and isinstance(
        error.__cause__ or error.__context__, KeyboardInterrupt)


def _finished(run, status, problem, name, settings, certify):
    """The result with its last costly parts; Ctrl-C leaves them out and loses nothing else."""
    try:
        result = _result(run, status, problem, name, settings)
        if certify:
            result.certificate = problem.certify(result.x)
        return result
    except (KeyboardInterrupt, SystemError) as error:
        if not isinstance(error, KeyboardInterrupt) and not _from_keyboard(error):
            raise
        result = _result(run, Status.INTERRUPTED, problem, name, settings, judge=False)
        if certify:
            result.certificate = None
        return result


def _require_memory(name, p):
    if name in _BYTES:
        require(_BYTES[name](p), f"{name} with {p:,} parameters", "use trust-ncg or L-BFGS-B")


def _start(problem, x0, bounds, name, method, settings):
    size = int(problem.size)
    given = problem.theta0 if x0 is None else x0
    theta = float64_array("x0", problem.ravel(given) if isinstance(given, dict) else given,
                          shape=(size,))
    if size == 0:
        raise ValueError("problem has no parameters: theta has length 0.")
    algorithm = settings.get("algorithm")
    if bounds is not None and (not method.bounds or algorithm == "lm"):
        label = f"{name} with algorithm 'lm'" if algorithm == "lm" else name
        others = [known for known, other in METHODS.items() if other.bounds is True]
        raise ValueError(f"bounds are given but {label} takes none. Use one of {', '.join(others)} (with "
                         "'trf' or 'dogbox'), or transform the parameter.")
    box = parse_bounds(bounds, size, getattr(problem, "slices", None))
    if box is not None and algorithm is not None and (box[0] == box[1]).any():
        raise ValueError("bounds has equal lower and upper bounds at entry "
                         f"{int(np.argmax(box[0] == box[1]))} of theta, which least-squares "
                         "cannot use. Take the parameter out of the problem.")
    # SciPy's trf needs a start more than 1e-10 inside the box.
    return pushed_inside(theta, box, margin=2e-10 if algorithm == "trf" else 0.0), box


def _evaluator(problem, name, settings, counts):
    if METHODS[name].metric:
        evaluator = MetricEvaluator(problem, counts, settings["hessian"], settings["preconditioner"])
        return evaluator, (evaluator,)
    if METHODS[name].batches:
        evaluator = BatchEvaluator(problem, counts, settings["batch"], settings["seed"])
        return evaluator, (evaluator,)
    needs = METHODS[name].residuals
    if not needs:
        return LossEvaluator(problem, counts), ()
    if needs == "optional":
        evaluator = SwitchingEvaluator(problem, counts)
        return evaluator, (evaluator,)
    if not problem.has_residuals:
        raise ValueError(f"method {name} needs residuals, but this problem states only a "
                         "loss. State the residuals r with loss = sum(r²), or use trust-exact.")
    evaluator = ResidualEvaluator(problem, counts, settings["loss"], settings["f_scale"])
    return evaluator, (evaluator,)


def _result(run, status, problem, name, settings, judge=True):
    """The result at the best point; `judge` False takes the status as it is and evaluates nothing."""
    verdict = _verdict(run, status, problem, name, settings) if judge else Verdict(
        status, status.success, None, "", Counts())
    best, counts, found = run.objective.best, run.objective.counts, verdict.spectrum
    x = best.theta.copy()
    unravel = getattr(problem, "unravel", None)
    return Result(
        x=x, theta=None if unravel is None else unravel(x), fun=best.loss,
        jac=best.gradient.copy(), gradient_norm=run.gradient_norm(best), hess=run.best_hessian,
        smallest_eigenvalue=None if found is None else found.smallest, success=verdict.success,
        status=verdict.status, message=_message(run, verdict), method=name, nit=run.iteration,
        nfev=counts.evaluations, njev=counts.gradients + counts.jacobians, nhev=counts.hessians,
        nhvp=counts.hessian_products, failed=counts.failed,
        counts=dataclasses.asdict(counts), verdict_counts=dataclasses.asdict(verdict.counts),
        history=run.history, stages=run.stages,
        linear_algebra=run.linear_algebra).of(problem)


def _message(run, verdict):
    counts, message = run.objective.counts, verdict.status.value
    if verdict.evidence:
        message += f" {verdict.evidence}"
    if run.linear_algebra == "cholesky":
        message += " The last steps are from the normal equations by Cholesky's factors."
    if run.reason:
        message += f" Reason: {run.reason}."
    if counts.failed:
        message += (f" {counts.failed} trial points could not be evaluated; the last: "
                    f"{run.objective.last_failure}")
    return message


def _verdict(run, status, problem, name, settings):
    """`Verdict` on the best point, from evaluations of the problem itself: none enters a log."""
    status, counts = run.settled(status), Counts()
    evaluator = _evaluator(problem, name, settings, counts)[0]
    around = Surroundings(problem, evaluator, run.objective.best, run.bounds, counts,
                          exact=settings.get("loss", "linear") == "linear")
    hessian = None
    if run.best_hessian is not None or METHODS[name].dense and run.iteration == 0:
        hessian = functools.partial(_hessian, run)
    return judged(run, status, around, hessian, bool(getattr(problem, "has_residuals", False)))


def _hessian(run):
    if run.best_hessian is None:
        run.best_hessian = run.objective.hessian(run.objective.best, strict=True)
    return run.best_hessian
