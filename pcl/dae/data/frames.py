"""Data frames as experiments: a row a time with a column a variable, or a row a reading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.dae.data.csv_table import Table
from pcl.dae.data.signal import KINDS
from pcl.support.nearest import nearest
from pcl.support.types import Array
from pcl.support.validate import known

_UNIT = re.compile(r"\s*\[[^\]]*\]\s*$")         # of a column "S [g/l]"


class Frame:
    """Columns by name, units in brackets left out; of pandas, polars, a dict of columns and the like.

    Raises
    ------
    TypeError, ValueError
        No columns; two of one name; columns of different lengths.
    """

    def __init__(self, frame: Any):
        columns = list(frame) if isinstance(frame, Mapping) else getattr(frame, "columns", None)
        if columns is None:
            raise TypeError(f"frame is a {type(frame).__name__}; expected a data frame, or a dict "
                            "{column: values}.")
        self._columns: dict[str, Array] = {}
        for column in columns:
            name = _UNIT.sub("", str(column))
            if name in self._columns:
                raise ValueError(f"frame has two columns {name!r}; expected different names.")
            self._columns[name] = np.asarray(frame[column])
        self.rows = len(next(iter(self._columns.values()))) if self._columns else 0
        for name, values in self._columns.items():
            if values.shape != (self.rows,):
                raise ValueError(f"column {name!r} has shape {values.shape}; expected ({self.rows},).")
        if not self.rows:
            raise ValueError("no observations: frame has no rows.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._columns)

    def require(self, *names: str) -> None:
        """ValueError for a column that is not there."""
        for name in names:
            self._column(name)

    def words(self, name: str) -> Array:
        """A column of names (n,) as texts; ValueError where one is missing."""
        values = self._column(name)
        missing = [k for k, value in enumerate(values) if value is None or value != value]
        if missing:
            raise ValueError(f"column {name!r} is empty in row {missing[0]}; expected a name.")
        return np.array([str(value) for value in values])

    def numbers(self, name: str) -> Array:
        """A column of numbers (n,), NaN where it is empty."""
        found = np.full(self.rows, np.nan)
        for k, value in enumerate(self._column(name).tolist()):
            try:
                found[k] = np.nan if _empty(value) else float(value)
            except (TypeError, ValueError):
                raise ValueError(f"column {name!r}, row {k}, is {value!r}; expected a number or nothing."
                                 ) from None
        return found

    def _column(self, name):
        if name not in self._columns:
            raise ValueError(f"frame has no column {name!r}; it has {', '.join(self.names)}."
                             f"{nearest(name, self.names)}")
        return self._columns[name]


def _empty(value):
    return value is None or (not isinstance(value, str) and value != value) or str(value) in ("<NA>", "")


def experiments_of(frame: Any, time: str, experiment: str | None, variable: str | None, value: str,
                   observed: Any, inputs: Any, sigma: Any, weights: Any, unknown: str, missing: str,
                   initial: Mapping[str, Any] | None, signals: Mapping[str, Any] | None
                   ) -> list[dict[str, Any]]:
    """Arguments of one `Trajectory` an experiment; see `Data.from_frame`."""
    frame = Frame(frame)
    if experiment is None and "trajectory" in frame.names:
        experiment = "trajectory"
    inputs = dict(inputs) if isinstance(inputs, Mapping) else dict.fromkeys(_named(inputs), "linear")
    known("unknown", unknown, ("refuse", "ignore"))
    frame.require(time, *([experiment] if experiment is not None else []))
    for name, kind in inputs.items():
        known(f"the interpolation of input {name!r}", kind, KINDS)
    if variable is None:
        columns, numbers = _sizes(sigma)
        found = wide(frame, time, experiment, observed, inputs, columns, unknown)
    else:
        columns, numbers = (sigma, {}) if isinstance(sigma, str) else (None, _sizes(sigma)[1])
        found = long(frame, time, experiment, variable, value, observed, inputs, columns, unknown)
    starts = initial_of(initial, [table.name for table, _ in found])
    return [{"t": table.times, "observed": table.observed, "initial": starts[table.name],
             "inputs": {**(signals or {}), **table.inputs}, "weights": weights, "name": table.name,
             "missing": missing, "sigma": _of_names(numbers, table.observed) | sizes or None}
            for table, sizes in found]


def _sizes(sigma):
    """({variable: column}, {variable or None: number}) of σ."""
    if sigma is None or isinstance(sigma, (int, float)):
        return {}, {} if sigma is None else {None: float(sigma)}
    if not isinstance(sigma, Mapping):
        raise TypeError(f"sigma is {sigma!r}; expected a number or {{variable: number or column}}, of a "
                        "long frame the name of a column.")
    columns = {name: each for name, each in sigma.items() if isinstance(each, str)}
    return columns, {name: each for name, each in sigma.items() if name not in columns}


def _of_names(numbers, observed):
    """{variable: σ} of the variables that are observed."""
    if None in numbers:
        return dict.fromkeys(observed, numbers[None])
    return {name: each for name, each in numbers.items() if name in observed}


def initial_of(initial: Mapping[str, Any] | None, names: list[str]) -> dict[str, Any]:
    """{experiment: {state: value}} of starts that all have, or that each has.

    Raises
    ------
    ValueError
        Starts of an experiment that is not there.
    """
    initial = dict(initial or {})
    if not any(isinstance(each, Mapping) for each in initial.values()):
        return dict.fromkeys(names, initial)
    unknown = [name for name in initial if name not in names]
    if unknown:
        raise ValueError(f"initial has {unknown[0]!r}, which is no experiment; there are "
                         f"{', '.join(names)}.{nearest(unknown[0], names)}")
    return {name: initial.get(name) for name in names}


def wide(frame: Frame, time: str, experiment: str | None, observed: Any, inputs: Mapping[str, str],
         sigma: Mapping[str, str], unknown: str) -> list[tuple[Table, dict[str, Array]]]:
    """[(Table, {variable: σ (n,)}), …] of a frame with a row a time and a column a variable."""
    others = [name for name in frame.names
              if name not in (time, experiment, *inputs, *sigma.values())]
    observed = _named(others if observed is None else observed)
    _require_all(others, observed, unknown, "frame has a column")
    values = {variable: frame.numbers(column) for column, variable in observed.items()}
    signals = {name: frame.numbers(name) for name in inputs}
    absent = [variable for variable in sigma if variable not in values]
    if absent:
        raise ValueError(f"sigma has {absent[0]!r}, which is not observed; observed are "
                         f"{', '.join(values)}.{nearest(absent[0], values)}")
    sizes = {variable: frame.numbers(column) for variable, column in sigma.items()}
    found = []
    for name, chosen in _experiments(frame, time, experiment):
        t = frame.numbers(time)[chosen]
        known_inputs = {key: _table(t, each[chosen], inputs[key]) for key, each in signals.items()}
        found.append((Table(name, t, {key: each[chosen] for key, each in values.items()}, known_inputs),
                      {key: np.where(np.isnan(values[key]), 1.0, each)[chosen]      # missing readings
                       for key, each in sizes.items()}))
    return found


def long(frame: Frame, time: str, experiment: str | None, variable: str, value: str, observed: Any,
         inputs: Mapping[str, str], sigma: str | None, unknown: str
         ) -> list[tuple[Table, dict[str, Array]]]:
    """The same of a frame with a row a reading; rows of inputs are tables of them."""
    t, values = frame.numbers(time), frame.numbers(value)
    names = np.array([_UNIT.sub("", name) for name in frame.words(variable)])
    every = [name for name in dict.fromkeys(names.tolist()) if name not in inputs]
    observed = _named(every if observed is None else observed)
    _require_all(every, observed, unknown, f"column {variable!r} has")
    sizes = None if sigma is None else frame.numbers(sigma)
    absent = [name for name in inputs if name not in names]
    if absent:
        raise ValueError(f"inputs has {absent[0]!r}, which is not in column {variable!r}.")
    found = []
    for name, chosen in _experiments(frame, time, experiment):
        rows = {key: chosen[names[chosen] == key] for key in dict.fromkeys(names[chosen].tolist())}
        seen = {observed[key]: (t[k], values[k]) for key, k in rows.items() if key in observed}
        signals = {key: _table(t[k], values[k], inputs[key]) for key, k in rows.items() if key in inputs}
        found.append((Table(name, t[chosen], seen, signals),
                      {} if sizes is None else {observed[key]: sizes[k] for key, k in rows.items()
                                                if key in observed}))
    return found


def _require_all(names, observed, unknown, what):
    extra = [name for name in names if name not in observed]
    if extra and unknown == "refuse":
        raise ValueError(f"{what} {extra[0]!r}, which is neither observed nor an input; name it, or set "
                         f"unknown='ignore'.{nearest(extra[0], observed)}")


def _experiments(frame, time, experiment):
    """[(name, rows in order of time), …]."""
    t = frame.numbers(time)
    if np.isnan(t).any():
        raise ValueError(f"column {time!r} is empty in row {int(np.flatnonzero(np.isnan(t))[0])}; "
                         "expected times.")
    if experiment is None:
        return [("", np.argsort(t, kind="stable"))]
    names = frame.words(experiment)
    groups = [(name, np.flatnonzero(names == name)) for name in dict.fromkeys(names.tolist())]
    return [(name, rows[np.argsort(t[rows], kind="stable")]) for name, rows in groups]


def _table(t, values, kind):
    given = ~np.isnan(values)
    return t[given], values[given], kind


def _named(given):
    """{column: variable}."""
    if isinstance(given, Mapping):
        return dict(given)
    names = (given,) if isinstance(given, str) else tuple(given)
    return dict(zip(names, names))
