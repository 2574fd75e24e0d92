"""Model, data and elements together: what every stage of a fit shares."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from pcl.collocation import Mesh, Scheme, radau
from pcl.dae.data import Data
from pcl.dae.elements import Elements
from pcl.dae.misfit import Misfit
from pcl.dae.model import Model
from pcl.dae.transcription import Transcription
from pcl.validate import known, positive_integer

LEAST = 20      # elements of a trajectory that a fit begins with, at least


@dataclass(frozen=True, eq=False)
class Setting:
    """A model with data on a collocation grid.

    Attributes
    ----------
    model : Model
    data : Data
    scheme : collocation.Scheme
    meshes : tuple of collocation.Mesh, one a trajectory
    factors : {variable: number}, by which the weights of its observations are multiplied
    names : tuple of the trajectories' names, in the order of the meshes
    """

    model: Model
    data: Data
    scheme: Scheme
    meshes: tuple
    factors: dict
    names: tuple

    @classmethod
    def of(cls, model, data, elements=20, scheme=None, scaling="none"):
        """With `elements` a number, or a list of numbers, Mesh or boundary times, one a trajectory.

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
        if isinstance(elements, str):
            known("elements", elements, ("auto",))
            elements = [LEAST] * len(data)
        given = elements if isinstance(elements, (list, tuple)) else [elements] * len(data)
        if len(given) != len(data):
            raise ValueError(f"elements has {len(given)} entries for {len(data)} trajectories; expected "
                             "one number, or one entry a trajectory.")
        meshes = tuple(_mesh(each, item) for each, item in zip(given, data))
        return cls(model, data, scheme, meshes, _factors(scaling, data), data.names)

    @functools.cached_property
    def elements(self):
        """The stacked elements."""
        return Elements(self.model, self.scheme, self.meshes)

    @functools.cached_property
    def inputs(self):
        """u at the nodes (E, K, n_u)."""
        times = [mesh.points(self.scheme) for mesh in self.meshes]
        names = self.model.inputs
        return np.concatenate([item.inputs_at(names, t.ravel()).reshape(*t.shape, len(names))
                               for item, t in zip(self.data, times)])

    @functools.cached_property
    def starts(self):
        """(fixed (E, n_x), values (E, n_x)): the given starts, in the first elements."""
        elements = self.elements
        fixed = np.zeros((elements.E, elements.n_x), dtype=bool)
        values = np.zeros((elements.E, elements.n_x))
        for k, item in enumerate(self.data):
            for name, value in item.initial.items():
                place = elements.starts[k], self.model.states.index(name)
                fixed[place], values[place] = True, value
        return fixed, values

    @functools.cached_property
    def misfit(self):
        """Σ ω (simulated − observed)², ω the weight of the data times the factor of the variable."""
        names = self.data.names
        return Misfit.of(self.elements, [
            (self.names.index(names[k]), name, t, values, omega * self.factors[name])
            for k, name, t, values, omega in self.data.observations()])

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
        return Transcription(self.model, laws, self.elements, self.inputs, *self.starts, self.misfit,
                             penalties)

    def points_of(self, law, x):
        """Inputs (E·K, d) and outputs (E·K, m) of a law on the trajectories x."""
        elements, model = self.elements, self.model
        w = elements.split(x)[1].reshape(elements.E * elements.K, -1)
        names = (*model.states, *model.algebraic, *model.outputs)
        known = {name: w[:, i] for i, name in enumerate(names)}
        if model.states and elements.scheme.points[0] == 0.0:
            a = elements.at_points(elements.local(x))
            known.update(zip(model.states, a[:, elements.arguments.states].T))
        u = self.inputs.reshape(len(w), -1)
        known.update({name: u[:, i] for i, name in enumerate(model.inputs)}, t=elements.times.ravel())
        return (np.stack([known[name] for name in law.inputs], axis=1),
                np.stack([known[name] for name in law.outputs], axis=1))

    def on(self, data):
        """The same with other observations of the same trajectories, or of some of them."""
        return replace(self, data=data)

    def scaled(self, scaling):
        """The same with other factors: "none" or "variance"."""
        return replace(self, factors=_factors(scaling, self.data))

    def with_meshes(self, meshes):
        """The same on other elements."""
        return replace(self, meshes=tuple(meshes))


def _mesh(given, item):
    if isinstance(given, Mesh):
        mesh = given
    elif np.ndim(given) == 1:
        mesh = Mesh(given)
    else:
        mesh = Mesh.uniform(*item.span, positive_integer("elements", given))
    if mesh.times[0] > item.span[0] or mesh.times[-1] < item.span[1]:
        raise ValueError(f"elements of trajectory {item.name!r} reach from {mesh.times[0]:g} to "
                         f"{mesh.times[-1]:g}; expected its span, {item.span[0]:g} to {item.span[1]:g}.")
    return mesh


def _factors(scaling, data):
    """1 or 1/variance of the observed values of each variable."""
    if scaling not in ("none", "variance"):
        raise ValueError(f"scaling is {scaling!r}; expected 'none', 'variance' or 'auto'.")
    if scaling == "none":
        return dict.fromkeys(data.observed, 1.0)
    variance = {name: float(np.var(data.values(name))) for name in data.observed}
    return {name: 1.0 / v if v > 0.0 else 1.0 for name, v in variance.items()}
