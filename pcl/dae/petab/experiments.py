"""Experiments of a problem as trajectories: spans, starts, inputs, events and readings.

Pre-equilibration is a start at rest a little before t = 0: the trajectory begins there with the inputs of
the first condition and stays where it is; at t = 0 inputs switch, and states that the second condition
names are given their values.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pcl.dae.data.trajectory import Trajectory
from pcl.dae.petab.conditions import numbers
from pcl.dae.petab.evaluate import Expression
from pcl.dae.petab.expression import Node, number
from pcl.dae.petab.happenings import times_of
from pcl.dae.petab.readings import Experiment, Group
from pcl.dae.petab.system import System
from pcl.dae.petab.unsupported import Unsupported

_REST = 0.02        # of the time of readings: how long before 0 a pre-equilibrated trajectory begins
_HAIR = 4e-9        # of the span: readings at a jump are this much after it
_FAR = 1e6          # spans after which comparisons with time have come to rest, too


class Resets:
    """Starts of a second condition: jump conditions at t = 0 of pre-equilibrated trajectories.

    Attributes
    ----------
    jumps : {jump: {state: tree}}
    """

    def __init__(self, system: System, experiments: list[Experiment]):
        conditions, stored = system.conditions, system.whole.stored
        later = [each.condition for each in experiments if each.before]
        columns = [c for c in conditions.columns if c in stored and any(
            conditions.given(c, name) is not None for name in later)]
        trees = {column: conditions.tree(column, f"{column}_from_0", number(0.0), later, "after")
                 for column in columns}
        self._of: dict[str, str] = {}
        self.jumps: dict[str, dict[str, Node]] = {}
        for name in dict.fromkeys(later):
            mine = [c for c in columns if conditions.given(c, name) is not None]
            if mine:
                label = "_".join(["reset", *mine])
                self._of[name] = label
                self.jumps[label] = system.after({column: trees[column] for column in mine})

    def of(self, experiment: Experiment) -> str | None:
        """The jump of an experiment, None without."""
        return self._of.get(experiment.condition) if experiment.before else None


class Trajectories:
    """Makes the trajectories of a system.

    Parameters
    ----------
    system : System; resets : Resets
    names : {symbol: name in the model}; inputs : symbols that are inputs of the model
    jumps : {event: name of the jump in the model}
    """

    def __init__(self, system: System, resets: Resets, names: Mapping[str, str], inputs: set[str],
                 jumps: Mapping[str, str]):
        self._system, self._resets, self._names = system, resets, names
        self._inputs, self._jumps = inputs, jumps
        self._settled = {event.name: not any(
            system.leaves(tree) & set(system.moving) for tree in event.assignments.values())
            for event in system.events}

    def of(self, experiment: Experiment, groups: Mapping[str, Group]) -> Trajectory:
        """The `Trajectory` of an experiment with the readings of all groups."""
        tables = {name: group.table(experiment) for name, group in groups.items()
                  if experiment in group.rows}
        if experiment.at_rest and (experiment.before or self._system.events):
            raise Unsupported(f"the experiment {experiment.name!r} is read at rest, after "
                              "pre-equilibration or in a model with events, which is not supported.")
        end = max(table[:, 0].max() for table in tables.values()) or 1.0
        end = 1.0 if experiment.at_rest else end
        span = (-_REST * end if experiment.before else 0.0, end)
        inputs, jumps = self._known_inputs(experiment, span), self._happening(experiment, span)
        moments = [time for times in jumps.values() for time in times]
        moments += [0.0] * bool(experiment.before)
        observed = {name: (_after(table[:, 0], moments, span), table[:, 1])
                    for name, table in tables.items()}
        sigma = {name: table[:, 2] for name, table in tables.items() if groups[name].scale == "lin"
                 and groups[name].sigma is None}
        return Trajectory(None, observed, self._starts(experiment, inputs), inputs, span=span,
                          name=experiment.name, jumps={name: times for name, times in jumps.items()
                                                       if times}, sigma=sigma or None)

    def _known_inputs(self, experiment, span):
        """{name: number or table}."""
        system, after = self._system, numbers(self._system.conditions.inputs, experiment.condition)
        before = numbers(system.conditions.inputs, experiment.before or experiment.condition)
        found = {}
        for name in self._inputs & set(after):
            a, b = before[name], after[name]
            whose = system.conditions.whose.get(name, "")
            one = {"before": a, "after": b}.get(whose, a if a == b else None)
            steps = ([span[0], 0.0], [a, b], "constant")
            found[self._names[name]] = steps if one is None else one
        known = system.known(after, "a comparison with time")
        for name in self._inputs & set(system.switches.found):
            comparison = system.switches.found[name]
            far = known.at(comparison, _FAR) if experiment.at_rest else None
            found[self._names[name]] = known.signal(comparison, span) if far is None else far
        return found

    def _happening(self, experiment, span):
        """{jump: times}."""
        system, found = self._system, {}
        values = numbers(system.conditions.inputs, experiment.condition)
        for event in system.events:
            known = system.known(values, f"the event {event.name!r}")
            found[self._jumps[event.name]] = times_of(event, known, (0.0, span[1]),
                                                      self._settled[event.name])
        reset = self._resets.of(experiment)
        return found if reset is None else {**found, self._jumps[reset]: [0.0]}

    def _starts(self, experiment, inputs):
        """{state: number, function of parameters or "steady"}."""
        system, found = self._system, {}
        for state, tree in system.starts().items():
            name = self._names[state]
            if (experiment.before or experiment.at_rest) and state in system.resting:
                found[name] = "steady"
            else:
                found[name] = self._start(tree, experiment)
        return found

    def _start(self, tree, experiment):
        system = self._system
        first = Node("initial", (tree,))
        if system.leaves(first) & set(system.parameters.estimated):
            return Expression(tree, system.network.rules, system.network.start, self._names, True)
        values = numbers(system.conditions.inputs, experiment.before or experiment.condition)
        return system.known(values, "a start").at(first, 0.0)


def _after(times, moments, span):
    """Times (n,) with those at a jump a hair after it."""
    hair = _HAIR * (span[1] - span[0])
    for moment in moments:
        at = np.abs(times - moment) < hair
        times = np.where(at & (moment < span[1]), moment + hair, times)
    return times
