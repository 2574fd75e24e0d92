"""Constant sparse maps of a space on its cells, and the structures of its forms."""

import functools

import numpy as np
import scipy.sparse as sp

from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.structure import Structure
from pcl.support.arrays import scaled_rows, scatter_rows


class CellMaps:
    """B[k, i] = φ_i(x_k), G[(k, d), i] = ∂φ_i/∂x_d (x_k) and the forms made of them.

    A form Σ_k c_k w_k (…) is a `Structure` whose test map carries the weights w_k. Everything is
    built on first use and then kept, so that a form has the same structure object for good.

    Parameters
    ----------
    mesh, element : scikit-fem objects
    cell_dofs : (functions, n_cells) numbers of the cells' basis functions
    n : int
        Columns.
    X : (dim, points) quadrature points in the reference cell
    weights : (q,)
    """

    def __init__(self, mesh, element, cell_dofs, n, X, weights):
        self.mesh, self.element, self.cell_dofs = mesh, element, cell_dofs
        self.n, self.X, self.weights = n, X, weights
        self.dim, self.n_cells = mesh.p.shape[0], mesh.t.shape[1]

    @functools.cached_property
    def values(self):
        """B, (q, n)."""
        table = np.array([self._tabulate(i)[0] for i in range(len(self.cell_dofs))])
        return self._scatter(table.transpose(1, 2, 0))               # (cells, points, functions)

    @functools.cached_property
    def gradients(self):
        """G, (q·dim, n), rows (point, direction)."""
        shape = (self.n_cells, self.X.shape[1], self.dim, len(self.cell_dofs))
        table = np.empty(shape)
        for i in range(shape[-1]):
            table[..., i] = self._tabulate(i)[1].transpose(1, 2, 0)
        return self._scatter(table)

    @functools.cached_property
    def laplace(self):
        """Σ_k κ_k w_k ∇φ_j·∇φ_i."""
        return Structure(self._weighted_gradients, self.gradients, group=self.dim)

    @functools.cached_property
    def has_constant_gradients(self):
        """Whether ∇φ_i is the same at all points of a cell, as on simplices with P1."""
        first = np.repeat(np.arange(self.n_cells) * self.X.shape[1], self.X.shape[1])
        rows = (first[:, None] * self.dim + np.arange(self.dim)).ravel()
        difference = self.gradients - self.gradients[rows]
        return bool(np.abs(difference.data).max(initial=0.0) <= 1e-14 * np.abs(self.gradients.data).max())

    @functools.cached_property
    def cell_sums(self):
        """f at points ↦ Σ w f over each cell, (n_cells, q)."""
        q = len(self.weights)
        ends = np.arange(0, q + 1, self.X.shape[1])
        return sp.csr_array((self.weights, np.arange(q), ends), shape=(self.n_cells, q))

    @functools.cached_property
    def cell_laplace(self):
        """Σ_cells c ∇φ_j·∇φ_i with c = ∫ κ over the cell, where gradients are constant."""
        first = np.arange(self.n_cells)[:, None] * self.X.shape[1] * self.dim
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

    def _tabulate(self, i):
        """Basis function i of every cell at its points: (cells, points), (dim, cells, points)."""
        field = self.element.gbasis(self.mesh.mapping(), self.X, i)[0]
        return np.asarray(field), np.asarray(field.grad)

    def _scatter(self, table):
        """(cells, points, …, functions) as a sparse matrix with one row a leading entry."""
        leading = table.size // (table.shape[-1] * self.n_cells)
        return scatter_rows(table, np.repeat(self.cell_dofs.T, leading, axis=0), self.n)
