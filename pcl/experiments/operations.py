"""What can be asked of an experiment, and how its answer becomes a part of all of them.

    sum      Σ_i f_i(θ_i)              θ_i = θ[places of the experiment's own blocks]
    stack    (f_0; f_1; …)             rows of each experiment, one after the other
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pcl.support.types import Array, Integers


@dataclasses.dataclass(frozen=True)
class Operation:
    """One of them.

    Parameters
    ----------
    compute : function (problem, θ_i, v_i, options) -> tuple of numbers and arrays
    along : for each of the tuple, the axes that go along θ
    stacked : bool, rows one after the other instead of a sum
    """

    compute: Callable[[Any, Array, Array | None, Mapping[str, Any]], tuple]
    along: tuple[tuple[int, ...], ...]
    stacked: bool = False


def _hessian(problem, theta, v, options):
    names = options["blocks"]
    if names is None:
        return problem.hessian(theta, mode=options["mode"]),
    return problem.hessian(theta, mode=options["mode"],
                           blocks=[name for name in names if name in problem.slices]),


OPERATIONS = {
    "value": Operation(lambda problem, theta, v, options: (problem.value(theta),), ((),)),
    "value and gradient": Operation(
        lambda problem, theta, v, options: problem.value_and_gradient(theta), ((), (0,))),
    "log density": Operation(lambda problem, theta, v, options: (problem.log_density(theta),), ((),)),
    "log density and gradient": Operation(
        lambda problem, theta, v, options: problem.log_density_and_gradient(theta), ((), (0,))),
    "product": Operation(lambda problem, theta, v, options: (problem.hvp(theta, v),), ((0,),)),
    "Gauss-Newton product": Operation(
        lambda problem, theta, v, options: (problem.gauss_newton_product(theta, v),), ((0,),)),
    "Hessian": Operation(_hessian, ((0, 1),)),
    "Gauss-Newton matrix": Operation(
        lambda problem, theta, v, options: (problem.gauss_newton(theta),), ((0, 1),)),
    "values": Operation(
        lambda problem, theta, v, options: (np.array([problem.value(theta)]),), ((),), stacked=True),
    "residuals": Operation(
        lambda problem, theta, v, options: (problem.residuals(theta),), ((),), stacked=True),
    "Jacobian": Operation(
        lambda problem, theta, v, options: (problem.jacobian(theta),), ((1,),), stacked=True),
    "adjoint error": Operation(
        lambda problem, theta, v, options: (np.array([problem.adjoint_error(theta, **options)]),), ((),),
        stacked=True),
}

OF_EXPERIMENTS = ("values", "adjoint error")      # a prior beside them has no part in


def placed(part: Any, axes: tuple[int, ...], places: Integers | None, size: int) -> Any:
    """`part` with its axes along θ_i spread along θ (size,); as it is where θ_i is θ (None)."""
    if places is None or not axes:
        return part
    shape = list(np.shape(part))
    for axis in axes:
        shape[axis] = size
    whole = np.zeros(shape)
    whole[np.ix_(*[places if axis in axes else np.arange(n) for axis, n in enumerate(shape)])] = part
    return whole
