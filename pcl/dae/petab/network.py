"""An SBML model as trees: states with rates, rules for all other symbols, starts, events.

    (amount)' = Σ stoichiometry × flux,      concentration = amount/compartment

A species of a compartment of constant size whose symbol is a concentration is a state by that; one of a
compartment that changes, and one whose symbol is an amount, by its amount.
Source: M. Hucka et al., The Systems Biology Markup Language (SBML): Language specification for Level 3
Version 2 core (2019), 4.6 to 4.11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pcl.dae.petab.expression import Node, number, over, plus, substituted, symbol, times
from pcl.dae.petab.sbml_math import Reader
from pcl.dae.petab.unsupported import Unsupported


@dataclass(frozen=True)
class Event:
    """At the time a trigger becomes true, and `delay` later, symbols get new values.

    Attributes
    ----------
    name : str; trigger : tree; delay : tree or None; assignments : {symbol: tree}
    at_start : bool, whether it happens, too, where the trigger is true at the start
    late : bool, whether values are those at the time of the assignment, not of the trigger
    """

    name: str
    trigger: Node
    delay: Node | None
    assignments: Mapping[str, Node]
    at_start: bool
    late: bool


@dataclass(frozen=True)
class Network:
    """A system x' = f of states; all other symbols have rules, or are given.

    Attributes
    ----------
    rates : {state: tree}
    rules : {symbol: tree}
    start : {symbol: tree}, at the start
    stored : {symbol: (state, factor tree)}, state = factor × symbol, of symbols that change by themselves
    moves : {state: {reaction: stoichiometry}}, of states that change by reactions alone
    events : tuple of Event
    constants : {symbol: tree of the value}, of symbols that never change, part of rules and start
    """

    rates: Mapping[str, Node]
    rules: Mapping[str, Node]
    start: Mapping[str, Node]
    stored: Mapping[str, tuple[str, Node]]
    moves: Mapping[str, Mapping[str, float]]
    events: tuple[Event, ...]
    constants: Mapping[str, Node] = field(default_factory=dict)

    def starting(self, state: str) -> Node:
        """The tree of a state at the start, in the scope of the start."""
        for name, (stored, factor) in self.stored.items():
            if stored == state:
                return times(factor, symbol(name))
        return self.start[state]


def network_of(model: Any, given: Mapping[str, Node], start: Mapping[str, Node]) -> Network:
    """The `Network` of a model of libsbml.

    Parameters
    ----------
    model : libsbml.Model
    given : {symbol: tree} of constants with another value than in the model
    start : {symbol: tree} of other starts

    Raises
    ------
    Unsupported
        Algebraic rules, delays, fast reactions, variable stoichiometry, events of compartments.
    """
    return _Builder(model, given, start).network()


class _Builder:

    def __init__(self, model, given, start):
        self.model, self.given, self.other = model, given, start
        self.reader = Reader()
        for function in model.getListOfFunctionDefinitions():
            self._define(function)
        self.targets = {a.getVariable() for e in model.getListOfEvents()
                        for a in e.getListOfEventAssignments()}
        self.assigned, self.rated = self._rules_of_model()
        self.rates, self.rules, self.start = {}, dict(self.assigned), dict(self.assigned)
        self.stored, self.moves, self.constants = {}, {}, {}

    def network(self):
        self._refuse()
        initial = {a.getSymbol(): self._tree(a.getMath(), f"the initial assignment of {a.getSymbol()}")
                   for a in self.model.getListOfInitialAssignments()}
        for part in (*self.model.getListOfCompartments(), *self.model.getListOfParameters()):
            self._quantity(part.getId(), initial.get(part.getId(), _value_of(part)))
        for species in self.model.getListOfSpecies():
            self._species(species, initial.get(species.getId(), _start_of(species)))
        self._reactions()
        return Network(self.rates, self.rules, self.start, self.stored, self.moves,
                       tuple(map(self._event, self.model.getListOfEvents())), self.constants)

    # --- parts of the model -------------------------------------------------------------------
    def _tree(self, ast, where):
        return self.reader.tree(ast, where)

    def _define(self, function):
        ast, name = function.getMath(), function.getId()
        bound = tuple(ast.getChild(i).getName() for i in range(ast.getNumChildren() - 1))
        body = self._tree(ast.getChild(ast.getNumChildren() - 1), f"the function {name}")
        self.reader.functions[name] = bound, body

    def _rules_of_model(self):
        """({symbol: tree} of assignment rules, the same of rate rules)."""
        assigned: dict[str, Node] = {}
        rated: dict[str, Node] = {}
        for rule in self.model.getListOfRules():
            if rule.isAlgebraic():
                raise Unsupported("the model has an algebraic rule, which is not supported: write it as "
                                  "an assignment rule, or the model as a pcl.dae.Model with `equations`.")
            name = rule.getVariable()
            (assigned if rule.isAssignment() else rated)[name] = self._tree(
                rule.getMath(), f"the rule of {name}")
        return assigned, rated

    def _refuse(self):
        for compartment in self.model.getListOfCompartments():
            if compartment.getId() in self.targets:
                raise Unsupported(f"an event changes the compartment {compartment.getId()!r}, which is "
                                  "not supported.")
        for reaction in self.model.getListOfReactions():
            if reaction.isSetFast() and reaction.getFast():
                raise Unsupported(f"the reaction {reaction.getId()!r} is fast, which is not supported.")
            if reaction.getKineticLaw() is None:
                raise Unsupported(f"the reaction {reaction.getId()!r} has no kinetic law.")

    def _quantity(self, name, value):
        """A compartment or parameter."""
        if name in self.assigned:
            return
        value = self.other.get(name, self.given.get(name, value))
        if name in self.rated or name in self.targets:
            self.start[name] = value
            self._state(name, name, number(1.0), self.rated.get(name, number(0.0)))
        else:
            self._constant(name, value)

    def _state(self, name, state, factor, rate):
        self.stored[name] = state, factor
        self.rates[state] = rate

    def _constant(self, name, value):
        """A symbol that never changes; one that stands for itself is given from outside."""
        self.constants[name] = value
        if value == symbol(name):
            return
        self.start[name] = value
        self.rules[name] = value if value.op in ("number", "symbol") else Node("initial", (value,))

    def _species(self, species, value):
        name, size = species.getId(), species.getCompartment()
        if name in self.assigned:
            return
        self.start[name] = self.other.get(name, self.given.get(name, value))
        moved = not species.getBoundaryCondition() and not species.getConstant() and self._moved(name)
        if name in self.rated:
            self._state(name, name, number(1.0), self.rated[name])
        elif species.getHasOnlySubstanceUnits() and (moved or name in self.targets):
            self._state(name, name, number(1.0), number(0.0))
        elif size in self.assigned or size in self.rated:
            state = f"amount_of_{name}"
            self._state(name, state, symbol(size), number(0.0))
            self.rules[name] = over(symbol(state), symbol(size))
        elif moved or name in self.targets:
            self._state(name, name, number(1.0), number(0.0))
        else:
            self._constant(name, self.start[name])
        if name in self.stored and moved:
            self.moves[self.stored[name][0]] = {}

    def _moved(self, name):
        return any(name == reference.getSpecies() for reaction in self.model.getListOfReactions()
                   for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts()))

    def _reactions(self):
        """Fluxes as rules, and what they do to the states."""
        changes: dict = {}
        for reaction in self.model.getListOfReactions():
            name = reaction.getId()
            self.rules[name] = self.start[name] = self._flux(reaction)
            for sign, references in ((-1.0, reaction.getListOfReactants()),
                                     (1.0, reaction.getListOfProducts())):
                for reference in references:
                    amount = sign * self._stoichiometry(reference, name)
                    mine = changes.setdefault(reference.getSpecies(), {})
                    mine[name] = mine.get(name, 0.0) + amount
        for name, mine in changes.items():
            state = self.stored.get(name, ("",))[0]
            if state in self.moves:
                self.moves[state] = mine
                self.rates[state] = self._rate(self.model.getSpecies(name), mine)

    def _flux(self, reaction):
        law, where = reaction.getKineticLaw(), f"the kinetic law of {reaction.getId()}"
        own = {p.getId(): number(p.getValue()) for p in (*law.getListOfParameters(),
                                                         *law.getListOfLocalParameters())}
        return substituted(self._tree(law.getMath(), where), own)

    def _stoichiometry(self, reference, reaction):
        variable = reference.isSetStoichiometryMath() or (reference.getId() and (
            reference.getId() in {*self.assigned, *self.rated, *self.targets}
            or self.model.getInitialAssignmentBySymbol(reference.getId()) is not None))
        if variable:
            raise Unsupported(f"the stoichiometry of {reference.getSpecies()!r} in the reaction "
                              f"{reaction!r} is a formula, which is not supported.")
        return reference.getStoichiometry() if reference.isSetStoichiometry() else 1.0

    def _rate(self, species, mine):
        """Σ stoichiometry × flux, per size of the compartment where the state is a concentration."""
        amount = plus(*(times(number(count), symbol(name)) for name, count in mine.items() if count))
        factor = species.getConversionFactor() or self.model.getConversionFactor()
        if factor:
            amount = times(symbol(factor), amount)
        state, size = self.stored[species.getId()][0], symbol(species.getCompartment())
        by_amount = species.getHasOnlySubstanceUnits() or state != species.getId()
        return amount if by_amount else over(amount, size)

    def _event(self, event):
        name = event.getId() or f"event_{list(self.model.getListOfEvents()).index(event)}"
        trigger, delay = event.getTrigger(), event.getDelay()
        assignments = {a.getVariable(): self._tree(a.getMath(), f"the event {name}")
                       for a in event.getListOfEventAssignments()}
        return Event(name, self._tree(trigger.getMath(), f"the trigger of {name}"),
                     None if delay is None else self._tree(delay.getMath(), f"the delay of {name}"),
                     assignments, trigger.isSetInitialValue() and not trigger.getInitialValue(),
                     event.isSetUseValuesFromTriggerTime() and not event.getUseValuesFromTriggerTime())


def _value_of(part):
    """The value of a parameter or compartment; a symbol of its own name where there is none."""
    if part.getElementName() == "compartment":
        return number(part.getSize() if part.isSetSize() else 1.0)
    return number(part.getValue()) if part.isSetValue() else symbol(part.getId())


def _start_of(species):
    """The symbol of a species at the start."""
    size = symbol(species.getCompartment())
    if species.isSetInitialConcentration():
        value = number(species.getInitialConcentration())
        return times(value, size) if species.getHasOnlySubstanceUnits() else value
    if species.isSetInitialAmount():
        value = number(species.getInitialAmount())
        return value if species.getHasOnlySubstanceUnits() else over(value, size)
    return symbol(species.getId())
