"""Conserved totals of a network: what a state of rest has to be told beside x' = 0.

    w·x = T,   wᵀN = 0     =>     x_k = (T − Σ_{i≠k} w_i x_i)/w_k

N the stoichiometric matrix of the amounts. One species of each total is given by it, and T, a state with
T' = 0, stands in its place, so that the others are determined by their rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from pcl.dae.petab.expression import Node, number, over, plus, symbol, times
from pcl.dae.petab.network import Network


_LARGEST = 10 ** 6     # denominator of a stoichiometry
Totals = dict[str, dict[str, Node]]


def with_totals(network: Network, sizes: Mapping[str, Node]) -> tuple[Network, Totals]:
    """(network with totals in the place of some states, {total: {state: weight tree}}).

    Parameters
    ----------
    network : Network
    sizes : {state: tree}, amount per state: the compartment of states that are concentrations
    """
    laws = _conserved(network.moves)
    rates, rules, totals = dict(network.rates), dict(network.rules), Totals()
    for k, law in enumerate(laws, start=1):
        name, last = f"total_{k}", next(iter(law))
        weights = {state: times(number(count), sizes[state]) for state, count in law.items()}
        rest = [times(number(-1.0), weight, symbol(state)) for state, weight in weights.items()
                if state != last]
        del rates[last]
        rates[name], totals[name] = number(0.0), weights
        rules[last] = over(plus(symbol(name), *rest), weights[last])
    return replace(network, rates=rates, rules=rules), totals


def _conserved(moves):
    """[{state: weight}, …], a basis of the left null space of the stoichiometric matrix, in exact
    arithmetic; the first state of each is in no other."""
    states = [state for state, mine in moves.items() if any(mine.values())]
    reactions = list(dict.fromkeys(name for state in states for name in moves[state]))
    rows = [[Fraction(moves[state].get(name, 0.0)).limit_denominator(_LARGEST) for name in reactions]
            + [Fraction(i == k) for k in range(len(states))] for i, state in enumerate(states)]
    rank = _eliminated(rows, len(reactions))
    laws = [row[len(reactions):] for row in rows[rank:]]        # what makes rows of N vanish
    _eliminated(laws, len(states))
    return [{state: float(weight) for state, weight in zip(states, law) if weight} for law in laws]


def _eliminated(rows, columns):
    """Bring rows to reduced echelon form in their first columns, in place; the rank."""
    rank = 0
    for column in range(columns):
        pivot = next((k for k in range(rank, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        rows[rank] = [entry / rows[rank][column] for entry in rows[rank]]
        for k, row in enumerate(rows):
            if k != rank and row[column]:
                rows[k] = [a - row[column] * b for a, b in zip(row, rows[rank])]
        rank += 1
    return rank
