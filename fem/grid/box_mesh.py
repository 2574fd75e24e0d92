"""The nodes of a grid as corners of intervals, rectangles or boxes: a scikit-fem mesh."""

import numpy as np
from skfem.mesh import MeshHex1, MeshLine1, MeshQuad1

_KINDS = (MeshLine1, MeshQuad1, MeshHex1)


def box_mesh(shape, points):
    """The mesh whose node k is the grid's node k, at points[k]; shape is that of the grid."""
    kind, number = _KINDS[len(shape) - 1], np.arange(len(points)).reshape(shape)
    corners = [number[tuple(slice(1, None) if x else slice(None, -1) for x in vertex)].ravel()
               for vertex in kind.elem.refdom.p.T]
    return kind(np.ascontiguousarray(points.T), np.array(corners, dtype=np.int32))
