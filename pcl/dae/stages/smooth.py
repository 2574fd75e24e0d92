"""Trajectories that fit the data with the unknown terms free but smooth: no network yet.

    minimise Σ ω (simulated − observed)² + λ Σ_k ∫ z_k'² dt / size_k²

subject to the equations and to the ranges of the laws, where z is a broken line through free values at
the nodes, or at `KNOTS` of them where there are more; where states jump it begins anew. Unless λ is given
it is the one from which the main solve starts best: the least `cost` of the trajectories, which knows
misfit, weight decay and what the laws cannot follow. From small values, at which the states follow the
data, upwards while it helps, and further down where the smallest is the best.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from pcl.dae import solver
from pcl.dae.failures import FAILURES, failed, said
from pcl.dae.laws.free_outputs import FreeOutputs
from pcl.interior_point.status import Status

# log10 of λ relative to its natural size: where the search begins and ends
FIRST, LOWEST, HIGHEST = -4, -9, 4
WORSE = 2                               # so many in a row that are no better end a direction
KNOTS = 400                             # free values of unknown terms, at most: their Hessian is dense
_FEWEST = 4                             # of a piece of a trajectory
_TOL, _MAXITER = 1e-5, 150


@dataclass(frozen=True, eq=False)
class Smoothed:
    """Smooth trajectories.

    Attributes
    ----------
    x : ndarray, trajectories and parameters as the program has them, without weights
    smoothing : λ
    tried : list of (λ, cost); empty if λ was given
    result : interior_point.Result of the last solve
    others : list of ndarray, as x: what other λ gave, the best first
    start : what `cost` told beside the number, None if it was not asked
    """

    x: np.ndarray
    smoothing: float
    tried: list
    result: Any         # a Result, None without a solve
    others: list
    start: object = None

    @property
    def iterations(self):
        """Of the last solve."""
        return 0 if self.result is None else self.result.nit

    @property
    def found(self):
        """Whether x is the end of a solve, and no guess."""
        return self.result is not None and bool(np.isfinite(self.result.fun))

    def __str__(self):
        how = f"the best start of {len(self.tried)}" if self.tried else "given"
        return f"smoothing {self.smoothing:.3g} ({how}). {self.result.message}"


def smooth(setting, x, smoothing="auto", cost=None, ranges=(), callback=None, max_seconds=None):
    """`Smoothed` trajectories from a first guess x (n,) of trajectories and parameters.

    cost : function x -> (number, anything), by which λ is chosen if it is "auto"
    ranges : [(outputs, lower (m,), upper (m,)), …] that the outputs keep, besides the model's bounds
    """
    solve = SmootherSolve(setting, x, ranges, callback, max_seconds)
    if smoothing != "auto":
        result = solve(x, smoothing)
        return Smoothed(solve.trajectories(result, x), smoothing, [], result, [x])
    unit = unit_of(setting)
    tried: dict = {}
    _search(solve, x, unit, cost, tried)
    ranked = sorted(tried, key=lambda decade: tried[decade][0])
    if not ranked:                          # none was solved
        result = solve(x, unit * 10.0 ** FIRST)
        return Smoothed(solve.trajectories(result, x), unit * 10.0 ** FIRST, [], result, [x])
    table = [(unit * 10.0 ** decade, tried[decade][0]) for decade in sorted(tried)]
    _, best, start = tried[ranked[0]]
    others = [*(solve.trajectories(tried[k][1], x) for k in ranked[1:]), x]
    return Smoothed(solve.trajectories(best, x), unit * 10.0 ** ranked[0], table, best, others, start)


def roughness(times, piece, n_z):
    """P of θᵀPθ = Σ_k ∫ θ_k'² dt, of broken lines θ (knots, n_z); times, piece (knots,)."""
    P = np.zeros((len(times), n_z, len(times), n_z))
    for k in np.unique(piece):
        knots = np.flatnonzero(piece == k)
        left, right = knots[:-1], knots[1:]
        t = times[knots]
        step = np.maximum(np.diff(t), 1e-3 * (t[-1] - t[0]) / len(t))
        for i in range(n_z):
            for a, b, sign in ((left, left, 1), (right, right, 1), (left, right, -1), (right, left, -1)):
                np.add.at(P[:, i, :, i], (a, b), sign / step)
    return P.reshape(len(times) * n_z, -1)


class SmootherSolve:
    """result = solve(x, λ), with knots, sizes and roughness of one grid; what fails is a result without
    success."""

    def __init__(self, setting, x, ranges, callback, max_seconds):
        self.setting, elements = setting, setting.elements
        self._sides = _sides(setting, ranges)
        self._options = {"tol": _TOL, "maxiter": _MAXITER, "callback": callback,
                         "max_seconds": max_seconds}
        self.stopped = False                # by the callback: nothing else is tried
        self._knots, basis = _knots(elements, setting.pieces)
        z = self._outputs(x)
        size = np.sqrt(np.mean(z ** 2, axis=0))
        self._size = np.where(size > 0.0, size, 1.0)
        self._law = FreeOutputs(len(z), setting.model.outputs, basis, self._size)
        self._roughness = roughness(elements.times.ravel()[self._knots], np.repeat(
            setting.pieces, elements.K)[self._knots], elements.n_z)

    def __call__(self, x, value):
        program = self.setting.transcription([self._law], [2.0 * value * self._roughness])
        lower, upper = self._sides
        program.x_lower[:lower.size] = np.maximum(program.x_lower[:lower.size], lower)
        program.x_upper[:upper.size] = np.minimum(program.x_upper[:upper.size], upper)
        start = np.concatenate([x, (self._outputs(x)[self._knots] / self._size).ravel()])
        try:
            result = solver.solve(program, start, **self._options)
        except FAILURES as error:
            return failed(program, start, f"Not possible: {said(error)}")
        if result.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        self.stopped |= result.status is Status.STOPPED_BY_CALLBACK
        return result

    def roughness(self, result):
        """Σ_k ∫ z_k'² dt / size_k² of a result."""
        theta = result.x[self.setting.elements.n:]
        return float(theta @ self._roughness @ theta)

    def trajectories(self, result, x):
        """Those of a result, or x where it has none."""
        return result.x[:x.size] if np.isfinite(result.fun) else x

    def _outputs(self, x):
        elements = self.setting.elements
        return elements.split(x)[1][:, :, elements.n_x + elements.n_y:].reshape(-1, elements.n_z)


def _knots(elements, pieces):
    """(nodes chosen as knots, basis (nodes, knots) of the broken lines through them), a line for each of
    the `pieces` (E,) of trajectories: where states jump, so may what depends on them."""
    times, piece = elements.times.ravel(), np.repeat(pieces, elements.K)
    most = max(_FEWEST, KNOTS // ((piece[-1] + 1) * elements.n_z))
    nodes = [np.flatnonzero(piece == k) for k in range(piece[-1] + 1)]
    chosen = [each[np.unique(np.linspace(0, len(each) - 1, most).round().astype(int))] for each in nodes]
    basis = block_diag(*[np.stack([np.interp(times[each], times[knots], unit)
                                   for unit in np.eye(len(knots))], axis=1)
                         for each, knots in zip(nodes, chosen)])
    return np.concatenate(chosen), basis


def _sides(setting, ranges):
    """(lower (n,), upper (n,)) of trajectories and parameters whose outputs keep the ranges."""
    elements, model = setting.elements, setting.model
    sides = []
    for side, none in ((0, -np.inf), (1, np.inf)):
        w = np.full((elements.E, elements.K, elements.n_w), none)
        for outputs, *ends in ranges:
            places = [elements.n_x + elements.n_y + model.outputs.index(name) for name in outputs]
            w[:, :, places] = ends[side]
        sides.append(elements.join(np.full((elements.E, elements.n_x), none), w,
                                   np.full(elements.parameters.n, none)))
    return sides


def _search(solve, x, unit, cost, found):
    """Fill `found`, {log10 of λ relative to its natural size: (cost, result, start)}."""
    def along(decades, start):
        worse, best = 0, min((row[0] for row in found.values()), default=np.inf)
        for decade in decades:
            result = solve(start, unit * 10.0 ** decade)
            worse += 1
            if result.success:
                start = solve.trajectories(result, start)[:x.size]
                number, prepared = _judged(cost, start)
                found[decade] = number, result, prepared
                if found[decade][0] < best:
                    worse, best = 0, found[decade][0]
            if worse == WORSE or solve.stopped:
                return
    along(range(FIRST, HIGHEST + 1), x)
    if found and min(found, key=lambda k: found[k][0]) == FIRST:
        along(range(FIRST - 1, LOWEST - 1, -1), found[FIRST][1].x[:x.size])


def _judged(cost, x):
    """(cost, start) of trajectories; (inf, None) where their cost cannot be told."""
    try:
        return cost(x)
    except FAILURES:
        return np.inf, None


def unit_of(setting):
    """λ at which a z that moves by its size in a tenth of the horizon costs what the data spread."""
    horizon = np.mean([mesh.times[-1] - mesh.times[0] for mesh in setting.meshes])
    return setting.spread * float(horizon) / 100.0
