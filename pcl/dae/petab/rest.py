"""Conserved totals of a network: what a state of rest has to be told beside x' = 0.

    w·x = T,   wᵀN = 0     =>     x_k = (T − Σ_{i≠k} w_i x_i)/w_k

N the stoichiometric matrix of the amounts. One species of each total is given by it, and T, a state with
T' = 0, stands in its place, so that the others are determined by their rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pcl.dae.petab.expression import Node, number, over, plus, symbol, times
from pcl.dae.petab.network import Network


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
    """[{state: weight}, …], a basis of the left null space; the first state of each is in no other."""
    import sympy
    states = [state for state, mine in moves.items() if any(mine.values())]
    reactions = list(dict.fromkeys(name for state in states for name in moves[state]))
    if not states:
        return []
    N = sympy.Matrix(len(states), len(reactions), lambda i, j: sympy.nsimplify(
        moves[states[i]].get(reactions[j], 0.0), rational=True))
    null = N.T.nullspace()
    if not null:
        return []
    laws = sympy.Matrix.hstack(*null).T.rref()[0]
    found = []
    for i in range(laws.rows):
        found.append({state: float(laws[i, j]) for j, state in enumerate(states) if laws[i, j] != 0})
    return found
