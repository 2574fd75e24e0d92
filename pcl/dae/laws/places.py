"""One law at many places of a model: n equal units, the nodes of a method of lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pcl.support.nearest import nearest
from pcl.support.types import Array


def checked_places(places: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> tuple:
    """((names of the inputs, names of the outputs) of the model, …), one pair a place; of None one place
    with the names of the law itself.

    Raises
    ------
    TypeError, ValueError
        No dicts {name of the law: name of the model}, an unknown name, an output given by two places.
    """
    if places is None:
        return ((inputs, outputs),)
    if isinstance(places, Mapping) or not isinstance(places, Iterable):
        raise TypeError(f"places is a {type(places).__name__}; expected a list of dicts {{name of the "
                        "law: variable of the model}}, one a place.")
    found = tuple(_place(f"places[{k}]", place, inputs, outputs) for k, place in enumerate(places))
    if not found:
        raise ValueError("places is empty; expected at least one dict, or None.")
    given = [name for _, names in found for name in names]
    twice = next((name for name in given if given.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"places give {twice!r} twice; expected every output of the model once.")
    return found


def _place(label, place, inputs, outputs):
    own = (*inputs, *outputs)
    if isinstance(place, (tuple, list)):
        place = _mapping(label, place, own, (len(inputs), len(outputs)))
    if not isinstance(place, Mapping):
        raise TypeError(f"{label} is a {type(place).__name__}; expected a dict {{name of the law: "
                        "variable of the model}}.")
    for name, variable in place.items():
        if name not in own:
            raise ValueError(f"{label} has {name!r}; expected some of the law's names {', '.join(own)}."
                             f"{nearest(name, own)}")
        if not isinstance(variable, str):
            raise TypeError(f"{label}[{name!r}] is a {type(variable).__name__}; expected a name.")
    return tuple(tuple(place.get(name, name) for name in names) for names in (inputs, outputs))


def _mapping(label, pair, own, widths):
    """{name of the law: variable} of (names of inputs, names of outputs)."""
    sides = [(side,) if isinstance(side, str) else tuple(side) for side in pair]
    if tuple(map(len, sides)) != widths:
        raise ValueError(f"{label} is {pair!r}; expected {widths[0]} names of inputs and {widths[1]} of "
                         "outputs, or a dict {name of the law: variable of the model}.")
    return dict(zip(own, sum(sides, ())))


class AtPlaces:
    """z_k = law(a_k; θ) at the places k of each point, with one θ, as a single term.

        ∂z_k/∂a = law_a(a_k) C_k,   Σ_k ⟨z̄_k, ∂²z_k/∂θ²⟩,   ∂²z/∂a² = Σ_k C_kᵀ ⟨z̄_k, law_aa(a_k)⟩ C_k

    a holds every input of any place once, C_k picks those of place k. The network is evaluated once at
    (points × places) inputs: cost and sums are linear in the number of places.

    Parameters
    ----------
    law : Law

    Attributes
    ----------
    inputs, outputs : names of the model; the outputs of the first place come first
    """

    def __init__(self, law):
        self.law, self.size, self.term = law, law.size, self
        self.inputs = tuple(dict.fromkeys(name for names, _ in law.places for name in names))
        self.outputs = tuple(name for _, names in law.places for name in names)
        self.columns = np.array([[self.inputs.index(name) for name in names] for names, _ in law.places],
                                dtype=int).reshape(len(law.places), len(law.inputs))

    def init(self, seed: int) -> Array:
        """Initial parameters (size,)."""
        return self.law.init(seed)

    def own(self, a: Array) -> Array:
        """a as it is: all places are told apart."""
        return a

    def gathered(self, a: Array) -> Array:
        """The law's own inputs (n·places, d) of inputs a (n, D)."""
        return a[:, self.columns].reshape(-1, self.columns.shape[1])

    def at(self, params: Array, a: Array) -> "PlacesPoint":
        """See `Term`."""
        return PlacesPoint(self, self.law.at(params, self.gathered(a)), len(a))


class PlacesPoint:
    """See `TermPoint`; n points, P places, D inputs of all places."""

    def __init__(self, term, point, n):
        self._point, self._columns, self._n = point, term.columns, n
        self._m, self._D = len(term.law.outputs), len(term.inputs)
        self.value = point.value.reshape(n, len(term.outputs))

    def jacobian(self) -> Array:
        """∂z/∂θ (n, P·m, p)."""
        return self._point.jacobian().reshape(*self.value.shape, -1)

    def input_jacobian(self) -> Array:
        """∂z/∂a (n, P·m, D)."""
        P, d = self._columns.shape
        own = self._point.input_jacobian().reshape(self._n, P, self._m, d)
        out = np.zeros((self._n, P, self._m, self._D))
        for k, i in np.ndindex(P, d):
            out[:, k, :, self._columns[k, i]] += own[:, k, :, i]
        return out.reshape(self._n, -1, self._D)

    def curvature(self, adjoint: Array) -> Array:
        """Σ ⟨z̄, ∂²z/∂θ²⟩ (p, p)."""
        return self._point.curvature(self._own(adjoint))

    def curvature_product(self, adjoint: Array, theta_dot: Array) -> Array:
        """Σ ⟨z̄, ∂²z/∂θ²⟩ θ̇ (p,)."""
        return self._point.curvature_product(self._own(adjoint), theta_dot)

    def input_curvature(self, adjoint: Array) -> Array:
        """⟨z̄, ∂²z/∂a²⟩ (n, D, D)."""
        P, d = self._columns.shape
        own = self._point.input_curvature(self._own(adjoint)).reshape(self._n, P, d, d)
        out = np.zeros((self._n, self._D, self._D))
        for k, i, j in np.ndindex(P, d, d):
            out[:, self._columns[k, i], self._columns[k, j]] += own[:, k, i, j]
        return out

    def mixed_curvature(self, adjoint: Array) -> Array:
        """⟨z̄, ∂²z/∂a∂θ⟩ (n, D, p)."""
        P, d = self._columns.shape
        own = self._point.mixed_curvature(self._own(adjoint))
        own = own.reshape(self._n, P, d, own.shape[2])
        out = np.zeros((self._n, self._D, own.shape[3]))
        for k, i in np.ndindex(P, d):
            out[:, self._columns[k, i]] += own[:, k, i]
        return out

    def pullback(self, adjoint: Array) -> Array:
        """z̄ᵀ∂z/∂θ (p,)."""
        return self._point.pullback(self._own(adjoint))

    def _own(self, adjoint):
        return np.ascontiguousarray(adjoint).reshape(-1, self._m)
