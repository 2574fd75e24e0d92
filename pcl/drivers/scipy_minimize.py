"""SciPy's scalar optimizers: trust-exact, trust-krylov, trust-ncg, BFGS, L-BFGS-B.

SciPy's own stop tests are switched off (tolerances 0, limits out of reach): `Run` decides.
The loss is handed over as it is, so that the iterates are those of scipy.optimize.minimize; with
the option loss_scale None it is divided by a power of two near |g(x0)|, and they do not depend
on the unit of the loss: several of these methods start from unit curvature. That is the default
of trust-krylov, which on SciPy's path takes any gradient below 1.4e-8 for zero.
"""

import dataclasses
import os
import traceback

import numpy as np
import scipy.optimize

from scipy.optimize._trustregion import _minimize_trust_region
from scipy.optimize._trustregion_exact import IterativeSubproblem

from pcl.drivers.run import Stop, norm
from pcl.errors import TrialFailure
from pcl.status import Status
from pcl.validate import float64_array

_NEVER = 10**9
# trlib (trust-krylov) takes a gradient for zero when |g|² < 2e-16, so |g(x0)| is made about 2^20
# there: it then goes down to 1e-14 |g(x0)|.
_KRYLOV = 2.0**20
_FRESH = (-1.0, 0.0)    # radius before and lower bound of the multiplier where a subproblem is new
_CUT_SHORT = 6      # failed trials in one line search: the step was cut by 4^6


def drive_trust_region(run, method, options):
    """Trust region. A failed trial is +inf: ρ = −∞, the step is rejected, the radius shrinks.

    SciPy's trust-exact evaluates the Hessian of every proposed point before it looks at the
    loss there. A proposal whose loss is not below the current one is certain to be
    rejected (ρ ≤ 0 ≤ eta), so it is given the current Hessian instead: the iterates are the
    same.
    """
    scale = kept_scale(run, options, _KRYLOV if method == "trust-krylov" else 1.0)
    calls = _TrustRegion(run, method, scale, options["skip_rejected_hessians"])
    known = ("initial_trust_radius", "max_trust_radius", "eta", "inexact", "subproblem_maxiter")
    settings = {name: options[name] for name in known if name in options}
    derivative = {"hess": calls.hess} if method == "trust-exact" else {"hessp": calls.hessp}
    solve = scipy.optimize.minimize
    if method == "trust-exact" and run.offers:
        solve = _resumable_trust_exact(run, scale, settings)
    try:
        with np.errstate(invalid="ignore", divide="ignore"):    # trlib, at a zero gradient
            result = solve(
                calls.fun, run.current.theta, jac=calls.jac, method=method,
                callback=calls.callback, options={"gtol": 0.0, "maxiter": _NEVER, **settings},
                **derivative)
    except (UnboundLocalError, ValueError) as error:
        # SciPy's IterativeSubproblem leaves its step undefined when subproblem_maxiter is
        # reached before the first successful Cholesky factorisation; an overflow inside it is
        # a ValueError.
        if not _in_subproblem(error):
            raise
        raise Stop(Status.SUBPROBLEM_FAILED) from error
    if result.status == 3:      # LinAlgError in the subproblem
        raise Stop(Status.SUBPROBLEM_FAILED)
    run.dead_end(Status.RADIUS_COLLAPSED)       # 2: no decrease is predicted


def _resumable_trust_exact(run, scale, settings):
    """SciPy's trust-exact, offering its state where it begins an iteration.

    That state is the point, the radius and, while steps are rejected, the radius before with the lower
    bound of the multiplier found there; the Hessian is computed again.
    """
    radius = run.restored.get("radius")
    remembered = [run.restored.get("multiplier", _FRESH)]

    class Subproblem(IterativeSubproblem):

        def solve(self, tr_radius):
            if remembered:      # the first one of a run taken up again
                self.previous_tr_radius, self.lambda_lb = remembered.pop()
            multiplier = _FRESH if self.lambda_lb is None else (self.previous_tr_radius, self.lambda_lb)
            run.offer(radius=float(tr_radius), scale=float(scale), multiplier=np.array(multiplier))
            return super().solve(float(tr_radius))

    def solve(fun, x0, jac, method, callback, options, hess):
        if radius is not None:
            options = {**options, "initial_trust_radius": _Radius(radius)}
        return _minimize_trust_region(fun, x0, jac=jac, hess=hess, callback=callback,
                                      subproblem=Subproblem, **options)

    return solve


class _Radius(float):
    """A start that may equal the largest radius, which SciPy's check refuses."""

    def __ge__(self, other):
        return False


def _in_subproblem(error):
    """True if SciPy's subproblem raised it, not a function of the problem called from there."""
    files = [os.path.basename(frame.f_code.co_filename)
             for frame, _ in traceback.walk_tb(error.__traceback__)]
    below_here = files[len(files) - files[::-1].index(os.path.basename(__file__)):]
    return "_trustregion_exact.py" in below_here


def drive_line_search(run, method, options):
    """BFGS and L-BFGS-B. A failed trial is a finite upward parabola, see `step_back`.

    A line search that was cut short at the edge of the admissible region is started again
    with a fresh Hessian approximation, since its directions lead out of the region. One that
    ended at a failed point, or where it began, is a failed line search: it is started again
    as well, and if that gets nowhere the run is over. Where SciPy's path ends so, in a loss of an
    unusual unit, the run goes on once more with the loss divided by |g|.
    """
    counts = run.objective.counts
    while True:
        before = run.iteration, counts.failed
        try:
            _line_search(run, method, options)
        except _Restart:
            if run.iteration > before[0]:
                continue
        if run.iteration == before[0] or counts.failed == before[1]:
            if options["loss_scale"] is None or not run.gradient_norm(run.current) > 0.0:
                run.dead_end(Status.LINE_SEARCH_FAILED)
            options = {**options, "loss_scale": None}


def _line_search(run, method, options):
    scale = unit_scale(run, options)
    calls = _LineSearch(run, scale)
    settings = {"gtol": 0.0, "maxiter": _NEVER}
    settings.update({k: v for k, v in options.items() if k != "loss_scale" and v is not None})
    if "hess_inv0" in settings:     # of the loss; SciPy sees loss/scale
        given = float64_array("options['hess_inv0']", settings["hess_inv0"],
                              shape=2 * run.current.theta.shape)
        settings["hess_inv0"] = scale * 0.5 * (given + given.T)     # SciPy wants H == H.T
    bounds = None
    if method == "L-BFGS-B":
        settings.update(ftol=0.0, maxfun=options["maxfun"] or _NEVER)
        bounds = None if run.bounds is None else scipy.optimize.Bounds(*run.bounds)
    result = scipy.optimize.minimize(calls.fun, run.current.theta, jac=calls.jac, method=method,
                                     bounds=bounds, callback=calls.callback, options=settings)
    if method == "L-BFGS-B" and result.nfev > settings["maxfun"]:
        raise Stop(Status.EVALUATION_LIMIT)


def unit_scale(run, options, target=1.0):
    """What the loss is divided by: the option loss_scale, or a power of two near |g|/target.

    g is the gradient where the optimizer starts. A power of two, so that no digit of the loss
    changes.
    """
    if options["loss_scale"] is not None:
        return options["loss_scale"]
    exponent = np.log2(run.gradient_norm(run.current)) - np.log2(target)
    return 2.0 ** np.clip(np.round(exponent), -1000, 1000)


def kept_scale(run, options, target=1.0):
    """`unit_scale`, or what it was in the process before."""
    kept = run.restored.get("scale")
    return unit_scale(run, options, target) if kept is None else float(kept)


def step_back(point, current):
    """Value and gradient that make an interpolating line search step back from a failed point.

    The parabola m(x) = f + g·s + c|s|²/2, s = x − x_k, through the current value f and
    gradient g, with c such that m lies |g·s| above f at the failed point. Its minimum along s
    is a quarter of the way: cubic and quadratic interpolation both cut the step by
    four, however large the failed step was and whatever the unit of the loss.
    """
    s = point.theta - current.theta
    slope = float(current.gradient @ s)
    rise = abs(slope) or norm(current.gradient) * norm(s)
    curvature = 2.0 * (rise - slope) / float(s @ s)
    return current.loss + rise, current.gradient + curvature * s


class _TrustRegion:
    """fun, jac, hess, hessp, callback for SciPy; holds the Hessian of the current point."""

    def __init__(self, run, method, scale, skip):
        self._run, self._inverse, self._skip = run, 1.0 / scale, skip
        self._proposed = None
        self._exact = method == "trust-exact"
        if self._exact:
            run.hessian = run.best_hessian = run.objective.hessian(run.current, strict=True)
            if not self._usable(run.hessian):
                raise Stop(Status.SUBPROBLEM_FAILED)
            if run.objective.best.loss < run.current.loss:      # only in a run taken up again
                run.best_hessian = run.objective.hessian(dataclasses.replace(run.objective.best))

    def fun(self, x):
        point = self._trial(x)
        self._run.observe(point)    # also a step of length 0
        return point.loss * self._inverse

    def jac(self, x):
        # trust-krylov asks for the gradient of every proposal: one that is certain to be
        # rejected has none and is given the current one.
        gradient = self._trial(x).gradient
        return (self._run.current.gradient if gradient is None else gradient) * self._inverse

    def hess(self, x):
        point, proposed = self._trial(x), self._proposed
        H = self._run.hessian if proposed is None or proposed[0] is not point else proposed[1]
        return H * self._inverse

    def hessp(self, x, v):
        if not np.isfinite(v).all():    # trlib, where nothing is left to gain
            self._run.dead_end(Status.SUBPROBLEM_FAILED)
        try:
            return self._run.objective.hvp(self._trial(x), v) * self._inverse
        except TrialFailure as error:
            raise Stop(Status.CURVATURE_FAILED) from error

    def callback(self, intermediate_result):
        point = self._trial(intermediate_result.x)
        if point is self._run.current:
            self._run.reject()
            return
        if self._exact:
            self._run.hessian = self._proposed[1]
        self._proposed = None
        self._run.accept(point)

    def _trial(self, x):
        current = self._run.current
        if np.array_equal(x, current.theta):
            return current
        if self._proposed is not None and np.array_equal(x, self._proposed[0].theta):
            return self._proposed[0]
        if not np.isfinite(x).all():
            raise Stop(Status.SUBPROBLEM_FAILED)
        point = self._run.trial(x)
        self._proposed = None
        if self._exact and (point.loss < current.loss or not self._skip and not point.failed):
            H = self._run.objective.hessian(point)
            if H is not None and not self._usable(H):
                self._run.objective.discard(point, "the Hessian's norm overflows")
                H = None
            self._run.observe(point)
            if H is not None:
                self._proposed = point, H
            if self._run.objective.best.theta is point.theta:
                self._run.best_hessian = H
        return point

    def _usable(self, H):
        # the subproblem squares the entries of H
        with np.errstate(over="ignore"):
            return np.isfinite(np.linalg.norm(H * self._inverse))


class _Restart(Exception):
    """The approximate Hessian is to be forgotten."""


class _LineSearch:
    """fun, jac, callback for SciPy."""

    def __init__(self, run, scale):
        self._run, self._inverse = run, 1.0 / scale

    def fun(self, x):
        return self._pair(x)[0] * self._inverse

    def jac(self, x):
        return self._pair(x)[1] * self._inverse

    def callback(self, intermediate_result):
        # SciPy also takes the last point of a line search that broke down, whatever it is
        failed, point = self._run.failed_since_accepted, self._trial(intermediate_result.x)
        if point.failed or point is self._run.current:
            raise _Restart
        self._run.accept(point)
        if failed >= _CUT_SHORT:
            raise _Restart

    def _pair(self, x):
        point = self._trial(x)
        if point.failed:
            return step_back(point, self._run.current)
        return point.loss, point.gradient

    def _trial(self, x):
        if np.array_equal(x, self._run.current.theta):
            return self._run.current
        return self._run.trial(x, gradient=True)
