"""A network at many points that do not move, known from few nodes: chosen at each θ, and checked there.

    y(x_q) = Σ_c Π_qc y(x_c),   Π constant, `pcl.networks.interpolation`

The nodes are as few as the network at this θ allows. What judges them are sample points: the network
there and its derivative along one direction of θ against what is interpolated to them, to within the
rounding of some hundred operations. A grid that fails is followed by a finer one, at last by the network
at all points. That a grid failed is remembered with the size of θ: it is tried again once θ is smaller.
"""

from __future__ import annotations

import functools
import hashlib
import threading
import weakref
from typing import Any

import numpy as np

from pcl.engine import nodes
from pcl.engine.trace import constant_value
from pcl.errors import NotFinite
from pcl.networks.collapsed import CollapsedPoint
from pcl.networks.interpolation import Interpolation

# Fewest points for which it is tried; what part of them, 1/PART, the nodes may be.
FEWEST, PART = 1000, 3

# Entries of the Jacobian at the nodes: 64 MB.
JACOBIAN_ENTRIES = 2 ** 23

# Nodes a side, and points a side of the small boxes.
DEGREES = (8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64, 72, 80, 96, 128, 192, 256)
LOCAL = (6, 8, 10, 12, 14, 16, 18, 20, 24, 28)

# Points of a box for each of its local ones, and fewest and most boxes a side by the number of sides.
POINTS_A_LOCAL, BOXES = 6, {1: (2, 32), 2: (8, 32), 3: (2, 10)}

# Errors at the samples, against the range of the values and the largest derivative, that are accepted.
VALUE_ERROR, DERIVATIVE_ERROR, ROUNDING = 3e-14, 5e-14, 4e-15

# Samples of the points; how much smaller θ is when a grid that failed is tried again.
SAMPLES, SMALLER = 60, 0.8

# Interpolations in use, so that networks at the same points share them.
_known: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_lock = threading.Lock()


class Collapse:
    """The points x (q, n) of a network, and which grid was last found to do.

    Threads at different θ may use different grids, each checked where it is used.
    """

    def __init__(self, x):
        self._x, self._bounds = x, (x.min(axis=0), x.max(axis=0))
        self._sides = int(np.count_nonzero(self._bounds[1] > self._bounds[0]))
        self._samples = x[_spread(x)]
        self._digest = hashlib.blake2b(np.ascontiguousarray(x).tobytes(), digest_size=16).digest()
        self._failed: dict[int, float] = {}     # nodes a side: size of θ
        self._local: dict[int, int] = {}        # nodes a side: the local points that did
        self._at_samples: dict[tuple, Interpolation] = {}
        self._used: Any = None                  # held, so that it is not made again

    def at(self, net: Any, params: np.ndarray) -> CollapsedPoint | None:
        """The network at the points, from nodes; None where that does not agree, or does not pay."""
        size = float(np.abs(params).max(initial=0.0))
        degrees = [d for d in self._degrees(net) if size < SMALLER * self._failed.get(d, np.inf)]
        if not degrees:
            return None
        try:
            judge = Judge(net, params, self._samples)
            for d in degrees:
                found = self._of_degree(judge, d)
                if found is not None:
                    return found
                self._failed[d] = size
        except NotFinite:                       # the message names a point, which must be one of x
            pass
        return None

    def _degrees(self, net):
        """The nodes a side that pay."""
        largest = min(len(self._x) // PART, JACOBIAN_ENTRIES // (net.size * net.n_out))
        return [d for d in DEGREES if self._sides in BOXES and d ** self._sides <= largest]

    def _of_degree(self, judge, d):
        """The network from the nodes of d a side; None if they do not do."""
        at = judge.at(self._sampled(d, 1, d).nodes)
        first = self._local.get(d, 0)
        for local in [*(local for local in LOCAL if first <= local < d), d]:
            boxes = self._boxes(d, local)
            if judge.accepts(at, self._sampled(d, boxes, local)):
                self._local[d] = local
                self._used = self._interpolation(d, boxes, local)
                return CollapsedPoint(at.point, self._used)
            if local != d and not judge.accepts(at, self._sampled(d, 1, d)):
                return None
        return None

    def _boxes(self, d, local):
        """Boxes a side."""
        if local == d:
            return 1
        boxes = round((len(self._x) / (POINTS_A_LOCAL * local ** self._sides)) ** (1 / self._sides))
        fewest, most = BOXES[self._sides]
        return max(fewest, min(boxes, most))

    def _sampled(self, *grid):
        """The interpolation to the samples alone."""
        found = self._at_samples.get(grid)
        if found is None:
            found = self._at_samples[grid] = Interpolation(self._samples, self._bounds, *grid)
        return found

    def _interpolation(self, *grid):
        """That to all points, the same object for all who ask for it at the same points."""
        key = self._digest, self._x.shape, grid
        with _lock:
            found = _known.get(key)
            if found is None:
                found = _known[key] = Interpolation(self._x, self._bounds, *grid)
            return found


def of_points(x: Any) -> Collapse | None:
    """The `Collapse` of points x (q, n) of a traced model that are constant and many; else None."""
    import tensorflow as tf
    x = constant_value(x)
    if tf.is_tensor(x) or nodes.active() is None or x.ndim != 2 or len(x) < FEWEST:
        return None
    return Collapse(x) if np.all(np.isfinite(x)) else None


class Judge:
    """What a network at one θ is at the samples, and whether an interpolation agrees with it."""

    def __init__(self, net, params, samples):
        self._net, self._params = net, params
        self._direction = direction(net.size)
        at = net.at(params, samples)
        self._values, self._along = at.value, at.pushforward(params_dot=self._direction)
        size = np.abs(self._values).max(axis=0)
        self._value_error = VALUE_ERROR * np.ptp(self._values, axis=0) + ROUNDING * size
        self._along_error = DERIVATIVE_ERROR * np.abs(self._along).max(axis=0)

    def at(self, nodes):
        """The network at the nodes."""
        return AtNodes(self._net.at(self._params, nodes), self._direction)

    def accepts(self, at, interpolation):
        """Whether the values and a derivative at the nodes give those at the samples."""
        found = interpolation.values(np.concatenate([at.point.value, at.along], axis=1))
        values, along = np.split(found, 2, axis=1)
        return bool(np.all(np.abs(values - self._values) <= self._value_error)
                    and np.all(np.abs(along - self._along) <= self._along_error))


class AtNodes:
    """A network at nodes, with one derivative along θ."""

    def __init__(self, point, direction):
        self.point = point
        self.along = point.pushforward(params_dot=direction)


@functools.cache
def direction(size):
    return np.random.default_rng(0).standard_normal(size)


def _spread(x):
    """Rows of the extreme points in every coordinate and towards every corner, and of others."""
    q, n = x.shape
    signs = np.array(np.meshgrid(*[(-1, 0, 1)] * min(n, 3), indexing="ij")).reshape(min(n, 3), -1)
    scale = np.ptp(x, axis=0)
    extreme = np.argmax(x[:, :3] / np.where(scale > 0, scale, 1.0)[:3] @ signs, axis=0)
    others = np.random.default_rng(0).integers(q, size=SAMPLES)
    return np.unique(np.concatenate([extreme, others]))[:SAMPLES + len(extreme)]
