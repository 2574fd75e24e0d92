"""The table of readings, sorted under names that have one formula and one noise each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pcl.dae.petab.conditions import entries
from pcl.dae.petab.expression import mapped, Node, number, substituted, symbol
from pcl.dae.petab.noise import PREDICTED
from pcl.dae.petab.sbml_math import Reader
from pcl.dae.petab.unsupported import Unsupported
from pcl.support.nearest import nearest

_SCALES = ("lin", "log", "log10")


class Experiment(NamedTuple):
    """Under which conditions readings were made, and whether at rest, after an infinite time."""

    before: str         # of pre-equilibration, "" without
    condition: str
    at_rest: bool

    @property
    def name(self) -> str:
        """Its name as a trajectory."""
        words = [self.before, self.condition, "at_rest" if self.at_rest else ""]
        return "_".join(filter(None, words))


@dataclass
class Group:
    """Readings of one observable with one formula and one noise.

    Attributes
    ----------
    observable : str, its id
    tree : formula with its own parameters put in
    scale : "lin", "log" or "log10"
    sigma : tree of σ in parameters and `PREDICTED`; None where it is a number a reading
    rows : {experiment: [(time, reading, σ or NaN), …]}
    """

    observable: str
    tree: Node
    scale: str
    sigma: Node | None
    rows: dict[Experiment, list[tuple[float, float, float]]] = field(default_factory=dict)

    def table(self, experiment: Experiment) -> np.ndarray:
        """(n, 3): times, readings and σ in order of time."""
        rows = np.array(self.rows[experiment], dtype=np.float64)
        return rows[np.argsort(rows[:, 0], kind="stable")]


def grouped(problem: Any, reader: Reader, settled: Callable[[Node, str], Node]) -> dict[str, Group]:
    """{name: Group} of the readings of a problem of `petab.v1`.

    The name is the observable's id where there is one group of it, else the id and a number.

    Parameters
    ----------
    settled : function (tree, condition) -> tree of estimated parameters and states, numbers put in

    Raises
    ------
    Unsupported
        Laplace noise; noise that depends on states other than by its observable.
    ValueError
        An observable that is not in its table; overrides that do not fit.
    """
    formulae = {str(name): _Formula(str(name), row, reader)
                for name, row in problem.observable_df.iterrows()}
    groups: dict[Any, Group] = {}
    for row in problem.measurement_df.to_dict("records"):
        name = str(row["observableId"])
        if name not in formulae:
            raise ValueError(f"the table of readings has the observable {name!r}; expected one of "
                             f"{', '.join(formulae)}.{nearest(name, formulae)}")
        _add(groups, formulae[name], row, settled)
    return _named(groups)


def _add(groups, formula, row, settled):
    where = experiment_of(row)
    tree = formula.observable(entries(row.get("observableParameters")))
    sigma = formula.sigma(tree, entries(row.get("noiseParameters")))
    sigma = settled(sigma, where.condition)
    value = sigma.number if sigma.number is not None else math.nan
    key = (formula.name, tree, formula.scale, None if sigma.number is not None else sigma)
    group = groups.setdefault(key, Group(*key))
    time = 0.5 if where.at_rest else float(row["time"])
    group.rows.setdefault(where, []).append((time, float(row["measurement"]), value))


def experiment_of(row: Mapping[str, Any]) -> Experiment:
    """The `Experiment` of a row of the table of readings."""
    before = row.get("preequilibrationConditionId")
    return Experiment(before if isinstance(before, str) else "", str(row["simulationConditionId"]),
                      math.isinf(float(row["time"])))


def _named(groups):
    counts: dict[str, int] = {}
    for group in groups.values():
        counts[group.observable] = counts.get(group.observable, 0) + 1
    found: dict[str, Group] = {}
    for group in groups.values():
        k, name = 1, group.observable
        while counts[group.observable] > 1 and (name == group.observable or name in found):
            name, k = f"{group.observable}_{k}", k + 1
        found[name] = group
    return found


class _Formula:
    """One row of the table of observables."""

    def __init__(self, name, row, reader):
        self.name = name
        self._observable = reader.formula(row["observableFormula"], f"the formula of {name}")
        self._sigma = reader.formula(row["noiseFormula"], f"the noise of {name}")
        self.scale = _word(row.get("observableTransformation"), "lin")
        if self.scale not in _SCALES:
            raise ValueError(f"observableTransformation of {name!r} is {self.scale!r}; expected one of "
                             f"{', '.join(_SCALES)}.{nearest(self.scale, _SCALES)}")
        noise = _word(row.get("noiseDistribution"), "normal")
        if noise != "normal":
            raise Unsupported(f"the noise of {name!r} is {noise!r}, which is not supported: its density "
                              "has a kink at every reading; expected 'normal'.")

    def observable(self, given):
        """Its formula with the parameters of a reading."""
        return substituted(self._observable, self._placed("observableParameter", given))

    def sigma(self, tree, given):
        """σ with the parameters of a reading; `PREDICTED` stands for what is read."""
        by = self._placed("noiseParameter", given)
        sigma = mapped(self._sigma, lambda node: symbol(PREDICTED) if node in (
            symbol(self.name), self._observable) and node.number is None else None)
        sigma = substituted(sigma, by)
        return mapped(sigma, lambda node: symbol(PREDICTED) if node == tree
                      and node.number is None else None)

    def _placed(self, word, given):
        names = {f"{word}{k}_{self.name}": each for k, each in enumerate(given, start=1)}
        formula = self._observable if word.startswith("o") else self._sigma
        absent = sorted(name for name in _symbols(formula)
                        if name.startswith(word) and name.endswith(f"_{self.name}") and name not in names)
        if absent:
            raise ValueError(f"a reading of {self.name!r} has {len(given)} entries as {word}s; expected "
                             f"one for {absent[0]}.")
        return names


def _symbols(tree):
    return {tree.name} if tree.op == "symbol" else set().union(*map(_symbols, tree.args))


def _word(cell, default):
    return cell if isinstance(cell, str) and cell else default


def folded(tree: Node, value: Callable[[Node], float]) -> Node:
    """The tree with products by 0 and operations on numbers alone carried out."""
    args = tuple(folded(arg, value) for arg in tree.args)
    if tree.op == "times" and any(arg.number == 0.0 for arg in args):
        return number(0.0)
    if args and all(arg.number is not None for arg in args):
        return number(value(Node(tree.op, args)))
    kept = args
    if tree.op in ("times", "plus"):
        kept = tuple(arg for arg in args if arg.number != float(tree.op == "times"))
    return kept[0] if len(kept) == 1 and len(args) > 1 else Node(tree.op, kept, tree.name, tree.number)
