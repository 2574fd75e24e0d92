"""Simulations of tensors: parameters, starts and weights may be those of a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.collocation import Mesh, Scheme, radau
from pcl.dae.data.events import Events
from pcl.dae.result.motion import Moving
from pcl.dae.result.node import SimulationNode
from pcl.dae.result.predict import times_of
from pcl.engine import nodes
from pcl.support.nearest import nearest
from pcl.support.types import ArrayLike, Tensor
from pcl.support.validate import positive_number

RTOL = 1e-8         # of steps: derivatives are then right to about 1e-6
POINTS = 5          # of Radau IIA, order 9: few steps at such tolerances


def traced(trained: Any, most: int, initial: Any, inputs: Any, t: Any, *, parameters: Any = None,
           weights: Any = None, names: Sequence[str] | None = None, rtol: float = RTOL, atol: Any = None,
           scheme: Scheme | None = None, mesh: Mesh | None = None, breaks: ArrayLike = (),
           doses: Any = None, jumps: Any = None) -> dict[str, Tensor]:
    """See `Trained.traced`; `most` bends of inputs may end elements."""
    model, scheme = trained.model, radau(POINTS) if scheme is None else scheme
    every = (*model.variables, *model.observed)
    names = every if names is None else _known("names", names, every)
    starts, fixed = _split("initial value", initial)
    _known("parameters", parameters or {}, model.parameters)
    p, numbers = _split("parameter", parameters or {})
    trained, theta = _with_weights(replace(trained, scheme=(scheme.name, scheme.K)), weights or {})
    values = {**trained.parameters, **{name: float(value) for name, value in numbers.items()}}
    trained = replace(trained, parameters={**values, **dict.fromkeys(p, 0.0)}).having(None)
    t = times_of(t)
    _require_mesh(mesh, t)
    starts = {name: value for name, value in starts.items() if name in model.states}
    node = SimulationNode(trained, fixed | dict.fromkeys(starts, 0.0), dict(inputs or {}), t, names,
                          Moving(tuple(theta), tuple(p), tuple(starts)), Events.of("", doses, jumps),
                          breaks if mesh is not None else np.union1d(breaks, t[1:-1]),
                          positive_number("rtol", rtol), atol, most, mesh)
    moving = [*theta.values(), *(tf.reshape(v, [1]) for v in (*p.values(), *starts.values()))]
    y = nodes.call(node, tf.concat(moving, 0)) if moving else node.evaluate(np.zeros(0)).value
    return {name: tf.convert_to_tensor(row) for name, row in zip(names, tf.unstack(y))}


def _split(what, given):
    """({name: tensor}, {name: what is no tensor}), in their order."""
    found = {name: nodes.as_input(f"{what} of {name!r}", value) for name, value in given.items()
             if tf.is_tensor(value) or isinstance(value, tf.Variable)}
    return found, {name: value for name, value in given.items() if name not in found}


def _with_weights(trained, weights):
    """(Trained with the weights that are arrays, {number of a law: tensor})."""
    outputs = {name: k for k, law in enumerate(trained.laws) for name in law.outputs}
    _known("weights", weights, outputs)
    tensors, arrays = _split("weights", weights)
    laws = list(trained.laws)
    for name, theta in (*arrays.items(), *tensors.items()):
        law = laws[outputs[name]]
        if tuple(theta.shape if tf.is_tensor(theta) else np.shape(theta)) != (law.law.size,):
            raise ValueError(f"weights of {name!r} has shape {tuple(np.shape(theta))}; expected "
                             f"({law.law.size},), those of one network.")
    for name, theta in arrays.items():
        laws[outputs[name]] = replace(laws[outputs[name]], theta=np.array(theta, dtype=np.float64))
    return replace(trained, laws=tuple(laws)), {outputs[name]: theta for name, theta in tensors.items()}


def _known(label, given, names):
    given = (given,) if isinstance(given, str) else tuple(given)
    for name in given:
        if name not in names:
            raise ValueError(f"{label} has {name!r}; expected some of {', '.join(names) or 'none'}."
                             f"{nearest(name, names)}")
    return given


def _require_mesh(mesh, t):
    if mesh is not None and (mesh.times[0] != t[0] or mesh.times[-1] != t[-1]):
        raise ValueError(f"mesh runs from {mesh.times[0]:.6g} to {mesh.times[-1]:.6g} and t from "
                         f"{t[0]:.6g} to {t[-1]:.6g}; expected the same ends.")
