"""Solve an equation in weak form with Dirichlet data by Newton's method on the free unknowns."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fem.common.coefficient import float64_value
from fem.common.conditions import Conditions, times
from fem.common.prescribed import remembered
from fem.space.equation import equation_of
from fem.space.form import Form
from fem.space.matrix_form import known_links
from fem.space.pairs import equal_order, warn_of_unstable
from fem.space.plates import may_have_kinks, warn_of_kinks
from fem.space.space import Space
from fem.space.weak_form import check_state
from pcl.nodes.equation.newton import Newton
from pcl.nodes.equation.solve_nonlinear import solve_nonlinear as solve_equation
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import placed
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import require_finite


def solve_nonlinear(space: Space, form: Callable[..., Any], dirichlet: Any = None,
                    start: ArrayLike | Tensor | None = None, load: ArrayLike | Tensor | None = None, *,
                    boundary: Mapping | None = None, constraints: Any = None,
                    tolerance: float = Newton.tolerance, atol: float = Newton.atol,
                    maxiter: int = Newton.maxiter, load_steps: int = Newton.load_steps,
                    solver: str = Newton.solver, warm_start: bool = Newton.warm_start) -> Tensor:
    """u with u = g on the Dirichlet part D and R(u)_i = b_i for all other unknowns.

        R(u)_i = ∫ f₀(u, ∇u, x) φ_i + f₁(u, ∇u, x)·∇φ_i w dx

    Form, load and g may carry parameters; derivatives of u of first and second order follow from
    the implicit rule, not from the iterations.

    Parameters
    ----------
    space : Space
    form : function (u, grad_u, x) -> (f0, f1), or (u, p, …, x) -> {field: {quantity: density}}
        See `Space.residual`.
    dirichlet : optional
        As in `fem.solve`. Of u (n, k) a value (m,) is that of every column, (m, k) gives one for each,
        and `fem.Dirichlet(where, value, component=c)` is for column c alone.
    start : array or tensor (n,), or (n, k) for k fields; zeros (n,) by default
        First iterate; its Dirichlet values are replaced by g. u is not differentiated with respect
        to it.
    load : array or tensor of the shape of u, optional
        b, for example Space.flux(g, where) for the natural condition f₁·n = g on a part of the
        boundary. Zero by default, which means f₁·n = 0.
    boundary : {where: form}, optional
        Forms on parts of the boundary, with the normal as last argument; see `Space.residual`.
    constraints : fem.Constraint or list of them, optional
        `V.periodic(…)`, `V.mean_value(…)`, `V.rigid_motions()`, or rows of your own. With multipliers
        the equation becomes R(u) + Cᵀ λ = b, C u = d; λ is not returned.
    tolerance, atol, maxiter, load_steps, solver, warm_start
        See `pcl.nodes.equation.newton.Newton`. With several fields the correction is measured by the
        largest entry of all of them: give fields units in which they are of similar size.

    Returns
    -------
    u : tensor (n,) or (n, k); degrees of freedom of nodes without a cell are 0.

    Raises
    ------
    TypeError, ValueError, IndexError
        Wrong shapes or dtypes; the message names f0, f1, start, load or the Dirichlet value.
    NotConverged, InvalidCoefficient
        When evaluated: Newton's method fails, or f₀ or f₁ is not finite at the start. At a trial point
        of an optimizer they stand for a loss of +inf.

    Warns
    -----
    UserWarning
        All unknowns are fixed (nothing is solved), or a condition selects none.

    Notes
    -----
    Without any Dirichlet value the equation itself must determine the level of u, for example by a
    reaction f₀(u), or a constraint does.

    Examples
    --------
    −Δu + u³ = 1 in the unit square, u = 0 on its boundary:

    >>> import fem
    >>> V = fem.Space(fem.unit_square(8))
    >>> u = fem.solve_nonlinear(V, lambda u, grad_u, x: (u ** 3 - 1.0, grad_u), dirichlet=0.0)
    >>> round(float(u.numpy().max()), 3)
    0.073
    """
    if not isinstance(space, Space):
        raise TypeError(f"space is a {type(space).__name__}; expected a fem.Space.")
    start = _finite("start", check_state(space, "start", np.zeros(space.n) if start is None else start))
    shape = tuple(start.shape)
    equation = equation_of(space, form, boundary, shape)
    load = _load(load, shape)
    _look_at_elements(space, form, boundary)
    columns = int(shape[1]) if shape[1:] else None
    conditions = Conditions(space, dirichlet, constraints, columns, fields=True)
    free = _Free(conditions, equation, start, load)
    settings = dict(tolerance=tolerance, atol=atol, maxiter=maxiter, load_steps=load_steps, solver=solver,
                    warm_start=warm_start, name_null=conditions.name_null)
    u = free.solve(settings)
    return remembered(u, conditions.numbers, conditions.values) if len(shape) == 1 else u


def _look_at_elements(space, form, boundary):
    """Warn of an unstable pair of fields, or kinks in a plate, as far as the form shows them."""
    if equal_order(space) or may_have_kinks(space):
        forms = [Form(space, space.cells, form), *space.boundary_forms(boundary)]
        linked = [known_links(f) for f in forms]
        if None not in linked:
            warn_of_unstable(space, set().union(*linked))
            warn_of_kinks(space, set().union(*linked))


class _Free:
    """The equations of the free unknowns z, u = P z + g, and of multipliers."""

    def __init__(self, conditions, equation, start, load):
        self._conditions, self._start = conditions, start
        self._residual = equation.free(conditions.elimination, conditions.g)
        self._load = None if load is None else times(conditions.elimination.put.T, _flat(load))

    def solve(self, settings):
        """The solution on all degrees of freedom, of the shape of the start."""
        conditions = self._conditions
        if not len(conditions.elimination.free):
            warnings.warn("every degree of freedom has a Dirichlet value; nothing is solved.",
                          stacklevel=3)
            return self._shaped(tf.zeros_like(_flat(self._start)) if conditions.g is None
                                else tf.convert_to_tensor(conditions.g))
        start = times(conditions.elimination.take_free, _flat(self._start))
        if not conditions.multipliers.shape[0]:
            return self._shaped(conditions.expanded(solve_equation(self._equation, start, **settings)))
        return self._shaped(conditions.expanded(self._bordered(start, settings)))

    def _equation(self, z):
        """Pᵀ (R − b)."""
        r = self._residual(z)
        return r if self._load is None else r - self._load

    def _bordered(self, start, settings):
        """z of R(z) + Cᵀ λ = 0, C z = d."""
        C, target = self._conditions.border
        k, m = C.shape
        first, last = placed(0, m, m + k), placed(m, k, m + k)
        take = LinearMap(first.T), LinearMap(last.T)
        put = LinearMap(first), LinearMap(last)
        force = C.T

        def equation(y):
            z, multipliers = take[0] @ y, take[1] @ y
            return put[0] @ (self._equation(z) + force @ multipliers) + put[1] @ (C @ z - target)
        both = times(put[0], start) + np.zeros(m + k)
        return take[0] @ solve_equation(equation, both, **settings)

    def _shaped(self, flat):
        if len(self._start.shape) == 1:
            return flat
        reshape = tf.reshape if tf.is_tensor(flat) else np.reshape
        return reshape(flat, self._start.shape)


def _flat(x):
    return tf.reshape(x, [-1]) if tf.is_tensor(x) else x.ravel()


def _finite(name: str, x: Array | Tensor) -> Array | Tensor:
    if not tf.is_tensor(x):
        require_finite(name, x)
    return x


def _load(load, shape):
    """The load, of the shape of u, or None."""
    if load is None:
        return None
    load = _finite("load", float64_value("load", load))
    if tuple(load.shape) != shape:
        raise ValueError(f"load has shape {tuple(load.shape)}; expected {shape}, that of u (given by "
                         "start), for example space.flux(g, where).")
    return load
