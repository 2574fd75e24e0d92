"""Starts at rest: states whose derivative vanishes at the beginning, as functions of the parameters.

    F(x', x, y, p, u, t₀) = 0,   x'_i = 0 of states at rest,   x_i as given, or h_i(p), of the others

are as many equations as there are x', x and y: an implicit function of p, with

    ∂v/∂p = −F_v⁻¹ F_p = S,      Σ λ ∂²v/∂p² = −(S; I)ᵀ (Σ_j μ_j ∂²F_j) (S; I),   F_vᵀ μ = λ.

It is found by Newton's method from where the trajectory begins, and where that fails, or leaves the
bounds, by following the motion in implicit steps, each ten times as long as the one before.
"""

from dataclasses import dataclass

import numpy as np

from pcl.dae.program.equations import equations_of, starts_of
from pcl.errors import NotConverged, SingularMatrix, TrialFailure
from pcl.nodes.equation.newton import Newton, newton

_NEWTON = Newton(tolerance=1e-10, maxiter=40)
_ADVICE = ("This is the state of rest in which a trajectory begins: is there one, at these parameters "
           "and inputs, and only one near `start`?")
_STEPS = 10.0 ** np.arange(-3, 7)       # of the span, implicit ones on the way to rest
_SINGULAR = 1e-13


class Steady:
    """What `Leap` asks of its rows: values and derivatives with respect to the arguments of a start.

    Parameters
    ----------
    model : Model without outputs
    steady : names of the states at rest
    fixed : {state: value}
    computed : {state: function of p}
    span : float, length of the trajectory
    """

    def __init__(self, model, steady, fixed, computed, span):
        self.model, self._span, self._rows = model, span, equations_of(model)
        self.names = (*steady, *computed)
        self._computed = starts_of(model, tuple(computed.items())) if computed else None
        states, n_x = model.states, len(model.states)
        self._n_x, self._fixed = n_x, np.array([fixed.get(name, 0.0) for name in states])
        self._rest = np.array([name in steady for name in states])
        self._given = [(n_x + states.index(name), row) for row, name in enumerate(computed)]
        self._out = np.array([n_x + states.index(name) for name in self.names])
        self._n = 2 * n_x + len(model.algebraic)
        self._last = {}
        self.arguments = self._rows.arguments

    def __len__(self):
        return len(self.names)

    @property
    def pattern(self):
        """All rows may depend on all parameters."""
        found = np.zeros((len(self), len(self.arguments)), dtype=bool)
        found[:, self.arguments.parameters] = True
        return found

    def residual(self, a, u, t):
        """The states (m, k) at arguments a (m, n_a), of which x and y are where the search begins."""
        return np.array([self._at(*row).v[self._out] for row in zip(a, u, t)])

    def jacobian(self, a, u, t):
        """Their derivatives (m, k, n_a), with respect to p alone."""
        J = np.zeros((len(a), len(self), len(self.arguments)))
        for out, row in zip(J, zip(a, u, t)):
            out[:, self.arguments.parameters] = self._at(*row).slopes[self._out]
        return J

    def hessian(self, a, u, t, lam):
        """Σ_i λ_i ∂²(state i)/∂a² (m, n_a, n_a)."""
        H, p = np.zeros((len(a), len(self.arguments), len(self.arguments))), self.arguments.parameters
        for out, weights, row in zip(H, lam, zip(a, u, t)):
            point = self._at(*row)
            right = np.zeros(self._n)
            right[self._out] = weights
            out[p, p] = point.curvature(right)
        return H

    # --- the equations ------------------------------------------------------------------------
    def _at(self, a, u, t):
        """The `_Point` of rest at the parameters in a."""
        p = a[self.arguments.parameters]
        key = (p.tobytes(), u.tobytes(), float(t))
        if self._last.get("key") != key:
            self._last = {"key": key, "found": self._found(a, p, u, t)}
        return self._last["found"]

    def _found(self, a, p, u, t):
        guess = a[:self._n].copy()
        guess[:self._n_x] = 0.0
        before = self._last.get("found")
        for start in [guess] if before is None else [before.v, guess]:
            try:
                return self._solved(start, p, u, t, np.inf, guess)
            except TrialFailure:
                pass
        v = guess
        for step in self._span * _STEPS:
            v = self._solved(v, p, u, t, step, v).v
        return self._solved(v, p, u, t, np.inf, v)

    def _solved(self, start, p, u, t, step, before):
        size = np.where(start != 0.0, np.abs(start), 1.0)
        first = _Point(self, start, p, u, t, step, before)
        rows = np.abs(first.F_v) @ size
        scale = size, np.where(rows > 0.0, rows, 1.0)
        point = newton(_NEWTON, start / size, lambda v: _Scaled(
            _Point(self, v * size, p, u, t, step, before), *scale), _ADVICE)[1].point
        self._require_inside(point)
        return point

    def _require_inside(self, point):
        names = (*self.model.states, *self.model.algebraic)
        for name, value in zip(names, point.v[self._n_x:]):
            lower, upper = self.model.limits(name)
            if not lower <= value <= upper:
                raise NotConverged(f"the state of rest has {name} = {value:.6g}, outside its bounds. "
                                   f"{_ADVICE}")


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A point in units of its own, as `newton` takes it."""

    point: "_Point"
    size: np.ndarray
    rows: np.ndarray

    @property
    def residual(self):
        return self.point.F / self.rows

    @property
    def factor(self):
        return self

    def solve(self, r):
        """F_v⁻¹ r in these units."""
        return self.point.solve(self.rows * r) / self.size


class _Point:
    """The equations at one v = (x', x, y)."""

    def __init__(self, start, v, p, u, t, step, before):
        self._start, self.v = start, v
        self._a = np.concatenate([v, p])[None]
        self._u, self._t = u[None], np.array([t])
        n_x, n, rows = start._n_x, start._n, start._rows
        x, dx = v[n_x:2 * n_x], v[:n_x]
        rest = dx if np.isinf(step) else dx - (x - before[n_x:2 * n_x]) / step
        J = rows.jacobian(self._a, self._u, self._t)[0]
        self.F_v, self.F_p = np.zeros((n, n)), np.zeros((n, p.size))
        m = n - n_x
        self.F_v[:m], self.F_p[:m] = J[:, :n], J[:, n:]
        i = np.arange(n_x)
        self.F_v[m + i, np.where(start._rest, i, n_x + i)] = 1.0
        if np.isfinite(step):
            self.F_v[m + i[start._rest], n_x + i[start._rest]] = -1.0 / step
        conditions = np.where(start._rest, rest, x - start._fixed)
        if start._computed is not None:
            values = start._computed.residual(self._a, self._u, self._t)[0]
            slopes = start._computed.jacobian(self._a, self._u, self._t)[0]
            for place, row in start._given:
                conditions[place - n_x] = v[place] - values[row]
                self.F_p[m + place - n_x] = -slopes[row, n:]
        self.F = np.concatenate([rows.residual(self._a, self._u, self._t)[0], conditions])

    def solve(self, r, transpose=False):
        """F_v⁻¹ r, or F_v⁻ᵀ r."""
        A = self.F_v.T if transpose else self.F_v
        size = np.abs(A).max(axis=1)
        try:
            values = np.linalg.svd(self.F_v / np.where(size > 0.0, size, 1.0)[:, None], compute_uv=False)
            if not values[-1] > _SINGULAR * values[0]:
                raise np.linalg.LinAlgError
            return np.linalg.solve(A, r)
        except np.linalg.LinAlgError:
            raise SingularMatrix("the state of rest is not determined, as where a total is conserved: "
                                 "give the start of one of its states as a number or a function."
                                 ) from None

    @property
    def slopes(self):
        """∂v/∂p (n, n_p)."""
        return -self.solve(self.F_p)

    def curvature(self, right):
        """Σ λ ∂²v/∂p² (n_p, n_p) for λ (n,)."""
        start, mu = self._start, self.solve(right, transpose=True)
        m = start._n - start._n_x
        H = start._rows.hessian(self._a, self._u, self._t, mu[None, :m])[0]
        if start._computed is not None:
            own = [mu[m + place - start._n_x] for place, _ in start._given]
            H = H - start._computed.hessian(self._a, self._u, self._t, np.array([own]))[0]
        V = np.vstack([self.slopes, np.eye(self.F_p.shape[1])])
        return -V.T @ H @ V
