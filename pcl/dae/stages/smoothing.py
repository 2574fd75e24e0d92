"""The smoother by itself: λ by readings that are held out in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pcl.collocation import Scheme
from pcl.dae.data.experiments import Data
from pcl.dae.data.trajectory import Trajectory
from pcl.dae.model import Model
from pcl.dae.program.setting import Setting
from pcl.dae.result.smoothing import Smoothing, SmoothingRow
from pcl.dae.stages.smooth import FIRST, HIGHEST, SmootherSolve, unit_of
from pcl.dae.stages.start import Start
from pcl.dae.stages.together import together
from pcl.support.validate import float64_array, positive_number

FOLDS = 3           # of the cross-validation
_STEP = 1.0         # decades between one λ and the next


def smooth(model: Model, data: Data | Trajectory | Iterable[Trajectory], *,
           smoothing: str | float | Sequence[float] = "auto", elements: Any = "auto",
           scheme: Scheme | None = None, start: Any = None, trajectories: Any = None,
           scaling: str = "auto") -> Smoothing:
    """Trajectories that follow data and equations, the unknown terms free but smooth: no law yet.

        minimise Σ ω (simulated − observed)² + λ Σ_k ∫ z_k'² dt / size_k²

    subject to the equations and to bounds (`pcl.dae.stages.smooth`); sizes are those of the first guess.

    Parameters
    ----------
    model : Model, with outputs
    data, elements, scheme, start, trajectories, scaling : as of `pcl.dae.fit`
    smoothing : λ; several of them; or "auto": those from 1e-4 to 1e4 of their natural size, λ at which a
        z that moves by its size in a tenth of the horizon costs what the data spread. Of several that one
        is taken whose trajectories are nearest to readings that they have not seen, in blocks of
        neighbouring times (`Data.hold_out(blocks=3)`).

    Returns
    -------
    Smoothing

    Raises
    ------
    TypeError, ValueError
        Arguments that do not fit; a model without outputs, which has nothing to be smoothed; fewer than
        three times in every trajectory, of which none can be held out.

    Examples
    --------
    The rate of a decay x' = −r, as a function of time without a law; it is x/2:

    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
    >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], {"x": [2.0, 1.558, 1.213, 0.945, 0.736]})
    >>> smooth = dae.smooth(model, data, smoothing=1e-4, elements=2)
    >>> curve = smooth.trajectories["0"]
    >>> curve(1.0, "r").round(2).tolist(), (curve(1.0, "x") / 2.0).round(2).tolist()
    ([0.6], [0.61])
    """
    data = data if isinstance(data, Data) else Data(data)
    setting = Setting.of(model, data, elements, scheme)
    if not model.outputs:
        raise ValueError("the model has no outputs, so there is no unknown term to be smoothed; expected "
                         "Model(outputs=…).")
    plain = all((s.weights == 1.0).all() and not s.known for item in data for s in item.observed.values())
    setting = setting.scaled(("variance" if plain else "none") if scaling == "auto" else scaling)
    values = _values(setting, smoothing)
    x, _ = together(setting, Start.of(setting, start, trajectories))
    judged = _Judge(setting, data, x) if len(values) > 1 else None
    solve, rows, results = SmootherSolve(setting, x, (), None, None), [], []
    for value in values:
        result = solve(x, value)
        x = solve.trajectories(result, x) if result.success else x
        rows.append(SmoothingRow(value, setting.misfit.at(solve.trajectories(result, x)),
                                 solve.roughness(result), judged(x, value) if judged else np.nan,
                                 bool(result.success)))
        results.append(result)
    best = min(range(len(rows)), key=lambda k: (not rows[k].success, _or_infinite(rows[k].held_out), k))
    return Smoothing(setting, solve.trajectories(results[best], x), values[best], tuple(rows),
                     results[best])


def _or_infinite(value):
    return value if np.isfinite(value) else np.inf


def _values(setting, smoothing):
    """λ ascending."""
    if isinstance(smoothing, str):
        if smoothing != "auto":
            raise ValueError(f"smoothing is {smoothing!r}; expected 'auto', a number or several.")
        return [float(unit_of(setting) * 10.0 ** k) for k in np.arange(FIRST, HIGHEST + _STEP, _STEP)]
    if np.ndim(smoothing) == 0:
        return [positive_number("smoothing", smoothing, zero=True)]
    found = float64_array("smoothing", smoothing, (None,))
    if not found.size or not (found >= 0.0).all():
        raise ValueError(f"smoothing is {found.tolist()}; expected numbers ≥ 0, at least one.")
    return sorted(set(found.tolist()))


class _Judge:
    """Mean ω (simulated − observed)² of readings held out in blocks, each fold by its own solve."""

    def __init__(self, setting, data, x):
        folds = [data.hold_out(blocks=FOLDS, offset=k) for k in range(FOLDS)]
        self._held = [setting.on(held) for _, held in folds]
        self._solves = [SmootherSolve(setting.on(train), x, (), None, None) for train, _ in folds]

    def __call__(self, x, value):
        results = [solve(x, value) for solve in self._solves]
        if not all(result.success for result in results):
            return np.nan
        left = sum(held.misfit.at(solve.trajectories(result, x))
                   for held, solve, result in zip(self._held, self._solves, results))
        return left / sum(held.misfit.size for held in self._held)
