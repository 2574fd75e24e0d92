"""Edges and facets of plane meshes as lines, curved ones as curves."""

import numpy as np

from fem.mesh.geometry import image
from fem.mesh.nodes import is_curved


class Edges:
    """Facets of a plane mesh as lines of a few points.

    cells (m·points,), X (dim, m·points): where each point lies in the cell of its facet.
    """

    def __init__(self, mesh, facets, numbers, parts=None):
        parts = parts or (8 if is_curved(mesh) else 1)
        local, cell = np.divmod(facets.first[np.asarray(numbers, dtype=np.int64)], facets.n_cells)
        corners = np.array([mesh.elem.refdom.p[:, list(f)] for f in mesh.elem.refdom.facets])[local]
        s = np.linspace(0, 1, parts + 1)
        X = corners[:, :, :1] * (1 - s) + corners[:, :, 1:] * s           # (m, dim, points)
        self.count, self.each = len(cell), parts + 1
        self.X = X.transpose(1, 0, 2).reshape(2, -1)
        self.cells = np.repeat(cell, parts + 1)
        self.points = image(mesh, self.X, self.cells).T

    def lines(self, shift=0.0):
        """(m, points, 2), moved by `shift` (m·points, 2)."""
        return (self.points + shift).reshape(self.count, self.each, 2)
