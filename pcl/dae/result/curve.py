"""A collocated trajectory: values at the nodes, and its polynomial anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.collocation import Mesh, Scheme, interpolation
from pcl.dae.program.log_scale import natural
from pcl.dae.result.observables import Observables
from pcl.support.nearest import nearest
from pcl.support.types import Array, ArrayLike, Blocks


@dataclass(frozen=True, eq=False)
class Curve:
    """All variables of one trajectory.

    Attributes
    ----------
    name : str
    states, others : names; others are algebraic variables and outputs
    scheme : collocation.Scheme
    mesh : collocation.Mesh
    start : (N, n_x), states at the start of every element
    slots : (N, K, n_x)
    algebraic : (N, K, n_others), values at the nodes
    observables : Observables of the model, at its parameters and the inputs of the trajectory

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
    ...                     sizes={"x": 1.0}, typical={"x": 1.0})
    >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
    >>> curve(0.5, "x").round(4).tolist()
    [1.5576]
    """

    name: str
    states: tuple
    others: tuple
    scheme: Scheme
    mesh: Mesh
    start: Array
    slots: Array
    algebraic: Array
    observables: Observables

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all variables.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> curve.names
        ('x',)
        """
        return (*self.states, *self.others)

    @property
    def times(self) -> Array:
        """Times of the nodes (N·K,).

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> bool((curve.times > 0.0).all()), float(curve.times[-1])
        (True, 1.0)
        """
        return self.mesh.points(self.scheme).ravel()

    @property
    def values(self) -> Blocks:
        """{name: values at the nodes (N·K,)}, observables included.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> round(float(curve.values["x"][-1]), 4)
        1.2131
        """
        found = self.variables_at_nodes
        return {**found, **self.observables(self.times, self.derivatives, found)}

    @property
    def variables_at_nodes(self) -> Blocks:
        """{name: values at the nodes (N·K,)} of the variables alone, without observables.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> round(float(curve.variables_at_nodes["x"][-1]), 4)
        1.2131
        """
        x = np.einsum("kj,ejn->ekn", self.scheme.value, self._unknowns())
        at = np.concatenate([x, self.algebraic], axis=2).reshape(self.times.size, -1)
        return dict(zip((*self.states, *self.others), at.T))

    @property
    def derivatives(self) -> Array:
        """x' at the nodes (N·K, n_x).

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> curve.derivatives[-1].round(4).tolist()
        [-0.6065]
        """
        slopes = np.einsum("kj,ejn->ekn", self.scheme.derivative, self._unknowns())
        return (slopes / self.mesh.lengths[:, None, None]).reshape(self.times.size, -1)

    def __call__(self, t: ArrayLike, name: str | None = None) -> Any:
        """Values at times t (m,): of one variable or observable (m,), or {name: (m,)} of all.

        Observables are those of the polynomials' values at these times.

        Raises
        ------
        ValueError
            A time outside the mesh, an unknown name.
        """
        every = (*self.names, *self.observables.names)
        if name is not None and name not in every:
            raise ValueError(f"name is {name!r}; expected one of {', '.join(every)}."
                             f"{nearest(name, every)}")
        found = self.variables(t)
        if name in found:
            return found[name]
        t = np.atleast_1d(np.asarray(t, dtype=float))
        chosen = None if name is None else (name,)
        found.update(self.observables(t, self.slopes(t), found, chosen))
        return found if name is None else found[name]

    def variables(self, t: ArrayLike) -> Blocks:
        """{name: values at times (m,)} of the variables alone, without observables.

        Parameters
        ----------
        t : (m,)

        Raises
        ------
        ValueError
            A time outside the mesh.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> curve.variables([0.5])["x"].round(4).tolist()
        [1.5576]
        """
        element, rows = interpolation(self.scheme, self.mesh, t)
        x = np.einsum("mk,mkn->mn", rows, self._unknowns()[element])
        element, rows = interpolation(self.scheme, self.mesh, t, "algebraic")
        y = np.einsum("mk,mkn->mn", rows, self.algebraic[element])
        return dict(zip(self.names, np.concatenate([x, y], axis=1).T))

    def slopes(self, t: ArrayLike) -> Array:
        """x' at times, (m, n_x).

        Parameters
        ----------
        t : (m,)

        Raises
        ------
        ValueError
            A time outside the mesh.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> curve.slopes([0.5]).round(4).tolist()
        [[-0.7788]]
        """
        element, rows = interpolation(self.scheme, self.mesh, t, "derivative")
        return np.einsum("mk,mkn->mn", rows, self._unknowns()[element])

    def extremum(self, name: str, t: float, upper: bool) -> float:
        """The time in the element of t, or its neighbours, where a variable is largest or smallest.

        Parameters
        ----------
        name : str
        t : float
        upper : bool, whether largest

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> curve.extremum("x", 0.0, upper=True)
        0.0
        """
        e = int(self.mesh.locate(t)[0][0])
        around = range(max(e - 1, 0), min(e + 2, self.mesh.elements))
        sign = 1.0 if upper else -1.0
        return max((self._extremum(name, k, sign) for k in around), key=lambda found: found[0])[1]

    def _extremum(self, name, e, sign):
        """(sign · value, time) of the ends and the real roots of the derivative on element e."""
        tau = np.linspace(0.0, 1.0, self.scheme.K + 1)
        if name in self.states:
            values = self.scheme.value_at(tau) @ self._unknowns()[e, :, self.states.index(name)]
        else:
            values = self.scheme.algebraic_at(tau) @ self.algebraic[e, :, self.others.index(name)]
        p = np.polynomial.Polynomial.fit(tau, values, self.scheme.K)
        p = p.trim(1e-12 * np.abs(p.coef).max())      # a leading coefficient of rounding spoils the roots
        found = p.deriv().roots() if np.ptp(values) > 0.0 else np.zeros(0)
        roots = np.asarray(found[np.abs(found.imag) < 1e-9].real, dtype=np.float64)
        at = np.concatenate([[0.0, 1.0], roots[(roots > 0.0) & (roots < 1.0)]])
        best = at[np.argmax(sign * p(at))]
        return sign * p(best), float(self.mesh.times[e] + best * self.mesh.lengths[e])

    def on(self, mesh: Mesh) -> Curve:
        """The same, read off on other elements (a guess for them); after its end it stays as it is there.

        Parameters
        ----------
        mesh : pcl.collocation.Mesh

        Returns
        -------
        Curve

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> curve = decay.simulate({"x": 2.0}, t=[0.0, 1.0]).curve
        >>> coarse = curve.on(dae.Mesh.uniform(0.0, 1.0, 2))
        >>> coarse.times.size, coarse(1.0, "x").round(4).tolist()
        (6, [1.2131])
        """
        end = self.mesh.times[-1]
        times = np.minimum(mesh.points(self.scheme).ravel(), end)
        every = self.variables(times)
        shape = (mesh.elements, self.scheme.K, -1)
        slots = np.stack([every[name] for name in self.states], axis=1).reshape(shape)
        others = np.array([every[name] for name in self.others]).reshape(-1, times.size).T.reshape(
            *shape[:2], len(self.others))
        at = np.minimum(np.nextafter(mesh.times[:-1], np.inf), end)     # states may jump there
        starts = self.variables(at)
        if self.scheme.points[0] == 0.0:        # the slot at the start is h x'
            element, rows = interpolation(self.scheme, self.mesh, at, "derivative")
            slots[:, 0] = mesh.lengths[:, None] * np.einsum("mk,mkn->mn", rows, self._unknowns()[element])
        start = np.stack([starts[name] for name in self.states], axis=1)
        return Curve(self.name, self.states, self.others, self.scheme, mesh, start, slots, others,
                     self.observables)

    def _unknowns(self):
        return np.concatenate([self.start[:, None], self.slots], axis=1)


def curves(setting, x):
    """{name: Curve} of the trajectories in a vector of unknowns."""
    elements, model = setting.elements, setting.model
    x0, w, P = elements.split(x)
    P, n_p = natural(elements, P), len(setting.declared.parameters)
    items, found = dict(zip(setting.data.names, setting.data)), {}
    for k, name in enumerate(setting.names):
        mine = elements.trajectory == k
        p = P[elements.parameters.places[k][:n_p]]
        observables = Observables(setting.declared, p, items[name].inputs if name in items else {})
        found[name] = Curve(name, model.states, (*model.algebraic, *model.outputs), setting.scheme,
                            setting.meshes[k], x0[mine].copy(), w[mine, :, :elements.n_x].copy(),
                            w[mine, :, elements.n_x:].copy(), observables)
    return found


def vector(elements, found, p):
    """The vector of unknowns (without weights) of curves on the meshes of `elements`, in their order."""
    w = np.concatenate([np.concatenate([c.slots, c.algebraic], axis=2) for c in found])
    return elements.join(np.concatenate([c.start for c in found]), w, p)
