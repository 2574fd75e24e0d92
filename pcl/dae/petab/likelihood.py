"""−ln L of readings at given parameters, of trajectories that are simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pcl.collocation import radau
from pcl.dae.data.experiments import Data
from pcl.dae.kkt.chain import Chain
from pcl.dae.laws.law import Law
from pcl.dae.model import Model
from pcl.dae.program.setting import Setting
from pcl.dae.result.likelihood import parts_of
from pcl.dae.result.prolongation import carried, halved
from pcl.dae.sequential.trajectories import first, marched, Units
from pcl.dae.stages.densities import as_squares, densities_of, likely
from pcl.dae.stages.guess import first_guess
from pcl.support.types import Array
from pcl.uncertainty.noise import Noise

_SETTLED, _ROUNDS, _POINTS = 1e-9, 7, 5


class _Simulated:
    """What `parts_of` asks of a result."""

    def __init__(self, x):
        self.x = x


def negative_log_likelihood(model: Model, data: Data, noise: Mapping[str, Noise],
                            parameters: Mapping[str, float], elements: int, laws: Sequence[Law] = (),
                            weights: Sequence[Array] = ()) -> float:
    """−ln L, on elements that are halved until it settles; `weights` θ of each law."""
    densities = densities_of(data, noise or None)
    setting = Setting.of(model, as_squares(data, densities), elements, radau(_POINTS))
    x = first_guess(setting, dict(parameters))
    if densities:
        setting = likely(setting, data, densities)
    program = setting.transcription(list(laws), [0.0] * len(laws))
    x = np.concatenate([x, *weights])
    x, last = marched(program, x), np.inf
    for _ in range(_ROUNDS):
        value = _value(program, x)
        if abs(value - last) <= _SETTLED * max(1.0, abs(value)):
            break
        last, (setting, program, x) = value, _finer(setting, program, x)
    return value


def _finer(setting, program, x):
    """(setting, program, trajectories) on halved elements."""
    meshes = dict(zip(setting.names, map(halved, setting.meshes)))
    setting, program, x = carried(setting, program, x, meshes)
    return setting, program, first(program, Chain(program.rows), x, Units.at(program, x))[0]


def _value(program, x):
    return 0.5 * sum(parts_of(program, _Simulated(x))[0].values())
