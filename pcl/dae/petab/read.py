"""Problems in the PEtab format as models and data.

Source: L. Schmiester et al., PEtab: interoperable specification of parameter estimation problems in
systems biology (2021); the specification of version 1.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pcl.dae.data.experiments import Data
from pcl.dae.laws.law import Law
from pcl.dae.model import Model
from pcl.dae.petab.evaluate import Expression, Expressions
from pcl.dae.petab.experiments import Resets, Trajectories
from pcl.dae.petab.expression import leaves, Node, TIME
from pcl.dae.petab.networks import EXTENSIONS, parts_of
from pcl.dae.petab.noise import PREDICTED
from pcl.dae.petab.parameters import Parameters
from pcl.dae.petab.problem import Problem
from pcl.dae.petab.readings import Experiment, experiment_of, grouped
from pcl.dae.petab.sbml_math import Reader
from pcl.dae.petab.system import System
from pcl.dae.petab.unsupported import Unsupported
from pcl.dae.petab.version2 import tables_of
from pcl.support.nearest import nearest
from pcl.support.optional import of_extra
from pcl.support.types import Path as PathLike

_RESERVED = ("t", "d")


def read_petab(path: PathLike) -> Problem:
    """The `Problem` of a PEtab file with SBML kinetics.

    Species, compartments, parameters, reactions, function definitions, rules, initial assignments and
    events at known times become a `Model`; each pair of conditions one `Trajectory`; formulae of
    observables `observed`, those of σ noise models; bounds, scales and priors those of the model's
    parameters. All derivatives are exact. Pre-equilibration is a start at rest, readings at time inf are
    of a state of rest, piecewise formulae in time are inputs that switch. What is read at the time of a
    jump is what is after it. Of version 2 experiments of one condition at t = 0 are read, after a rest
    from −∞ on or not, and of its extension PEtab SciML multilayer perceptrons that give parameters of the
    rates from states or the time: outputs of the model and its laws.

        problem = pcl.dae.read_petab("problem.yaml")
        found = problem.fit()                        # or fit(*problem), if all sizes of noise are known
        print(problem.objective(found.parameters))   # −ln L

    Parameters
    ----------
    path : of the YAML file

    Raises
    ------
    ImportError
        The packages `petab` and `libsbml` are not installed: `pip install pcl-fem[petab]`.
    pcl.dae.petab.unsupported.Unsupported
        What cannot be stated, by its name: algebraic rules, delays, events triggered by states, kinks at
        states, Laplace densities, other model formats, other networks.
    ValueError
        Tables that do not fit each other.

    Returns
    -------
    Problem
        With `model`, `data`, `fit()` and `objective(parameters)`; also the pair (model, data).

    Examples
    --------
    >>> from pcl import dae
    >>> problem = dae.read_petab("problem.yaml")                     # doctest: +SKIP
    >>> problem.objective(problem.fit().parameters)                  # doctest: +SKIP
    """
    problem, networks = _read(path)
    model, parameters = problem.model.sbml_model, Parameters.of(problem.parameter_df)
    parameters.outputs = tuple(name for part in networks for name in part.outputs)
    experiments = list(dict.fromkeys(experiment_of(row) for row in
                                     problem.measurement_df.to_dict("records")))
    _require_conditions(problem.condition_df, experiments)
    system = System.of(model, problem.condition_df, parameters, experiments)
    groups = grouped(problem, Reader(), system.settled)
    for group in groups.values():
        group.tree = system.switches.taken(group.tree)
    return _Assembly(system, groups, experiments, networks).problem()


class _Assembly:
    """The last step: names, `Model` and `Data`."""

    def __init__(self, system, groups, experiments, networks):
        self.system, self.groups, self.experiments = system, groups, experiments
        self.networks = networks
        self.resets = Resets(system, experiments)
        self.jumps = {event.name: system.after(event.assignments) for event in system.events}
        self.jumps |= self.resets.jumps
        self._require_noise()
        used = self._used()
        known = {*system.conditions.inputs, *system.switches.found}
        self.inputs = {name for name in used if name in known}
        p = system.parameters
        _require_values(used, {*known, *system.network.rates, *p.estimated, *p.outputs})
        self.names = _names((*system.network.rates, *p.estimated, *p.outputs,
                             *sorted(self.inputs), *groups))
        self.jump_names = _names(self.jumps)

    def problem(self):
        names, parameters = self.names, self.system.parameters
        make = Trajectories(self.system, self.resets, names, self.inputs, self.jump_names)
        data = Data([make.of(each, self.groups) for each in self.experiments])
        changed = {old: new for old, new in (names | self.jump_names).items() if old != new}
        return Problem(self._model(), data,
                       {names[name]: parameters.nominal[name] for name in parameters.estimated
                        if name in parameters.nominal},
                       {names[name]: value for name, value in parameters.centre.items()}, changed,
                       {names[name]: group for name, group in self.groups.items()},
                       tuple(map(self._law, self.networks)),
                       tuple(part.weights for part in self.networks))

    def _law(self, part):
        """The `Law` of a network; Unsupported for inputs that are no states and not the time."""
        names = []
        for tree in part.inputs:
            if tree != TIME and tree.name not in self.system.network.rates:
                raise Unsupported(f"an input of the network {part.name!r} is "
                                  f"{tree.name or 'a formula'!r}; expected states or the time.")
            names.append("t" if tree == TIME else self.names[tree.name])
        return Law(part.net, tuple(names), tuple(self.names[name] for name in part.outputs))

    def _model(self):
        system, names, p = self.system, self.names, self.system.parameters
        return Model(
            states=tuple(names[name] for name in system.network.rates),
            outputs=tuple(names[name] for name in p.outputs),
            parameters=tuple(names[name] for name in p.estimated),
            inputs=tuple(names[name] for name in sorted(self.inputs)),
            rates=self._function(system.network.rates),
            jumps={self.jump_names[name]: self._function(trees) for name, trees in self.jumps.items()},
            bounds={names[name]: pair for name, pair in p.bounds.items()},
            log=tuple(names[name] for name in p.logs),
            priors={names[name]: prior for name, prior in p.priors.items()},
            observed={names[name]: Expression(group.tree, *self._rules)
                      for name, group in self.groups.items()})

    @property
    def _rules(self):
        return self.system.network.rules, self.system.network.start, self.names

    def _function(self, trees):
        return Expressions({self.names[name]: tree for name, tree in trees.items()}, *self._rules)

    def _used(self):
        """Symbols without rule of all formulae."""
        system, found = self.system, set[str]()
        trees = [*system.network.rates.values(), *(group.tree for group in self.groups.values())]
        trees += [tree for jump in self.jumps.values() for tree in jump.values()]
        trees += [Node("initial", (tree,)) for tree in system.starts().values()]
        for tree in trees:
            found |= system.leaves(tree)
        return found - {":time"}

    def _require_noise(self):
        for name, group in self.groups.items():
            if group.sigma is None:
                continue
            others = leaves(group.sigma, {}, {}) - {PREDICTED, *self.system.parameters.estimated}
            if others:
                raise Unsupported(f"the noise of {name!r} depends on {sorted(others)[0]!r}; expected a "
                                  "formula of parameters and of the observable itself.")


def _read(path):
    """(problem of `petab.v1`, or `Tables` of version 2; networks)."""
    petab = of_extra("petab.v1", "read_petab", "petab")
    of_extra("libsbml", "read_petab", "petab")
    content = petab.yaml.load_yaml(str(path))
    version = str(content.get("format_version", 1))
    extensions = content.get("extensions") or {}
    others = [name for name in extensions if name not in EXTENSIONS]
    if others or (extensions and version.startswith("1")):
        raise Unsupported(f"{path} has the extensions {', '.join(extensions)}; expected one of version "
                          f"2 named {' or '.join(EXTENSIONS)}.")
    if version.startswith("2"):
        return _version_2(Path(path).parent, content, extensions)
    if not version.startswith("1"):
        raise Unsupported(f"{path} is of PEtab version {version}; expected 1 or 2.")
    if len(content["problems"]) != 1:
        raise Unsupported(f"{path} has {len(content['problems'])} problems; expected one.")
    problem = petab.Problem.from_yaml(str(path))
    if problem.model is None or problem.model.type_id != "sbml":
        kind = "no" if problem.model is None else problem.model.type_id
        raise Unsupported(f"{path} has {kind} model; expected SBML.")
    return problem, ()


def _version_2(folder, content, extensions):
    tables = tables_of(folder, content)
    for extension in extensions.values():
        return tables, parts_of(folder, extension, tables.mapping, tables.known_weights)
    return tables, ()


def _require_conditions(table: Any, experiments: list[Experiment]) -> None:
    for name in (name for each in experiments for name in (each.before, each.condition) if name):
        if name not in table.index:
            raise ValueError(f"the table of readings has the condition {name!r}; expected one of "
                             f"{', '.join(map(str, table.index))}.{nearest(name, table.index)}")


def _require_values(used: set[str], known: set[str]) -> None:
    absent = sorted(used - known)
    if absent:
        raise ValueError(f"{absent[0]!r} has no value: neither the model nor a table gives one.")


def _names(given: Iterable[str]) -> dict[str, str]:
    """{name in the files: name in the model}."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in given:
        new = f"x{name}" if name.startswith("_") else name
        while new in taken or new in _RESERVED or keyword.iskeyword(new) or not new.isidentifier():
            new = f"{new}_"
        taken.add(new)
        found[name] = new
    return found
