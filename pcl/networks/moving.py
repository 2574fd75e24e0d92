"""A network of one input at many points that move, known from few nodes between least and largest.

    y(x) = Σ_c Π_c(x) N(x_c),   y'(x) = Σ_c Π_c(x) N'(x_c),   and so on

Each derivative of the network is taken at the nodes and interpolated itself, so that nothing is lost by
differentiating a polynomial. Nodes are chosen at every θ and for all points anew: the coefficients must
have decayed, and values, slopes and a derivative along θ must agree with the network's at some of the
points; else the network is evaluated at all of them.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from pcl.engine import nodes
from pcl.engine.trace import constant_value
from pcl.errors import NotFinite
from pcl.networks.collapse import DERIVATIVE_ERROR, FEWEST, SMALLER, VALUE_ERROR, direction, of_points
from pcl.networks.line import Line, chebyshev_points, placed, polynomials, transform

# Numbers of nodes that are tried; nodes are at most one to so many points.
DEGREES, PART = (16, 24, 32, 48, 64, 96, 128), 8

# Points at which a choice is judged, beside the least and the largest; last coefficients, to be small.
SAMPLES, TAIL = 22, 3

# Errors of second derivatives at the samples, relative to the largest, that are accepted.
SECOND_ERROR = 2e-13


def collapsed(x: Any) -> dict:
    """What a network's node is told of the points x (q, n) of a traced model: see `NetworkNode`."""
    import tensorflow as tf
    one = tf.is_tensor(x) and x.shape.rank == 2 and x.shape[1] == 1
    if one and nodes.active() is not None and tf.is_tensor(constant_value(x)):
        return {"moving": Moving()}
    return {"collapse": of_points(x)}


class Moving:
    """Which numbers of nodes did not do, with the size of θ times the width of the points."""

    def __init__(self):
        self._failed: dict[int, float] = {}

    def at(self, net: Any, params: np.ndarray, x: np.ndarray) -> MovingPoint | None:
        """The network at x (q, 1) from nodes; None where that does not agree, or does not pay."""
        lower, upper = float(np.min(x, initial=np.inf)), float(np.max(x, initial=-np.inf))
        if len(x) < FEWEST or not np.isfinite(upper - lower):
            return None
        size = float(np.abs(params).max(initial=0.0)) * (upper - lower)
        degrees = [d for d in DEGREES if size < SMALLER * self._failed.get(d, np.inf)
                   and d <= min(net.size, len(x) // PART)] if upper > lower else [1]
        try:
            return self._of_degrees(net, params, x, (lower, upper), degrees, size)
        except NotFinite:                       # the message names a point, which must be one of x
            return None

    def _of_degrees(self, net, params, x, bounds, degrees, size):
        if not degrees:
            return None
        lower, upper = bounds
        t = placed(x[:, 0], lower, upper)
        judge = Judge(net, params, x, t)
        for d in degrees:
            at = net.at(params, chebyshev_points(lower, upper, d))
            if judge.accepts(at, d):
                return MovingPoint(at, Line(t, d), judge, lambda: net.at(params, x))
            self._failed[d] = size
        return None


class Judge:
    """A network at samples of the points: what interpolation must give there."""

    def __init__(self, net, params, x, t):
        rows = _samples(len(x))
        rows = np.concatenate([rows, [np.argmin(t), np.argmax(t)]])
        self.t, self._at = t[rows], net.at(params, x[rows])
        self._v = direction(net.size)
        self._first = self._derivatives(self._at)
        self._scale = np.abs(self._first).max(axis=0)
        self._error = DERIVATIVE_ERROR * self._scale
        self._error[:net.n_out] = VALUE_ERROR * self._scale[:net.n_out]

    def _derivatives(self, at):
        """Values, slopes and derivatives along one direction of θ, side by side."""
        return np.concatenate([at.value, at.input_jacobian()[:, :, 0],
                               at.pushforward(params_dot=self._v)], axis=1)

    def accepts(self, at: Any, d: int) -> bool:
        """Whether the network `at` d nodes gives what it is at the samples."""
        coefficients = transform(d) @ self._derivatives(at)
        if d > 1 and np.any(np.abs(coefficients[-TAIL:]) > DERIVATIVE_ERROR * self._scale):
            return False
        found = (coefficients.T @ polynomials(self.t, d)).T
        return bool(np.all(np.abs(found - self._first) <= self._error))

    def accepts_second(self, at: Any, d: int) -> bool:
        """The same for the second derivatives in x, and in x and θ."""
        expected = self._second(self._at)
        found = (polynomials(self.t, d).T @ transform(d)) @ self._second(at)
        return bool(np.all(np.abs(found - expected) <= SECOND_ERROR * np.abs(expected).max(axis=0)))

    def _second(self, at):
        ones = np.ones_like(at.value)
        return np.concatenate([at.input_curvature(ones)[:, :, 0],
                               at.curvature_product(ones, params_dot=self._v)[1]], axis=1)


class MovingPoint:
    """What `NetworkPoint` gives at points (q, 1) that nodes are interpolated to.

    Second derivatives in x are those at all points where the nodes do not give them, see `second`.

    Attributes
    ----------
    value : ndarray (q, m)
    nodes : the network at the nodes
    interpolation : `Line`, Π
    """

    def __init__(self, at_nodes, interpolation, judge, plain):
        self.nodes, self.interpolation = at_nodes, interpolation
        self._judge, self._plain = judge, functools.cache(plain)
        self.value = interpolation.values(at_nodes.value)
        self.size, self.shape = at_nodes.size, (interpolation.n_points, 1)

    @functools.cached_property
    def second(self) -> bool:
        """Whether second derivatives come from the nodes, too."""
        return self._judge.accepts_second(self.nodes, self.interpolation.d)

    def plain(self) -> Any:
        """The network at all points."""
        return self._plain()

    # --- first order ------------------------------------------------------------------------------
    @functools.cached_property
    def _slopes(self):
        """y' (q, m)."""
        return self.interpolation.values(self.nodes.input_jacobian()[:, :, 0])

    def input_jacobian(self) -> np.ndarray:
        """∂y/∂x (q, m, 1)."""
        return self._slopes[:, :, None].copy()

    def pullback(self, adjoint: np.ndarray, inputs: bool = False) -> tuple:
        """(J_πᵀ ȳ (p,), J_xᵀ ȳ (q, 1) or None)."""
        x_bar = np.einsum("qm,qm->q", self._slopes, adjoint)[:, None] if inputs else None
        return self.nodes.pullback(self.interpolation.adjoint(adjoint))[0], x_bar

    def pushforward(self, params_dot: np.ndarray, keep: bool = False) -> np.ndarray:
        """J_π π̇ (q, m)."""
        return self.interpolation.values(self.nodes.pushforward(params_dot=params_dot, keep=keep))

    # --- second order -----------------------------------------------------------------------------
    def input_curvature(self, adjoint: np.ndarray) -> np.ndarray:
        """∂²⟨ȳ, y⟩/∂x² of every point, (q, 1, 1)."""
        if not self.second:
            return self.plain().input_curvature(adjoint)
        bends = [self.nodes.input_curvature(unit)[:, :, 0] for unit in self._units()]
        bend = self.interpolation.values(np.concatenate(bends, axis=1))
        return np.einsum("qm,qm->q", bend, adjoint)[:, None, None]

    def slopes(self) -> NodeSlopes:
        """N' at the nodes: ∂²⟨ȳ, y⟩/∂x∂π = diag(ȳ) Π ∂N'/∂π for one output."""
        return NodeSlopes(self.nodes)

    def _units(self):
        """Adjoints (d, m) that are 1 for one output."""
        return [np.tile(row, (len(self.nodes.value), 1)) for row in np.eye(self.value.shape[1])]


class NodeSlopes:
    """N' (d, 1) of a network with one output at d nodes, as a function of π."""

    def __init__(self, nodes):
        self._nodes, self._ones = nodes, np.ones(nodes.value.shape)
        self.size, self.shape = nodes.size, nodes.shape
        self.value = nodes.input_jacobian()[:, :, 0]

    def jacobian_rows(self, start: int, stop: int) -> np.ndarray:
        """∂N'/∂π for the nodes start ≤ c < stop."""
        return self._nodes.mixed_curvature_rows(self._ones, start, stop)

    def pushforward(self, params_dot: np.ndarray) -> np.ndarray:
        """∂N'/∂π π̇ (d, 1)."""
        return self._nodes.curvature_product(self._ones, params_dot=params_dot)[1]

    def pullback(self, adjoint: np.ndarray) -> np.ndarray:
        """(∂N'/∂π)ᵀ ȳ (p,)."""
        return self._nodes.curvature_product(self._ones, x_dot=adjoint, inputs=False)[0]


@functools.lru_cache(maxsize=16)
def _samples(q):
    return np.random.default_rng(0).integers(q, size=SAMPLES)
