"""The boundary of a mesh as pieces on which the closest points are sought."""

import functools

import numpy as np

from fem.mesh.facet_distance import closest_points, flat_pieces
from fem.mesh.geometry import image, jacobian
from fem.mesh.nodes import is_curved, is_tensor

# Gauss–Newton steps for a foot on a curved facet; near the facet about five are needed.
_STEPS = 20
# Flat pieces of a curved facet: places in the facet's own reference cell, and simplices of their numbers.
_HALVES = np.array([[0.0, 0.5, 1.0]]), np.array([[0, 1], [1, 2]])
_QUARTERS = (np.array([[0, 1, 0, 0.5, 0.5, 0], [0, 0, 1, 0, 0.5, 0.5]]),
             np.array([[0, 3, 5], [3, 1, 4], [5, 4, 2], [3, 4, 5]]))
_EIGHTHS = (np.array([[0, 0.5, 1] * 3, np.repeat([0, 0.5, 1], 3)]),
            np.array([[c, c + a, c + b] for c in (0, 1, 3, 4) for a, b in ((1, 4), (4, 3))]))


class Surface:
    """The boundary facets, cut into flat simplices; curved facets lie near theirs.

    flat : (dim, corners, pieces) coordinates
    owner : (pieces,) facet of each piece
    """

    def __init__(self, mesh, facets):
        self.mesh, self.facets, self.curved = mesh, facets, is_curved(mesh)
        boundary = facets.boundary
        if self.curved:
            places, simplices = self._places
            s = np.tile(places, len(boundary))
            nodes = self.image(np.repeat(boundary, places.shape[1]), s)
            nodes = nodes.reshape(mesh.p.shape[0], len(boundary), -1)
            self.flat = np.concatenate([nodes[:, :, simplex].transpose(0, 2, 1) for simplex in simplices],
                                       axis=2)
        else:
            self.flat = mesh.p[:, flat_pieces(facets.nodes[:, boundary])]
        self.owner = np.tile(boundary, self.flat.shape[2] // len(boundary))

    def closest(self, points, pieces):
        """For points (dim, m), each with a piece, the closest point of that piece or its curved facet."""
        if not self.curved:
            return closest_points(points, self.flat[:, :, pieces])
        return self.image(self.owner[pieces], self._feet(points, self.owner[pieces]))

    def local(self, points, pieces):
        """(cells, X): the cell and the reference coordinates of the closest points; curved."""
        facets = self.owner[pieces]
        cell, X, _ = self._inside(facets, self._feet(points, facets))
        return cell, X

    def image(self, facets, s):
        """Places of facet coordinates s (dim − 1, m) of facets (m,)."""
        cell, X, _ = self._inside(facets, s)
        return image(self.mesh, X, cell)

    def _inside(self, facets, s):
        """Cell (m,), X (dim, m) and ∂X/∂s (dim, dim − 1, m) of facet coordinates."""
        local, cell = np.divmod(self.facets.first[facets], self.facets.n_cells)
        origin, axes = self._frames
        along = axes[:, :, local]
        return cell, origin[:, local] + np.einsum("dkm,km->dm", along, s), along

    def _feet(self, points, facets):
        """Facet coordinates s minimising |F(X(s)) − x|, by Gauss–Newton from the closest node."""
        places = self._places[0]
        gaps = [self._gap(points, facets, np.repeat(p[:, None], len(facets), axis=1)) for p in places.T]
        s = places[:, np.argmin(gaps, axis=0)]
        for _ in range(_STEPS):
            cell, X, along = self._inside(facets, s)
            tangents = np.einsum("ijm,jkm->mik", jacobian(self.mesh, X, cell), along)
            gap = (points - image(self.mesh, X, cell)).T[:, :, None]
            across = tangents.transpose(0, 2, 1)
            step = np.linalg.solve(across @ tangents, across @ gap)[:, :, 0].T
            s, before = self._clip(s + step), s
            if not (np.abs(s - before) > 1e-15).any():
                break
        return s

    def _gap(self, points, facets, s):
        return ((points - self.image(facets, s)) ** 2).sum(axis=0)

    def _clip(self, s):
        s = np.clip(s, 0.0, 1.0)
        return s if is_tensor(self.mesh) else s / np.maximum(s.sum(axis=0), 1.0)

    @functools.cached_property
    def _places(self):
        if self.mesh.p.shape[0] == 2:
            return _HALVES
        return _EIGHTHS if is_tensor(self.mesh) else _QUARTERS

    @functools.cached_property
    def _frames(self):
        """X = origin + axes s on every local facet: (dim, locals) and (dim, dim − 1, locals)."""
        reference = self.mesh.elem.refdom
        corners = [reference.p[:, list(local)] for local in reference.facets]
        axes = [np.stack([c[:, k] - c[:, 0] for k in (1, -1)[:len(c) - 1]], axis=1) for c in corners]
        return np.stack([c[:, 0] for c in corners], axis=1), np.stack(axes, axis=2)
