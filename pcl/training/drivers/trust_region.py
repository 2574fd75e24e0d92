"""Newton's method with a trust region, dense Hessian, one factorisation an accepted step."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.training.drivers.box_step import BoxModel
from pcl.training.drivers.trust_region_step import TrustRegionModel
from pcl.training.run.driven import Driven
from pcl.training.run.inside import pushed_inside
from pcl.training.run.run import Stop
from pcl.training.run.status import Status


def drive(run: Driven, method: str, options: Mapping[str, Any]) -> None:
    """The rules of SciPy's trust-exact with the exact minimiser of every subproblem.

    ρ = actual/predicted decrease. ρ < ¼: radius/4; ρ > ¾ on the boundary: radius · 2, at most
    max_trust_radius; the step is taken if ρ > eta. A failed trial has ρ = −∞. After a rejected
    step the tridiagonal form is used again. Nothing depends on the unit of the loss. With bounds the
    steps are those of `box_step`.
    """
    radius = float(run.restored.get("radius", options["initial_trust_radius"]))
    model = _start(run, radius)
    while True:
        step = model.step(radius)
        if not step.decrease > 0.0:
            run.dead_end(Status.RADIUS_COLLAPSED)
        point = run.trial(pushed_inside(run.current.theta + step.s, run.bounds))
        ratio = (run.current.loss - point.loss) / step.decrease
        H = run.objective.hessian(point) if ratio > options["eta"] else None
        if H is None and ratio > options["eta"]:    # no Hessian there: a failed trial
            run.observe(point)
            ratio = -np.inf
        if ratio < 0.25:
            radius *= 0.25
        elif ratio > 0.75 and step.on_boundary:
            radius = min(2.0 * radius, options["max_trust_radius"])
        if run.objective.best.theta is point.theta:
            run.best_hessian = H
        if H is None:
            run.reject()
        else:
            run.hessian = H
            model = _model(point, H, run.bounds)
            run.accept(point)
        run.offer(radius=radius)


def _start(run, radius):
    run.hessian = run.best_hessian = run.objective.hessian(run.current, strict=True)
    best = run.objective.best
    if best.loss < run.current.loss:        # only in a run taken up again
        run.best_hessian = run.objective.hessian(dataclasses.replace(best))
    run.offer(radius=radius)
    return _model(run.current, run.hessian, run.bounds)


def _model(point, H, bounds):
    try:
        if bounds is None:
            return TrustRegionModel(point.gradient, H)
        return BoxModel(point.gradient, H, point.theta, bounds)
    except np.linalg.LinAlgError as error:
        raise Stop(Status.SUBPROBLEM_FAILED) from error
