"""Cells by the names that files have for them, and the order of their nodes there and in scikit-fem.

Names and order of nodes are those of VTK (and of meshio); of Gmsh, where it differs, see `gmsh_order`.
"""

import functools

import numpy as np
from skfem.mesh import (MeshHex1, MeshHex2, MeshLine1, MeshQuad1, MeshQuad2, MeshTet1, MeshTet2,
                        MeshTri1, MeshTri2)

KINDS = {"line": MeshLine1, "triangle": MeshTri1, "quad": MeshQuad1, "tetra": MeshTet1,
         "hexahedron": MeshHex1, "triangle6": MeshTri2, "quad9": MeshQuad2, "tetra10": MeshTet2,
         "hexahedron27": MeshHex2}
NAMES = {kind: name for name, kind in KINDS.items()}
# The same cells with nodes in the middle of edges, faces and cells.
SECOND = {"line": "line3", "triangle": "triangle6", "quad": "quad9", "tetra": "tetra10",
          "hexahedron": "hexahedron27"}

# Their facets.
FACETS = {"line": ("vertex",), "triangle": ("line",), "quad": ("line",), "tetra": ("triangle",),
          "hexahedron": ("quad",)}

_DIMENSION = {"vertex": 0, "line": 1, "triangle": 2, "quad": 2, "tetra": 3, "hexahedron": 3, "wedge": 3,
              "pyramid": 3, "polygon": 2, "polyhedron": 3}
_CORNERS = {"vertex": 1, "line": 2, "triangle": 3, "quad": 4, "tetra": 4, "hexahedron": 8}

# Corners of VTK's hexahedron; the middles of its edges, faces and itself, as corners that they average.
_HEX = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
_HEX_EDGES = "01 12 23 30 45 56 67 74 04 15 26 37".split()
_HEX_FACES = "0473 1562 0154 3762 0321 4567".split()
# Gmsh's order of the same middles: Gmsh reference manual, section "Node ordering".
_GMSH_HEX = ("01 03 04 12 15 23 26 37 45 47 56 67 0321 0154 0473 1562 3762 4567 01234567").split()


def base(name):
    """'triangle' of 'triangle6', and so on."""
    return name.rstrip("0123456789")


def dimension(name):
    """Topological dimension of a cell, None of one that is not known."""
    return _DIMENSION.get(base(name))


def corners(name):
    """Number of vertices of a line, triangle, quadrilateral, tetrahedron or hexahedron."""
    return _CORNERS[base(name)]


@functools.cache
def from_vtk(name):
    """Places in VTK's list of a cell's nodes, in scikit-fem's order: t = cells[:, from_vtk(name)].T.

    Only hexahedra differ. scikit-fem's first vertex is at (1, 1, 1) of its reference cell; taken as VTK's
    first one, turned about the centre, hexahedra keep their orientation.
    """
    if base(name) != "hexahedron":
        return np.arange(3 if name == "line3" else len(KINDS[name].elem.doflocs))
    places = {tuple(p): k for k, p in enumerate(1 - _hexahedron(_HEX_EDGES + _HEX_FACES + ["01234567"]))}
    return np.array([places[tuple(p)] for p in KINDS[name].elem.doflocs])


def to_vtk(name):
    """The inverse of `from_vtk`: cells = t.T[:, to_vtk(name)]."""
    return np.argsort(from_vtk(name))


@functools.cache
def gmsh_order(name):
    """Places in Gmsh's list of a cell's nodes, in VTK's order; None where they agree."""
    if name == "tetra10":
        return np.array([0, 1, 2, 3, 4, 5, 6, 7, 9, 8])
    if name == "hexahedron27":
        places = {tuple(p): k for k, p in enumerate(_hexahedron(_GMSH_HEX))}
        return np.array([places[tuple(p)]
                         for p in _hexahedron(_HEX_EDGES + _HEX_FACES + ["01234567"])])
    return None


def _hexahedron(middles):
    return np.vstack([_HEX, [_HEX[[int(c) for c in corners]].mean(axis=0) for corners in middles]])
