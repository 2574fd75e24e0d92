"""Whether initial values satisfy the constraints of a system, those that stand there and the hidden
ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, least_squares

from pcl.dae.model import Model
from pcl.support.nearest import nearest
from pcl.support.validate import float64_array

_PRIORITY = 1e3       # of the equations over their derivatives: (1/1e3)² of a residual leaks into them
_STARTS = 4           # of the least-squares solves; the best answer counts
_SOLVED = 1e-22      # a cost ½ Σ r² at which no other start is tried
_STEP = 1e-5          # of the one-sided difference in time


class InconsistentStart(ValueError):
    """Initial values violate constraints; the message names them with their residuals.

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x", "y"], rates=lambda v: {"x": -v.x},
    ...                   equations=lambda v: {"sum": v.x + v.y - 1.0})
    >>> try:
    ...     dae.check_initial(model, {"x": 0.2, "y": 0.3}).require()
    ... except dae.InconsistentStart as error:
    ...     print(str(error).split(" Correct")[0])
    The initial values violate constraints: equation `sum` has the residual -0.5.
    """


@dataclass(frozen=True)
class Violation:
    """A constraint that the given values cannot satisfy.

    Attributes
    ----------
    equation : str
    order : 0 for the equation, 1 for its derivative with respect to time
    residual : float, of smallest size over all values of the unknowns
    """

    equation: str
    order: int
    residual: float

    def __str__(self):
        return (f"{'d/dt of ' if self.order else ''}equation `{self.equation}` has the residual "
                f"{self.residual:.3g}")


@dataclass(frozen=True)
class Initial:
    """Consistent values to what was given, or the constraints against it.

    Attributes
    ----------
    violations : tuple of Violation
    values : {argument: value}: x', x, y, z, p with residual 0, or of least squares if there are
    violations
    """

    violations: tuple[Violation, ...]
    values: dict[str, float]

    @property
    def ok(self) -> bool:
        """Whether the given values are consistent."""
        return not self.violations

    def require(self) -> "Initial":
        """This, or InconsistentStart."""
        if self.violations:
            raise InconsistentStart("The initial values violate constraints: "
                                    f"{'; '.join(map(str, self.violations))}. Correct them, or "
                                    "leave one free.")
        return self


def check_initial(model: Model, given: Mapping[str, float], *, inputs: Mapping[str, Any] | None = None,
                  t: float = 0.0, guess: Mapping[str, float] | None = None,
                  tolerance: float = 1e-6) -> Initial:
    """`Initial` for some given values of a declared model.

    Parameters
    ----------
    model : Model
    given : {name: value}, of states, algebraic variables, outputs, parameters; all others are found
        Outputs that are not given are free: their laws are unknown.
    inputs : {name: number, function or table}, as in `Trajectory`
    t : float
    guess : {name: value}, where the search begins; 1 by default, moved inside the bounds
    tolerance : of a residual, relative to the size of its terms and at least to 1

    Notes
    -----
    Constraints and their first derivatives are examined: all constraints of index 2 and 3.

    Returns
    -------
    Initial
        With `ok`, `violations` and `values`; `require()` raises InconsistentStart.

    Raises
    ------
    ValueError, InconsistentStart
        A name that is not known; equations that cannot be evaluated.

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], algebraic=["y"], rates=lambda v: {"x": -v.y},
    ...                   equations=lambda v: {"square": v.y - v.x ** 2})
    >>> start = dae.check_initial(model, {"x": 3.0})
    >>> start.ok, round(float(start.values["y"]), 6)
    (True, 9.0)
    """
    from pcl.dae.data.signal import signal
    from pcl.dae.program.equations import equations_of
    pointwise = equations_of(model)
    signals = [signal(name, (inputs or {})[name]) for name in model.inputs]

    def u(times):
        return np.array([s(times) for s in signals]).reshape(len(signals), len(times)).T

    return find_initial(
        lambda a, times: pointwise.residual(a, u(times), times),
        lambda a, times: pointwise.jacobian(a, u(times), times),
        pointwise.arguments.names, given, n_x=len(model.states), n_p=len(model.parameters),
        equations=pointwise.names, t=t,
        bounds={name: model.limits(name) for name in pointwise.arguments.names},
        guess=guess, tolerance=tolerance)


def find_initial(residual, jacobian, names, given, *, n_x, n_p=0, equations, bounds=None, t=0.0,
                 guess=None, tolerance=1e-6):
    """`Initial` of F(x', x, y, z, p, t) = 0.

    Parameters
    ----------
    residual, jacobian : functions of a (n, n_a) and t (n,), giving (n, n_eq) and (n, n_eq, n_a)
    names : of the n_a arguments, in the order x', x, y, z, p
    given : {name: value}
    n_x, n_p : numbers of states and parameters
    equations : names
    bounds : {name: (lower, upper)}
    """
    search = _Search(residual, jacobian, names, given, n_x, n_p, bounds or {}, float(t), guess or {})
    point = search.solve(search.equations, derivatives=False)
    violations = _violations(equations, 0, search.equations(point), search.scale(point), tolerance)
    if not violations and search.rows.size:
        found = search.solve(search.both, derivatives=True, start=point)
        violations = _violations([equations[i] for i in search.rows], 1, search.derivative(found),
                                 search.derivative_scale(found), tolerance)
        point = found
    return Initial(tuple(violations), dict(zip(names, search.arguments(point).tolist())))


def _violations(names, order, residual, scale, tolerance):
    return [Violation(name, order, float(r)) for name, r, s in zip(names, residual, scale)
            if abs(r) > tolerance * max(1.0, s)]


class _Search:
    """Least squares over what was not given: arguments, and the derivatives of y and z."""

    def __init__(self, residual, jacobian, names, given, n_x, n_p, bounds, t, guess):
        self._residual, self._jacobian, self._t = residual, jacobian, t
        self._names, self._n_x, self._end = list(names), n_x, len(names) - n_p
        self._a = np.array([_start(name, guess, bounds) for name in names])
        self._a[:n_x] = 0.0
        self._free = np.ones(len(names), dtype=bool)
        for name, value in given.items():
            self._fix(name, value)
        self._limits = np.array([bounds.get(name, (-np.inf, np.inf)) for name in names])[self._free].T
        J = self._jacobian(self._spread(), np.full(_STARTS, t))
        self.rows = np.flatnonzero(~(J[:, :, :n_x] != 0.0).any(axis=(0, 2)))

    def _fix(self, name, value):
        if name not in self._names:
            raise ValueError(f"given has {name!r}; expected some of {', '.join(self._names)}."
                             f"{nearest(name, self._names)}")
        place = self._names.index(name)
        self._a[place] = float64_array(f"initial value of {name!r}", value, shape=())
        self._free[place] = False

    def _spread(self):
        """Starting points (_STARTS, n_a): what is free is varied."""
        factor = np.random.RandomState(0).uniform(0.5, 1.5, (_STARTS, len(self._a)))
        factor[0] = 1.0
        return np.where(self._free, self._a * factor, self._a)

    def arguments(self, q):
        """a (n_a,) of the unknowns."""
        a = self._a.copy()
        a[self._free] = q[:np.count_nonzero(self._free)]
        return a

    def equations(self, q):
        """F (n_eq,)."""
        return self._residual(self.arguments(q)[None], np.array([self._t]))[0]

    def derivative(self, q):
        """d/dt of the equations without x': F_x x' + F_y y' + F_z z' + F_t."""
        a, J = self._point(q)
        times = self._t + self._h * np.arange(3)
        r = self._residual(np.repeat(a[None], 3, axis=0), times)[:, self.rows]
        return J @ self._velocity(a, q) + (-3.0 * r[0] + 4.0 * r[1] - r[2]) / (2.0 * self._h)

    def both(self, q):
        """F and d/dt, the former with priority."""
        return np.concatenate([_PRIORITY * self.equations(q), self.derivative(q)])

    def scale(self, q):
        """Σ |∂F/∂a · a| of every equation."""
        a = self.arguments(q)
        return np.abs(self._jacobian(a[None], np.array([self._t]))[0]) @ np.abs(a)

    def derivative_scale(self, q):
        """Σ of the sizes of the terms of `derivative`."""
        a, J = self._point(q)
        return np.abs(J) @ np.abs(self._velocity(a, q))

    def solve(self, function, derivatives, start=None):
        """The best unknowns of several starts."""
        extra = self._end - 2 * self._n_x if derivatives else 0
        starts = self._spread()[:, self._free] if start is None else start[None]
        lower, upper = (np.concatenate([side, np.full(extra, sign * np.inf)])
                        for side, sign in zip(self._limits, (-1.0, 1.0)))
        best = None
        for a in starts:
            q0 = np.concatenate([a, np.zeros(extra)])
            found = _solved(function, q0, lower, upper)
            if found is not None and (best is None or found.cost < best.cost):
                best = found
            if best is not None and best.cost < _SOLVED:
                break
        if best is None:
            raise InconsistentStart("the equations cannot be evaluated at the given initial values; "
                                    "pass `guess` with values where they can.")
        return best.x

    @property
    def _h(self):
        return _STEP * max(1.0, abs(self._t))

    def _point(self, q):
        a = self.arguments(q)
        return a, self._jacobian(a[None], np.array([self._t]))[0][self.rows][:, self._n_x:self._end]

    def _velocity(self, a, q):
        return np.concatenate([a[:self._n_x], q[np.count_nonzero(self._free):]])


def _start(name, guess, bounds):
    lower, upper = bounds.get(name, (-np.inf, np.inf))
    if np.isfinite(lower) and np.isfinite(upper):
        inside = 0.5 * (lower + upper)
    else:
        inside = lower + 1.0 if np.isfinite(lower) else min(1.0, upper - 1.0)
    return float(guess.get(name, inside))


def _solved(function, q0, lower, upper):
    """SciPy's answer, or None if the function cannot be evaluated at the start."""
    q0 = np.clip(q0, lower, upper)
    if not q0.size:
        return _fixed(function(q0), q0)
    if not np.isfinite(function(q0)).all():
        return None
    return least_squares(function, q0, bounds=(lower, upper), x_scale="jac", ftol=1e-15, xtol=1e-15,
                         gtol=1e-15, max_nfev=400)


def _fixed(residual, q0):
    if not np.isfinite(residual).all():
        return None
    return OptimizeResult(x=q0, cost=0.5 * float(residual @ residual))


def require_inside(model, initial, where=""):
    """ValueError for initial values {state: value} outside the bounds."""
    for name, value in initial.items():
        lower, upper = model.limits(name)
        if not lower <= value <= upper:
            raise ValueError(f"initial value of {name!r}{where} is {value:g}, outside its bounds "
                             f"{lower:g} to {upper:g}.")
