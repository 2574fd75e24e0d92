"""Solve, estimate, mark, refine: until a quantity or the parameters of a fit are known well enough."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import skfem
import tensorflow as tf

from fem.refinement.answer import End, Level, Refined, ended
from fem.refinement.dual import dual, outcomes
from fem.refinement.equations import state
from fem.refinement.finer import Refining, marked
from fem.refinement.names import refined
from fem.refinement.nested import carried
from fem.space.space import Space
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import positive_number


def refine(mesh: skfem.Mesh, element: Any, equation: Callable[..., Any], quantity: Callable[..., Any],
           tolerance: float, theta: Mapping[str, ArrayLike] | None = None,
           refining: Refining = Refining()) -> Refined:
    """A mesh on which a quantity J(u) of the solution has an estimated error below `tolerance`.

    Parameters
    ----------
    mesh : skfem.MeshLine, MeshTri, MeshTet; others with `fem.Refining(uniform=True)`
    element : see `fem.Space`
    equation : function (V, theta) -> fem.LinearEquation or fem.WeakEquation
        The same equation on any space V; theta {block: tensor}.
    quantity : function (V, u, theta) -> scalar
        J, in TensorFlow and maps of V: `V.observe(point) @ u`, `V.integrate(j, u, region=…)`, a loss.
    tolerance : float, in the unit of J
    theta : {block: array}, optional
        Parameters of the equation, kept as they are; no nodal values of the mesh.
    refining : Refining

    Returns
    -------
    Refined : `value`, `estimate`, `mesh`, `u`, `history`, `verdict`.

    Raises
    ------
    TypeError, ValueError
        What the equation or the quantity returns; elements that cannot be carried from mesh to mesh.
    NotConverged, SingularMatrix
        Of a solve.

    Notes
    -----
    Cost a level: one solve in V, one solve and one adjoint in the finer space, of one order more on the
    same mesh. The estimate is that space's distance from V, hence too small where it is hardly better
    (at strong singularities by a third or so). See `fem.refinement.dual.Dual`.

    Examples
    --------
    The mean of u, −Δu = 1, u = 0 on the boundary, to 0.001 (exact: 0.03514):

    >>> import fem
    >>> def equation(V, theta):
    ...     return fem.LinearEquation(V.laplace(), V.load(1.0), dirichlet=0.0)
    >>> def mean(V, u, theta):
    ...     return V.integrate(lambda u, x: u.value, u)
    >>> found = fem.refine(fem.unit_square(4), "P1", equation, mean, tolerance=1e-3)
    >>> found.success, round(found.value, 3), found.history[0].cells < found.space.n_cells
    (True, 0.034, True)
    """
    tolerance = positive_number("tolerance", tolerance)
    fixed = {name: np.asarray(a, dtype=np.float64) for name, a in (theta or {}).items()}

    def solved(V, W, before):
        constants = {name: tf.constant(a) for name, a in fixed.items()}
        u = np.asarray(state(equation, V, constants).solve(V, None, first_iterate(before, V)))
        value = outcomes(quantity, V, u, constants)
        if value.size != 1:
            raise ValueError(f"quantity has {value.size} entries; expected one number.")
        judge = dual(V, W, equation, quantity, fixed, u)
        return Level(V, fixed, u, float(value[0]), float(judge.outcomes[0] - value[0]),
                     judge.by_cell(np.ones(1)))
    history, end = levels(mesh, element, solved, tolerance, refining)
    return Refined(history, end, tolerance)


def levels(mesh: skfem.Mesh, element: Any, solved: Callable[..., Level], tolerance: float,
           refining: Refining) -> tuple[tuple[Level, ...], End]:
    """All levels, each by solved(V, W, the level before or None), and why they end."""
    history: list[Level] = []
    while True:
        V, W = refining.spaces(mesh, element)
        history.append(solved(V, W, history[-1] if history else None))
        end = ended(history[-1], tolerance)
        if end is None:
            cells = None if refining.uniform else marked(history[-1].by_cell, refining.fraction)
            mesh = refined(V, cells)
            if mesh.t.shape[1] > refining.max_cells:
                end = End.TOO_MANY_CELLS
        if end is not None:
            return tuple(history), end


def first_iterate(before: Level | None, V: Space) -> Array | None:
    """The solution of the level before, on V."""
    return None if before is None else carried(before.space, V) @ before.u
