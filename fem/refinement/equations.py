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
    """A u = b with conditions: the arguments of `fem.solve`.

    Parameters
    ----------
    A : SparseMatrix (n, n)
    b : array or tensor (n,)
    dirichlet, constraints, solver : as in `fem.solve`

    Examples
    --------
    >>> import fem
    >>> V = fem.Space(fem.unit_square(4))
    >>> equation = fem.LinearEquation(V.laplace(), V.load(1.0), dirichlet=0.0)
    >>> u = equation.solve(V)
    >>> bool(abs(equation.residual(V, u).numpy()[V.partition(V.boundary_dofs()).free]).max() < 1e-14)
    True
    """

    A: SparseMatrix
    b: ArrayLike | Tensor
    dirichlet: Any = None
    constraints: Any = None
    solver: str = "superlu"

    def solve(self, space: Space, load: Any = None, start: Any = None) -> Tensor:
        """u (n,) of A u = b + load; a linear solve needs no start.

        Parameters
        ----------
        space : Space
        load : array or tensor (n,), optional
        start : ignored

        Raises
        ------
        ValueError, SingularMatrix
            As in `fem.solve`.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> equation = fem.LinearEquation(V.laplace(), V.load(1.0), dirichlet=0.0)
        >>> once, twice = equation.solve(V), equation.solve(V, load=V.load(1.0))
        >>> bool(abs(twice - 2.0 * once).numpy().max() < 1e-14)
        True
        """
        b = self.b if load is None else self.b + load
        return solve(self.A, b, self.dirichlet, self.solver, constraints=self.constraints)

    def residual(self, space: Space, u: Array | Tensor) -> Tensor:
        """A u − b, (n,), all rows, as if nothing were prescribed.

        Parameters
        ----------
        space : Space
        u : array or tensor (n,)

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> equation = fem.LinearEquation(V.laplace(), V.load(1.0), dirichlet=0.0)
        >>> round(float(equation.residual(V, np.zeros(V.n)).numpy().sum()), 6)
        -1.0
        """
        return self.A @ u - self.b


@dataclass(frozen=True, eq=False)
class WeakEquation:
    """A weak form with conditions: the arguments of `fem.solve_nonlinear`, one field or several.

    Parameters
    ----------
    form, dirichlet, load, boundary, constraints : as in `fem.solve_nonlinear`

    Examples
    --------
    −∇·((1 + u) ∇u) = 0 between 0 and 1: u + u²/2 is linear, u = √(1 + 3x) − 1.

    >>> import fem
    >>> V = fem.Space(fem.unit_square(4), "P2")
    >>> form = lambda u, grad_u, x: (0.0, (1.0 + u)[:, None] * grad_u)
    >>> u = fem.WeakEquation(form, {"left": 0.0, "right": 1.0}).solve(V)
    >>> (V.observe([[0.5, 0.5]]) @ u).numpy().round(3).tolist(), round(2.5 ** 0.5 - 1.0, 3)
    ([0.581], 0.581)
    """

    form: Callable[..., Any]
    dirichlet: Any = None
    load: ArrayLike | Tensor | None = None
    boundary: Mapping | None = None
    constraints: Any = None

    def solve(self, space: Space, load: Any = None, start: Any = None) -> Tensor:
        """u (n,) with R(u) = load.

        Parameters
        ----------
        space : Space
        load : array or tensor (n,), optional
            Added to that of the equation.
        start : array (n,), optional
            First iterate.

        Raises
        ------
        NotConverged, ValueError
            As in `fem.solve_nonlinear`.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> equation = fem.WeakEquation(lambda u, grad_u, x: (u, grad_u), {"left": 1.0})
        >>> u = equation.solve(V).numpy()
        >>> [round(float(x), 3) for x in (u.min(), u.max())]
        [0.627, 1.0]
        """
        if self.load is not None:
            load = self.load if load is None else self.load + load
        return solve_nonlinear(space, self.form, self.dirichlet, start, load, boundary=self.boundary,
                               constraints=self.constraints)

    def residual(self, space: Space, u: Array | Tensor) -> Tensor:
        """R(u) − load, (n,), all rows, as if nothing were prescribed.

        Parameters
        ----------
        space : Space
        u : array or tensor (n,)

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> equation = fem.WeakEquation(lambda u, grad_u, x: (u, grad_u))
        >>> round(float(equation.residual(V, np.ones(V.n)).numpy().sum()), 6)
        1.0
        """
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
