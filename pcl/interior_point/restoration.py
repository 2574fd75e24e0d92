"""Feasibility restoration (Wächter and Biegler 2006, section 3.3): the same iteration on elastic rows.

    minimise ρ Σ (e⁺ + e⁻) + (ζ/2) ‖D (p − p_R)‖²   subject to   c(p) − e⁺ + e⁻ = 0,  e⁺, e⁻ ≥ 0

and the bounds on p (30). A stationary point with c ≠ 0 is a local minimum of the violation: infeasible.
"""

from dataclasses import replace

import numpy as np

from pcl.errors import TrialFailure
from pcl.interior_point.barrier import Monotone
from pcl.interior_point.form import Evaluated
from pcl.interior_point.kkt.multipliers import LARGEST, least_squares
from pcl.interior_point.state import State
from pcl.interior_point.status import End, Status

_RHO = 1000.0       # ρ
_KAPPA = 0.9        # κ_resto: share of θ at which the phase may end
_LARGEST_Z = 1000.0     # bound multipliers above are reset to one afterwards (Ipopt: bound_mult_reset)


class Restored(Exception):
    """Carries the state to go on with."""

    def __init__(self, state):
        super().__init__()
        self.state = state


class Restoration:
    """Runs the phase for an algorithm: `Restoration(make)(algorithm)`.

    make(form, rule, ends) -> Algorithm for the elastic form.
    """

    def __init__(self, make, tol):
        self._make, self._tol = make, tol

    def __call__(self, algorithm):
        state, mu = algorithm.state, algorithm.rule.mu
        point = state.point
        algorithm.filter.add(point.theta, point.phi(mu))
        mu_r = max(mu, float(np.abs(point.c).max()))
        form = elastic_form(algorithm.form, point, np.sqrt(mu))
        start = elastic_state(form, state, mu_r)
        phase = self._make(form, Monotone(mu_r, self._tol), _Ends(algorithm, point, self._tol))
        try:
            phase.run(start)
        except Restored as found:
            algorithm.resume(found.state, phase.alpha)
        except End as end:
            raise self._translated(end, algorithm, phase) from None

    def _translated(self, end, algorithm, phase):
        """Failures of the phase become those of the run; limits stay."""
        if end.status not in (Status.STEP_TOO_SMALL, Status.EVALUATION_FAILED, Status.DIVERGED):
            return end
        algorithm.restored_until = phase.state
        if stationary(phase.state, 1e3 * self._tol) and violated(algorithm, phase.state, self._tol):
            return End(Status.INFEASIBLE)
        if end.status is Status.EVALUATION_FAILED:
            return end
        return End(Status.RESTORATION_FAILED, end.detail)


class _Ends:
    """Is the point good enough for the filter of the original problem, or stationary in violation?"""

    def __init__(self, algorithm, start, tol):
        self._algorithm, self._start, self._tol = algorithm, start, tol
        self._first = True

    def __call__(self, phase):
        state = phase.state
        if not self._first:
            self._accept(phase)
        self._first = False
        if phase.rule.mu <= 10.0 * self._tol and stationary(state, self._tol):
            self._algorithm.restored_until = state
            if violated(self._algorithm, state, self._tol):
                raise End(Status.INFEASIBLE)
            self._return(phase, self._original(state))

    def _accept(self, phase):
        form = self._algorithm.form
        c = elastic_residual(form, phase.state.point)
        if float(np.abs(c).sum()) > _KAPPA * self._start.theta:
            return
        point = self._original(phase.state)
        if point is None:
            return
        mu, filter_ = self._algorithm.rule.mu, self._algorithm.filter
        if filter_.allows(point.theta, point.phi(mu)):
            self._return(phase, point)

    def _original(self, state):
        form = self._algorithm.form
        try:
            return Evaluated(form, state.point.p[:form.size].copy()).differentiate()
        except TrialFailure as error:
            self._algorithm.failure = str(error)
            return None

    def _return(self, phase, point):
        if point is None:
            raise End(Status.EVALUATION_FAILED, self._algorithm.failure)
        algorithm = self._algorithm
        form = algorithm.form
        z_lower, z_upper = phase.state.z_lower[:form.size], phase.state.z_upper[:form.size]
        if max(z_lower.max(initial=0.0), z_upper.max(initial=0.0)) > _LARGEST_Z:
            z_lower, z_upper = 1.0 * np.isfinite(form.lower), 1.0 * np.isfinite(form.upper)
        y = least_squares(form, algorithm.kkt, point, z_lower, z_upper)
        if y is None or np.abs(y).max(initial=0.0) > LARGEST:
            y = np.zeros(form.m)
        raise Restored(State(point, y, z_lower, z_upper))


def elastic_residual(form, point):
    """c̃ of the original form at an elastic point: that of the point without its elastic terms."""
    elastic = slice(form.size, None)
    extra = point.form.sign[form.size - form.n:] * point.p[elastic]
    return point.c - np.bincount(point.form.row[form.size - form.n:], weights=extra, minlength=form.m)


def elastic_form(form, point, zeta):
    """The form of (30) around a point."""
    rows = np.flatnonzero(form.row_scale > 0.0)
    k = rows.size
    near = np.minimum(1.0, 1.0 / np.maximum(np.abs(point.p), 1e-300))
    weight = zeta * near ** 2
    weight[:form.n][form.fixed] = 0.0
    return replace(
        form,
        row=np.concatenate([form.row, rows, rows]),
        sign=np.concatenate([form.sign, -np.ones(k), np.ones(k)]),
        cost=np.concatenate([np.zeros(form.row.size), np.full(2 * k, _RHO)]),
        lower=np.concatenate([form.lower, np.zeros(2 * k)]),
        upper=np.concatenate([form.upper, np.full(2 * k, np.inf)]),
        objective_scale=0.0,
        weight=np.concatenate([weight, np.zeros(2 * k)]),
        reference=np.concatenate([point.p, np.zeros(2 * k)]))


def elastic_state(form, state, mu):
    """Elastic variables that minimise the barrier problem with p held (33), multipliers z = μ/e."""
    point = state.point
    slacks, k = point.p.size - form.n, (form.size - point.p.size) // 2
    rows = form.row[slacks:slacks + k]
    c = point.c[rows]
    half = (mu - _RHO * c) / (2.0 * _RHO)
    negative = half + np.sqrt(half ** 2 + mu * c / (2.0 * _RHO))
    positive = c + negative
    elastic = np.concatenate([positive, negative])
    start = Evaluated(form, form.inside(np.concatenate([point.p, elastic]))).differentiate()
    z_lower = np.concatenate([np.minimum(state.z_lower, _RHO), mu / elastic])
    z_upper = np.concatenate([np.minimum(state.z_upper, _RHO), np.zeros(elastic.size)])
    return State(start, np.zeros(form.m), z_lower, z_upper)


def stationary(state, tol):
    """The elastic problem is solved, relative to its weight ρ."""
    return state.error(0.0) <= tol * _RHO * 0.1


def violated(algorithm, state, tol):
    """The rows of the original form are violated by more than rounding explains."""
    c = elastic_residual(algorithm.form, state.point)
    return float(np.abs(c).max(initial=0.0)) > 1e2 * tol
