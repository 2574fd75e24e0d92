"""SciPy's scalar optimizers: trust-exact, trust-krylov, trust-ncg, L-BFGS-B.

SciPy's own stop tests are switched off (tolerances 0, limits out of reach): `Run` decides.
The loss is handed over as it is, so that the iterates are those of scipy.optimize.minimize; with
the option loss_scale None it is divided by a power of two near |g(x0)|, and they do not depend
on the unit of the loss: several of these methods start from unit curvature. That is the default
of trust-krylov, which on SciPy's path takes any gradient below 1.4e-8 for zero.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.optimize

from pcl.errors import TrialFailure
from pcl.training.run.driven import Driven
from pcl.training.run.run import EPS, Stop, norm
from pcl.training.run.status import Status

_NEVER = 10**9
# trlib (trust-krylov) takes a gradient for zero when |g|² < 2e-16, so |g(x0)| is made about 2^20
# there: it then goes down to 1e-14 |g(x0)|.
_KRYLOV = 2.0**20
_PAIRS_BYTES, _FEWEST_PAIRS, _MOST_PAIRS = 10**9, 10, 100
CUT_SHORT = 6      # failed trials in one line search: the step was cut by 4^6


def drive_trust_region(run: Driven, method: str, options: Mapping[str, Any]) -> None:
    """Trust region. A failed trial is +inf: ρ = −∞, the step is rejected, the radius shrinks.

    SciPy's trust-exact evaluates the Hessian of every proposed point before it looks at the
    loss there. A proposal whose loss is not below the current one is certain to be
    rejected (ρ ≤ 0 ≤ eta), so it is given the current Hessian instead: the iterates are the
    same.
    """
    if method == "trust-exact":
        _drive_exact(run, options)
        return
    scale = unit_scale(run, options, _KRYLOV if method == "trust-krylov" else 1.0)
    calls = _TrustRegion(run, False, scale, options["skip_rejected_hessians"])
    known = ("initial_trust_radius", "max_trust_radius", "eta", "inexact")
    with np.errstate(invalid="ignore", divide="ignore"):    # trlib, at a zero gradient
        _minimized(calls, method, {name: options[name] for name in known if name in options},
                   hessp=calls.hessp)
    run.dead_end(Status.RADIUS_COLLAPSED)       # no decrease is predicted


def _drive_exact(run, options):
    """trust-exact, one call of SciPy from every point to the next.

    At a new point SciPy's state is the point and the radius, which a `_Radius` follows, and
    nothing else. A subproblem remembers its multiplier while steps are rejected: a run taken up again
    there rejects as many unseen, with the loss +inf, which leads SciPy to the same state.
    """
    scale = kept_scale(run, options)
    calls = _TrustRegion(run, True, scale, options["skip_rejected_hessians"])
    calls.radius = _Radius(run.restored.get("radius", options["initial_trust_radius"]),
                           options["max_trust_radius"])
    settings = {name: options[name] for name in ("eta", "subproblem_maxiter")}
    while True:
        radius, start = calls.radius.value, run.current
        calls.begin(radius, scale)
        # the largest radius is never met: one that grows belongs to a step that is taken
        _minimized(calls, "trust-exact", {"initial_trust_radius": radius,
                                          "max_trust_radius": np.inf, **settings}, hess=calls.hess)
        if run.current is start:
            run.dead_end(Status.RADIUS_COLLAPSED)


def _minimized(calls, method, settings, **second):
    """scipy.optimize.minimize from the current point; Stop where its subproblem fails.

    SciPy's exact subproblem leaves its step undefined (UnboundLocalError) when
    subproblem_maxiter is reached before the first successful Cholesky factorisation; an
    overflow inside it is a ValueError. What the problem raises passes through.
    """
    try:
        result = scipy.optimize.minimize(
            calls.fun, calls.start, jac=calls.jac, method=method, callback=calls.callback,
            options={"gtol": 0.0, "maxiter": _NEVER, **settings}, **second)
    except (UnboundLocalError, ValueError) as error:
        if error is calls.raised:
            raise
        raise Stop(Status.SUBPROBLEM_FAILED) from error
    if result.status == 3:      # LinAlgError in the subproblem
        raise Stop(Status.SUBPROBLEM_FAILED)


class _Radius:
    """SciPy's trust radius Δ, followed from outside.

        ρ = (f(x) − f(x + s)) / (−g·s − ½ sᵀHs);   ρ < ¼: Δ/4;   ρ > ¾ and |s| = Δ: min(2Δ, Δ_max)

    A step on the boundary is as long as Δ or longer, by SciPy's tolerance of a tenth; one inside
    is Newton's, with |s| ≤ Δ.
    """

    def __init__(self, value, largest):
        self.value, self._largest = float(value), largest

    def rejected(self):
        """ρ ≤ eta < ¼."""
        self.value *= 0.25

    def accepted(self, f, g, H, x, f_new, x_new):
        """The step from x to x_new was taken."""
        s = x_new - x
        rho = (f - f_new) / (f - (f + g @ s + 0.5 * (s @ (H @ s))))
        rounding = 1e-12 * self.value + EPS * norm(x_new)       # of |x_new − x|
        if rho < 0.25:
            self.value *= 0.25
        elif rho > 0.75 and norm(s) >= self.value - rounding:
            self.value = min(2.0 * self.value, self._largest)


def drive_line_search(run: Driven, method: str, options: Mapping[str, Any]) -> None:
    """L-BFGS-B. A failed trial is a finite upward parabola, see `step_back`.

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
    pairs = options["maxcor"] or remembered_pairs(run.current.theta.size)
    most = options["maxfun"] or _NEVER
    settings = {"gtol": 0.0, "ftol": 0.0, "maxiter": _NEVER, "maxfun": most, "maxcor": pairs,
                "maxls": options["maxls"]}
    bounds = None if run.bounds is None else scipy.optimize.Bounds(*run.bounds)
    result = scipy.optimize.minimize(calls.fun, run.current.theta, jac=calls.jac, method=method,
                                     bounds=bounds, callback=calls.callback, options=settings)
    if result.nfev > most:
        raise Stop(Status.EVALUATION_LIMIT)


def remembered_pairs(p):
    """Pairs of L-BFGS-B for p parameters: p of them, at least 10, at most 100 and 1 GB of them.

    A pair is 16 p bytes; more than 100 make the products of the pairs with each other the cost.
    """
    return int(np.clip(min(p, _PAIRS_BYTES // (16 * p)), _FEWEST_PAIRS, _MOST_PAIRS))


def unit_scale(run, options, target=1.0):
    """What the loss is divided by: the option loss_scale, or a power of two near |g|/target.

    g is the gradient where the optimizer starts. A power of two, so that no digit of the loss
    changes.
    """
    if options["loss_scale"] is not None:
        return options["loss_scale"]
    exponent = np.log2(run.gradient_norm(run.current)) - np.log2(target)
    return 2.0 ** np.clip(np.round(exponent), -1000, 1000)


def kept_scale(run, options):
    """`unit_scale`, or what it was in the process before."""
    kept = run.restored.get("scale")
    return unit_scale(run, options) if kept is None else float(kept)


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


def _remembering(method):
    """The method of an object, which keeps what it raises as `raised`."""
    @functools.wraps(method)
    def watched(self, *arguments, **named):
        try:
            return method(self, *arguments, **named)
        except Exception as error:
            self.raised = error
            raise
    return watched


class _TrustRegion:
    """fun, jac, hess, hessp, callback for SciPy; holds the Hessian of the current point."""

    radius: Any                     # of SciPy's method, with the exact Hessian
    _offer: Callable[[], None]      # from `begin` on

    def __init__(self, run, exact, scale, skip):
        self._run, self._inverse, self._skip = run, 1.0 / scale, skip
        self._proposed: tuple | None = None     # a trial point and its Hessian
        self.raised: Exception | None = None
        self._unseen, self._rejected = int(run.restored.get("rejected", 0)), 0
        self._exact = exact
        if exact:
            run.hessian = run.best_hessian = run.objective.hessian(run.current, strict=True)
            if not self._usable(run.hessian):
                raise Stop(Status.SUBPROBLEM_FAILED)
            if run.objective.best.loss < run.current.loss:      # only in a run taken up again
                run.best_hessian = run.objective.hessian(dataclasses.replace(run.objective.best))

    @property
    def start(self):
        """θ of the current point."""
        return self._run.current.theta

    def begin(self, radius, scale):
        """SciPy begins at the current point with this radius."""
        self._rejected = self._unseen
        self._offer = lambda: self._run.offer(radius=radius, scale=scale, rejected=self._rejected)
        self._offer()

    @_remembering
    def fun(self, x):
        if self._unseen and not np.array_equal(x, self.start):
            return np.inf
        point = self._trial(x)
        self._run.observe(point)    # also a step of length 0
        return point.loss * self._inverse

    @_remembering
    def jac(self, x):
        # trust-krylov asks for the gradient of every proposal: one that is certain to be
        # rejected has none and is given the current one.
        gradient = None if self._unseen else self._trial(x).gradient
        return (self._run.current.gradient if gradient is None else gradient) * self._inverse

    @_remembering
    def hess(self, x):
        if self._unseen:
            return self._run.hessian * self._inverse
        return self._hessian_of(self._trial(x)) * self._inverse

    def _hessian_of(self, point):
        proposed = self._proposed
        return self._run.hessian if proposed is None or proposed[0] is not point else proposed[1]

    @_remembering
    def hessp(self, x, v):
        if not np.isfinite(v).all():    # trlib, where nothing is left to gain
            self._run.dead_end(Status.SUBPROBLEM_FAILED)
        try:
            return self._run.objective.hvp(self._trial(x), v) * self._inverse
        except TrialFailure as error:
            raise Stop(Status.CURVATURE_FAILED) from error

    @_remembering
    def callback(self, intermediate_result):
        point = self._trial(intermediate_result.x)
        if point is self._run.current:
            self._reject()
            return
        if self._exact:
            self._follow(self._run.current, point)
            self._run.hessian = self._hessian_of(point)
        self._proposed = None
        self._run.accept(point)
        if self._exact:
            raise StopIteration     # on from the new point

    def _reject(self):
        if self._exact:
            self.radius.rejected()
        if self._unseen:
            self._unseen -= 1
            return
        self._rejected += 1
        self._run.reject()
        if self._exact:
            self._offer()

    def _follow(self, old, new):
        self.radius.accepted(old.loss * self._inverse, old.gradient * self._inverse,
                             self._run.hessian * self._inverse, old.theta,
                             new.loss * self._inverse, new.theta)

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
        if failed >= CUT_SHORT:
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
