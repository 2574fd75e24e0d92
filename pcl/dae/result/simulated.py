"""Simulation of a declared model, of numbers or of the tensors of a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pcl.dae.laws.law import Law, TrainedLaw
from pcl.dae.model import Model
from pcl.dae.result.predict import times_of
from pcl.dae.result.traced import POINTS
from pcl.dae.result.trained import Trained
from pcl.support.types import ArrayLike, Tensor


def simulate(model: Model, initial: Mapping[str, Any], inputs: Mapping[str, Any] | None = None,
             t: ArrayLike | None = None, *, laws: Sequence[Law] = (),
             parameters: Mapping[str, Any] | None = None, weights: Mapping[str, Any] | None = None,
             guess: Mapping[str, float] | None = None, sizes: Mapping[str, float] | None = None,
             **options: Any) -> dict[str, Tensor]:
    """{name: y (n,)} at times t of a simulation of a declared model, inside a loss or outside of it.

    Parameters
    ----------
    model : Model
    initial : {state: number, scalar tensor, function of parameters, or "steady"}, all of them
        Starts have to fulfil the constraints of the model, for every θ: an index-2 system of two equal
        levels begins with one tensor for both.
    inputs : {name: number, function or table}, as in `Trajectory`
    t : (n,) increasing times; the first is the start
    laws : sequence of `Law`, giving the outputs
    parameters : {name: number or scalar tensor}, all of them
    weights : {output: array or tensor (p,)}, of the law that gives this output
    guess : {name: value}, where algebraic variables and outputs are searched for; 1 by default
    sizes : {name: value}, unit of the absolute tolerance; 1 by default
    options : `names`, `rtol`, `atol`, `scheme`, `mesh`, `breaks`, `doses`, `jumps`, see `Trained.traced`

    Returns
    -------
    {name: tensor (n,)} of states, algebraic variables, outputs and observables

    Raises
    ------
    ValueError, TypeError
        Names that are missing or unknown; tensors that are not float64.
    TrialFailure
        When evaluated: no consistent start, or a simulation that stops before its end.

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> y = dae.simulate(model, {"x": 2.0}, t=[0.0, 1.0, 2.0], parameters={"k": 0.5})
    >>> y["x"].numpy().round(4).tolist()
    [2.0, 1.2131, 0.7358]
    """
    t, given = times_of(t), dict(weights or {})
    weightless = [law for law in laws if not any(name in given for name in law.outputs)]
    if weightless:
        raise ValueError(f"weights has none for the law of {', '.join(weightless[0].outputs)}; expected "
                         f"{{{weightless[0].outputs[0]!r}: …}}.")
    absent = [name for name in model.parameters if name not in (parameters or {})]
    if absent:
        raise ValueError(f"parameters has no {absent[0]!r}; expected each of "
                         f"{', '.join(model.parameters)}.")
    trained = Trained(
        model, tuple(TrainedLaw(law, np.zeros(law.size)) for law in laws),
        dict.fromkeys(model.parameters, 0.0), ("radau", POINTS), float(t[-1] - t[0]) / 10,
        {name: float((sizes or {}).get(name, 1.0)) for name in model.variables},
        {name: float((guess or {}).get(name, 1.0)) for name in model.variables})
    return trained.traced(initial, inputs, t, parameters=parameters, weights=weights, **options)
