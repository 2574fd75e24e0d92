"""One equation on a space, said so that it can be solved there and its residual taken at any function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fem.common.conditions import Conditions, times
from fem.solvers.linear import solve
from fem.solvers.nonlinear import solve_nonlinear
from fem.space.space import Space
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.support.types import Array, ArrayLike, Tensor


class Stated(Protocol):
    """What `fem.refine` asks of an equation."""

    @property
    def dirichlet(self) -> Any:
        """As in `fem.solve`."""

    @property
    def constraints(self) -> Any:
        """As in `fem.solve`."""

    def solve(self, space: Space, load: Any = None, start: Any = None) -> Tensor:
        """u (n,) of the equation with `load` (n,) added on its right; `start` for iterations."""

    def residual(self, space: Space, u: Array | Tensor) -> Tensor:
        """R(u) (n,), all rows, as if nothing were prescribed."""


@dataclass(frozen=True, eq=False)
class LinearEquation:
    """A u = b with conditions: the arguments of `fem.solve`."""

    A: SparseMatrix
    b: ArrayLike | Tensor
    dirichlet: Any = None
    constraints: Any = None
    solver: str = "superlu"

    def solve(self, space: Space, load: Any = None, start: Any = None) -> Tensor:
        """u (n,); a linear solve needs no start."""
        b = self.b if load is None else self.b + load
        return solve(self.A, b, self.dirichlet, self.solver, constraints=self.constraints)

    def residual(self, space: Space, u: Array | Tensor) -> Tensor:
        """A u − b."""
        return self.A @ u - self.b


@dataclass(frozen=True, eq=False)
class WeakEquation:
    """A weak form with conditions: the arguments of `fem.solve_nonlinear`, one field or several."""

    form: Callable[..., Any]
    dirichlet: Any = None
    load: ArrayLike | Tensor | None = None
    boundary: Mapping | None = None
    constraints: Any = None

    def solve(self, space: Space, load: Any = None, start: Any = None) -> Tensor:
        """u (n,)."""
        if self.load is not None:
            load = self.load if load is None else self.load + load
        return solve_nonlinear(space, self.form, self.dirichlet, start, load, boundary=self.boundary,
                               constraints=self.constraints)

    def residual(self, space: Space, u: Array | Tensor) -> Tensor:
        """R(u) − load."""
        R = space.residual(self.form, u, self.boundary)
        return R if self.load is None else R - self.load


def state(equation: Callable[..., Any], space: Space, theta: Mapping[str, Any]) -> Stated:
    """equation(V, θ), refused if it is none.

    Raises
    ------
    TypeError
    """
    stated = equation(space, theta)
    if not isinstance(stated, (LinearEquation, WeakEquation)):
        raise TypeError(f"equation(V, theta) returned a {type(stated).__name__}; expected "
                        "fem.LinearEquation(A, b, dirichlet) or fem.WeakEquation(form, dirichlet), which "
                        "take the arguments of fem.solve and fem.solve_nonlinear.")
    return stated


class Prescribing:
    """What an equation prescribes on a space: u = P z + g."""

    def __init__(self, space: Space, stated: Stated):
        self._conditions = Conditions(space, stated.dirichlet, stated.constraints)

    def imposed(self, u: Array) -> Array:
        """u (n,) with the prescribed values in place of its own."""
        conditions = self._conditions
        return np.asarray(conditions.expanded(times(conditions.elimination.take_free, u)))

    def shares(self, adjoint: Array, residual: Array) -> Array:
        """Terms (n,) of λᵀ R = λ_zᵀ Pᵀ R, for a λ = P λ_z."""
        elimination = self._conditions.elimination
        share = np.zeros(len(adjoint))
        share[elimination.free] = adjoint[elimination.free] * (elimination.put.matrix.T @ residual)
        return share
