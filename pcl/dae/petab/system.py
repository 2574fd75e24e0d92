"""Model, conditions and table of parameters of a problem put together: one system of trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pcl.dae.petab.conditions import Conditions
from pcl.dae.petab.expression import leaves, mapped, Node, number, plus, symbol, times
from pcl.dae.petab.happenings import require_timed
from pcl.dae.petab.network import Event, Network, network_of
from pcl.dae.petab.parameters import Parameters
from pcl.dae.petab.readings import Experiment, folded
from pcl.dae.petab.rest import with_totals
from pcl.dae.petab.switches import Known, require_settled, Switches
from pcl.dae.petab.unsupported import Unsupported


@dataclass
class System:
    """States with rates, rules, starts, inputs and jumps as trees.

    Attributes
    ----------
    network : Network, comparisons with time replaced by inputs, totals in the place of some states
    events : tuple of Event, with their own triggers
    switches : Switches; conditions : Conditions; parameters : Parameters
    totals : {total: {state: weight tree}}, where anything is at rest
    whole : Network, as it was before
    """

    network: Network
    events: tuple[Event, ...]
    switches: Switches
    conditions: Conditions
    parameters: Parameters
    totals: dict[str, dict[str, Node]]
    whole: Network

    @classmethod
    def of(cls, model: Any, table: Any, parameters: Parameters,
           experiments: Sequence[Experiment]) -> System:
        """From a model of libsbml, the tables of conditions and parameters, and the experiments."""
        used = dict.fromkeys(name for each in experiments for name in (each.before, each.condition)
                             if name)
        conditions = Conditions(table, tuple(used))
        given = _given(parameters)
        plain = network_of(model, given, {})
        _require_constant(parameters, plain)
        given, start = _overridden(conditions, plain, given, experiments)
        network = network_of(model, given, start)
        known = {**network.rules, **network.stored, **network.constants}
        others = {name: tree for name, tree in given.items()
                  if name not in known and tree != symbol(name)}
        network = replace(network, rules={**others, **network.rules},
                          start={**others, **network.start})
        switches = Switches(network.rules, network.start)
        whole, events = _switched(network, switches), network.events
        totals: dict[str, dict[str, Node]] = {}
        if any(each.before or each.at_rest for each in experiments):
            _require_restful(model, whole)
            resting, totals = with_totals(whole, {state: _size(model, whole, state)
                                                  for state in whole.moves})
        else:
            resting = whole
        made = cls(resting, events, switches, conditions, parameters, totals, whole)
        made._require()
        return made

    # --- what may depend on what --------------------------------------------------------------
    @property
    def moving(self) -> dict[str, str]:
        """{symbol: what it is} of what is not known beforehand."""
        return {**dict.fromkeys(self.network.rates, "a state"),
                **dict.fromkeys(self.parameters.outputs, "which a network gives"),
                **dict.fromkeys(self.parameters.estimated, "which is estimated")}

    def _require(self):
        rules, start, moving = self.network.rules, self.network.start, self.moving
        trees = {f"the rate of {name}": tree for name, tree in self.network.rates.items()}
        trees |= {f"the rule of {name}": tree for name, tree in rules.items()}
        require_settled(trees, rules, start, moving)
        for event in self.events:
            require_timed(event, rules, start, moving)

    def leaves(self, tree: Node) -> set[str]:
        """Symbols without rule that a tree depends on."""
        return leaves(tree, self.network.rules, self.network.start)

    def known(self, values: Mapping[str, float], what: str) -> Known:
        """Numbers of trees in one experiment with these inputs."""
        return Known(self.network.rules, self.network.start, values, what)

    def settled(self, tree: Node, condition: str) -> Node:
        """A tree with rules and the numbers of a condition put in, as far as it becomes simple."""
        numbers = {name: number(values[condition]) for name, values in self.conditions.inputs.items()}
        known = self.known({}, "a number")

        def put(node):
            if node.op != "symbol":
                return None
            return numbers.get(node.name) or self._expanded(node, put)
        return folded(mapped(tree, put), lambda tree: known.at(tree, 0.0))

    def _expanded(self, node, put):
        rule = self.network.rules.get(node.name)
        return None if rule is None else mapped(rule, put)

    # --- what happens to the states -----------------------------------------------------------
    def after(self, assigned: Mapping[str, Node]) -> dict[str, Node]:
        """{state: tree after a jump} of {symbol: its value after it}, totals included."""
        values: dict[str, Node] = {}
        for name, tree in assigned.items():
            if name not in self.whole.stored:
                raise Unsupported(f"{name!r} is given a value while the model runs, but does not change "
                                  "by itself.")
            state, factor = self.whole.stored[name]
            values[state] = times(factor, tree)
        found = {state: tree for state, tree in values.items() if state in self.network.rates}
        for total, weights in self.totals.items():
            if any(state in values for state in weights):
                found[total] = self._weighted(weights, values)
        return found

    def starts(self) -> dict[str, Node]:
        """{state: tree at the start}, in the scope of the start."""
        begin = {state: self.whole.starting(state) for state in self.whole.rates}
        found = {state: begin[state] for state in self.network.rates if state not in self.totals}
        return found | {total: self._weighted(weights, begin) for total, weights in self.totals.items()}

    @staticmethod
    def _weighted(weights, values):
        return plus(*(times(weight, values.get(state, symbol(state)))
                      for state, weight in weights.items()))

    @property
    def resting(self) -> tuple[str, ...]:
        """Names of the states that move by themselves, so that they can come to rest."""
        return tuple(state for state, tree in self.network.rates.items() if tree.number != 0.0)


def _given(parameters):
    """{name: tree} of the table of parameters."""
    return {**{name: symbol(name) for name in (*parameters.estimated, *parameters.outputs)},
            **{name: number(value) for name, value in parameters.fixed.items()}}


def _require_constant(parameters, network):
    for name in (*parameters.estimated, *parameters.outputs):
        if name in network.stored or name in network.rules:
            raise Unsupported(f"the parameter {name!r} is estimated and changes by a rule or an event, "
                              "which is not supported.")


def _overridden(conditions, network, given, experiments):
    """({name: tree} of constants, {name: tree} of starts) with what conditions change."""
    given, start = dict(given), {}
    for column in conditions.columns:
        if column in network.stored:
            first = [each.before or each.condition for each in experiments]
            start[column] = conditions.tree(column, f"{column}_at_start", network.start[column], first,
                                            "before")
        elif column in network.rules and column not in network.constants:
            raise Unsupported(f"conditions change {column!r}, which has a rule.")
        else:
            default = given.get(column, network.constants.get(column, symbol(column)))
            given[column] = conditions.tree(column, column, default)
    return given, start


def _switched(network, switches):
    """The network with comparisons with time replaced; triggers stay."""
    def each(trees):
        return {name: switches.taken(tree) for name, tree in trees.items()}
    events = tuple(replace(event, assignments=each(event.assignments)) for event in network.events)
    return replace(network, rates=each(network.rates), rules=each(network.rules), events=events)


def _require_restful(model, network):
    if model.getConversionFactor() or any(s.getConversionFactor() for s in model.getListOfSpecies()):
        raise Unsupported("the model has conversion factors and a state of rest, which is not supported "
                          "together.")
    for state, tree in network.rates.items():
        if ":time" in leaves(tree, network.rules, network.start):
            raise Unsupported(f"the rate of {state!r} depends on time, and an experiment begins or ends "
                              "at rest, which is not supported together.")


def _size(model, network, state):
    """Amount per state."""
    name = next(name for name, (stored, _) in network.stored.items() if stored == state)
    species = model.getSpecies(name)
    by_amount = species.getHasOnlySubstanceUnits() or state != name
    return number(1.0) if by_amount else symbol(species.getCompartment())
