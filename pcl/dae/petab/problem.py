"""A problem read from files: model, data, noise and starts, as `pcl.dae.fit` takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pcl.dae.data.experiments import Data
from pcl.dae.laws.law import Law
from pcl.dae.model import Model
from pcl.dae.petab.likelihood import negative_log_likelihood
from pcl.dae.petab.noise import FormulaNoise
from pcl.dae.petab.readings import Group
from pcl.dae.result.fit_result import Fit
from pcl.dae.stages.fit import fit
from pcl.support.nearest import nearest
from pcl.support.types import Array

_SIMULTANEOUS = {"hessian", "kkt"}      # options that sequential solves do not have


@dataclass(frozen=True, eq=False)
class Problem:
    """An estimation problem; `model, data = problem` where all sizes of noise are known numbers.

    Attributes
    ----------
    model : Model
    data : Data, one trajectory an experiment, named as its conditions
    nominal : {parameter: number} of the table of parameters
    start : {parameter: number}, the middle of the bounds on the scale of the parameter
    names : {name in the files: name in the model}, of those that had to change
    groups : {name of readings: their observable, formula and noise}
    laws : tuple of Law, networks in the rates; weights : their nominal θ, None where there are none
    """

    model: Model
    data: Data
    nominal: Mapping[str, float]
    start: Mapping[str, float]
    names: Mapping[str, str]
    groups: Mapping[str, Group] = field(repr=False)
    laws: tuple[Law, ...] = ()
    weights: tuple[Array | None, ...] = field(default=(), repr=False)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.model, self.data))

    def noise(self, start: Mapping[str, float] | None = None) -> dict[str, FormulaNoise]:
        """{name: noise model} of readings whose σ is estimated, or that are normal on another scale;
        `start` has first guesses of parameters."""
        start = {**self.start, **(start or {})}
        return {name: FormulaNoise(group.scale, self._sigma(name, group), start, self.model.log or ())
                for name, group in self.groups.items()
                if group.sigma is not None or group.scale != "lin"}

    def _sigma(self, name, group):
        if group.sigma is not None:
            return group.sigma
        by_name = {experiment.name: experiment for experiment in group.rows}
        return np.concatenate([group.table(by_name[item.name])[:, 2] for item in self.data
                               if item.name in by_name])

    def fit(self, start: Mapping[str, float] | None = None, **options: Any) -> Fit:
        """`pcl.dae.fit` of the problem, from the middle of the bounds.

        Without networks the main solves see the parameters alone, `approach="sequential"`, unless
        options say otherwise: kinetics have few of them, known starts, and rates apart by many orders of
        magnitude.

        Parameters
        ----------
        start : {parameter: number}, for instance `problem.nominal`; others begin in the middle
        options : of `pcl.dae.fit`
        """
        start = {**self.start, **self._known(start)}
        if self.laws:
            options = {"network": list(self.laws), **options}
        elif not _SIMULTANEOUS & set(options):
            options = {"approach": "sequential", **options}
        return fit(self.model, self.data, start=start, noise=self.noise(start) or None, **options)

    def objective(self, parameters: Mapping[str, float] | None = None, elements: int = 15,
                  weights: Sequence[Array] | None = None) -> float:
        """−ln L of the readings at parameters, the nominal ones by default, trajectories simulated.

        `weights` are θ of each network, the nominal ones by default. Priors are not in it. Elements are
        halved until it changes by less than 1e-9 of its size, from `elements` a trajectory on.

        Raises
        ------
        ValueError
            Parameters that are not known, or that have no nominal value and are not given.
        TrialFailure
            The equations cannot be solved at these parameters.
        """
        values = {**self.nominal, **self._known(parameters)}
        absent = [name for name in self.model.parameters if name not in values]
        if absent:
            raise ValueError(f"parameters lack {absent[0]!r}, which has no nominal value.")
        values = {name: values[name] for name in self.model.parameters}
        weights = self.weights if weights is None else weights
        known = [theta for theta in weights if theta is not None]
        if len(known) != len(self.laws):
            raise ValueError(f"weights have {len(known)} entries; expected θ of each of "
                             f"{len(self.laws)} networks.")
        return negative_log_likelihood(self.model, self.data, self.noise(values), values, elements,
                                       self.laws, known)

    def _known(self, given):
        for name in given or {}:
            if name not in self.model.parameters:
                raise ValueError(f"parameters have {name!r}; expected some of "
                                 f"{', '.join(self.model.parameters)}."
                                 f"{nearest(name, self.model.parameters)}")
        return {name: float(value) for name, value in (given or {}).items()}
