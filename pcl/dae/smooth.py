"""Trajectories that fit the data with the unknown terms free but smooth: no network yet.

    minimise Σ ω (simulated − observed)² + λ Σ_k ∫ z_k'² dt / size_k²

subject to the equations, where z is a free value at every node; ∫ z'² is taken of the broken line
through the
nodes. λ is chosen by cross-validation over held-out observations unless it is given.
"""

from dataclasses import dataclass

import numpy as np

from pcl import interior_point
from pcl.dae.kkt_reduced import ReducedKKT
from pcl.dae.law import FreeOutputs

DECADES = np.arange(2.0, -4.5, -1.0)    # log10 of λ tried, relative to the natural size of λ
FOLDS = 5                               # every fifth time of observation is held out
_TOL, _MAXITER = 1e-3, 150


@dataclass(frozen=True, eq=False)
class Smoothed:
    """Smooth trajectories.

    Attributes
    ----------
    x : ndarray, trajectories and parameters as the program has them, without weights
    smoothing : λ
    tried : list of (λ, held-out error, misfit); empty if λ was given
    result : interior_point.Result of the last solve
    """

    x: np.ndarray
    smoothing: float
    tried: list
    result: object


def smooth(setting, x, smoothing="auto", callback=None):
    """`Smoothed` trajectories from a first guess x."""
    size = _sizes(setting, x)
    if smoothing != "auto":
        result = _solve(setting, x, float(smoothing), size, callback)
        return Smoothed(result.x[:setting.elements.n], float(smoothing), [], result)
    unit = _unit(setting)
    grid = unit * 10.0 ** DECADES
    tried, kept = [], _held_out(setting)
    start = x
    for value in grid:
        if kept is None:
            break
        train, test = kept
        result = _solve(setting.on(train), start, value, size, callback)
        if not np.isfinite(result.fun):
            continue
        start = result.x[:setting.elements.n]
        tried.append((float(value), setting.on(test).misfit().value(setting.elements.local(start)),
                      result.fun))
    best = min(tried, key=lambda row: row[1])[0] if tried else unit
    result = _solve(setting, start if tried else x, best, size, callback)
    return Smoothed(result.x[:setting.elements.n], best, tried, result)


def roughness(elements, size):
    """P (n·n_z, n·n_z) with θᵀPθ = Σ_k ∫ z_k'² dt / size_k² of broken lines through the nodes, θ = z."""
    n_z = elements.n_z
    P = np.zeros((elements.E * elements.K * n_z,) * 2)
    for k in range(len(elements.starts)):
        nodes = np.flatnonzero(np.repeat(elements.trajectory == k, elements.K))
        t = elements.times.ravel()[nodes]
        steps = np.maximum(np.diff(t), 1e-3 * (t[-1] - t[0]) / len(t))
        for i in range(n_z):
            left, right = nodes[:-1] * n_z + i, nodes[1:] * n_z + i
            weight = 1.0 / (steps * size[i] ** 2)
            for a, b, sign in ((left, left, 1), (right, right, 1), (left, right, -1), (right, left, -1)):
                np.add.at(P, (a, b), sign * weight)
    return P


def _solve(setting, x, value, size, callback):
    elements = setting.elements
    law = FreeOutputs(elements.E * elements.K, setting.model.outputs)
    program = setting.transcription([law], [2.0 * value * roughness(elements, size)])
    z = elements.split(x)[1][:, :, elements.n_x + elements.n_y:]
    return interior_point.solve(program, np.concatenate([x[:elements.n], z.ravel()]), kkt=ReducedKKT(),
                                tol=_TOL, maxiter=_MAXITER, callback=callback)


def _sizes(setting, x):
    """A typical size of each output, from the first guess."""
    z = setting.elements.split(x)[1][:, :, setting.elements.n_x + setting.elements.n_y:]
    size = np.sqrt(np.mean(z ** 2, axis=(0, 1)))
    return np.where(size > 0.0, size, 1.0)


def _unit(setting):
    """λ at which a z of its own size in a tenth of the horizon costs as much as the data's variance."""
    misfit = setting.misfit()
    spread = 0.0
    for name in setting.data.observed:
        values = setting.data.values(name)
        spread += setting.factors[name] * float(np.var(values)) * len(values)
    omega = float(np.mean(misfit.weights / np.mean([setting.factors[n] for n in setting.data.observed])))
    horizon = float(np.mean([mesh.times[-1] - mesh.times[0] for mesh in setting.meshes]))
    return max(spread * min(omega, 1e12), 1e-300) * horizon / 100.0


def _held_out(setting):
    try:
        return setting.data.hold_out(every=FOLDS)
    except ValueError:
        return None
