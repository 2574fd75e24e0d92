"""The table of parameters: what is estimated, within which bounds, on which scale, and what is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pcl.dae.petab.priors import prior_of, UNIFORM
from pcl.support.nearest import nearest

_TO: dict[str, Callable[[Any], Any]] = {"lin": lambda p: p, "log": np.log, "log10": np.log10}
_FROM: dict[str, Callable[[Any], Any]] = {
    "lin": lambda q: q, "log": np.exp, "log10": lambda q: 10.0 ** q}


@dataclass
class Parameters:
    """Of a problem of `petab.v1`.

    Attributes
    ----------
    estimated : tuple of names
    nominal : {name: number}, of those that have one
    bounds : {name: (lower, upper)}, on linear scale; uniform priors narrow them
    scales : {name: "lin", "log" or "log10"}
    priors : {name: prior of pcl.dae}
    fixed : {name: number}
    outputs : names of parameters of the model that networks give
    """

    estimated: tuple[str, ...] = ()
    nominal: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    scales: dict[str, str] = field(default_factory=dict)
    priors: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Any) -> Parameters:
        """From the table.

        Raises
        ------
        ValueError
            A known parameter without a value, a scale that is not known.
        Unsupported
            A prior.
        """
        made = cls(tuple(str(name) for name, row in table.iterrows() if int(row["estimate"]) == 1))
        for name, row in table.iterrows():
            made._add(str(name), row)
        return made

    def _add(self, name, row):
        value = row.get("nominalValue")
        if value is not None and not math.isnan(float(value)):
            self.nominal[name] = float(value)
        if name not in self.estimated:
            if name not in self.nominal:
                raise ValueError(f"the parameter {name!r} has estimate 0 and no nominalValue.")
            self.fixed[name] = self.nominal[name]
            return
        scale = row.get("parameterScale")
        self.scales[name] = scale = scale if isinstance(scale, str) and scale else "lin"
        if scale not in _TO:
            raise ValueError(f"parameterScale of {name!r} is {scale!r}; expected one of "
                             f"{', '.join(_TO)}.{nearest(scale, _TO)}")
        self.bounds[name] = float(row["lowerBound"]), float(row["upperBound"])
        kind = row.get("objectivePriorType")
        if isinstance(kind, str) and kind:
            self._add_prior(name, kind, row.get("objectivePriorParameters"))

    def _add_prior(self, name, kind, cell):
        scale, given = self.scales[name], isinstance(cell, str)
        numbers = tuple(float(each) for each in cell.split(";")) if given else ()
        if kind not in UNIFORM:
            if len(numbers) != 2:
                raise ValueError(f"objectivePriorParameters of {name!r} are {cell!r}; expected two "
                                 "numbers.")
            self.priors[name] = prior_of(name, kind, numbers, scale)
        elif given:
            ends = numbers if kind == "uniform" else [float(_FROM[scale](each)) for each in numbers]
            (a, b), (lower, upper) = ends, self.bounds[name]
            self.bounds[name] = max(a, lower), min(b, upper)

    @property
    def logs(self) -> tuple[str, ...]:
        """Names of those that are estimated by their logarithm."""
        return tuple(name for name in self.estimated if self.scales[name] != "lin")

    @property
    def centre(self) -> dict[str, float]:
        """{name: the middle of its bounds on its scale}; the nominal value where a bound is open."""
        found = {}
        for name in self.estimated:
            scale = self.scales[name]
            with np.errstate(divide="ignore"):
                middle = float(_FROM[scale](0.5 * sum(_TO[scale](np.array(self.bounds[name])))))
            if not math.isfinite(middle) or (scale != "lin" and middle <= 0.0):
                middle = self.nominal.get(name, 1.0)
            found[name] = middle
        return found
