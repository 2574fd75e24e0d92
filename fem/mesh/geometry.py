"""Jacobians, sizes and facet normals of cells, straight or curved, for all cells at once."""

import itertools

import numpy as np

from fem.mesh.nodes import cell_nodes, is_tensor
from fem.mesh.nodes import is_curved as is_curved

EPS = np.finfo(np.float64).eps


def jacobian(mesh, points, cells=None):
    """F'(X) of the map F from the reference cell, shape (dim, dim, n).

    One reference point (dim,) for all of `cells`, or (dim, n) with one point a cell.
    """
    t = _nodes_of(mesh, cells)
    element = mesh.elem()
    at = points[:, None] if points.ndim == 1 else points
    result = np.zeros((mesh.p.shape[0], mesh.p.shape[0], t.shape[1]))
    for a in range(t.shape[0]):
        gradient = np.asarray(element.lbasis(at, a)[1], dtype=np.float64)
        result += mesh.p[:, t[a]][:, None, :] * gradient[None, :, :]
    return result


def image(mesh, points, cells=None):
    """F(X), shape (dim, n), for reference points as in `jacobian`."""
    t = _nodes_of(mesh, cells)
    element = mesh.elem()
    at = points[:, None] if points.ndim == 1 else points
    return sum(mesh.p[:, t[a]] * element.lbasis(at, a)[0] for a in range(t.shape[0]))


def _nodes_of(mesh, cells):
    t = cell_nodes(mesh)
    return t if cells is None else t[:, cells]


def determinant(J):
    """det J for J of shape (dim, dim, n), dim ≤ 3, without a loop over n."""
    if J.shape[0] == 1:
        return J[0, 0]
    if J.shape[0] == 2:
        return J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]
    return np.einsum("in,in->n", J[0], np.cross(J[1], J[2], axis=0))


def adjugate(J):
    """det J · J⁻¹ for J of shape (dim, dim, n)."""
    if J.shape[0] == 1:
        return np.ones_like(J)
    if J.shape[0] == 2:
        return np.array([[J[1, 1], -J[0, 1]], [-J[1, 0], J[0, 0]]])
    rows = [np.cross(J[1], J[2], axis=0), np.cross(J[2], J[0], axis=0), np.cross(J[0], J[1], axis=0)]
    return np.array(rows).transpose(1, 0, 2)


def sampled_determinants(mesh):
    """det F' at enough points of every cell, (points, n_cells), to see a change of its sign.

    Straight simplices: one. Straight quadrilaterals and hexahedra: the corners. Curved cells: a lattice
    with five points an edge; between two of them a determinant of this low degree cannot change its sign
    and back unless it nearly vanishes.
    """
    if is_curved(mesh):
        lattice = np.array(list(itertools.product(np.linspace(0, 1, 5), repeat=mesh.p.shape[0])))
        points = lattice if is_tensor(mesh) else lattice[lattice.sum(axis=1) <= 1]
    else:
        points = mesh.elem.refdom.p.T if is_tensor(mesh) else mesh.elem.refdom.p.T[:1]
    nodes, element = mesh.p[:, cell_nodes(mesh)], mesh.elem()
    gradients = np.array([element.lbasis(points.T, a)[1] * np.ones(len(points))
                          for a in range(nodes.shape[1])])                # (nodes, dim, points)
    return np.array([determinant(np.einsum("ian,ad->idn", nodes, gradients[:, :, k]))
                     for k in range(len(points))])


def extents(mesh):
    """Longest side of the bounding box of every cell's nodes, (n_cells,)."""
    nodes = cell_nodes(mesh)
    return np.max([np.ptp(x[nodes], axis=0) for x in mesh.p], axis=0)


def rounding(mesh):
    """Size of the rounding errors of coordinate differences in every cell, (n_cells,)."""
    nodes = cell_nodes(mesh)
    return EPS * np.max([np.abs(x)[nodes].max(axis=0) for x in mesh.p], axis=0)


def bounding_boxes(mesh):
    """Lower and upper corners, (dim, n_cells) each, of boxes that contain the cells.

    A straight cell is in the hull of its vertices, a curved one in the hull of its Bézier points
    b = B⁻¹ x, where B_ij is the j-th Bernstein polynomial at the i-th node.
    """
    nodes = cell_nodes(mesh)
    if not is_curved(mesh):
        return (np.min([mesh.p[:, c] for c in nodes], axis=0),
                np.max([mesh.p[:, c] for c in nodes], axis=0))
    inverse = np.linalg.inv(_bernstein(mesh))
    hull = np.einsum("ij,djn->din", inverse, mesh.p[:, nodes])
    return hull.min(axis=1), hull.max(axis=1)


def _bernstein(mesh):
    """Second-order Bernstein polynomials at the nodes of the reference cell, (nodes, nodes)."""
    X = mesh.elem.doflocs
    if is_tensor(mesh):
        along = np.stack([(1 - X) ** 2, 2 * X * (1 - X), X ** 2])        # (3, nodes, dim)
        return np.array([np.prod([along[k, :, d] for d, k in enumerate(powers)], axis=0)
                         for powers in (2 * X).astype(int)]).T
    weights = np.column_stack([1 - X.sum(axis=1), X])                    # barycentric
    powers = (2 * weights).round().astype(int)
    factor = np.where((powers == 2).any(axis=1), 1, 2)
    return np.array([c * np.prod(weights ** p, axis=1) for c, p in zip(factor, powers)]).T


def outward_normals(mesh):
    """Normals of all facets at their midpoints, out of the cell, (dim, facets of a cell, n_cells).

    Straight cells: their length is a measure of the facet; for a warped quadrilateral face it is the
    normal of the plane spanned by its diagonals. The outward side is the one away from the cell's centre.
    Curved cells: F'⁻ᵀ N with the reference cell's normal N, up to a positive factor.
    """
    if is_curved(mesh):
        return _curved_normals(mesh)
    locals_ = mesh.elem.refdom.facets
    centre = mesh.p[:, mesh.t].mean(axis=1)
    result = np.empty((mesh.p.shape[0], len(locals_), mesh.t.shape[1]))
    for f, local in enumerate(locals_):
        corners = mesh.p[:, mesh.t[list(local)]]                    # (dim, nodes, n_cells)
        normal = _normal(corners)
        outward = np.einsum("dn,dn->n", normal, corners.mean(axis=1) - centre)
        result[:, f] = normal * np.where(outward < 0, -1.0, 1.0)
    return result


def _curved_normals(mesh):
    reference = mesh.elem.refdom
    result = np.empty((mesh.p.shape[0], len(reference.facets), mesh.t.shape[1]))
    for f, local in enumerate(reference.facets):
        J = jacobian(mesh, reference.p[:, list(local)].mean(axis=1))
        covector = np.einsum("ijn,i->jn", adjugate(J), reference.normals[f])
        result[:, f] = np.sign(determinant(J)) * covector
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
