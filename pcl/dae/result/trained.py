"""A model with trained laws and parameters: what predicts, and what is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pcl.collocation import Scheme, named_scheme
from pcl.dae.data.events import Events
from pcl.dae.laws.law import TrainedLaw
from pcl.dae.model import Model
from pcl.dae.result.prediction import Prediction
from pcl.support.nearest import nearest
from pcl.support.types import ArrayLike, Path, Tensor
from pcl.support.validate import float64_array

MAX_ELEMENTS = 1000     # of a prediction; bends at which a simulation may stop


@dataclass(frozen=True, eq=False)
class Trained:
    """A model with laws and parameters.

    Attributes
    ----------
    model : Model
    laws : tuple of TrainedLaw
    parameters : {name: value}, and {"name[trajectory]": value} of those of each experiment
    scheme : (name, points) of the collocation of the training
    element : float, mean length of its elements
    sizes : {variable: largest magnitude seen in training}, the unit of errors
    typical : {variable: value at the first node of the first trajectory}, where searches begin
    noise : {name: {"sigma": value, …}}, what was unknown of the noise of readings

    Examples
    --------
    Of a fit it is `fit.trained`, of a file `pcl.dae.load`. By hand, a decay with k = 0.5:

    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
    ...                     sizes={"x": 1.0}, typical={"x": 1.0})
    >>> decay.simulate({"x": 2.0}, t=[0.0, 1.0])["x"].round(4).tolist()
    [2.0, 1.2131]
    """

    model: Model
    laws: tuple[TrainedLaw, ...]
    parameters: dict[str, float]
    scheme: tuple[str, int]
    element: float
    sizes: dict[str, float]
    typical: dict[str, float]
    noise: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, fit: Any) -> Trained:
        """Of a `Fit`: `fit.trained` is this, kept.

        Parameters
        ----------
        fit : Fit

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> dae.Trained.of(found).parameters == found.parameters
        True
        """
        all_values = [curve.variables_at_nodes for curve in fit.trajectories.values()]
        sizes = {name: float(max(np.abs(values[name]).max() for values in all_values)) or 1.0
                 for name in all_values[0]}
        typical = {name: float(values[0]) for name, values in all_values[0].items()}
        scheme = fit.setting.scheme
        return cls(fit.model, fit.laws, fit.parameters, (scheme.name, scheme.K),
                   float(fit.setting.elements.lengths.mean()), sizes, typical, fit.noise)

    @property
    def collocation(self) -> Scheme:
        """The scheme itself.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> decay.collocation.K
        3
        """
        return named_scheme(*self.scheme)

    def predict(self, initial: Mapping[str, Any], inputs: Mapping[str, Any] | None = None,
                t: ArrayLike | None = None, *, slack: bool = False, tolerance: float = 1e-4,
                max_elements: int = MAX_ELEMENTS, breaks: ArrayLike = (), doses: Any = None,
                jumps: Mapping[str, ArrayLike] | None = None,
                parameters: Mapping[str, float] | None = None) -> Prediction:
        """The trajectory from a start, with the laws fixed and all bounds and path constraints kept.

        It is simulated with step control; where that violates nothing it is the answer. Otherwise, and
        where the simulation stops, the collocated equations are solved at once under the bounds. If these
        contradict the laws the status says so, with the values of the simulation beside it, or with
        `slack` the laws' outputs are shifted as little as possible: minimise Σ ∫ (z − law)² dt / size².
        Bounds are kept at the nodes; what is left between them is said. With no bounds and no path
        constraints a prediction
        that cannot go on ends with the time reached.

        Parameters
        ----------
        initial : {state: value}, all of them; or functions of parameters and "steady", as in `Trajectory`
        inputs : {name: number, function or table}, as in `Trajectory`
        t : (n,) increasing times; the first is the start
        slack : bool
        tolerance : of the error in every element, relative to the sizes seen in training; elements are
            split until it is met
        max_elements : int; four more for every break
        breaks : times at which an input given as a function jumps or bends
            Elements end there, and by themselves where a table does. A pulse of a function between the
            nodes is not seen without it.
        doses, jumps : as in `Trajectory`; the values at their times are those before them
        parameters : {name: value} that take the place of those found; all that experiments have for
            themselves (`Model.local`) are needed, as `Fit.parameters_of(trajectory)` has them

        Returns
        -------
        Prediction

        Raises
        ------
        ValueError
            Values that are missing, unknown, outside bounds or inconsistent (the constraint is named).

        Examples
        --------
        With another value of the parameter:

        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> decay.predict({"x": 2.0}, t=[0.0, 1.0], parameters={"k": 1.0})["x"].round(4).tolist()
        [2.0, 0.7358]
        """
        from pcl.dae.result.predict import predict
        return predict(self.having(parameters), initial, inputs, t, slack, tolerance, max_elements,
                       breaks, Events.of("", doses, jumps))

    def having(self, given: Mapping[str, float] | None) -> Trained:
        """The same with one value for each parameter of the model, those given first.

        Parameters
        ----------
        given : {name: number} or None

        Raises
        ------
        ValueError
            An unknown name, no number; none for a parameter that experiments have for themselves.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> decay.having({"k": 1.0}).parameters
        {'k': 1.0}
        """
        given = {name: float(float64_array(f"parameter {name!r}", value, shape=()))
                 for name, value in (given or {}).items()}
        unknown = [name for name in given if name not in self.model.parameters]
        if unknown:
            raise ValueError(f"parameters has {unknown[0]!r}; expected some of "
                             f"{', '.join(self.model.parameters) or 'none'}."
                             f"{nearest(unknown[0], self.model.parameters)}")
        every = {**self.parameters, **given}
        absent = [name for name in self.model.parameters if name not in every]
        if absent:
            raise ValueError(f"every experiment has {', '.join(absent)} for itself; give parameters="
                             f"{{{absent[0]!r}: …}}, or those of one, parameters=fit.parameters_of(…).")
        return replace(self, parameters={name: every[name] for name in self.model.parameters})

    def simulate(self, initial: Mapping[str, Any], inputs: Mapping[str, Any] | None = None,
                 t: ArrayLike | None = None, *, rtol: float = 1e-6, atol: ArrayLike | None = None,
                 breaks: ArrayLike = (), doses: Any = None, jumps: Mapping[str, ArrayLike] | None = None,
                 parameters: Mapping[str, float] | None = None,
                 when: Mapping[str, Any] | None = None, until: Any = None) -> Prediction:
        """The same as `predict` by step control alone: bounds and path constraints are not kept.

        Parameters
        ----------
        initial, inputs, t, breaks, doses, jumps, parameters : as in `predict`
        rtol : float, of the error of a step
        atol : number or one a variable (states, algebraic, outputs), in units of the model; by default
            rtol / 1000 of the sizes seen in training
        when : {name of a jump condition of the model: function of v}
            The states jump wherever the function, which sees what the model's equations see, falls from
            above 0 to 0; one that begins below has to rise first. Times are in `Prediction.events`.
        until : function of v, at whose fall to 0 the simulation ends

        Returns
        -------
        Prediction

        Raises
        ------
        ValueError
            As in `predict`.

        Examples
        --------
        The time at which half is left, ln 2 / k:

        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> half = decay.simulate({"x": 2.0}, t=[0.0, 1.0, 9.0], until=lambda v: v.x - 1.0)
        >>> round(float(half.curve.mesh.times[-1]), 4)
        1.3863
        """
        from pcl.dae.result.predict import simulate
        return simulate(self.having(parameters), initial, inputs, t, rtol, atol, breaks, MAX_ELEMENTS,
                        Events.of("", doses, jumps), dict(when or {}), until)

    def traced(self, initial: Mapping[str, Any], inputs: Mapping[str, Any] | None = None,
               t: ArrayLike | None = None, **options: Any) -> dict[str, Tensor]:
        """{name: y (n,)}: a simulation as tensors, with exact first and second derivatives.

        Inside the loss of a `pcl.Problem`, or under tapes (twice). Steps are chosen for the tolerances at
        every θ; derivatives are exact for the solution on these steps, which do not move. Bounds and path
        constraints are not kept.

        Parameters
        ----------
        initial : {state: number, scalar tensor, function of parameters, or "steady"}, all of them
        inputs, t : as in `simulate`
        options : those below
        parameters : {name: number or scalar tensor}, in the place of those found
        weights : {output: array or tensor (p,)}, of the law that gives this output, in the place of those
            trained
        names : what is wanted, all variables and observables by default
        rtol : 1e-8 by default; derivatives of the solution are about a hundred times as far from those
            of the equations themselves
        atol : as in `simulate`
        scheme : `radau(5)` by default
        mesh : Mesh, elements to be used at every θ, without error control: a smooth function of θ
        breaks, doses, jumps : as in `simulate`

        Raises
        ------
        TrialFailure
            When evaluated: no consistent start, or a simulation that stops before its end.

        Examples
        --------
        ∂x/∂k = −t x of x = 2 e^(−k t), at t = 1 and k = ½:

        >>> import tensorflow as tf
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> k = tf.constant(0.5, tf.float64)
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(k)
        ...     x = decay.traced({"x": 2.0}, t=[0.0, 1.0], parameters={"k": k})["x"][-1]
        >>> round(float(tape.gradient(x, k)), 4), round(float(-x), 4)
        (-1.2131, -1.2131)
        """
        from pcl.dae.result.traced import traced
        return traced(self, MAX_ELEMENTS, initial, inputs, t, **options)

    def save(self, path: Path) -> None:
        """Write laws and parameters to one file, see `pcl.dae.result.file`; `pcl.dae.load` reads it.

        Parameters
        ----------
        path : str or path

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "decay.pcl")
        ...     decay.save(path)
        ...     print(dae.load(path, model).parameters)
        {'k': 0.5}
        """
        from pcl.dae.result.file import save
        save(self, path)
