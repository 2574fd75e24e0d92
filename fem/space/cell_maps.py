"""Constant sparse maps of a space on its cells, and the structures of its forms."""

import functools

import numpy as np
import scipy.sparse as sp

from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.structure import Structure
from pcl.support.arrays import scaled_rows


class CellMaps:
    """B[k, i] = φ_i(x_k), G[(k, d), i] = ∂φ_i/∂x_d (x_k) and the forms made of them.

    A form Σ_k c_k w_k (…) is a `Structure` whose test map carries the weights w_k. Everything is
    built on first use and then kept, so that a form has the same structure object for good.

    Parameters
    ----------
    cells : CellPoints
        Of a space with one field, scalar or a vector.
    """

    def __init__(self, cells):
        self._cells, self._field = cells, next(iter(cells.space.fields))
        self.weights, self.per_cell = cells.weights, cells.per_cell
        self.dim, self.n_cells = cells.space.dim, cells.space.n_cells

    @functools.cached_property
    def values(self):
        """B, (q, n); rows (point, component) of a vector."""
        return self._cells.rows(self._field, "value")

    @functools.cached_property
    def gradients(self):
        """G, (q·dim, n), rows (point, direction)."""
        return self._cells.rows(self._field, "gradient")

    @functools.cached_property
    def laplace(self):
        """Σ_k κ_k w_k ∇φ_j·∇φ_i."""
        return Structure(self._weighted_gradients, self.gradients, group=self.dim)

    @functools.cached_property
    def has_constant_gradients(self):
        """Whether ∇φ_i is the same at all points of a cell, as on simplices with P1."""
        first = np.repeat(np.arange(self.n_cells) * self.per_cell, self.per_cell)
        rows = (first[:, None] * self.dim + np.arange(self.dim)).ravel()
        difference = self.gradients - self.gradients[rows]
        return bool(np.abs(difference.data).max(initial=0.0) <= 1e-14 * np.abs(self.gradients.data).max())

    @functools.cached_property
    def cell_sums(self):
        """f at points ↦ Σ w f over each cell, (n_cells, q)."""
        q = len(self.weights)
        ends = np.arange(0, q + 1, self.per_cell)
        return sp.csr_array((self.weights, np.arange(q), ends), shape=(self.n_cells, q))

    @functools.cached_property
    def cell_laplace(self):
        """Σ_cells c ∇φ_j·∇φ_i with c = ∫ κ over the cell, where gradients are constant."""
        first = np.arange(self.n_cells)[:, None] * self.per_cell * self.dim
        gradients = self.gradients[(first + np.arange(self.dim)).ravel()]
        return Structure(gradients, gradients, group=self.dim)

    @functools.cached_property
    def tensor_laplace(self):
        """Σ_k Σ_de K_kde w_k ∂φ_i/∂x_d ∂φ_j/∂x_e, rows (point, d, e)."""
        rows = np.arange(self.gradients.shape[0]).reshape(-1, self.dim)
        test = np.repeat(rows, self.dim, axis=1).ravel()
        trial = np.tile(rows, self.dim).ravel()
        return Structure(self._weighted_gradients[test], self.gradients[trial])

    @functools.cached_property
    def mass(self):
        """Σ_k ρ_k w_k φ_j φ_i."""
        return Structure(self._weighted_values, self.values)

    @functools.cached_property
    def advection(self):
        """Σ_k Σ_d β_kd w_k φ_i ∂φ_j/∂x_d, rows (point, d)."""
        rows = np.repeat(np.arange(self.values.shape[0]), self.dim)
        return Structure(self._weighted_values[rows], self.gradients)

    @functools.cached_property
    def load(self):
        """f ↦ Σ_k f_k w_k φ_i, a LinearMap (n, q)."""
        return LinearMap(self._weighted_values.T)

    @functools.cached_property
    def _weighted_values(self):
        return scaled_rows(self.values, self.weights)

    @functools.cached_property
    def _weighted_gradients(self):
        return scaled_rows(self.gradients, np.repeat(self.weights, self.dim))
