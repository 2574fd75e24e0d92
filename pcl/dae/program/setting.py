"""Model, data and elements together: what every stage of a fit shares."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pcl.collocation import Mesh, Scheme, radau
from pcl.dae.data.event_times import at_once, boundary
from pcl.dae.data.experiments import Data
from pcl.dae.model import Model
from pcl.dae.program.breaks import mesh_of
from pcl.dae.program.density import Density, Squares
from pcl.dae.program.elements import Elements
from pcl.dae.program.events import amounts, first_leap, leaps
from pcl.dae.program.handover import Handover
from pcl.dae.program.log_scale import solved_for, told
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.node_inputs import at_nodes, missed, unseen
from pcl.dae.program.observed import ObservedMisfit, Term
from pcl.dae.program.reading import Reading
from pcl.dae.program.transcription import Transcription
from pcl.support.nearest import nearest
from pcl.support.validate import known, positive_integer


@dataclass(frozen=True, eq=False)
class Setting:
    """A model with data on a collocation grid.

    Attributes
    ----------
    model : Model
        As it is solved for, see `pcl.dae.program.log_scale`.
    data : Data
    scheme : collocation.Scheme
    meshes : tuple of collocation.Mesh, one a trajectory
    factors : {variable: number}, by which the weights of its observations are multiplied
    names : tuple of the trajectories' names, in the order of the meshes
    declared : Model
        As it was given.
    densities : {name: Density}, what the readings under a name cost that have a noise model
    own : {(name, unknown number of its noise): parameter of `model`}
    squares : Data or None
        The same readings with weights, for sums of squares in the place of the densities.
    stand_in : bool
        Whether the weights of the data stand for densities, so that they are no 1/σ².
    """

    model: Model
    data: Data
    scheme: Scheme
    meshes: tuple
    factors: dict
    names: tuple
    declared: Model
    densities: Mapping[str, Density] = field(default_factory=dict)
    own: Mapping[tuple[str, str], str] = field(default_factory=dict)
    squares: Any = None
    stand_in: bool = False

    @classmethod
    def of(cls, model, data, elements="auto", scheme=None, scaling="none"):
        """With `elements` "auto", a number, or a list of "auto", numbers, Mesh or boundary times, one a
        trajectory.

        Raises
        ------
        TypeError, ValueError
        """
        if not isinstance(model, Model):
            raise TypeError(f"model is a {type(model).__name__}; expected a pcl.dae.Model.")
        data = data if isinstance(data, Data) else Data(data)
        data.require(model)
        scheme = radau(3) if scheme is None else scheme
        if not isinstance(scheme, Scheme):
            raise TypeError(f"scheme is a {type(scheme).__name__}; expected one of pcl.collocation, for "
                            "instance radau(3).")
        meshes = tuple(mesh_of(each, item) for each, item in zip(_elements(elements, len(data)), data))
        return cls(solved_for(model), data, scheme, meshes, _factors(scaling, data), data.names, model)

    @functools.cached_property
    def elements(self):
        """The stacked elements."""
        return Elements(self.model, self.scheme, self.meshes)

    @property
    def labels(self):
        """Words for all parameters: "k", or "k[a]" of the trajectory a."""
        return self.elements.parameters.labels(self.names)

    @functools.cached_property
    def inputs(self):
        """u at the nodes (E, K, n_u)."""
        return np.concatenate([self._inputs_of(item, mesh) for item, mesh in zip(self.data, self.meshes)])

    def _inputs_of(self, item, mesh):
        columns = [at_nodes(item.inputs[name], mesh, self.scheme, item.breaks)
                   for name in self.model.inputs]
        return np.array(columns).reshape(len(columns), mesh.elements, self.scheme.K).transpose(1, 2, 0)

    def unseen(self):
        """A sentence on the input that the nodes miss most, "" if they see all; see `node_inputs`."""
        nodes = np.split(self.inputs, self.elements.starts[1:])
        found = [(missed(item.inputs[name], mesh, self.scheme, u[..., i]), item, mesh, name)
                 for item, mesh, u in zip(self.data, self.meshes, nodes)
                 for i, name in enumerate(self.model.inputs)]
        return unseen(*max(found, key=lambda each: each[0].max())) if found else ""

    @functools.cached_property
    def starts(self):
        """(fixed (E, n_x), values (E, n_x)): the given starts, in the first elements; in the others what
        doses add."""
        elements = self.elements
        fixed = np.zeros((elements.E, elements.n_x), dtype=bool)
        values = np.zeros((elements.E, elements.n_x))
        for k, (item, mesh) in enumerate(zip(self.data, self.meshes)):
            mine = slice(elements.starts[k], elements.starts[k] + mesh.elements)
            values[mine] = amounts(item.doses, mesh, self.model.states)
            for name in (*item.initial, *item.computed, *item.steady):
                place = elements.starts[k], self.model.states.index(name)
                fixed[place] = True
                values[place] += item.initial.get(name, 0.0)
        return fixed, values

    @functools.cached_property
    def leaps(self):
        """Jump conditions, and starts that follow from parameters."""
        found = []
        for start, item, mesh in zip(self.elements.starts, self.data, self.meshes):
            found += leaps(self.model, item.jumps, mesh, start, item.inputs)
            found += first_leap(self.model, item, mesh, start)
        return tuple(found)

    @functools.cached_property
    def handover(self):
        """What elements hand on, see `pcl.dae.program.handover`."""
        fixed, given = self.starts
        return Handover(self.elements, fixed, given, self.leaps)

    @functools.cached_property
    def pieces(self):
        """Numbers (E,) of the stretches of trajectories in which no state jumps."""
        begins = self.elements.first.copy()
        for k, (item, mesh) in enumerate(zip(self.data, self.meshes)):
            begins[[self.elements.starts[k] + boundary(mesh.times, t) for t in item.events]] = True
        return np.cumsum(begins) - 1

    @functools.cached_property
    def misfit(self):
        """Σ ω (simulated − observed)², ω the weight of the data times the factor of the variable, or
        −2 log p of the readings that have a noise model."""
        names = self.data.names
        seen = [(self.names.index(names[k]), name, self._snapped(k, t), values,
                 omega * self.factors[name])
                for k, name, t, values, omega in self.data.observations()]
        through = [name for name in self.data.observed
                   if name in self.model.observed or name in self.densities]
        plain = Misfit.of(self.elements, [each for each in seen if each[1] not in through])
        if not through:
            return plain
        return ObservedMisfit(plain, [self._term(name, [each for each in seen if each[1] == name])
                                      for name in through])

    def _snapped(self, k, t):
        """Times of readings; those at a jump are exactly there, before it, whatever rounding says."""
        times = self.meshes[self.names.index(self.data.names[k])].times
        for event in self.data[k].events:
            t = np.where(at_once(t, event, self.data[k].span), times[boundary(times, event)], t)
        return t

    def _term(self, name, seen):
        items, model = dict(zip(self.data.names, self.data)), self.model
        parts = [(k, t, items[self.names[k]].inputs_at(model.inputs, t)) for k, _, t, *_ in seen]
        density = self.densities.get(name) or Squares(
            *(np.concatenate([np.broadcast_to(each[i], each[3].shape) for each in seen]) for i in (3, 4)))
        first = self.elements.width - self.elements.n_p
        columns = [first + model.parameters.index(density.shared.get(q) or self.own[name, q])
                   for q in density.unknowns]
        return Term(Reading(self.elements, name, parts), density, np.array(columns, dtype=int))

    def unreadable(self, x):
        """Words on the readings that cannot be evaluated at x, "" without any."""
        seen = self.misfit.readable(self.elements.local(x[:self.elements.n]))
        found = [f"{np.count_nonzero(~good)} readings of {term.reading.name}"
                 for term, good in zip(self.misfit.terms, seen) if not good.all()]
        return f"{', '.join(found)} left out, which cannot be evaluated there" if found else ""

    def as_squares(self):
        """The same with weights in the place of the densities, and without their unknown numbers."""
        if self.squares is None:
            return self
        return replace(self, model=solved_for(self.declared), data=self.squares, densities={}, own={},
                       squares=None, stand_in=True)

    def without_own(self, x):
        """Trajectories and parameters (n,) of unknowns x without the unknown numbers of the noise."""
        return x[:self.elements.n - len(self.own)]

    @functools.cached_property
    def spread(self):
        """Σ ω (observed − mean of its variable)², weighted as in the misfit; 1 if nothing varies."""
        found = 0.0
        for name in self.data.observed:
            seen = [item.observed[name] for item in self.data if name in item.observed]
            values = np.concatenate([s.values for s in seen])
            omega = np.concatenate([s.weights for s in seen])
            found += self.factors[name] * float(omega @ (values - np.average(values, weights=omega)) ** 2)
        return found if found > 0.0 else 1.0

    def transcription(self, laws, penalties):
        """The nonlinear program with these laws; penalties P_l of ½ θ_lᵀP_l θ_l."""
        fixed, values = self.starts
        return Transcription(self.model, laws, self.elements, self.inputs, fixed, values, self.misfit,
                             penalties, self.leaps)

    def points_of(self, law, x):
        """Inputs (n, d) and outputs (n, m) of a law on trajectories x, n the nodes times its places."""
        elements, model = self.elements, self.model
        w = elements.split(x)[1].reshape(elements.E * elements.K, -1)
        names = (*model.states, *model.algebraic, *model.outputs)
        known = {name: w[:, i] for i, name in enumerate(names)}
        if model.states and elements.scheme.points[0] == 0.0:
            a = elements.at_points(elements.local(x))
            known.update(zip(model.states, a[:, elements.arguments.states].T))
        u = self.inputs.reshape(len(w), -1)
        known.update({name: u[:, i] for i, name in enumerate(model.inputs)}, t=elements.times.ravel())
        columns = [[known[name] for name in names] for names in (law.term.inputs, law.term.outputs)]
        a, z = (np.array(each).reshape(len(each), len(w)).T for each in columns)
        return law.own(a), z.reshape(-1, len(law.outputs))

    def told(self, x):
        """Unknowns x (n,) with the parameters in their own units."""
        return told(self.elements, x)

    def asked(self, x):
        """The inverse of `told`, within the bounds."""
        x, end = x.copy(), self.elements.n
        p = self.elements.parameters
        for place, name in enumerate(p.names, end - p.n):
            if name in self.model.exponents:
                x[place] = np.clip(np.log(max(x[place], np.finfo(float).tiny)), *self.model.limits(name))
        return x

    def as_declared(self):
        """The same with no parameter by its logarithm."""
        return replace(self, model=self.declared)

    def on(self, data):
        """The same with other observations of the same trajectories, or of some of them."""
        return replace(self, data=data)

    def scaled(self, scaling):
        """The same with other factors: "none" or "variance"."""
        return replace(self, factors=_factors(scaling, self.data))

    def with_meshes(self, meshes):
        """The same on other elements."""
        return replace(self, meshes=tuple(meshes))


def _elements(given, count):
    """One entry of `elements` a trajectory."""
    if isinstance(given, str):
        known("elements", given, ("auto",))
    given = given if isinstance(given, (list, tuple)) else [given] * count
    if len(given) != count:
        raise ValueError(f"elements has {len(given)} entries for {count} trajectories; expected one "
                         "number, or one entry a trajectory.")
    return [each if isinstance(each, (str, Mesh)) or np.ndim(each) else positive_integer("elements", each)
            for each in given]


def _factors(scaling, data):
    """1 or 1/variance of the observed values of each variable."""
    if scaling not in ("none", "variance"):
        raise ValueError(f"scaling is {scaling!r}; expected 'none', 'variance' or 'auto'."
                         f"{nearest(scaling, ('none', 'variance', 'auto'))}")
    if scaling == "none":
        return dict.fromkeys(data.observed, 1.0)
    variance = {name: float(np.var(data.values(name))) for name in data.observed}
    return {name: 1.0 / v if v > 0.0 else 1.0 for name, v in variance.items()}
