"""Materials with memory: equilibrium step by step, with states at the quadrature points carried along."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fem.common.coefficient import float64_value
from fem.solvers.nonlinear import solve_nonlinear
from fem.space import ties
from fem.space.form import At
from fem.space.observe import field_of
from fem.space.space import Space
from pcl.evolution.times import increasing
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.scan.scan import MEMORY, scan
from pcl.support.types import Array, ArrayLike, Tensor, Where


def march_states(space: Space, form: Callable[..., Any], times: ArrayLike, state: Mapping[str, Any], *,
                 start: Any = 0.0, dirichlet: Any = None, dirichlet_at: Callable | None = None,
                 boundary_at: Callable | None = None, keep: ArrayLike | None = None,
                 memory: int = MEMORY, **newton: Any) -> "States":
    """u_k with R(u_k; s_{k−1}) = 0, and then s_k = s(u_k; s_{k−1}) at every quadrature point.

        form(u, …, x, before, t, dt) -> ({field: {quantity: density}}, after)

    `before` and `after` are {name: (q, *shape)}, the internal variables s at the beginning and the end
    of the step from t − dt to t: stresses of Maxwell elements, plastic strains, damage. The step is
    implicit: the densities are those of its end. See `fem.materials` for laws, and `pcl.solve_pointwise`
    for laws that state s_k by an equation.

    Parameters
    ----------
    space : Space
    form : function
        Pointwise, in TensorFlow; fields as in `Space.residual`. Networks and pointwise solves inside.
    times : (N + 1,), increasing; the first is that of the initial state
    state : {name: initial value}
        A number, an array of the shape at a point, such as np.zeros((3, 3)), or (q, *shape) for all
        points.
    start : number, array (n,) or function of points (n, dim) -> (n,)
        u at the first time; Newton's method starts every step from the u before.
    dirichlet, dirichlet_at : conditions as in `fem.solve`; the second a function of t
    boundary_at : function t -> {where: form}, optional
        Forms on parts of the boundary as in `Space.residual`.
    keep : whole numbers 0 … N, optional
        Steps to return, all of 1 … N by default.
    memory : see `pcl.scan`
    newton : see `fem.solve_nonlinear` (tolerance, atol, maxiter, load_steps, solver)

    Returns
    -------
    States

    Raises
    ------
    TypeError, ValueError
        A form that returns something else; states that are not those of `state`, or of another shape.
    NotConverged
        When evaluated: Newton's method fails in a step.

    Notes
    -----
    One step is traced, whatever their number; derivatives of first and second order are exact, also
    through a yield condition by tf.where or tf.maximum, except at states exactly on its surface.

    Examples
    --------
    A Maxwell bar stretched by 1 between t = 0 and 1, then held: its stress relaxes by exp(−(t − 1)/τ).

    >>> import numpy as np, skfem
    >>> import fem
    >>> V = fem.Space(skfem.MeshLine([0.0, 0.5, 1.0]))
    >>> def form(u, x, before, t, dt):
    ...     strain = u.gradient[:, 0]
    ...     h = fem.materials.maxwell(before["h"], strain - before["strain"], dt, tau=2.0)
    ...     return {"u": {"gradient": h[:, None]}}, {"h": h, "strain": strain}
    >>> state = {"h": 0.0, "strain": 0.0}
    >>> ends = fem.Dirichlet([0, 2], [0.0, 1.0])
    >>> states = fem.march_states(V, form, [0.0, 1.0, 3.0], state, dirichlet=ends)
    >>> h = states.at_points["h"].numpy()[0]
    >>> bool(np.isclose(h[1] / h[0], np.exp(-1.0)))
    True
    """
    if not isinstance(space, Space):
        raise TypeError(f"space is a {type(space).__name__}; expected a fem.Space.")
    if dirichlet is not None and dirichlet_at is not None:
        raise ValueError("dirichlet and dirichlet_at are both given; expected one of them.")
    times = increasing(times)
    step = _Step(space, form, tuple(state), dirichlet_at or (lambda t: dirichlet),
                 boundary_at or (lambda t: None), newton)
    initial = [_start(space, start), tf.zeros(space.n, tf.float64),
               *(_initial(space, name, value) for name, value in state.items())]
    found = scan(step, tuple(initial), (times[:-1], times[1:]), keep=keep, memory=memory)
    return States(space, found[0], found[1], dict(zip(state, found[2:])))


class States:
    """What a march with states leaves, a column (last axis) for each step kept.

    Attributes
    ----------
    u : tensor (n, m)
    residual : tensor (n, m)
        R before conditions: the forces that hold the Dirichlet parts, zero elsewhere.
    at_points : {name: tensor (q, *shape, m)}
        The internal variables.
    """

    def __init__(self, space, u, residual, at_points):
        self._space, self.u, self.residual, self.at_points = space, u, residual, at_points

    def reaction(self, where: Where = None, field: str | None = None) -> Tensor:
        """Σ R_i over the degrees of freedom on Γ: the force that acts there, (components, m)."""
        rows = ties.component_sums(self._space, field_of(self._space, field), where)
        return LinearMap(rows) @ self.residual

    def __repr__(self) -> str:
        names = ", ".join(self.at_points)
        return f"States({self.u.shape[-1]} steps of {self._space!r} with {names})"


class _Step:
    """(u, R, states) ↦ those at the end of a step."""

    def __init__(self, space, form, names, dirichlet_at, boundary_at, newton):
        self._space, self._form, self._names = space, form, names
        self._dirichlet_at, self._boundary_at, self._newton = dirichlet_at, boundary_at, newton

    def __call__(self, state, t0, t1):
        u, _, *values = state
        before = dict(zip(self._names, values))
        inside = _AtOnce(self._space, self._form, before, t1, t1 - t0)
        boundary = self._boundary_at(t1)
        u = solve_nonlinear(self._space, inside, self._dirichlet_at(t1), u, boundary=boundary,
                            **self._newton)
        return u, self._space.residual(inside, u, boundary), *self._after(inside, u)

    def _after(self, inside, u):
        """The states after the step, in order."""
        gather = self._space.cells.gather
        fields = [At(name, lambda f, quantity: gather(f, quantity) @ u) for name in self._space.fields]
        after = inside.both(*fields, self._space.quadrature_points)[1]
        if not isinstance(after, Mapping) or set(after) != set(self._names):
            given = f"the states {list(after)}" if isinstance(after, Mapping) else type(after).__name__
            raise ValueError(f"form returns {given} after the step; expected those of `state`: "
                             f"{', '.join(self._names)}.")
        return [_checked(name, after[name], inside.before[name].shape) for name in self._names]


class _AtOnce:
    """The densities of one step as a form in the fields and x."""

    def __init__(self, space, form, before, t, dt):
        self._given, self.before, self._time = form, before, (t, dt)
        kind = inspect.Parameter.POSITIONAL_ONLY
        names = [*space.fields, "x"]
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])

    def both(self, *fields_and_x):
        """(densities, states after)."""
        returned = self._given(*fields_and_x, self.before, *self._time)
        if not isinstance(returned, tuple) or len(returned) != 2 or not isinstance(returned[0], Mapping):
            raise TypeError(f"form returns a {type(returned).__name__}; expected the pair ({{field: "
                            "{quantity: density}}, {state: its value after the step}).")
        return returned

    def __call__(self, *fields_and_x):
        return self.both(*fields_and_x)[0]


def _start(space: Space, start: Any) -> Array | Tensor:
    start = start(space.dof_points) if callable(start) and not tf.is_tensor(start) else start
    start = float64_value("start", start)
    return start if len(start.shape) else start * np.ones(space.n)


def _initial(space, name, value):
    """An initial value at all points, (q, *shape)."""
    q = len(space.quadrature_weights)
    value = float64_value(f"the initial state {name!r}", value)
    if len(value.shape) and value.shape[0] == q:
        return value
    return value * np.ones((q, *value.shape))


def _checked(name, value, shape):
    value = float64_value(f"the state {name!r}", value)
    if tuple(value.shape) != tuple(shape):
        raise ValueError(f"the state {name!r} has shape {tuple(value.shape)} after the step; expected "
                         f"{tuple(shape)}, as before it.")
    return tf.convert_to_tensor(value)
