"""Quadrature where an unknown coefficient lives, and the maps from its unknowns to quantities there."""

import numpy as np
import scipy.sparse as sp

from fem.common.coefficient import at_points
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import scaled_rows, selection


class Domain:
    """∫ f w dx ≈ Σ_k weights_k f_k on the cells of a coefficient, or ∫_Γ f w ds.

    Attributes
    ----------
    points : (q, dim), weights : (q,)
    """

    def __init__(self, points, field, numbers, size):
        self._of, self._field, self._numbers, self._size = points, field, numbers, size
        self.points, self.weights = points.points, points.weights
        self._kept = {}

    @property
    def is_boundary(self):
        """Whether it is a part of the boundary."""
        return self._of.normals is not None

    def map(self, quantity):
        """The LinearMap θ ↦ a quantity at the points, (q, *shape); kept.

        A gradient on Γ is the tangential one, (I − n nᵀ) ∇c.
        """
        if quantity not in self._kept:
            rows, shape = self._rows(quantity), self._of.shape(self._field.name, quantity)
            self._kept[quantity] = LinearMap(rows, ((self._size,), shape))
        return self._kept[quantity]

    def weighted(self, quantity):
        """θ ↦ √weights times the quantity, so that Σ of its squares is ∫ |quantity|² w dx; kept."""
        key = "weighted", quantity
        if key not in self._kept:
            of = self.map(quantity)
            entries = of.shape[0] // len(self.weights)
            rows = scaled_rows(of.matrix, np.sqrt(np.repeat(self.weights, entries)))
            self._kept[key] = LinearMap(rows, of.shapes)
        return self._kept[key]

    def coefficient(self, name, value, trailing=()):
        """A guarded coefficient at the points."""
        return at_points(name, value, self.points, trailing, locate=self._of.place)

    def _rows(self, quantity):
        rows = self._of.rows(self._field.name, quantity)
        if self.is_boundary and quantity == "gradient":
            rows = self._tangential @ rows
        if self._numbers is not None:
            rows = rows @ selection(self._numbers, rows.shape[1]).T
        rows = sp.csr_array(rows)
        rows.sort_indices()
        return rows

    @property
    def _tangential(self):
        """I − n nᵀ at every point, for every component."""
        n = self._of.normals
        q, dim = n.shape
        k = self._field.components
        blocks = np.repeat(np.eye(dim) - n[:, :, None] * n[:, None, :], k, axis=0)
        at = np.arange(q * k + 1)
        return sp.bsr_array((blocks, at[:-1], at), shape=(q * k * dim, q * k * dim)).tocsr()
