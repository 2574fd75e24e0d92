"""A simulation as a node of a traced loss: y = simulated(q), with exact first and second derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.collocation import Mesh
from pcl.dae.data.events import Events
from pcl.dae.result.motion import Motion, Moving
from pcl.dae.result.predict import Forecast
from pcl.engine.second.bases import FewRowsBase
from pcl.errors import InvalidCoefficient, NotConverged, TrialFailure
from pcl.support.caches import Bounded

KEPT = 2        # points that a node remembers


@dataclass(frozen=True, eq=False)
class SimulationNode:
    """y (n_names, n) at times t from q (q,) = (weights, parameters, starts that move).

    Steps are chosen at each q for the tolerances, unless a mesh is given; derivatives are those of the
    solution on these steps, see `pcl.dae.result.motion`.

    Attributes
    ----------
    trained : Trained, of which what moves takes other values
    initial : {state: number, function or "steady"}, of which what moves takes other values
    inputs : {name: number, function or table}
    t : (n,)
    names : what is read
    moving : Moving
    events, breaks : see `Trained.simulate`
    rtol, atol : tolerances of the steps
    most : how many bends of inputs elements may end at
    mesh : Mesh or None
    """

    trained: Any
    initial: dict[str, Any]
    inputs: dict[str, Any]
    t: np.ndarray
    names: tuple[str, ...]
    moving: Moving
    events: Events
    breaks: Any
    rtol: float
    atol: Any
    most: int
    mesh: Mesh | None = None
    _kept: Bounded = field(default_factory=lambda: Bounded(KEPT), repr=False)

    def output_shape(self, q: tuple) -> tuple:
        return len(self.names), len(self.t)

    def evaluate(self, q: np.ndarray) -> SimulationPoint:
        return self._kept.kept(q.tobytes(), lambda: SimulationPoint(self._motion(q)))

    def tensorflow(self, q: Any) -> Any:
        """y with two derivatives by tapes."""
        @tf.custom_gradient
        def values(q):
            y = _numeric(lambda q: self.evaluate(q).value, self.output_shape(()), q)
            return y, lambda bar: self._pulled(q, tf.convert_to_tensor(bar))
        return values(q)

    def _pulled(self, q, bar):
        """Jᵀ ȳ, which has derivatives in q and ȳ itself."""
        @tf.custom_gradient
        def pulled(q, bar):
            g = _numeric(lambda q, bar: self.evaluate(q).pullback(bar)[0], q.shape, q, bar)
            return g, lambda v: (
                _numeric(lambda q, bar, v: self.evaluate(q).motion.curvature(bar) @ v, q.shape,
                         q, bar, v),
                _numeric(lambda q, v: self.evaluate(q).motion.pushforward(v), bar.shape, q, v))
        return pulled(q, bar)

    def _motion(self, q):
        try:
            run = self._forecast(q)
            tolerances = {} if self.mesh is not None else {"rtol": self.rtol}
            atol = 1e-3 * self.rtol * run.sizes if self.atol is None else self.atol
            done = run.simulated(self.mesh, atol=atol, **tolerances)
        except TrialFailure:
            raise
        except ValueError as error:             # a start outside bounds or constraints, at this q
            raise InvalidCoefficient(f"the simulation cannot begin: {error}") from error
        if not done.success:
            raise NotConverged(f"the simulation stopped before its end: {done.message}")
        return Motion(run, run.simulation(done), self.moving, self.t, self.names)

    def _forecast(self, q):
        """The simulation at q, not yet done."""
        trained, moving = self.trained, self.moving
        parts = np.split(q, np.cumsum(moving.sizes(trained.laws)).astype(int))
        laws, k = list(trained.laws), len(moving.laws)
        for number, theta in zip(moving.laws, parts):
            laws[number] = replace(laws[number], theta=theta)
        numbers = [float(part[0]) for part in parts[k:-1]]
        p = dict(zip(moving.parameters, numbers))
        starts = dict(zip(moving.states, numbers[len(p):]))
        trained = replace(trained, laws=tuple(laws), parameters={**trained.parameters, **p})
        return Forecast(trained, {**self.initial, **starts}, self.inputs, self.t, False, self.breaks,
                        self.most, self.events, check=False)


class SimulationPoint:
    """A simulation at one q; J and the curvature are small dense matrices."""

    def __init__(self, motion):
        self.motion, self.value = motion, motion.value

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool] = (True,)) -> tuple:
        return (self.motion.pullback(adjoint),)

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        q, = tangents
        if np.any(adjoint):
            plan.add_square(q, self.motion.curvature(adjoint))
        J = self.motion.jacobian().reshape(self.value.size, -1)
        return plan.add_base(FewRowsBase(self.value.size, q.left(J)))


def _numeric(function, shape, *arrays):
    """A NumPy function of tensors as a tensor of a static shape."""
    if tf.executing_eagerly():
        return tf.constant(function(*(a.numpy() for a in arrays)), tf.float64)
    return tf.ensure_shape(tf.numpy_function(function, arrays, tf.float64, stateful=False), shape)
