"""When a run is over: solved, acceptable, and what is told about the point that is returned."""

import numpy as np

from pcl.interior_point.derivatives import suspect
from pcl.interior_point.kkt.low_rank_matrix import LowRank
from pcl.interior_point.program import row_maxima
from pcl.interior_point.status import End, Status

_EPS = np.finfo(np.float64).eps
_ROUNDING = 100.0 * _EPS
_ACCEPTABLE_STEPS = 15      # Ipopt: acceptable_iter
_NO_PROGRESS = 0.5
_TRUSTED = 1e-3     # of `_rounding`
_GROWN = 100.0      # times ‖∇f‖ at the start: a gradient that grew beyond does not loosen the tolerance
_FLAT = 0.1         # times max(1, |f|): change of f by a step of the size of x that a minimiser allows
_FAR = 1e8          # growth of an unknown over the start's from which a run that ends counts as unbounded
_DRIFTING = 10      # iterates in a row that fulfil the tolerances and drift on, until the run ends
_LIMITS = (Status.ITERATION_LIMIT, Status.TIME_LIMIT, Status.STOPPED_BY_CALLBACK, Status.INTERRUPTED,
           Status.ERROR)
_STUCK = (Status.STEP_TOO_SMALL, Status.RESTORATION_FAILED, Status.EVALUATION_FAILED)
_OVERRULED = (*_STUCK, Status.ITERATION_LIMIT, Status.TIME_LIMIT, Status.ACCEPTABLE, Status.DIVERGED)


class Convergence:
    """E_0 ≤ tol (5), and before scaling: dual residual, violation and complementarity.

        ‖∇f + Jᵀλ − z‖∞ ≤ max(tol max(1, min(‖∇f‖∞, 100 ‖∇f(x₀)‖∞)), 100 ε ‖W max(1, |x|)‖∞),
        violation_j ≤ max(tol, 100 ε ‖J_j‖∞ max(1, ‖x‖∞)),
        complementarity ≤ 100 tol max(1, |f|)

    A gradient that diverges would make any residual small, hence the limit by that of the start; and
    where the residual r is above tol itself, Σ |r_i x_i| ≤ 0.1 max(1, |f|) must hold, else f falls by
    as much over the next |x| (x₀ x₁ with x₀ = 1 has r = 1 everywhere, however small beside the gradient
    at x₁ = −1e9). An unknown that drifts on (see `Trend`) makes no minimiser of a point, whatever the
    tolerances say.
    """

    def __init__(self, tol, acceptable_tol, constraint_tol=None):
        self._tol, self._acceptable_tol = tol, max(acceptable_tol, tol)
        self._violation = 0.5 * tol if constraint_tol is None else min(0.5 * tol, constraint_tol)
        self._steps, self._lowest, self._noise, self._drifting = 0, np.inf, 0.0, 0

    def __call__(self, algorithm):
        """End with SOLVED or ACCEPTABLE."""
        state = algorithm.state
        if not state.error(0.0) <= max(self._tol, _ROUNDING * np.abs(state.point.f)) * 1e3:
            return self._count(algorithm)
        if self._fulfilled(algorithm):
            self._settled(algorithm.trend)
        self._count(algorithm)

    def _fulfilled(self, algorithm):
        """The tolerances hold, with multipliers of the run or of least squares."""
        self._noise = self._rounding(algorithm)
        return self._is_solved(algorithm.state) or (
            algorithm.state.error(0.0) <= self._tol and algorithm.reestimate()
            and self._is_solved(algorithm.state))

    def _settled(self, trend):
        """SOLVED unless an unknown drifts on; after some such iterates the run is over all the same."""
        if not trend.drifts and not trend.plunges:
            raise End(Status.SOLVED)
        self._drifting += 1
        if self._drifting > _DRIFTING:
            raise End(Status.UNBOUNDED if trend.falls else Status.DIVERGED)

    def _count(self, algorithm):
        """ACCEPTABLE after enough steps at that level that did not halve the error."""
        state = algorithm.state
        error = max(state.error(0.0), state.unscaled[0] / max(1.0, state.unscaled[3]))
        if (error > self._acceptable_tol or not self.holds(state, self._acceptable_tol)
                or algorithm.trend.drifts):
            self._steps = 0
        elif error < _NO_PROGRESS * self._lowest:
            self._steps, self._lowest = 0, error
        else:
            self._steps += 1
        if self._steps >= _ACCEPTABLE_STEPS:
            raise End(Status.ACCEPTABLE)

    def _is_solved(self, state):
        return self.holds(state, self._tol, self._violation)

    def holds(self, state, tol, violation_tol=None):
        """The first-order conditions hold to `tol`, the rows to `violation_tol` (half of it if None)."""
        _, violation, complementarity, _ = state.unscaled
        objective = abs(state.point.f) / (state.form.objective_scale or 1.0)
        limit = 0.5 * tol if violation_tol is None else violation_tol
        return (state.error(0.0) <= tol
                and self._is_stationary(state, tol)
                and complementarity <= 100.0 * tol * max(1.0, objective)
                and (violation <= limit or self._rounded(state, limit)))

    def _is_stationary(self, state, tol):
        """The dual residual is small before scaling, and (an objective scaled up) after it."""
        dual, _, _, gradient = state.unscaled
        s_f = state.form.objective_scale or 1.0
        size = min(gradient, _GROWN * state.form.slope)
        return ((dual <= self._tol or self._is_flat(state))
                and dual <= max(tol * max(1.0, size), self._noise)
                and state.dual_error <= max(tol * max(_GROWN, s_f * size), s_f * self._noise))

    @staticmethod
    def _is_flat(state):
        """A step of the size of x along the residual would hardly change f."""
        n, s_f = state.form.n, state.form.objective_scale or 1.0
        change = float(np.abs(state.dual[:n]) @ np.abs(state.point.p[:n]))
        return change <= _FLAT * max(s_f, abs(state.point.f))

    def _rounding(self, algorithm):
        """What the rounding of x makes of ∇𝓛: 100 ε ‖W max(1, |x|)‖∞, before scaling.

        A quasi-Newton W is trusted up to the tolerance of the scaled residual alone, and to 1e-3: where
        no multipliers exist it grows beyond all curvature.
        """
        form = algorithm.form
        if algorithm.W is None:
            return 0.0
        x = np.maximum(1.0, np.abs(algorithm.state.point.p[:form.n]))
        size = np.where(form.fixed, 0.0, algorithm.W @ x)
        s_f = form.objective_scale or 1.0
        noise = _ROUNDING * float(np.abs(size).max(initial=0.0)) / s_f
        if isinstance(algorithm.W, LowRank):
            return min(noise, self._tol / s_f, _TRUSTED)
        return min(noise, _TRUSTED * max(1.0, form.slope))

    @staticmethod
    def _runs_off(algorithm):
        """Unknowns far beyond the start, the objective has fallen with them, the rows hold."""
        state, trend = algorithm.state, algorithm.trend
        return (algorithm.extent(state.point) > _FAR * trend.size and (trend.falls or trend.fell(_FAR))
                and algorithm.near(state.point))

    def _is_minimiser(self, algorithm):
        """The last point is one, whatever ended the run there."""
        if algorithm.trend.drifts or algorithm.trend.plunges:
            return False
        self._noise = self._rounding(algorithm)
        return self._is_solved(algorithm.state)

    @staticmethod
    def _rounded(state, tol):
        form, point = state.form, state.point
        size = max(1.0, float(np.abs(point.p[:form.n]).max(initial=0.0)))
        limit = np.maximum(tol, _ROUNDING * row_maxima(point.J) * size)
        return bool((np.abs(point.c / form.unit) <= limit).all())

    def final(self, status, detail, algorithm, state, monitor):
        """(status, detail, state) to report: the best point at a limit, a suspected derivative."""
        if algorithm is None:
            return status, detail, state
        if status in _OVERRULED and self._is_minimiser(algorithm):
            status, detail, state = Status.SOLVED, "", algorithm.state
        if status in (*_STUCK, *_LIMITS[:2], Status.ACCEPTABLE) and self._runs_off(algorithm):
            return Status.UNBOUNDED, "", algorithm.state
        if status in _LIMITS and monitor.best is not None:
            return status, detail, monitor.best
        if status is Status.INFEASIBLE and algorithm.restored_until is not None:
            state = original(algorithm, state)
        if status in _STUCK and not algorithm.trend.drifts and self.holds(state, self._acceptable_tol):
            status, detail = Status.ACCEPTABLE, ""
        if status in _STUCK or status in (Status.SOLVED, Status.ACCEPTABLE, Status.INFEASIBLE):
            wrong = suspect(state)
            if wrong:
                return Status.WRONG_DERIVATIVE, wrong, state
        return status, detail, state


def original(algorithm, state):
    """The last point of the restoration phase as a state of the original form."""
    from pcl.interior_point.form import Evaluated
    from pcl.interior_point.state import State
    form = algorithm.form
    last = algorithm.restored_until
    point = Evaluated(form, last.point.p[:form.size].copy()).differentiate()
    return State(point, state.y, state.z_lower, state.z_upper)
