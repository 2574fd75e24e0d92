"""Where a fit begins: numbers, an earlier fit, trajectories, or a simulation of the first parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pcl.dae.result.curve import Curve
from pcl.dae.result.fit_result import Fit
from pcl.dae.result.smoothing import Smoothing
from pcl.dae.sequential import marched
from pcl.dae.stages.guess import first_guess
from pcl.errors import TrialFailure
from pcl.support.nearest import nearest
from pcl.support.validate import float64_array

_SAID = 1e-12       # relative distance from which a start that was moved is told


@dataclass(frozen=True, eq=False)
class Start:
    """A first guess.

    Attributes
    ----------
    x : (n,), trajectories and parameters as they are solved for
    numbers : {name: number} that were given
    near : bool, whether trajectories were given (or simulated), so that the solver begins close to them
    laws : tuple of TrainedLaw of an earlier fit
    words : what the report says of it
    simulated : bool, whether they were simulated
    earlier : the Fit that was given, or None
    smoothing : the Smoothing that was given, or None
    plain : bool, whether data and equations are not to be brought together
    smooth : bool, whether there is to be a smoother
    """

    x: np.ndarray
    numbers: dict
    near: bool
    laws: tuple
    words: str
    simulated: bool = False
    earlier: Fit | None = None
    smoothing: Smoothing | None = None
    plain: bool = False
    smooth: bool = True

    @classmethod
    def of(cls, setting, start=None, trajectories=None, smoothing=None):
        """From the arguments of `fit`; TypeError, ValueError for what does not fit."""
        smoothing = start if isinstance(start, Smoothing) else smoothing
        numbers, curves, laws = _parts(setting, start)
        if smoothing is not None and smoothing is not start:
            more, curves, _ = _parts(setting, smoothing)
            numbers = {**more, **numbers}
        simulate = isinstance(trajectories, str)
        if simulate and (trajectories != "simulate" or setting.model.outputs):
            raise ValueError(f"trajectories is {trajectories!r}; expected 'simulate' (for a model "
                             "without outputs), or {trajectory: curve}.")
        if trajectories is not None and not simulate:
            curves = _functions(setting, trajectories)
        x = first_guess(setting, numbers, None if simulate else curves)
        words = _moved_words(setting, numbers, x)
        if simulate:
            return cls._simulated(setting, x, numbers, words)
        earlier = start if isinstance(start, Fit) else None
        return cls(x, numbers, bool(curves), laws, words, earlier=earlier, smoothing=smoothing)

    def require_laws(self, laws):
        """ValueError for a law of the earlier fit that gives these outputs from these inputs by another
        number of weights."""
        for law in laws:
            for t in self.laws:
                if (t.inputs, t.outputs) == (law.inputs, law.outputs) and t.law.size != law.size:
                    raise ValueError(
                        f"the law of {', '.join(law.outputs)} has {t.law.size} weights in the fit given "
                        f"as start, and {law.size} in network; expected the same network. To go on with "
                        "another one give start=fit.parameters and trajectories=fit.trajectories.")

    @classmethod
    def _simulated(cls, setting, x, numbers, words):
        try:
            found = marched(setting.transcription([], []), x)
        except TrialFailure as error:
            return cls(x, numbers, False, (), f"{words}; the start cannot be simulated: {error}")
        return cls(found, numbers, True, (), f"{words}; simulated from the start", True)


def _parts(setting, start):
    """(numbers, curves, laws)."""
    if start is None or isinstance(start, dict):
        return start or {}, None, ()
    if not isinstance(start, (Fit, Smoothing)):
        raise TypeError(f"start is a {type(start).__name__}; expected {{name: number}}, an earlier Fit "
                        "or a Smoothing.")
    known = (*setting.model.parameters, *setting.labels)
    numbers = {name: p for name, p in start.parameters.items() if name in known}
    curves = {name: c for name, c in start.trajectories.items() if name in setting.names}
    return numbers, _functions(setting, curves), start.laws if isinstance(start, Fit) else ()


def _functions(setting, given):
    """[{variable: function of t}, …], one a trajectory."""
    if not isinstance(given, dict):
        raise TypeError(f"trajectories is a {type(given).__name__}; expected 'simulate' or "
                        "{trajectory: curve}.")
    names, model = setting.names, setting.model
    for name in given:
        if name not in names:
            raise ValueError(f"trajectories has {name!r}; expected some of {', '.join(names)}."
                             f"{nearest(name, names)}")
    variables = (*model.states, *model.algebraic, *model.outputs)
    return [_of_curve(name, given[name], variables) if name in given else {} for name in names]


def _of_curve(name, curve, variables):
    if isinstance(curve, Curve):
        ends = curve.mesh.times[[0, -1]]
        return {v: lambda t, v=v: curve(np.clip(t, *ends), v)
                for v in (*curve.states, *curve.others) if v in variables}
    if not isinstance(curve, dict):
        raise TypeError(f"trajectories[{name!r}] is a {type(curve).__name__}; expected a Curve or "
                        "{variable: (times, values)}.")
    found = {}
    for v, table in curve.items():
        if v not in variables:
            raise ValueError(f"trajectories[{name!r}] has {v!r}; expected some of "
                             f"{', '.join(variables)}.{nearest(v, variables)}")
        found[v] = _of_table(f"trajectories[{name!r}][{v!r}]", table)
    return found


def _of_table(label, table):
    if not isinstance(table, tuple) or len(table) != 2:
        raise TypeError(f"{label} is a {type(table).__name__}; expected a tuple (times, values).")
    times = float64_array(f"times of {label}", table[0], shape=(None,))
    values = float64_array(f"values of {label}", table[1], shape=times.shape)
    if not times.size or not (np.diff(times) > 0.0).all():
        raise ValueError(f"times of {label} do not increase.")
    return lambda t: np.interp(t, times, values)


def _moved_words(setting, numbers, x):
    """What the bounds did to given parameters."""
    elements = setting.elements
    p = setting.told(x)[elements.n - elements.parameters.n:elements.n]
    moved = [f"{name} from {numbers[name]:.6g} to {value:.6g}"
             for name, value in zip(setting.labels, p)
             if name in numbers and abs(value - numbers[name]) > _SAID * abs(value)]
    return f"; start moved inside the bounds: {', '.join(moved)}" if moved else ""
