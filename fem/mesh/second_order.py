"""Meshes of second order: from arrays with nodes on edges, or straight ones bent to a boundary."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import skfem
from skfem.assembly import Dofs

from fem.common.places import truth_of
from fem.mesh.check import check_mesh
from fem.mesh.geometry import EPS
from fem.mesh.nodes import CURVED, STRAIGHT, cell_nodes, is_curved, is_tensor
from pcl.support.types import Array, Where
from pcl.support.validate import float64_array, known

_STRAIGHT_OF = dict(zip(CURVED, STRAIGHT[1:]))
_CURVED_OF = {straight: curved for curved, straight in _STRAIGHT_OF.items()}


def second_order_mesh(kind, points, cells):
    """The scikit-fem mesh `kind` of cells (all nodes of a cell, n_cells) in scikit-fem's order.

    scikit-fem numbers vertices first and keeps one node an edge; nodes of no cell are left out. Where
    cells that share an edge or facet place its node differently scikit-fem takes the last one; here
    that is refused. Triangles list their vertices in ascending order, as scikit-fem's straight ones do:
    elements with several functions an edge rely on it.
    """
    corners, element = kind.elem.refdom.nnodes, kind.elem()
    vertices, number = np.unique(cells[:corners], return_inverse=True)
    t = number.reshape(corners, -1).astype(np.int32)
    straight = _STRAIGHT_OF[kind](np.ascontiguousarray(points[:, vertices]), t)
    numbers = Dofs(replace(straight, t=t, sort_t=False), element)
    places = np.zeros((len(points), numbers.N))
    places[:, numbers.element_dofs] = points[:, cells]
    _check_shared(points[:, cells], places[:, numbers.element_dofs], cells)
    return kind(places, straight.t)


def _check_shared(given, kept, cells):
    gap, size = np.abs(given - kept).max(axis=0), np.abs(given).max()
    torn = np.argwhere(gap.T > 16 * EPS * size)
    if torn.size:
        k, node = torn[0]
        raise ValueError(f"cell {k} places node {cells[node, k]} of an edge or face at "
                         f"{tuple(given[:, node, k].tolist())}, its neighbour at "
                         f"{tuple(kept[:, node, k].tolist())} ({len(torn)} such places): the mesh gapes "
                         "there. Give both cells the same node.")


def curved(mesh: skfem.Mesh, onto: Callable[[Array], Any], where: Where = None) -> skfem.Mesh:
    """The mesh with second-order cells whose boundary nodes are moved onto a curved boundary.

    The nodes at the middle of boundary edges (and faces) go to onto(x); vertices are moved too, which
    changes nothing where they lie on the boundary already. Nodes inside stay, those in the middle of
    quadrilaterals and of faces and hexahedra follow the edges around them.

    Parameters
    ----------
    mesh : skfem.MeshTri, MeshQuad, MeshTet or MeshHex, or one of second order
    onto : function (m, dim) -> (m, dim)
        The point of the curve or surface that belongs to a point near it, for a unit circle
        `lambda x: x / np.linalg.norm(x, axis=1)[:, None]`.
    where : optional
        Name or names in mesh.boundaries, or a predicate on midpoints (m, dim) of the boundary facets;
        by default the whole boundary.

    Returns
    -------
    skfem.MeshTri2, MeshQuad2, MeshTet2 or MeshHex2, with the names of boundaries and regions.

    Raises
    ------
    TypeError, ValueError
        Intervals, unknown names, onto(x) of the wrong shape or not finite, or cells that fold.

    Examples
    --------
    Nodes of the outer edges moved onto the unit circle:

    >>> import numpy as np
    >>> import fem
    >>> straight = fem.disk(2, order=1)
    >>> mesh = fem.curved(straight, lambda x: x / np.linalg.norm(x, axis=1)[:, None], "circle")
    >>> [round(float(fem.Space(m).quadrature_weights.sum()), 4) for m in (straight, mesh)]
    [3.0, 3.1411]
    """
    facets = check_mesh(mesh)
    if type(mesh) is STRAIGHT[0]:
        raise TypeError("mesh is MeshLine1; intervals cannot be curved: expected a mesh in 2-D or 3-D.")
    if not callable(onto):
        raise TypeError(f"onto is {onto!r}; expected a function of points (m, dim) on the boundary.")
    bent = mesh if is_curved(mesh) else _raised(mesh)
    nodes = bent.dofs.get_facet_dofs(_facets(mesh, where, facets)).flatten()
    places = bent.p.copy()
    places[:, nodes] = float64_array("onto(x)", onto(bent.p[:, nodes].T),
                                     shape=(len(nodes), len(places))).T
    _follow(bent, places, nodes)
    result = type(bent)(places, bent.t).with_boundaries(mesh.boundaries or {})
    result = result.with_subdomains(mesh.subdomains or {})
    check_mesh(result)
    return result


def _facets(mesh, where, facets):
    """Numbers of the boundary facets meant by `where`; see `curved`."""
    if where is None:
        return facets.boundary
    if callable(where):
        midpoints = facets.midpoints(mesh.p, facets.boundary)
        chosen = facets.boundary[truth_of(where, midpoints)]
    else:
        parts = mesh.boundaries or {}
        names = [where] if isinstance(where, str) else where
        chosen = np.unique(np.concatenate([parts[known("where", name, parts)] for name in names]))
    if not len(chosen):
        raise ValueError(f"where={where!r} selects no facet of the boundary.")
    return chosen


def _raised(mesh):
    """The straight mesh with nodes in the middle of edges, faces and cells."""
    kind = _CURVED_OF[type(mesh)]
    element = kind.elem()
    numbers = Dofs(mesh, element)
    places = np.zeros((len(mesh.p), numbers.N))
    places[:, numbers.element_dofs.T] = mesh.mapping().F(element.doflocs.T)   # (dim, cells, nodes)
    places[:, mesh.t] = mesh.p[:, mesh.t]                                     # free of rounding
    return kind(places, mesh.t)


def _follow(mesh, places, moved):
    """Nodes in the middle of faces and cells follow the nodes around them, where those were moved.

        x = Σ_{j < dim} (−1)^(dim − 1 − j) C(dim, j) m_j,    dim = 2 or 3 of the face or cell,

    with m_j the mean over its corners (j = 0), the nodes of its edges (1) and faces (2): the middle of
    the transfinite map.

    Source: W. J. Gordon, C. A. Hall, Transfinite element methods, Numer. Math. 21 (1973).
    """
    X, nodes = mesh.elem.doflocs, cell_nodes(mesh)
    halves = (X == 0.5).sum(axis=1)
    changed = np.zeros(places.shape[1], dtype=bool)
    changed[moved] = True
    for local in np.flatnonzero(halves > 1) if is_tensor(mesh) else ():
        dim, fixed = halves[local], X[local] != 0.5
        beside = (X[:, fixed] == X[local, fixed]).all(axis=1)
        around = [nodes[beside & (halves == j)] for j in range(dim)]
        target = sum((-1) ** (dim - 1 - j) * math.comb(dim, j) * places[:, around[j]].mean(axis=1)
                     for j in range(dim))
        follows = changed[np.concatenate(around)].any(axis=0) & ~changed[nodes[local]]
        places[:, nodes[local, follows]] = target[:, follows]
        changed[nodes[local, follows]] = True
