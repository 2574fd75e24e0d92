"""Jacobians, sizes and facet normals of straight-sided cells, for all cells at once."""

import numpy as np
from skfem.refdom import RefHex, RefQuad

EPS = np.finfo(np.float64).eps


def jacobian(mesh, points, cells=None):
    """F'(X) of the map F from the reference cell, shape (dim, dim, n).

    One reference point (dim,) for all of `cells`, or (dim, n) with one point a cell.
    """
    t = mesh.t if cells is None else mesh.t[:, cells]
    element = mesh.elem()
    at = points[:, None] if points.ndim == 1 else points
    result = np.zeros((mesh.p.shape[0], mesh.p.shape[0], t.shape[1]))
    for a in range(t.shape[0]):
        gradient = np.asarray(element.lbasis(at, a)[1], dtype=np.float64)
        result += mesh.p[:, t[a]][:, None, :] * gradient[None, :, :]
    return result


def determinant(J):
    """det J for J of shape (dim, dim, n), dim ≤ 3, without a loop over n."""
    if J.shape[0] == 1:
        return J[0, 0]
    if J.shape[0] == 2:
        return J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]
    return np.einsum("in,in->n", J[0], np.cross(J[1], J[2], axis=0))


def corner_determinants(mesh):
    """det F' at the corners of every cell, (corners, n_cells); one row for simplices."""
    corners = mesh.elem.refdom.p
    count = corners.shape[1] if mesh.elem.refdom in (RefQuad, RefHex) else 1
    return np.array([determinant(jacobian(mesh, corners[:, i])) for i in range(count)])


def extents(mesh):
    """Longest side of every cell's bounding box, (n_cells,)."""
    return np.max([np.ptp(x[mesh.t], axis=0) for x in mesh.p], axis=0)


def rounding(mesh):
    """Size of the rounding errors of coordinate differences in every cell, (n_cells,)."""
    return EPS * np.max([np.abs(x)[mesh.t].max(axis=0) for x in mesh.p], axis=0)


def outward_normals(mesh):
    """Normals of all facets, pointing out of the cell, (dim, facets of a cell, n_cells).

    Their length is a measure of the facet; for a curved quadrilateral face it is the normal of the
    plane spanned by its diagonals. The outward side is the one away from the cell's centre.
    """
    locals_ = mesh.elem.refdom.facets
    centre = mesh.p[:, mesh.t].mean(axis=1)
    result = np.empty((mesh.p.shape[0], len(locals_), mesh.t.shape[1]))
    for f, local in enumerate(locals_):
        corners = mesh.p[:, mesh.t[list(local)]]                    # (dim, nodes, n_cells)
        normal = _normal(corners)
        outward = np.einsum("dn,dn->n", normal, corners.mean(axis=1) - centre)
        result[:, f] = normal * np.where(outward < 0, -1.0, 1.0)
    return result


def _normal(corners):
    dim, count = corners.shape[:2]
    if dim == 1:
        return np.ones((1, corners.shape[2]))
    if dim == 2:
        edge = corners[:, 1] - corners[:, 0]
        return np.stack([edge[1], -edge[0]])
    first = corners[:, 2] - corners[:, 0] if count == 4 else corners[:, 1] - corners[:, 0]
    second = corners[:, 3] - corners[:, 1] if count == 4 else corners[:, 2] - corners[:, 0]
    return np.cross(first, second, axis=0)


def is_curved(mesh):
    """Whether the cells are images under maps of second order, with nodes beside the vertices."""
    return len(mesh.elem.doflocs) > mesh.elem.refdom.nnodes
