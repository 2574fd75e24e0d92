"""Closest points on flat facets: points (1-D), segments (2-D), triangles (3-D)."""

import numpy as np


def flat_pieces(facet_nodes):
    """Facets as simplices: quadrilateral faces a, b, c, d become a, b, c and a, c, d."""
    if facet_nodes.shape[0] < 4:
        return facet_nodes
    return np.hstack([facet_nodes[[0, 1, 2]], facet_nodes[[0, 2, 3]]])


def closest_points(points, corners):
    """The point of each simplex closest to its point.

    points (dim, m); corners (dim, k, m) with k = 1, 2 or 3 corners; returns (dim, m). A triangle's
    closest point is the foot of the perpendicular if that lies inside, else on one of its edges.
    """
    k = corners.shape[1]
    if k == 1:
        return np.broadcast_to(corners[:, 0], points.shape)
    if k == 2:
        return _on_segment(points, corners[:, 0], corners[:, 1])
    edges = [_on_segment(points, corners[:, i], corners[:, (i + 1) % 3]) for i in range(3)]
    foot, inside = _on_plane(points, corners)
    candidates = np.stack([foot, *edges])                            # (4, dim, m)
    distance = ((candidates - points) ** 2).sum(axis=1)
    distance[0, ~inside] = np.inf
    best = distance.argmin(axis=0)
    return candidates[best, :, np.arange(points.shape[1])].T


def _on_segment(x, a, b):
    along = b - a
    s = ((x - a) * along).sum(axis=0) / (along ** 2).sum(axis=0)
    return a + np.clip(s, 0.0, 1.0) * along


def _on_plane(x, corners):
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a, axis=0)
    foot = x - normal * (((x - a) * normal).sum(axis=0) / (normal ** 2).sum(axis=0))
    sides = [(np.cross(q - p, foot - p, axis=0) * normal).sum(axis=0)
             for p, q in ((a, b), (b, c), (c, a))]
    return foot, (np.array(sides) >= 0).all(axis=0)
