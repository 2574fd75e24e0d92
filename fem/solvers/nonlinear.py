"""Solve an equation in weak form with Dirichlet data by Newton's method on the free unknowns."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from fem.common.coefficient import float64_value
from fem.common.dirichlet import gather
from fem.common.prescribed import remembered
from fem.space.space import Space
from fem.space.weak_form import check_state
from pcl.nodes.equation.newton import Newton
from pcl.nodes.equation.solve_nonlinear import solve_nonlinear as solve_equation
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import require_finite


def solve_nonlinear(space: Space, form: Callable[..., tuple], dirichlet: Any = None,
                    start: ArrayLike | Tensor | None = None, load: ArrayLike | Tensor | None = None, *,
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
    form : function (u, grad_u, x) -> (f0, f1)
        See `Space.residual`.
    dirichlet : optional
        As in `fem.solve`. Of k fields all are prescribed at the same degrees of freedom: a value (m,)
        is that of every field, (m, k) gives one for each.
    start : array or tensor (n,), or (n, k) for k fields; zeros (n,) by default
        First iterate; its Dirichlet values are replaced by g. u is not differentiated with respect
        to it.
    load : array or tensor of the shape of u, optional
        b, for example Space.flux(g, where) for the natural condition f₁·n = g on a part of the
        boundary. Zero by default, which means f₁·n = 0.
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
    reaction f₀(u); a mean value cannot be prescribed.
    """
    if not isinstance(space, Space):
        raise TypeError(f"space is a {type(space).__name__}; expected a fem.Space.")
    if not callable(form):
        raise TypeError(f"form is a {type(form).__name__}; expected a function (u, grad_u, x) -> "
                        "(f0, f1).")
    start = _finite("start", check_state(space, "start", np.zeros(space.n) if start is None else start))
    load = _load(load, tuple(start.shape))
    fixed, g = gather(space, dirichlet, None if len(start.shape) == 1 else int(start.shape[1]))
    u = _Eliminated(space, fixed, g, start).solve(
        form, load, tolerance=tolerance, atol=atol, maxiter=maxiter, load_steps=load_steps,
        solver=solver, warm_start=warm_start)
    return remembered(u, fixed, g) if len(start.shape) == 1 else u


class _Eliminated:
    """The equations of the free unknowns u_I, u = P u_I + E g, for one field or several."""

    def __init__(self, space, fixed, g, start):
        self._weak_form = space.weak_form(tuple(start.shape))
        self._split = space.partition(fixed, int(np.prod(start.shape[1:])))
        self._start = start
        constant_zero = not tf.is_tensor(g) and not g.any()
        self._lift = None if constant_zero else self._shaped(
            _times(self._split.put_fixed, _flat(_columns(g, start.shape))))

    def solve(self, form, load, **settings):
        """The solution on all degrees of freedom."""
        if not len(self._split.free):
            warnings.warn("every degree of freedom has a Dirichlet value; nothing is solved.",
                          stacklevel=3)
            return tf.zeros_like(self._start) if self._lift is None else tf.convert_to_tensor(self._lift)
        start = _times(self._split.take_free, _flat(self._start))
        inner = solve_equation(self._equation(form, load), start, **settings)
        u = self._shaped(self._split.put_free @ inner)
        return u if self._lift is None else u + self._lift

    def _equation(self, form, load):
        """R_I as a function of u_I."""
        gather, scatter = self._weak_form.restricted(self._split)
        fixed = None if self._lift is None else self._weak_form.gather @ self._lift
        load = None if load is None else _times(self._split.take_free, _flat(load))

        def equation(inner):
            z = gather @ inner
            r = scatter @ self._weak_form.density(form, z if fixed is None else z + fixed)
            return r if load is None else r - load
        return equation

    def _shaped(self, flat):
        if len(self._start.shape) == 1:
            return flat
        reshape = tf.reshape if tf.is_tensor(flat) else np.reshape
        return reshape(flat, self._start.shape)


def _times(linear_map, x):
    """L x; a constant at once."""
    return linear_map @ x if tf.is_tensor(x) else linear_map.matrix @ x


def _flat(x):
    return tf.reshape(x, [-1]) if tf.is_tensor(x) else x.ravel()


def _columns(g, shape):
    """Dirichlet values (m,) as (m, k) for every field of a state of this shape."""
    if len(shape) == len(g.shape):
        return g
    return g[:, None] * np.ones((1, shape[1]))


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
