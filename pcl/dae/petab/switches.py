"""Comparisons with time as inputs that switch at known times, so that elements end there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.dae.petab.evaluate import Scope
from pcl.dae.petab.expression import leaves, mapped, Node, RELATIONS, symbol
from pcl.dae.petab.unsupported import Unsupported


@dataclass
class Switches:
    """The comparisons of a model that contain the time, each an input of the value 0 or 1.

    Parameters
    ----------
    rules, start : {symbol: tree}, of the whole model

    Attributes
    ----------
    found : {input: comparison}
    """

    rules: Mapping[str, Node]
    start: Mapping[str, Node]

    def __post_init__(self):
        self.found: dict[str, Node] = {}

    def taken(self, tree: Node) -> Node:
        """The tree with its comparisons replaced.

        Raises
        ------
        Unsupported
            Equality with a time.
        """
        return mapped(tree, self._replaced)

    def _replaced(self, node):
        if node.op == "initial":
            return node
        if node.op not in RELATIONS or ":time" not in leaves(node, self.rules, self.start):
            return None
        if node.op in ("eq", "neq") or len(node.args) != 2:
            raise Unsupported("a formula asks whether the time equals a number, which is not supported; "
                              "compare by < or ≥.")
        known = [name for name, each in self.found.items() if each == node]
        name = known[0] if known else f"switch_{len(self.found) + 1}"
        self.found[name] = node
        return Node("on", (symbol(name),))


class Known:
    """Numbers of trees in one experiment.

    Parameters
    ----------
    rules, start : see `Scope`
    values : {symbol: number}, of the inputs
    what : words on what needs a number, for messages
    """

    def __init__(self, rules: Mapping[str, Node], start: Mapping[str, Node], values: Mapping[str, float],
                 what: str):
        self._rules, self._start, self._values, self._what = rules, start, values, what

    def at(self, tree: Node, time: float) -> float:
        """The value at a time; Unsupported where it depends on what is estimated or moves."""
        return float(Scope(self._rules, self._start, self._given, time).value(tree))

    def _given(self, name):
        if name not in self._values:
            raise Unsupported(f"{self._what} depends on {name!r}, which is estimated or changes with the "
                              "states; only known times are supported.")
        return self._values[name]

    def crossing(self, comparison: Node) -> float:
        """When the two sides of a comparison are equal, NaN if never; they have to be linear in time."""
        sides = Node("minus", comparison.args)
        g = [self.at(sides, time) for time in (0.0, 1.0, 2.0)]
        slope = g[1] - g[0]
        if abs(g[2] - g[1] - slope) > 1e-9 * (abs(g[0]) + abs(g[1]) + abs(g[2])):
            raise Unsupported(f"{self._what} is not linear in time, which is not supported.")
        return -g[0] / slope if slope else np.nan

    def signal(self, comparison: Node, span: tuple[float, float]) -> Any:
        """0 or 1, or the table of both, of a comparison over a span."""
        time, (t0, t1) = self.crossing(comparison), span
        if not t0 < time < t1:
            return self.at(comparison, 0.5 * (t0 + t1))
        sides = [self.at(comparison, 0.5 * (end + time)) for end in span]
        return ([t0, time], sides, "constant")


def require_settled(trees: Mapping[str, Node], rules: Mapping[str, Node], start: Mapping[str, Node],
                    moving: Mapping[str, str]) -> None:
    """Refuse conditions of piecewise formulae on what moves or is estimated.

    Parameters
    ----------
    trees : {words: tree}
    moving : {symbol: what it is}
    """
    for words, tree in trees.items():
        for node in _all_nodes(tree):
            conditions = node.args[1::2] if node.op == "piecewise" else ()
            for condition in conditions:
                for name in sorted(leaves(condition, rules, start)):
                    if name in moving:
                        raise Unsupported(f"{words} is piecewise with a condition on {name!r}, "
                                          f"{moving[name]}: a kink in the trajectories, which is not "
                                          "supported.")


def _all_nodes(tree):
    yield tree
    for arg in tree.args:
        yield from _all_nodes(arg)
