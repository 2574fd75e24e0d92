"""The error of a functional of u: the residual in a finer space, weighted with the adjoint there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from fem.refinement.equations import Prescribing, state
from fem.refinement.nested import carried
from fem.space.space import Space
from pcl.problem import Problem
from pcl.support.types import Array


@dataclass(frozen=True, eq=False)
class _Residuals:
    """R_W at I u_h and at ũ, (W.n,), and the conditions of both spaces."""

    interpolant: Array
    imposed: Array
    coarse: Any
    fine: Any


@dataclass(frozen=True, eq=False)
class Dual:
    """An equation and outcomes q(u) (m,) of it, judged in a finer space W on the same mesh.

        q(u_W) − q(u_h)                                           by solving in W
        η = dᵀ(q(u_W) − q(u_h)) ≈ −λᵀ R_W(I u_h),    R_uᵀ λ = (∂q/∂u)ᵀ d   in W

    Equal for linear equations and outcomes with Dirichlet values that both spaces hold, else up to second
    order. With Π the interpolation into V, ũ = I u_h with the Dirichlet values of W, and λ_V = Π λ,

        λᵀ R(ũ) = (λ − I λ_V)ᵀ R(I u_h) + λ_Vᵀ Iᵀ R(I u_h) + λᵀ (R(ũ) − R(I u_h))

    is shared among cells. The first term is small where λ is smooth, the second what quadrature leaves,
    the third what Dirichlet values leave. What a basis function contributes is shared equally by its
    cells; of unknowns that constraints tie together one has it all.

    Source: R. Becker and R. Rannacher, An optimal control approach to a posteriori error estimation, Acta
    Numerica 10 (2001), sec. 2; of ways to localise it T. Richter and T. Wick, J. Comput. Appl. Math. 279
    (2015). Here the basis functions of W take the place of their partition of unity by vertices.

    Attributes
    ----------
    coarse, fine : Space, V and W
    outcomes : ndarray (m,), q(u_W)
    """

    coarse: Space
    fine: Space
    outcomes: Array
    _residuals: _Residuals
    _problem: Problem

    def by_cell(self, direction: Array) -> Array:
        """Shares η_K (n_cells,) of η for the direction d (m,), with signs."""
        point = self._problem.ravel({"load": np.zeros(self.fine.n), "direction": direction})
        adjoint = self._problem.unravel(self._problem.gradient(point))["load"]
        into, R = carried(self.coarse, self.fine), self._residuals
        on_coarse = carried(self.fine, self.coarse) @ adjoint
        fine = (R.fine.shares(adjoint - into @ on_coarse, R.interpolant)
                + R.fine.shares(adjoint, R.imposed - R.interpolant))
        coarse = R.coarse.shares(on_coarse, into.T @ R.interpolant)
        return -_by_cell(self.fine, fine) - _by_cell(self.coarse, coarse)


def dual(coarse: Space, fine: Space, equation: Callable[..., Any], outcome: Callable[..., Any],
         theta: dict[str, Array], u: Array) -> Dual:
    """The `Dual` at θ and u_h (V.n,).

    The adjoint is the derivative of dᵀ q by a load that is added to the equation: the library's own.
    """
    constants = {name: tf.constant(array, tf.float64) for name, array in theta.items()}
    stated = state(equation, fine, constants)
    conditions = Prescribing(fine, stated)
    interpolant = carried(coarse, fine) @ u
    start = conditions.imposed(interpolant)
    residuals = _Residuals(np.asarray(stated.residual(fine, interpolant)),
                           np.asarray(stated.residual(fine, start)),
                           Prescribing(coarse, state(equation, coarse, constants)), conditions)
    count = outcomes(outcome, coarse, u, constants).size

    def loss(blocks):
        u_fine = state(equation, fine, constants).solve(fine, blocks["load"], start)
        return tf.reduce_sum(blocks["direction"] * _as_many(outcome(fine, u_fine, constants), count))
    problem = Problem(loss, {"load": np.zeros(fine.n), "direction": np.zeros(count)})
    q = problem.unravel(problem.gradient(problem.theta0))["direction"]
    return Dual(coarse, fine, q, residuals, problem)


def _as_many(q, count):
    q = tf.reshape(q, [-1])
    if q.shape[0] != count:
        raise ValueError(f"there are {q.shape[0]} outcomes in the finer space and {count} in the coarse "
                         "one; expected functions of u that do not change with the space, such as values "
                         "at points.")
    return q


def _by_cell(space, share):
    """Contributions (n,) of basis functions, spread equally over their cells, (n_cells,)."""
    cell_dofs = np.concatenate([f.cell_dofs for f in space.fields.values()])
    cells_of_each = np.bincount(cell_dofs.ravel(), minlength=space.n)
    return (share / np.maximum(cells_of_each, 1))[cell_dofs].sum(axis=0)


def outcomes(outcome: Callable[..., Any], space: Space, u: Array, theta: dict[str, Any]) -> Array:
    """q(u) (m,)."""
    value = outcome(space, tf.constant(u, tf.float64), theta)
    return np.asarray(tf.reshape(value, [-1]), dtype=np.float64)
