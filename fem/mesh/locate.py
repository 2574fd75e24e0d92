"""Which cell holds a point, and where in it: x = F_K(X)."""

import functools

import numpy as np
import scipy           # its `spatial` is loaded when it is first used

from fem.mesh.facet_distance import closest_points
from fem.mesh.geometry import EPS, adjugate, bounding_boxes, determinant, extents, image, jacobian
from fem.mesh.nodes import cell_nodes, is_curved, is_tensor
from fem.mesh.surface import Surface

# Newton steps for X; a bilinear or curved map of a convex cell needs about five, an affine map one.
_NEWTON_STEPS = 20
# Reference coordinates this far outside a cell still belong to it (plus the rounding of x).
_SLACK = 1e-10
# Half the side of a scaled box, with room for rounding.
_REACH = 0.5 * (1 + 1e-9)
# Pairs of points and cells examined at once.
_PAIRS = 2_000_000


class Locator:
    """Finds cells and reference coordinates of points, on stretched and graded meshes too.

    Cells are grouped by the size of their bounding boxes along each axis (within a factor of
    four), with one KD-tree of box centres per group, scaled so that its boxes are about cubes: a
    point lies in a cell only if it is within half a box of its centre, so no cell is missed.
    Candidates are decided by solving F_K(X) = x.
    """

    def __init__(self, mesh, facets):
        self.mesh, self.facets = mesh, facets
        self._tensor = is_tensor(mesh)
        self._affine = not self._tensor and not is_curved(mesh)

    def find(self, points):
        """Cells (m,), −1 for points outside, and reference coordinates (dim, m).

        A point in several cells (on a facet or node) goes to the cell it is deepest in, then to
        the lowest number.
        """
        cells = np.full(len(points), -1, dtype=np.int64)
        local = np.zeros((self.mesh.p.shape[0], len(points)))
        for group in self._groups:
            for start, stop in group.blocks(points):
                point, cell = group.pairs(points[start:stop])
                self._decide(points, start + point, cell, cells, local)
        return cells, local

    def nearest(self, points):
        """Cells and reference coordinates of the points of the boundary closest to `points`."""
        surface = self._surface
        chosen, feet = self._closest(points.T, surface.flat)
        if surface.curved:
            return surface.local(points.T, chosen)
        cells = self.facets.cells[0, surface.owner[chosen]].astype(np.int64)
        local, _ = self.invert(feet, cells)
        return cells, self._clip(local)

    def invert(self, points, cells):
        """X with F_K(X) = x for points (dim, m), and the largest entry of F_K'⁻¹, by Newton."""
        mesh = self.mesh
        X = self._start(points, cells)
        for _ in range(_NEWTON_STEPS):
            inverse = _inverse(jacobian(mesh, X, cells))
            step = np.einsum("ijn,jn->in", inverse, points - image(mesh, X, cells))
            X += np.clip(step, -2.0, 2.0)
            if not (np.abs(step) > 1e-14).any() or self._affine:
                break
        return X, np.abs(inverse).max(axis=(0, 1))

    def _start(self, points, cells):
        """The centre of the reference cell; in a curved cell the closest of the centre and its nodes."""
        centre = self.mesh.elem.refdom.p.mean(axis=1)[:, None]
        if not is_curved(self.mesh):
            return np.repeat(centre, len(cells), axis=1)
        places = np.hstack([centre, self.mesh.elem.doflocs.T])
        images = np.concatenate([image(self.mesh, centre[:, 0], cells)[:, None],
                                 self.mesh.p[:, cell_nodes(self.mesh)[:, cells]]], axis=1)
        return places[:, ((images - points[:, None]) ** 2).sum(axis=0).argmin(axis=0)]

    def margin(self, X):
        """Distance of X to the outside of the reference cell, negative outside."""
        upper = (1 - X).min(axis=0) if self._tensor else 1 - X.sum(axis=0)
        return np.minimum(X.min(axis=0), upper)

    def _decide(self, points, point, cell, cells, local):
        """Settle candidate pairs: each point keeps the cell it is deepest in, of all so far."""
        x = points[point].T
        X, stretch = self.invert(x, cell)
        size = np.abs(x).max(axis=0, initial=0) + self._extents[cell]
        residual = np.abs(image(self.mesh, X, cell) - x).max(axis=0, initial=0)
        depth = self.margin(X)
        kept = np.flatnonzero((depth >= -_SLACK - 64 * EPS * size * stretch)
                              & (residual <= 1e-9 * self._extents[cell] + 64 * EPS * size))
        kept = kept[np.lexsort((cell[kept], -depth[kept], point[kept]))]
        target, first = np.unique(point[kept], return_index=True)
        kept = kept[first]
        better = (cells[target] < 0) | (depth[kept] > self.margin(local[:, target]))
        cells[target[better]] = cell[kept[better]]
        local[:, target[better]] = X[:, kept[better]]

    def _closest(self, points, corners):
        """For each point the nearest of the simplices and the point on it."""
        count = corners.shape[2]
        chosen = np.empty(points.shape[1], dtype=np.int64)
        feet = np.empty_like(points)
        block = max(1, _PAIRS // count)
        for start in range(0, points.shape[1], block):
            part = points[:, start:start + block]
            x = np.repeat(part, count, axis=1)
            y = closest_points(x, np.tile(corners, part.shape[1]))
            distance = ((x - y) ** 2).sum(axis=0).reshape(-1, count)
            best = distance.argmin(axis=1)
            chosen[start:start + block] = best
            feet[:, start:start + block] = y[:, np.arange(part.shape[1]) * count + best]
        return chosen, feet

    def _clip(self, X):
        """X moved into the reference cell: out of it by rounding, or by a curved face."""
        X = np.clip(X, 0.0, 1.0)
        return X if self._tensor else X / np.maximum(X.sum(axis=0), 1.0)

    @functools.cached_property
    def _extents(self):
        return extents(self.mesh)

    @functools.cached_property
    def _surface(self):
        return Surface(self.mesh, self.facets)

    @functools.cached_property
    def _groups(self):
        low, high = bounding_boxes(self.mesh)
        level = np.floor(0.5 * np.log2(high - low)).astype(np.int64)
        keys, group = np.unique(level, axis=1, return_inverse=True)
        group = group.ravel()
        return [_Boxes(np.flatnonzero(group == g), low, high) for g in range(keys.shape[1])]


class _Boxes:
    """Bounding boxes of similar size, found by a KD-tree of their scaled centres."""

    def __init__(self, cells, low, high):
        self.cells = cells
        self.low, self.high = low[:, cells].T, high[:, cells].T
        pad = _SLACK * (self.high - self.low) + 64 * EPS * np.maximum(abs(self.low), abs(self.high))
        self.low, self.high = self.low - pad, self.high + pad
        self.scale = (self.high - self.low).max(axis=0)
        self.tree = scipy.spatial.cKDTree((self.low + self.high) / 2 / self.scale)

    def blocks(self, points):
        """(start, stop) of blocks of points small enough for their candidates to fit in memory."""
        count = scipy.spatial.cKDTree(points / self.scale).count_neighbors(self.tree, _REACH, p=np.inf)
        edges = np.linspace(0, len(points), min(len(points), 1 + count // _PAIRS) + 1).astype(int)
        return zip(edges[:-1], edges[1:])

    def pairs(self, points):
        """(point, cell) numbers for which the point lies in the cell's box."""
        tree = scipy.spatial.cKDTree(points / self.scale)
        found = tree.sparse_distance_matrix(self.tree, _REACH, p=np.inf, output_type="ndarray")
        point, box = found["i"], found["j"]
        inside = ((points[point] >= self.low[box]) & (points[point] <= self.high[box])).all(axis=1)
        return point[inside], self.cells[box[inside]]


def _inverse(J):
    """Inverses of (dim, dim, n) matrices by Cramer's rule; singular ones become inf or nan."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return adjugate(J) / determinant(J)
