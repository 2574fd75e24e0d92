"""Kinds of meshes, straight and of second order: which nodes a cell has.

scikit-fem keeps the vertices of a cell in `mesh.t` for both. Of a mesh of second order `mesh.p` holds the
vertices first, then the nodes on edges, facets and in cells, in the order of the numbering
`mesh.dofs.element_dofs` of its element.
"""

from skfem.element import ElementHex2, ElementQuad2, ElementTetP2, ElementTriP2
from skfem.mesh import (MeshHex1, MeshHex2, MeshLine1, MeshQuad1, MeshQuad2, MeshTet1, MeshTet2,
                        MeshTri1, MeshTri2)
from skfem.refdom import RefHex, RefQuad

STRAIGHT = (MeshLine1, MeshTri1, MeshQuad1, MeshTet1, MeshHex1)
CURVED = (MeshTri2, MeshQuad2, MeshTet2, MeshHex2)
_SECOND_ORDER = (ElementTriP2, ElementQuad2, ElementTetP2, ElementHex2)


def is_curved(mesh):
    """Whether its cells are images of the reference cell by polynomials of second order."""
    return mesh.elem in _SECOND_ORDER


def is_tensor(mesh):
    """Whether the cells are quadrilaterals or hexahedra, maps and elements products of polynomials."""
    return mesh.elem.refdom in (RefQuad, RefHex)


def cell_nodes(mesh):
    """Numbers in `mesh.p` of all nodes of the cells, vertices first, (nodes of a cell, n_cells)."""
    return mesh.dofs.element_dofs if is_curved(mesh) else mesh.t


def vertex_count(mesh):
    """Number of vertices, with those of no cell: the nodes of an element with values at vertices only."""
    return mesh.nvertices if is_curved(mesh) else mesh.p.shape[1]
