"""What a band of a fit can be of: laws, curves and numbers, at the peak and at any other θ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pcl.dae.failures import FAILURES
from pcl.dae.result.curve import curves
from pcl.dae.result.foot import warn_at
from pcl.support.validate import float64_array
from pcl.uncertainty.laplace.bands import Law, OfBlock, Traced

_RTOL = 1e-5    # of simulations at draws


def laws_of(numbers, root, law, points, trajectory=None):
    """The `Law` that a name stands for; see `Fit.posterior`."""
    if callable(law):
        return Traced(numbers, numbers.theta, law)
    if trajectory is not None:
        return OfCurve(numbers, root, law, points, trajectory)
    if law in numbers.names[1]:
        return OfParameter(numbers, law)
    if law in numbers.slices:
        return OfBlock(numbers, numbers.theta, law)
    return OfLaw(numbers, law, points)


def exact_laws_of(numbers, root, law, points, trajectory=None):
    """The same for draws of chains: laws as they are there, trajectories as the density has them."""
    if callable(law) or law in numbers.slices:
        return laws_of(numbers, root, law, points)
    if trajectory is not None:
        return OfCollocated(numbers, root, law, points, trajectory)
    return OfNetwork(numbers, law, points)


class Linearised:
    """A trained law at other weights, to first order in them: z(a; θ̂) + ∂z/∂θ (θ − θ̂).

    Data tell weights apart far less than the law they make: the network at a draw of all of them is no
    law that the data allow, while this one is.
    Source: A. Immer, M. Korzepa and M. Bauer, Improving predictions of Bayesian neural nets via local
    linearization (2021).
    """

    def __init__(self, trained, theta):
        self.law, self.theta = self, theta
        self._trained = trained
        self.inputs, self.outputs = trained.inputs, trained.outputs

    @property
    def placed(self):
        """The same as the equations see it."""
        return Linearised(self._trained.placed, self.theta)

    def own(self, a):
        """As `Law.own`."""
        return self._trained.law.own(a)

    def outside(self, a):
        """Nothing: its bands tell how far it is known."""
        return {}

    def at(self, theta, a):
        """The point (value, input_jacobian) at inputs a (n, d)."""
        return _LinearPoint(self._trained.law.at(self._trained.theta, a), theta - self._trained.theta)


class _LinearPoint:

    def __init__(self, point, offset):
        self._point, self._offset = point, offset
        self.value = point.value + point.jacobian() @ offset

    def input_jacobian(self):
        """∂z/∂a (n, m, d)."""
        n, m = self.value.shape
        bend = [self._point.mixed_curvature(np.tile(unit, (n, 1))) @ self._offset for unit in np.eye(m)]
        return self._point.input_jacobian() + np.stack(bend, axis=1)


class OfParameter(OfBlock):
    """A parameter; the interval of one that is fitted by its logarithm is p exp(± width/p)."""

    def __init__(self, numbers, name):
        super().__init__(numbers, numbers.theta, name)
        self._by_log = numbers.logs[numbers.slices[name]].all()

    def interval(self, width):
        if not self._by_log:
            return super().interval(width)
        return self.value * np.exp(-width / self.value), self.value * np.exp(width / self.value)


class OfLaw(Law):
    """One output of a trained law at inputs, linear in the weights."""

    def __init__(self, numbers, name, points):
        number, self._place = numbers.fit.law_of(name)
        law, self._rows = numbers.fit.laws[number], numbers.slices[numbers.names[2][number]]
        if points is None:
            raise ValueError(f"points is None; expected inputs {', '.join(law.inputs)} of the law of "
                             f"{name}, or trajectory=… with times.")
        self._law, points = law, law.points(points)
        self._points = points
        self.value = law(points)[:, self._place]
        warn_at(numbers.fit.feet.get((number, self._place), ()), self.value)
        self.sensitivity = np.zeros((len(points), numbers.size))
        self.sensitivity[:, self._rows] = law.law.at(law.theta, points).jacobian()[:, self._place]

    def at(self, theta):
        weights = theta[self._rows]
        value = Linearised(self._law, weights).at(weights, self._points).value[:, self._place]
        return value if np.isfinite(value).all() else None


class OfCurve(Law):
    """A variable or observable along a trajectory: linearised on its elements, simulated with
    `Linearised` laws at any other θ."""

    def __init__(self, numbers, root, name, points, trajectory):
        self._numbers, self._name, self._trajectory, fit = numbers, name, trajectory, numbers.fit
        curve = fit.curve(trajectory)
        if points is None:
            raise ValueError(f"points is None; expected times of trajectory {trajectory}.")
        self._t = np.atleast_1d(float64_array("points", points))
        self._item, self._begin = fit.setting.data[trajectory], float(curve.mesh.times[0])
        self._start = {state: value - self._item.added(state, self._begin)      # doses come after it
                       for state, value in zip(curve.states, curve.start[0].tolist())}
        self._start |= {**self._item.computed, **dict.fromkeys(self._item.steady, "steady")}
        self._own = dict(zip(fit.model.parameters, fit.labels_of(trajectory)))
        self._of = {name: f"{name} at the start of {trajectory}" for name in curve.states}
        self.value = curve(self._t, name)
        found = numbers.uncertainty
        inputs = self._item.inputs_at(fit.model.inputs, self._t)
        G = found.curve_gradients(fit.setting.names.index(trajectory), name, self._t, inputs)
        self.sensitivity = root.sensitivity(G) / numbers.slopes

    def at(self, theta):
        blocks, fit = self._numbers.unravel(theta), self._numbers.fit
        laws = tuple(Linearised(law, blocks[name])
                     for law, name in zip(fit.laws, self._numbers.names[2]))
        parameters = {name: float(blocks[label]) for name, label in self._own.items()}
        start = {name: float(blocks[self._of[name]]) if self._of[name] in blocks else value
                 for name, value in self._start.items()}
        t = np.unique([self._begin, *self._t])
        try:
            found = replace(fit.trained, laws=laws, parameters=parameters).simulate(
                start, self._item.inputs, t, breaks=self._item.breaks, rtol=_RTOL,
                doses=self._item.doses, jumps=self._item.jumps)
        except FAILURES:
            return None
        if found.t.size < t.size:           # it stopped before the end
            return None
        value = found[self._name][np.searchsorted(t, self._t)]
        return value if np.isfinite(value).all() else None


class OfNetwork(OfLaw):
    """The same at any weights, without linearisation."""

    def at(self, theta):
        value = self._law.law.at(theta[self._rows], self._points).value[:, self._place]
        return value if np.isfinite(value).all() else None


class OfCollocated(OfCurve):
    """The same by the trajectories on the elements of the fit, at any θ."""

    def at(self, theta):
        fit = self._numbers.fit
        try:
            x = self._numbers.exact.solution(theta)
        except FAILURES:
            return None
        value = curves(fit.setting, x)[self._trajectory](self._t, self._name)
        return value if np.isfinite(value).all() else None
