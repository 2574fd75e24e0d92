"""The iteration: primal–dual barrier steps with a filter line search.

A. Wächter and L. T. Biegler, On the implementation of an interior-point filter line-search algorithm for
large-scale nonlinear programming, Mathematical Programming 106 (2006) 25–57; equation numbers are theirs.
Departures:

1. Dual residual, violation and complementarity are tested before scaling, too, ahead of success.
2. A rejected full step is first tried with larger shifts δ_w, which costs factorisations alone.
3. Multipliers are estimated anew by least squares where the dual residual is large, the violation not.
4. Four steps in a row shorter than 0.01 or with δ_w above 1e6, far from feasibility, lead to the
   restoration phase; the iteration begins anew with small shifts after it.
5. Derivatives at the trial point are part of its acceptance: not finite means rejected.
6. Where the predicted change of φ is lost in rounding, a step that lowers E_μ is accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.errors import TrialFailure
from pcl.interior_point.barrier import fraction_to_boundary, tau
from pcl.interior_point.filter import Filter, Test
from pcl.interior_point.form import Evaluated
from pcl.interior_point.kkt.inertia import InertiaCorrection, Irregular
from pcl.interior_point.kkt.multipliers import least_squares
from pcl.interior_point.kkt.system import System
from pcl.interior_point.program import is_finite, row_maxima
from pcl.interior_point.state import State
from pcl.interior_point.status import End, Status
from pcl.interior_point.trend import Trend

_KAPPA_SOC, _SOC = 0.99, 4      # κ_soc, p_max of section 2.4
_KAPPA_SIGMA = 1e10             # κ_Σ of (16)
_KAPPA_STUCK, _LARGE_Z = 10.0, 1e4  # the same at the least distance from a bound; z left alone there
_RETRIES, _RETRY_FACTOR = 4, 10.0   # larger shifts after a rejected step
_UNHINDERED = 0.1       # α_max below which bounds hold the step back: no larger shifts
_TINY = 10.0 * np.finfo(np.float64).eps     # relative steps below count as none (section 3.9)
_LARGE_DUAL = 1.0       # dual residual from which multipliers are estimated anew
_WAIT = 5               # iterations until the next try after one that did not help
_LOST = 1e3 * np.finfo(np.float64).eps     # relative changes of φ below are lost in rounding
_NEARER = 0.9999        # share of E_μ that such a step may leave (Ipopt: soft restoration)
_DIVERGED = 1e15        # size of an unknown, and of a scaled objective, beyond which a run ends
_OUTGROWN = 1e4         # scaled gradient of an objective scaled up from which it is scaled anew
_REMOTE = 1e10          # the same over the start's, for unknowns that drift on
_HUGE = 1e6             # shift δ_w above which a step is as good as a short one
_SHORT, _SHORT_STEPS, _FAR = 1e-2, 4, 1e-4     # of `_creeps`: α, steps in a row, scaled violation


class Rescale(Exception):
    """The scale of the objective no longer fits; begin anew at the last point."""


@dataclass
class Direction:
    """A search direction with the system it came from."""

    dp: np.ndarray
    dy: np.ndarray
    system: System
    r_p: np.ndarray
    shift: float
    relative: float | None = None


class Algorithm:
    """Minimises a form from a state; `restore`: feasibility restoration, `ends`: convergence test.

    ends(algorithm) raises End when the run is over.
    """

    filter: Filter
    state: State
    _make: Callable[[float, float], System]
    _delta_c: float

    def __init__(self, form, kkt, hessian, monitor, rule, restore, ends, in_restoration=False,
                 near=np.inf):
        self.form, self.kkt, self.hessian, self.monitor = form, kkt, hessian, monitor
        self.rule, self._restore, self._ends = rule, restore, ends
        self.in_restoration, self._near = in_restoration, near
        self.inertia, self.trend = InertiaCorrection(), Trend()
        self.restored_until: State | None = None    # where a restoration phase that ended the run was
        self.alpha = self.shift = 0.0
        self.W: Any = None          # not yet, or zero
        self.failure = ""
        self._tiny, self._wait, self._short = 0, 0, 0
        self._alpha_z, self._trials = 0.0, 0
        self.lengths = 0.0, 0.0         # largest entries of the last two steps, before α

    def run(self, state):
        """Iterate until `ends` or a limit raises End."""
        self.state = state
        self.filter = Filter(state.point.theta)
        while True:
            self.trend.visit(self.state.point.p[:self.form.n], self.state.point.f)
            taken = self.alpha, self._alpha_z, self.lengths[1], self._trials
            self.monitor.visit(self.state, self.rule.mu, taken, self.shift, self.in_restoration)
            self._ends(self)
            if self.rule.update(self.state):
                self.filter.clear()
            self._iterate()

    def resume(self, state, alpha):
        """Go on from a state of the restoration phase, without the huge shifts that led into it."""
        self.state, self.alpha, self._short = state, alpha, 0
        if self.inertia.last > _HUGE:
            self.inertia.forget()

    def _iterate(self):
        self._trials = 0
        try:
            step = self._direction()
        except Irregular as reason:
            return self._without_direction(reason)
        if self._is_tiny(step):
            return self._tiny_step(step)
        self._tiny = 0
        found = None if self._creeps() else self._search(step)
        if found is None:
            self._blocked()
        else:
            self._accept(*found)

    def _creeps(self):
        """Short steps in a row, or unknowns run away, far from feasibility: restoration does better."""
        if not self.in_restoration and self._runs_away():
            return True
        self._short = self._short + 1 if self.alpha < _SHORT or self.shift > _HUGE else 0
        if self._short < _SHORT_STEPS or self.in_restoration or self.state.infeasibility < _FAR:
            return False
        self._short = 0
        return True

    def _runs_away(self):
        point = self.state.point
        return self.extent(point) > _REMOTE * self.trend.size and not self.near(point)

    # -- direction

    def multipliers(self):
        """λ of the program, in units of the scaled objective: λ = s_c y."""
        return self.form.row_scale * self.state.y

    def _direction(self):
        """The step of (13), eliminated to (11), with Σ = Z_l/d_l + Z_u/d_u."""
        form, state, point, mu = self.form, self.state, self.state.point, self.rule.mu
        W, diagonal = self.hessian_here(), self.barrier_diagonal()
        self.W = W
        r_p = -(point.barrier_gradient(mu) + state.pulled)

        def make(delta_w, delta_c):
            self.monitor.check_time()
            return System(form, self.kkt, W, point.J, diagonal + delta_w, delta_c)

        self._make = make
        system, (dp, dy), shift, self._delta_c = self.inertia.solve(
            make, lambda system: system.solve(r_p, -point.c), mu)
        self.shift = shift
        return Direction(dp, dy, system, r_p, shift)

    def barrier_diagonal(self):
        """Σ + w (n + n_t,)."""
        form, state, point = self.form, self.state, self.state.point
        diagonal = state.z_lower / point.d_lower
        if form.U.size:
            diagonal += state.z_upper / point.d_upper
        return diagonal + form.weight if form.proximal else diagonal

    def hessian_here(self):
        """W at the last point; End where it is not finite."""
        x = self.state.point.p[:self.form.n]
        self.form.count["hessian"] += 1
        try:
            with np.errstate(all="ignore"):
                W = self.hessian.at(x.copy(), self.multipliers(), self.form.objective_scale)
        except TrialFailure as error:
            raise End(Status.EVALUATION_FAILED, f"hessian: {error}") from error
        if W is not None and not is_finite(W):
            raise End(Status.EVALUATION_FAILED, "hessian has entries that are not finite.")
        return W

    # -- line search

    def _search(self, step):
        """(point, step, α) that passes the filter, or None."""
        test = self._test(step)
        alpha = self._longest(step.dp)
        smallest = max(test.smallest(), _TINY / max(self._relative(step), _TINY))
        first = True
        while first or alpha >= smallest:
            trial = self._trial(step.dp, alpha)
            if trial is not None and (self._passes(test, alpha, trial)
                                      or self._nearer(test, step, alpha, trial)):
                return trial, step, alpha
            if first:
                found = self._corrected(test, step, alpha, trial) or self._retried(step, alpha)
                if found is not None:
                    return found
            first, alpha = False, 0.5 * alpha
        return None

    def _test(self, step):
        point, mu = self.state.point, self.rule.mu
        return Test(self.filter, point.theta, point.phi(mu), float(point.barrier_gradient(mu) @ step.dp))

    def _passes(self, test, alpha, trial):
        phi = trial.phi(self.rule.mu)
        if not test.accepts(alpha, trial.theta, phi) or not self._differentiable(trial):
            return False
        test.extend(alpha, phi)
        return True

    def _nearer(self, test, step, alpha, trial):
        """Where the change of φ that the slope promises is lost in rounding, E_μ must fall instead."""
        if alpha * abs(test.slope) > _LOST * max(abs(test.phi), 1.0) or not self._differentiable(trial):
            return False
        mu = self.rule.mu
        return self._next(trial, step, alpha).error(mu) <= _NEARER * self.state.error(mu)

    def _longest(self, dp):
        """α_max of (15a)."""
        form, point, share = self.form, self.state.point, tau(self.rule.mu)
        return min(fraction_to_boundary(point.d_lower, dp, share) if form.L.size else 1.0,
                   fraction_to_boundary(point.d_upper, -dp, share) if form.U.size else 1.0)

    def _trial(self, dp, alpha):
        """The point p + α dp, or None where a function is not finite."""
        self._trials += 1
        try:
            return Evaluated(self.form, self.form.inside(self.state.point.p + alpha * dp))
        except TrialFailure as error:
            self.failure = str(error)
            return None

    def _differentiable(self, trial):
        try:
            trial.differentiate()
        except TrialFailure as error:
            self.failure = str(error)
            return False
        return True

    def _corrected(self, test, step, alpha, trial):
        """Second-order correction (section 2.4): c_soc = α c_k + c(trial), (27)."""
        point = self.state.point
        if trial is None or trial.theta < point.theta or self.form.m == 0:
            return None
        residual, theta = alpha * point.c + trial.c, trial.theta
        for _ in range(_SOC):
            dp, dy = step.system.solve(step.r_p, -residual)
            alpha_soc = self._longest(dp)
            trial = self._trial(dp, alpha_soc)
            if trial is None:
                return None
            if self._passes(test, alpha, trial):
                return trial, Direction(dp, dy, step.system, step.r_p, step.shift), alpha_soc
            if trial.theta > _KAPPA_SOC * theta:
                return None
            residual, theta = alpha_soc * residual + trial.c, trial.theta
        return None

    def _retried(self, step, alpha):
        """Full steps with larger shifts, where the curvature was indefinite and no bound cut the step."""
        if step.shift == 0.0 or alpha < _UNHINDERED:
            return None
        shift = step.shift
        for _ in range(_RETRIES):
            shift *= _RETRY_FACTOR
            system = self._make(shift, self._delta_c)
            if not system.right_inertia:
                return None
            dp, dy = system.solve(step.r_p, -self.state.point.c)
            if not system.right_inertia:
                return None
            shifted = Direction(dp, dy, system, step.r_p, shift)
            test, alpha = self._test(shifted), self._longest(dp)
            trial = self._trial(dp, alpha)
            if trial is not None and self._passes(test, alpha, trial):
                self.inertia.last = self.shift = shift
                return trial, shifted, alpha
        return None

    # -- acceptance

    def _accept(self, trial, step, alpha):
        point, form = self.state.point, self.form
        self.alpha, self.state = alpha, self._next(trial, step, alpha)
        self.lengths = self.lengths[1], float(np.abs(step.dp).max(initial=0.0))
        self._estimate_anew()
        n = form.n
        self.hessian.accepted(point.p[:n].copy(), trial.p[:n].copy(), self.multipliers(),
                              form.objective_scale)
        self._require_bounded(trial)
        self._require_scaled(trial)

    def _next(self, trial, step, alpha):
        """The state after a step, y moved by α and z by its own length."""
        z_lower, z_upper = self._bound_multipliers(trial, step.dp)
        return State(trial, self.state.y + alpha * step.dy, z_lower, z_upper)

    def _bound_multipliers(self, trial, dp):
        """z after the step (12), (15b), kept near μ/d by (16); zero where there is no bound."""
        form, state, point = self.form, self.state, self.state.point
        mu, share, L, U = self.rule.mu, tau(self.rule.mu), form.L, form.U
        z_lower, lower = _dual_step(state.z_lower[L], point.d_lower[L], dp[L], mu)
        z_upper, upper = _dual_step(state.z_upper[U], point.d_upper[U], -dp[U], mu)
        alpha = min(fraction_to_boundary(z_lower, lower, share),
                    fraction_to_boundary(z_upper, upper, share))
        self._alpha_z = alpha
        new = np.zeros((2, form.size))
        new[0, L] = _near(z_lower + alpha * lower,
                          mu / trial.d_lower[L], trial.p[L] <= form.inner_lower[L])
        new[1, U] = _near(z_upper + alpha * upper,
                          mu / trial.d_upper[U], trial.p[U] >= form.inner_upper[U])
        return new[0], new[1]

    def _require_bounded(self, trial):
        """End where unknowns or objective are beyond all size; far from feasibility that says nothing."""
        size, trend = self.extent(trial), self.trend
        if self.in_restoration:
            if size > _DIVERGED:
                raise End(Status.DIVERGED)
        elif trial.f < -_DIVERGED * max(1.0, self.form.objective_scale) and self.near(trial):
            raise End(Status.UNBOUNDED)
        elif size > _REMOTE * trend.size and trend.falls and trend.drifts and self.near(trial):
            raise End(Status.UNBOUNDED)
        elif size > _DIVERGED:
            raise End(Status.UNBOUNDED if trend.falls and self.near(trial) else Status.DIVERGED)

    def _require_scaled(self, trial):
        """An objective that was tiny at the start may not be so here (e^(−h) far from its minimum)."""
        if self.form.objective_scale > 1.0 and np.abs(trial.g[:self.form.n]).max(initial=0.0) > _OUTGROWN:
            raise Rescale()

    def extent(self, point):
        """The largest |p_i| among the variables that no bound holds back on their side."""
        form, p = self.form, point.p
        free = np.where(p > 0.0, form.unbounded[1], form.unbounded[0])
        return float(np.abs(p[free]).max(initial=0.0))

    def near(self, point):
        """The rows hold to θ_min, or to what rounding leaves of terms of the size of the point."""
        if point.theta <= self.filter.theta_min:
            return True
        terms = self.form.row_scale * row_maxima(point.J) * np.abs(point.p).max(initial=0.0)
        return bool((np.abs(point.c) <= np.maximum(self.filter.theta_min, _LOST * terms)).all())

    def _estimate_anew(self):
        """Least-squares multipliers where they lower a large dual residual."""
        self._wait -= 1
        if self._wait > 0 or self.form.m == 0 or self.state.dual_error <= _LARGE_DUAL \
                or self.state.infeasibility > self._near:
            return
        if not self.reestimate():
            self._wait = _WAIT

    def reestimate(self):
        """True if least-squares multipliers halved the dual residual."""
        state = self.state
        y = least_squares(self.form, self.kkt, state.point, state.z_lower, state.z_upper)
        if y is None:
            return False
        other = State(state.point, y, state.z_lower, state.z_upper)
        if other.dual_error > 0.5 * state.dual_error:
            return False
        self.state = other
        return True

    # -- when no step is accepted

    def _is_tiny(self, step):
        return self._relative(step) <= _TINY and self.state.infeasibility <= 1e-4

    def _relative(self, step):
        """max |dp_i| / (1 + |p_i|), computed once a direction."""
        if step.relative is None:
            size = np.abs(step.dp / (1.0 + np.abs(self.state.point.p)))
            step.relative = float(size.max(initial=0.0))
        return step.relative

    def _tiny_step(self, step):
        """Section 3.9: take it; when it happens again go on to the next μ, or stop."""
        self._tiny += 1
        alpha = self._longest(step.dp)
        trial = self._trial(step.dp, alpha)
        if trial is not None and self._differentiable(trial):
            self._accept(trial, step, alpha)
        if self._tiny > 1 and not self._next_barrier() and not self.reestimate():
            raise End(Status.STEP_TOO_SMALL)

    def _next_barrier(self):
        self.filter.clear()
        return self.rule.shrink()

    def _without_direction(self, reason):
        """No shift makes the matrix regular: restore feasibility (another matrix), or stop."""
        if self.in_restoration or self.state.infeasibility <= self.monitor.tol:
            raise End(Status.STEP_TOO_SMALL, str(reason))
        self._restore(self)

    def _blocked(self):
        """No step passes: restore feasibility, or where there is nothing to restore try the next μ."""
        self.monitor.check_time()
        if self.state.infeasibility > self.monitor.tol:
            self._restore(self)
        elif not self._next_barrier() and not self.reestimate():
            if self.failure:
                raise End(Status.EVALUATION_FAILED, self.failure)
            raise End(Status.STEP_TOO_SMALL)


def _dual_step(z, d, dp, mu):
    """z and its step by (12)."""
    return z, mu / d - z - z / d * dp


def _near(z, target, stuck):
    """(16): z within [μ/(κ_Σ d), κ_Σ μ/d]; closer from above where p cannot get nearer to the bound."""
    largest = np.where(stuck, np.maximum(_KAPPA_STUCK * target, _LARGE_Z), _KAPPA_SIGMA * target)
    return np.clip(z, target / _KAPPA_SIGMA, largest)
