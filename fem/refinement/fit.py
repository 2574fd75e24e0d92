"""A fit on meshes that are refined until its parameters no longer move beside their standard errors."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import skfem
import tensorflow as tf

from fem.refinement.answer import Level, Refined
from fem.refinement.dual import dual
from fem.refinement.equations import state
from fem.refinement.finer import Refining
from fem.refinement.nested import on_another_mesh
from fem.refinement.refine import first_iterate, levels
from pcl.problem import Problem
from pcl.support.types import ArrayLike
from pcl.support.validate import known, positive_number
from pcl.training.minimize import minimize
from pcl.uncertainty.covariance import determined

TOLERANCE = 0.3     # standard errors, the bound of `pcl.resolution`


def refine_fit(mesh: skfem.Mesh, element: Any, equation: Callable[..., Any],
               residuals: Callable[..., Any], theta: Mapping[str, ArrayLike],
               tolerance: float = TOLERANCE, sigma: float | None = None,
               on_mesh: Mapping[str, Any] | None = None, train: Callable[[Problem], Any] | None = None,
               refining: Refining = Refining()) -> Refined:
    """θ that minimises Σ r², on a mesh that shifts it by less than `tolerance` standard errors.

        dr/dθ = U Σ Vᵀ,    y = Uᵀ (r(u_W) − r(u_h))/s,    shift of θ = −s F y,    covariance s² F Fᵀ

    |y| is the shift of that function of θ which moves most, in its standard errors; to first order no
    parameter and no function of them moves by more, what the residuals do not determine left out. The
    mesh is refined where |y| comes from.

    Parameters
    ----------
    mesh, element, equation, refining : as in `fem.refine`
    residuals : function (V, u, theta) -> r
        As many on every mesh: readings and priors.
    theta : {block: array}
        Starting values. Each mesh starts from the minimum of the one before.
    tolerance : float, in standard errors
    sigma : float, optional
        s, the standard deviation of a residual; None estimates it at each minimum.
    on_mesh : {block: element}, optional
        Blocks that are nodal or cell values on the mesh, interpolated to the next: {'kappa': 'P1'}.
    train : function of a Problem -> result with `.x` and `.success`, optional
        Levenberg and Marquardt's method by default: `pcl.minimize(problem, "levenberg-marquardt")`.

    Returns
    -------
    Refined : `theta`, `problem`, `shift`, `standard_error`, `mesh`, `history`, `verdict`.

    Raises
    ------
    TypeError, ValueError
        As `fem.refine`; a sigma that cannot be estimated; blocks that are not known.

    Examples
    --------
    A source s from readings of −Δu = s with the noise 0.02; the mesh is as fine as they deserve:

    >>> import numpy as np
    >>> import fem
    >>> places = np.array([[0.3, 0.4], [0.5, 0.5], [0.6, 0.3]])
    >>> readings = np.array([0.0608, 0.0737, 0.0588])
    >>> def equation(V, theta):
    ...     return fem.LinearEquation(V.laplace(), theta["s"] * V.load(1.0), dirichlet=0.0)
    >>> def residuals(V, u, theta):
    ...     return (V.observe(places) @ u - readings) / 0.02
    >>> found = fem.refine_fit(fem.unit_square(4), "P1", equation, residuals, {"s": 2.0}, sigma=1.0)
    >>> found.success, round(float(found.theta["s"]), 1), round(float(found.standard_error["s"]), 3)
    (True, 1.0, 0.183)
    """
    tolerance = positive_number("tolerance", tolerance)
    on_mesh = dict(on_mesh or {})
    for name in on_mesh:
        known("a block of on_mesh", name, list(theta))
    fit = _Fit(equation, residuals, theta, sigma, on_mesh, train or _least_squares)
    history, end = levels(mesh, element, fit.solved, tolerance, refining)
    return Refined(history, end, tolerance, fit.problem, fit.shift, fit.standard_error, fit.remarks)


class _Fit:
    """The fit on one mesh after the other; what it says is of the last."""

    problem: Problem
    shift: dict
    standard_error: dict
    remarks: tuple[str, ...]

    def __init__(self, equation, residuals, theta, sigma, on_mesh, train):
        self._equation, self._residuals, self._sigma = equation, residuals, sigma
        self._theta, self._on_mesh, self._train = theta, on_mesh, train

    def solved(self, V, W, before):
        """The `Level` of a space V, judged in W."""
        start = first_iterate(before, V)
        self.problem = problem = Problem.from_residuals(
            lambda blocks: self._residuals(V, self._state(V, blocks, start), blocks),
            self._carried(before, V.mesh))
        result = self._train(problem)
        self.remarks = () if result.success else (f"On the last mesh the fit says: {result.message}",)
        theta = problem.unravel(result.x)
        constants = {name: tf.constant(a) for name, a in theta.items()}
        u = np.asarray(self._state(V, constants, start))
        return self._judged(V, W, theta, u, result.x)

    def _judged(self, V, W, theta, u, flat):
        r, J = self.problem.residuals(flat), self.problem.jacobian(flat)
        if not J.any():
            raise ValueError("dr/dθ is 0 at the minimum: the residuals determine nothing of theta.")
        found = determined(J, self.problem.slices.values())
        s = _sigma(self._sigma, found.noise(r))
        judge = dual(V, W, self._equation, self._residuals, theta, u)
        y = found.left.T @ (judge.outcomes - np.ravel(r)) / s
        size = float(np.linalg.norm(y))
        self.shift = self.problem.unravel(-s * found.factor @ y)
        self.standard_error = self.problem.unravel(s * np.linalg.norm(found.factor, axis=1))
        direction = found.left @ y / (s * max(size, np.finfo(np.float64).tiny))
        return Level(V, theta, u, float(r @ r), size, judge.by_cell(direction))

    def _state(self, V, blocks, start):
        return state(self._equation, V, blocks).solve(V, None, start)

    def _carried(self, before, mesh):
        if before is None:
            return self._theta
        return {name: on_another_mesh(a, self._on_mesh[name], before.space.mesh, mesh)
                if name in self._on_mesh else a for name, a in before.theta.items()}


def _least_squares(problem):
    return minimize(problem, "levenberg-marquardt")


def _sigma(given, found):
    if given is not None:
        return positive_number("sigma", given)
    if not found:
        raise ValueError("sigma is None and cannot be estimated: no more residuals than parameters, or "
                         "none is left of them. Give sigma, the standard deviation of a residual.")
    return found
