"""Interpolation of smooth functions from Chebyshev nodes to given points, Π = Π_local E.

    f(x_q) = Σ_c Π_qc f(x_c)

The nodes x_c are a tensor grid of d Chebyshev points a side of the box around all points. They are
interpolated first to the Chebyshev points of small boxes (E, a product of one matrix a side), and from
there to the points in each box: a point then takes part in d_local nodes a side instead of d, and nothing
of the size (points × nodes) arises. A side without extent has one node.

Source: J.-P. Berrut, L. N. Trefethen, "Barycentric Lagrange interpolation", SIAM Review 46 (2004)
501–517, equation 4.2 with the weights of the Chebyshev points of the first kind, equation 5.3.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from pcl.support import clock

# Entries of the weights of all points that are held: 32 MB; they are computed again for more points.
HELD_ENTRIES = 2 ** 22


# Boxes are taken together where filling them up to the largest makes at most so many times the points,
# or `FEW` in all, and in groups of so many weights a coordinate: 256 KB.
PADDED, FEW, GROUP_ENTRIES = 2.0, 2 ** 12, 2 ** 15


@functools.cache
def chebyshev(d):
    """(points (d,) in [−1, 1], ascending, and their barycentric weights)."""
    angle = (2 * np.arange(d)[::-1] + 1) * np.pi / (2 * d)
    return np.cos(angle), (-1.0) ** np.arange(d) * np.sin(angle)


def lagrange(t, d):
    """ℓ_j(t_q) (q, d) of the d Chebyshev points."""
    points, weights = chebyshev(d)
    distance = t[:, None] - points
    at_node = distance == 0.0
    distance[at_node] = 1.0
    values = weights / distance
    values /= values.sum(axis=1, keepdims=True)
    rows = at_node.any(axis=1)
    values[rows] = at_node[rows]
    return values


class Side:
    """One coordinate: d nodes on [lower, upper], and `local` points in each of the boxes.

    Attributes
    ----------
    nodes : ndarray (d,)
    to_boxes : ndarray (boxes, local, d), from the nodes to the points of each box
    """

    def __init__(self, lower, upper, d, boxes, local):
        self.lower, self.width = lower, upper - lower
        if not self.width > 0.0:
            d = boxes = local = 1
        self.d, self.boxes, self.local = d, boxes, local
        self.nodes = lower + 0.5 * self.width * (1.0 + chebyshev(d)[0]) if d > 1 else np.array([lower])
        inside = (np.arange(boxes)[:, None] + 0.5 * (1.0 + chebyshev(local)[0])) / boxes
        direct = boxes == 1 and local == d
        self.to_boxes = (np.eye(d) if direct else lagrange(2.0 * inside.ravel() - 1.0, d)) \
            .reshape(boxes, local, d)

    def placed(self, x):
        """(the box of each x, its place in it from −1 to 1)."""
        if self.d == 1:
            return np.zeros(len(x), int), np.zeros(len(x))
        s = (x - self.lower) / self.width * self.boxes
        box = np.clip(s.astype(int), 0, self.boxes - 1)
        return box, 2.0 * (s - box) - 1.0


class Interpolation:
    """Π (q, c) between the nodes of a box and the points x (q, n) in it, n coordinates.

    Parameters
    ----------
    x : ndarray (q, n)
    bounds : (lower, upper), corners of the box
    d, boxes, local : int
        Nodes a side, boxes a side, points a side of each of them; with one box and local = d there is
        one step alone.

    Attributes
    ----------
    nodes : ndarray (c, n)
    """

    def __init__(self, x, bounds, d, boxes, local):
        self._sides = [Side(a, b, d, boxes, local) for a, b in zip(*bounds)]
        self.shape = tuple(side.d for side in self._sides)
        grid = np.meshgrid(*(side.nodes for side in self._sides), indexing="ij")
        self.nodes = np.stack([axis.ravel() for axis in grid], axis=1)
        self.n_points = len(x)
        placed = [side.placed(column) for side, column in zip(self._sides, x.T)]
        counts = [side.boxes for side in self._sides]
        number = np.ravel_multi_index([box for box, _ in placed], counts)
        order = np.argsort(number, kind="stable")
        found, starts = np.unique(number[order], return_index=True)
        self._t = [t[order] for _, t in placed]
        self.boxes = [Box(tuple(int(i) for i in np.unravel_index(n, counts)), slice(a, b), order[a:b])
                      for n, a, b in zip(found, starts, [*starts[1:], len(x)])]
        few = len(x) * sum(side.local for side in self._sides) <= HELD_ENTRIES
        self._held: dict | None = {} if few else None

    # --- values and adjoints ------------------------------------------------------------------
    def values(self, f):
        """Π f (q, m) of f (c, m)."""
        m, fine = f.shape[1], self._to_boxes(f)
        out = np.empty((self.n_points, m))
        if self._together is not None:
            for o in range(m):
                self._together.values(fine[..., o], out[:, o])
            return out
        for box in self.boxes:
            clock.look()
            first, *others = self._weights(box)
            part = fine[self._at(box)]
            result = (first @ part.reshape(len(part), -1)).reshape(len(first), *part.shape[1:])
            for weights in others:
                result = np.einsum("qi,qi...->q...", weights, result)
            out[box.points] = result
        return out

    def adjoint(self, bar):
        """Πᵀ ȳ (c, m) of ȳ (q, m)."""
        m = bar.shape[1]
        fine = np.zeros([side.boxes * side.local for side in self._sides] + [m])
        if self._together is not None:
            for o in range(m):
                self._together.adjoint(bar[:, o], fine[..., o])
        for box in self.boxes if self._together is None else ():
            clock.look()
            first, *others = self._weights(box)
            part = bar[box.points]
            for weights in reversed(others):
                part = weights.reshape(*weights.shape, *[1] * (part.ndim - 1)) * part[:, None]
            fine[self._at(box)] += (first.T @ part.reshape(len(first), -1)).reshape(-1, *part.shape[1:])
        for axis, side in enumerate(self._sides):
            E = side.to_boxes.reshape(-1, side.d)
            fine = np.moveaxis(np.tensordot(E, fine, (0, axis)), 0, axis)
        return fine.reshape(-1, m)

    # --- many columns, box by box -------------------------------------------------------------
    def matrix(self, box):
        """Π_local of one box (its points, local^n)."""
        first, *others = self._weights(box)
        for weights in others:
            first = (first[:, :, None] * weights[:, None, :]).reshape(len(first), -1)
        return first

    def stripes(self) -> list:
        """The boxes by their place along the first coordinate."""
        return [list(boxes) for _, boxes in itertools.groupby(self.boxes, lambda box: box.place[0])]

    def in_boxes(self, f, boxes) -> Iterator:
        """Yields (box, E_box f (local^n, k)) for boxes of one stripe and f (c, k)."""
        k, known = f.shape[1], {}
        for box in boxes:
            part = f
            for n, side in enumerate(self._sides):
                place = box.place[:n + 1]
                if place not in known:
                    known[place] = self._contracted(part, n, side.to_boxes[box.place[n]], k)
                part = known[place]
            yield box, part
            known = {place: part for place, part in known.items() if len(place) < len(self._sides)}

    def _contracted(self, part, n, E, k):
        """E along coordinate n of part (local₁ … local_{n−1}, d_n … , k), flattened again."""
        before = int(np.prod([side.local for side in self._sides[:n]]))
        return np.matmul(E, part.reshape(before, E.shape[1], -1)).reshape(-1, k)

    # --- parts ----------------------------------------------------------------------------------
    def _to_boxes(self, f):
        fine = f.reshape(*self.shape, f.shape[1])
        for axis, side in enumerate(self._sides):
            fine = np.moveaxis(np.tensordot(side.to_boxes.reshape(-1, side.d), fine, (1, axis)), 0, axis)
        return fine

    @functools.cached_property
    def _together(self):
        """The boxes in groups, where two coordinates have boxes of about equally many points."""
        largest = max((len(box.points) for box in self.boxes), default=0)
        if len(self._sides) != 2 or self._held is None or len(self.boxes) < 2 \
                or len(self.boxes) * largest > max(PADDED * self.n_points, FEW):
            return None
        return Together(self._sides, self.boxes, largest, self._weights)

    def _at(self, box):
        return tuple(slice(i * side.local, (i + 1) * side.local)
                     for i, side in zip(box.place, self._sides))

    def _weights(self, box):
        """ℓ_j of the points of a box, one array (points, local) a coordinate."""
        if self._held is not None and box.place in self._held:
            return self._held[box.place]
        weights = [lagrange(t[box.rows], side.local) for t, side in zip(self._t, self._sides)]
        if self._held is not None:
            self._held[box.place] = weights
        return weights


class Together:
    """Boxes of the plane in groups, each with as many points as the largest: one product for a group.

    Points that fill up have weights 0.
    """

    def __init__(self, sides, boxes, largest, weights):
        self._fine = [n for side in sides for n in (side.boxes, side.local)]
        local = [side.local for side in sides]
        count = max(1, GROUP_ENTRIES // (largest * max(local)))
        self._groups = [_Group(boxes[i:i + count], largest, local, weights)
                        for i in range(0, len(boxes), count)]

    def values(self, fine, out):
        """out (q,) ← Σ of the values (points of the boxes) at the points."""
        in_boxes = fine.reshape(self._fine).transpose(0, 2, 1, 3)
        for group in self._groups:
            clock.look()
            along = np.matmul(in_boxes[group.places].transpose(0, 2, 1), group.first)
            along *= group.second
            out[group.points] = along.sum(axis=1).ravel()[group.rows]

    def adjoint(self, bar, fine):
        """Adds the transposed of `values` to zeros (points of the boxes)."""
        in_boxes = fine.reshape(self._fine).transpose(0, 2, 1, 3)
        for group in self._groups:
            clock.look()
            padded = np.zeros(group.second.shape[::2])
            padded.reshape(-1)[group.rows] = bar[group.points]
            along = padded[:, None] * group.second
            in_boxes[group.places] = np.matmul(group.first, along.transpose(0, 2, 1))


class _Group:
    """Weights (boxes, local, points) of both coordinates; `rows` of the points among them."""

    def __init__(self, boxes, largest, local, weights):
        self.first, self.second = (np.zeros((len(boxes), n, largest)) for n in local)
        for b, box in enumerate(boxes):
            for ours, of_box in zip((self.first, self.second), weights(box)):
                ours[b, :, :len(box.points)] = of_box.T
        self.places = tuple(np.array([box.place for box in boxes]).T)
        self.points = np.concatenate([box.points for box in boxes])
        self.rows = np.concatenate([b * largest + np.arange(len(box.points))
                                    for b, box in enumerate(boxes)])


class Box:
    """The points of one box: `place` among the boxes, `rows` in their order, `points` in the caller's."""

    __slots__ = "place", "rows", "points"

    def __init__(self, place, rows, points):
        self.place, self.rows, self.points = place, rows, points
