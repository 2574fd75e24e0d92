"""What experimental conditions change: symbols as known inputs, one number a condition.

    q = number + Σ_j is_j × p_j + is_default × default

for a symbol q that is a number in some conditions and the parameter p_j in others; `number` and the
indicators `is` are inputs. Where all conditions have numbers q is the input itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pcl.dae.petab.expression import Node, number, plus, symbol, times

NAME = "conditionName"


class Conditions:
    """The table of conditions, and the inputs that it makes.

    Parameters
    ----------
    table : DataFrame, one row a condition
    used : ids of the conditions that experiments have

    Attributes
    ----------
    inputs : {input: {condition: number}}
    whose : {input: "before" or "after"}, of those that have one value in a whole experiment: that of the
        condition of pre-equilibration, or of the one that follows; others switch from one to the other
    """

    def __init__(self, table: Any, used: Sequence[str]):
        self.names = tuple(used)
        self.columns = {str(column): {each: _entry(table.loc[each, column]) for each in self.names}
                        for column in table.columns if column != NAME}
        self.inputs: dict[str, dict[str, float]] = {}
        self.whose: dict[str, str] = {}

    def given(self, column: str, condition: str) -> Node | None:
        """The entry of a column, None where the cell is empty."""
        return self.columns[column][condition]

    def tree(self, column: str, name: str, default: Node, among: Sequence[str] | None = None,
             whose: str = "") -> Node:
        """The symbol of a column, `default` where cells are empty; `name` is that of the input."""
        before = set(self.inputs)
        found = self._tree(column, name, default, among)
        self.whose |= dict.fromkeys(set(self.inputs) - before, whose) if whose else {}
        return found

    def _tree(self, column, name, default, among):
        cells = {each: cell for each, cell in self.columns[column].items()
                 if among is None or each in among}
        known = {each: cell.number for each, cell in cells.items()
                 if cell is not None and cell.number is not None}
        if len(known) == len(cells):
            return self._input(name, known)
        others = dict.fromkeys(cell for cell in cells.values() if cell is not None and cell.name)
        terms = [self._part(f"{name}_is_{cell.name}", cells, cell, cell) for cell in others]
        if None in cells.values():
            terms.append(self._part(f"{name}_is_default", cells, None, default))
        if any(known.values()):
            terms.insert(0, self._input(f"{name}_number", known))
        return plus(*terms)

    def _part(self, name, cells, cell, tree):
        """Indicator × tree."""
        share = {each: float(found == cell) for each, found in cells.items()}
        return tree if all(share.values()) else times(self._input(name, share), tree)

    def _input(self, name, values):
        self.inputs[name] = {each: values.get(each, 0.0) for each in self.names}
        return symbol(name)


def _entry(cell: Any) -> Node | None:
    """A number, a symbol, or None for an empty cell."""
    if isinstance(cell, str):
        try:
            return _entry(float(cell))
        except ValueError:
            return symbol(cell.strip()) if cell.strip() else None
    return None if math.isnan(float(cell)) else number(cell)


def entries(cell: Any) -> tuple[Node, ...]:
    """The entries of a cell of observable or noise parameters, which semicolons separate."""
    if not isinstance(cell, str):
        found = _entry(cell) if cell is not None else None
        return () if found is None else (found,)
    return tuple(found for found in map(_entry, cell.split(";")) if found is not None)


def numbers(inputs: Mapping[str, Mapping[str, float]], condition: str) -> dict[str, float]:
    """{input: number} of one condition."""
    return {name: values[condition] for name, values in inputs.items()}
