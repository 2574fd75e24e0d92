"""−ln L of readings at given parameters, of trajectories that are simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pcl.dae.data.experiments import Data
from pcl.dae.model import Model
from pcl.dae.program.setting import Setting
from pcl.dae.result.likelihood import parts_of
from pcl.dae.result.prolongation import halved
from pcl.dae.sequential import marched
from pcl.dae.stages.densities import as_squares, densities_of, likely
from pcl.dae.stages.guess import first_guess
from pcl.uncertainty.noise import Noise

_SETTLED, _ROUNDS = 1e-9, 7


class _Simulated:
    """What `parts_of` asks of a result."""

    def __init__(self, x):
        self.x = x


def negative_log_likelihood(model: Model, data: Data, noise: Mapping[str, Noise],
                            parameters: Mapping[str, float], elements: int) -> float:
    """−ln L, on elements that are halved until it settles."""
    densities = densities_of(data, noise or None)
    setting = Setting.of(model, as_squares(data, densities), elements)
    last = np.inf
    for _ in range(_ROUNDS):
        value = _on(setting, data, densities, parameters)
        if abs(value - last) <= _SETTLED * max(1.0, abs(value)):
            break
        last, setting = value, replace(setting, meshes=tuple(halved(mesh) for mesh in setting.meshes))
    return value


def _on(setting, data, densities, parameters):
    x = first_guess(setting, dict(parameters))
    if densities:
        setting = likely(setting, data, densities)
    program = setting.transcription([], [])
    return 0.5 * sum(parts_of(program, _Simulated(marched(program, x)))[0].values())
