"""The solution of a fit by names: parameters, laws, trajectories, objective."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pcl.dae.laws.law import TrainedLaw
from pcl.dae.model import Model
from pcl.dae.program.log_scale import natural
from pcl.dae.program.setting import Setting
from pcl.dae.program.transcription import Transcription
from pcl.dae.result.curve import Curve, curves
from pcl.dae.result.limits import Violation, between
from pcl.dae.result.shift import Shift
from pcl.dae.result.trained import Trained
from pcl.interior_point.result import Result
from pcl.support.nearest import nearest
from pcl.support.outcome import Outcome
from pcl.support.types import Array


@dataclass(frozen=True, eq=False, repr=False)
class Solved(Outcome):
    """What a fit keeps (see `Fit`), and the unknowns x of its last program by the names of the model.

    `Inference`, `Forecasts` and `Report` read theirs off it, and keep nothing but what they computed.
    """

    setting: Setting
    program: Transcription
    result: Result
    stages: tuple
    note: str = ""
    shift: Shift | None = None
    enough: float = float("inf")
    starts: Any = None      # who asked for them need not ask whether they are there

    @property
    def model(self) -> Model:
        """The `Model` as it was declared."""
        return self.setting.declared

    @property
    def parameters(self) -> dict[str, float]:
        """{name: value} of the parameters; {"name[trajectory]": value} of those of each experiment.

        In the units of the model, also of those fitted by their logarithm.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> {name: round(value, 3) for name, value in found.parameters.items()}
        {'k': 0.5}
        """
        values = natural(self.setting.elements, self._unknowns)[:self._told]
        return dict(zip(self.setting.labels, values.tolist()))

    def parameters_of(self, trajectory: str) -> dict[str, float]:
        """{name: value} of the parameters of one experiment, for `predict(…, parameters=…)`.

        Parameters
        ----------
        trajectory : str, its name

        Raises
        ------
        ValueError
            No trajectory of that name.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.parameters_of("0") == found.parameters
        True
        """
        every = self.parameters
        return {name: every[label] for name, label in zip(self.model.parameters,
                                                          self.labels_of(trajectory))}

    def labels_of(self, trajectory: str) -> tuple[str, ...]:
        """Under which names `parameters` has those of one experiment, in the order of the model.

        Parameters
        ----------
        trajectory : str, its name

        Raises
        ------
        ValueError
            No trajectory of that name.
        """
        self.curve(trajectory)
        labels = self.setting.labels
        places = self.setting.elements.parameters.places[self.setting.names.index(trajectory)]
        return tuple(labels[place] for place in places)

    @property
    def _unknowns(self):
        """The parameters as they are solved for."""
        return self.setting.elements.split(self.result.x)[2]

    @property
    def _told(self):
        """How many parameters stand before the unknown numbers of the noise."""
        return self.setting.elements.parameters.n - len(self.setting.own)

    @functools.cached_property
    def laws(self) -> tuple[TrainedLaw, ...]:
        """The trained laws, `TrainedLaw`: `z = fit.laws[0](a)` for inputs a (n, d).

        Examples
        --------
        The rate r of a decay as a linear function of x, about x/2:

        >>> import pcl
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], outputs=["r"], rates=lambda v: {"x": -v.r})
        >>> readings = {"x": [2.0, 1.55, 1.22, 0.94, 0.74]}
        >>> data = dae.Trajectory([0.0, 0.5, 1.0, 1.5, 2.0], readings, sigma=0.01)
        >>> found = dae.fit(model, data, pcl.MLP([1, 1]), guess=None, smoother=None, elements=2)
        >>> found.laws[0]([1.0]).round(1).tolist()
        [[0.5]]
        """
        return tuple(TrainedLaw(law, theta.copy(), self._seen(law)) for law, theta in
                     zip(self.program.laws, self.program.rows.parameters(self.result.x)))

    def _seen(self, law):
        """Least and largest inputs (2, d) of a law at the nodes."""
        a = self.setting.points_of(law, self.result.x)[0]
        return np.array([a.min(axis=0), a.max(axis=0)])

    def law_of(self, name: str) -> tuple[int, int]:
        """(number of the law, place among its outputs) that gives an output.

        Parameters
        ----------
        name : str, an output of the model

        Raises
        ------
        ValueError
            No such output.
        """
        for number, law in enumerate(self.laws):
            for outputs in (law.outputs, *(outputs for _, outputs in law.law.places)):
                if name in outputs:
                    return number, outputs.index(name)
        raise ValueError(f"name is {name!r}; expected one of "
                         f"{', '.join(self.model.outputs) or 'no outputs'}, "
                         "or trajectory=… for a variable along a trajectory."
                         f"{nearest(name, self.model.outputs)}")

    @functools.cached_property
    def trajectories(self) -> dict[str, Curve]:
        """{name: Curve}: `times` and `values` at the nodes; `curve(t)` anywhere.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.trajectories["0"](1.25, "x").round(3).tolist()
        [1.071]
        """
        return curves(self.setting, self.result.x)

    def curve(self, name: str) -> Curve:
        """The `Curve` of one trajectory: `curve(t, "x")` is a variable at times t.

        Parameters
        ----------
        name : str

        Raises
        ------
        ValueError
            No trajectory of that name.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.curve("0")(1.5, "x").round(3).tolist()
        [0.945]
        """
        if name not in self.trajectories:
            raise ValueError(f"trajectory is {name!r}; expected one of {', '.join(self.trajectories)}."
                             f"{nearest(name, self.trajectories)}")
        return self.trajectories[name]

    @functools.cached_property
    def between(self) -> dict[str, dict[str, Violation]]:
        """{trajectory: {variable or path constraint: `limits.Violation`}}, of bounds between the nodes.

        They hold at the nodes; by how much they are violated between them, and when, is said of those
        above 1e-6 of the sizes.
        """
        found = {}
        for item, (name, curve) in zip(self.setting.data, self.trajectories.items()):
            signals = [item.inputs[each] for each in self.model.inputs]
            trained = replace(self.trained, parameters=self.parameters_of(name))
            broken = between(self.model, trained, curve, lambda t, signals=signals: np.stack(
                [u(t) for u in signals], axis=1) if signals else np.zeros((t.size, 0)))
            found.update({name: broken} if broken else {})
        return found

    @functools.cached_property
    def trained(self) -> Trained:
        """The `Trained` of the fit: what prediction needs, without the data."""
        return Trained.of(self)

    @property
    def objective(self) -> float:
        """Misfit and penalties, Σ ω r² + ½ θᵀPθ; −2 log p in the place of ω r² where `noise` was given.

        Then, as with weights 1/σ², it is −2 log of likelihood and prior.
        """
        return float(self.result.fun)

    @property
    def misfit(self) -> float:
        """Σ ω (simulated − observed)² as weighted in the fit; −2 log p of readings with a noise model.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> round(found.misfit, 2)
        0.42
        """
        return self.program.misfit.at(self.result.x)

    @property
    def x(self) -> Array:
        """All unknowns (n,) of the last program; see `parameters`, `laws` and `trajectories`."""
        return self.result.x

    @property
    def fun(self) -> float:
        """SciPy's name for `objective`."""
        return self.objective

    @property
    def nit(self) -> int:
        """Iterations of all stages together."""
        return sum(line.iterations for line in self.stages)

    @property
    def seconds(self) -> float:
        """Seconds of all stages together."""
        return float(sum(line.seconds for line in self.stages))
