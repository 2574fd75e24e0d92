"""Is this mesh a conforming triangulation? Each fault is named with its node or cell."""

import warnings

import numpy as np
import scipy           # its `spatial` is loaded when it is first used
import skfem
from skfem.refdom import RefHex

from fem.mesh.geometry import EPS, extents, outward_normals, rounding, sampled_determinants
from fem.mesh.nodes import CURVED, STRAIGHT, is_curved, vertex_count
from fem.mesh.surface import Surface
from fem.mesh.topology import Facets, build_facets, group_columns

KINDS = STRAIGHT + CURVED


def check_mesh(mesh: skfem.Mesh) -> Facets:
    """Refuse or report a mesh on which a finite element solution would be wrong.

    Inverted cells are accepted: all integrals use |det F'|. A cell counts as degenerate when its
    determinant lies within the rounding of its coordinates, so stretched cells pass.

    Parameters
    ----------
    mesh : skfem.MeshLine, MeshTri, MeshQuad, MeshTet or MeshHex, straight or curved

    Returns
    -------
    Facets
        The facets, which the checks had to build.

    Raises
    ------
    ValueError (IndexError for numbers out of range)
        Wrong shapes, no cells, cells that are not whole numbers or out of range, coordinates not
        finite, a vertex repeated in a cell, a cell of zero measure, the same cell twice, a folded
        cell (det F' of both signs), neighbours on the same side of their common facet (a node
        moved across its neighbours), a facet of more than two cells, a hanging node.
    TypeError
        No mesh of scikit-fem.

    Warns
    -----
    UserWarning
        A node without a cell (left out of every system), two nodes at one place (a crack: values
        on its two sides are independent).

    Notes
    -----
    Interior facets are tested one by one: outward normals of both cells must be opposite. Then
    Σ |K| = ∮ x·n / dim over the boundary (divergence theorem), so that the total measure needs no
    test of its own. Cracks and hanging nodes lie on the boundary of the *topology*, so only
    boundary nodes and facets are searched.

    Examples
    --------
    A node moved across its neighbours:

    >>> from dataclasses import replace
    >>> import fem
    >>> mesh = fem.unit_square(2)
    >>> fem.check_mesh(mesh).boundary.size
    8
    >>> points = mesh.p.copy()
    >>> points[:, 4] = 1.5, 0.5
    >>> fem.check_mesh(replace(mesh, doflocs=points))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: cells 3 and 2 lie on the same side of their common facet ... the mesh folds over ...
    """
    check_numbers(mesh)
    _check_measure(mesh)
    _check_repeated_cells(mesh.t)
    facets = build_facets(mesh.t, mesh.elem.refdom.facets, mesh.elem.refdom is not RefHex)
    _check_sides(mesh, facets)
    _report_unused(mesh)
    _check_seams(mesh, facets)
    return facets


def check_numbers(mesh):
    """The checks of kind, shapes, coordinates and node numbers; see `check_mesh`."""
    if type(mesh) not in KINDS:
        raise TypeError(f"mesh is {type(mesh).__name__}; expected a scikit-fem mesh: MeshLine, MeshTri, "
                        "MeshQuad, MeshTet or MeshHex, or one of second order such as MeshTri2.")
    check_arrays(mesh.p, mesh.t, mesh.elem.refdom)
    if is_curved(mesh) and mesh.p.shape[1] < mesh.dofs.N:
        raise ValueError(f"mesh.p holds {mesh.p.shape[1]} nodes; expected {mesh.dofs.N} for its "
                         f"{mesh.t.shape[1]} cells of second order, vertices first. Build it by "
                         "fem.mesh_from_arrays or fem.curved.")


def unused_nodes(mesh):
    """Numbers of the vertices that belong to no cell."""
    used = np.zeros(vertex_count(mesh), dtype=bool)
    used[mesh.t] = True
    return np.flatnonzero(~used)


def check_arrays(p, t, refdom, nodes=None):
    """The same for raw points (dim, n) and cells (nodes of a cell, n_cells), by default its vertices."""
    dim, corners = refdom.dim(), refdom.nnodes if nodes is None else nodes
    if p.ndim != 2 or p.shape[0] != dim:
        hint = " They look transposed." if p.ndim == 2 and p.shape[1] == dim else ""
        raise ValueError(f"mesh points have shape {p.shape}; expected (dim, n) = ({dim}, n) for "
                         f"{refdom.name} cells.{hint}")
    if t.ndim != 2 or t.shape[0] != corners:
        hint = " They look transposed." if t.ndim == 2 and t.shape[1] == corners else ""
        raise ValueError(f"mesh cells have shape {t.shape}; expected (nodes of a cell, n_cells) = "
                         f"({corners}, n_cells) for {refdom.name} cells.{hint}")
    if t.shape[1] == 0:
        raise ValueError("the mesh has no cells; expected at least one.")
    _check_cell_numbers(t, p.shape[1])
    bad = np.flatnonzero(~np.isfinite(p).all(axis=0))
    if bad.size:
        raise ValueError(f"the coordinates of {_count(bad, 'node')} are not finite: node {bad[0]} "
                         f"is at {tuple(p[:, bad[0]].tolist())}; expected finite numbers.")
    ordered = np.sort(t, axis=0)
    _refuse((ordered[1:] == ordered[:-1]).any(axis=0), t, "repeats a vertex",
            "Every cell needs different vertices: remove it.")


def _check_cell_numbers(t, n_nodes):
    if t.dtype.kind not in "iu":
        fractional = np.flatnonzero((t != np.floor(t)).any(axis=0)) if t.dtype.kind == "f" else t[:0, 0]
        where = f"; cell {fractional[0]} holds fractions" if len(fractional) else ""
        raise ValueError(f"mesh cells have dtype {t.dtype}{where}; expected whole node numbers.")
    outside = np.flatnonzero(((t < 0) | (t >= n_nodes)).any(axis=0))
    if outside.size:
        k = outside[0]
        raise IndexError(f"cell {k} has nodes {tuple(t[:, k].tolist())}; expected numbers from 0 "
                         f"to {n_nodes - 1}.")


def _check_measure(mesh):
    det = sampled_determinants(mesh)
    h = extents(mesh)
    smallest = 16 * h ** (mesh.p.shape[0] - 1) * (rounding(mesh) + EPS * h)
    curved = is_curved(mesh)
    _refuse((det > smallest).any(axis=0) & (det < -smallest).any(axis=0), mesh.t,
            "is folded (its Jacobian changes sign)",
            "Move the nodes on its edges back to about the middle." if curved else
            "Order its vertices around the cell and keep it convex.")
    _refuse((np.abs(det) <= smallest).any(axis=0), mesh.t,
            "has a Jacobian that vanishes somewhere (an angle of 0° or 180°, or zero area or volume)"
            if curved else "has zero length, area or volume",
            "Move its nodes or remove the cell." if curved else "Move a vertex or remove the cell.")


def _check_repeated_cells(t):
    groups = group_columns(np.sort(t, axis=0))
    twice = np.flatnonzero(groups.size > 1)
    if twice.size:
        one, two = np.flatnonzero(groups.inverse == twice[0])[:2]
        raise ValueError(f"cells {one} and {two} have the same nodes {tuple(t[:, one].tolist())} "
                         f"({_count(twice, 'repeated cell')}); its integral would count twice. "
                         "Remove one.")


def _check_sides(mesh, facets):
    crowded = np.flatnonzero(facets.sides > 2)
    if crowded.size:
        f = crowded[0]
        raise ValueError(f"the facet with nodes {tuple(facets.nodes[:, f].tolist())} belongs to "
                         f"{facets.sides[f]} cells; expected one or two. Cells overlap there.")
    inner = np.flatnonzero(facets.sides == 2)
    normals = outward_normals(mesh).reshape(mesh.p.shape[0], -1)
    first, last = facets.first[inner], facets.last[inner]
    same = np.flatnonzero(np.einsum("dn,dn->n", normals[:, first], normals[:, last]) >= 0)
    if same.size:
        f = inner[same[0]]
        one, two = (int(c) for c in facets.cells[:, f])
        raise ValueError(f"cells {one} and {two} lie on the same side of their common facet with "
                         f"nodes {tuple(facets.nodes[:, f].tolist())} ({_count(same, 'such facet')}"
                         "): the mesh folds over itself. Move the node that crossed its neighbours "
                         "back.")


def _report_unused(mesh):
    unused = unused_nodes(mesh)
    if unused.size:
        warnings.warn(f"{_count(unused, 'node')} of the mesh belong to no cell, first node "
                      f"{unused[0]}; left out of every system, with value 0.", stacklevel=4)


def _check_seams(mesh, facets):
    """Cracks and hanging nodes: boundary vertices that meet other boundary vertices or facets."""
    boundary = facets.boundary
    nodes = np.unique(facets.nodes[:, boundary])
    near = _node_tolerance(mesh)[nodes]
    tree = scipy.spatial.cKDTree(mesh.p[:, nodes].T)
    _report_cracks(mesh, nodes, near, tree)
    if mesh.p.shape[0] > 1:
        _check_hanging(mesh, facets, nodes, near, tree)


def _node_tolerance(mesh):
    """Distance within which places count as one: 1e-10 of the thinnest adjacent cell's height."""
    h = extents(mesh)
    height = np.abs(sampled_determinants(mesh)).min(axis=0) / h ** (mesh.p.shape[0] - 1)
    size = 1e-10 * height + 4 * rounding(mesh)
    result = np.full(mesh.p.shape[1], np.inf)
    for corner in mesh.t:
        np.minimum.at(result, corner, size)
    return result


def _report_cracks(mesh, nodes, near, tree):
    if len(nodes) < 2:
        return
    distance, index = tree.query(tree.data, k=2)
    crack = np.flatnonzero(distance[:, 1] <= near)
    if crack.size:
        a = crack[0]
        b = index[a][index[a] != a][0]
        warnings.warn(f"nodes {nodes[a]} and {nodes[b]} are both at {_place(mesh, nodes[a])} "
                      f"({_count(crack, 'such node')}): a crack, the solution jumps there. Merge "
                      "them unless that is meant (mesh.remove_duplicate_nodes()).", stacklevel=5)


def _check_hanging(mesh, facets, nodes, near, tree):
    surface = Surface(mesh, facets)
    piece, candidate = _close_pairs(surface, tree)
    other = (facets.nodes[:, surface.owner[piece]] != nodes[candidate]).all(axis=0)
    piece, candidate = piece[other], candidate[other]
    points = mesh.p[:, nodes[candidate]]
    gap = points - surface.closest(points, piece)
    corners = mesh.p[:, facets.nodes[:, surface.owner[piece]]]
    to_corner = np.sqrt(((corners - points[:, None]) ** 2).sum(axis=0)).min(axis=0)
    hanging = (np.sqrt((gap ** 2).sum(axis=0)) <= near[candidate]) & (to_corner > near[candidate])
    if hanging.any():
        k = np.flatnonzero(hanging)[0]
        node, facet = nodes[candidate[k]], facets.nodes[:, surface.owner[piece[k]]]
        raise ValueError(f"node {node} at {_place(mesh, node)} hangs on the facet with nodes "
                         f"{tuple(facet.tolist())} ({hanging.sum()} such places): the solution "
                         "would be torn there. Refine the cell of that facet through the node.")


def _close_pairs(surface, tree):
    """(piece, candidate) numbers of flat pieces and the nodes of the tree in balls around them."""
    centre = surface.flat.mean(axis=1)
    radius = np.sqrt(((surface.flat - centre[:, None]) ** 2).sum(axis=0)).max(axis=0)
    found = tree.query_ball_point(centre.T, radius * (1.5 if surface.curved else 1 + 1e-9))
    piece = np.repeat(np.arange(len(found)), [len(f) for f in found])
    return piece, np.concatenate([np.asarray(f, dtype=np.int64) for f in found])


def _refuse(bad, t, what, remedy):
    cells = np.flatnonzero(bad)
    if cells.size:
        k = cells[0]
        raise ValueError(f"cell {k} with nodes {tuple(t[:, k].tolist())} {what} "
                         f"({_count(cells, 'such cell')}). {remedy}")


def _count(numbers, noun):
    return f"{len(numbers)} {noun}{'' if len(numbers) == 1 else 's'}"


def _place(mesh, node):
    return "(" + ", ".join(f"{x:.6g}" for x in mesh.p[:, node]) + ")"
