"""Constant sparse maps of a tensor-product grid, and the structures of its forms."""

import functools

import numpy as np

from fem.grid import stencil
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.structure import Structure
from pcl.support.arrays import frozen, scaled_rows, scatter_rows, selection


class GridMaps:
    """Differences G, volumes V and the forms made of them; see `fem.Grid` for the formulas.

    Everything is built on first use and then kept, so that a form has the same structure object for
    good.

    Parameters
    ----------
    axes : tuple of ndarray
        Increasing coordinates.
    """

    def __init__(self, axes):
        self.axes, self.shape = axes, tuple(len(x) for x in axes)
        self.n = int(np.prod(self.shape))
        self.faces_along = [self.n // m * (m - 1) for m in self.shape]
        self.n_faces = sum(self.faces_along)
        self._snapshots = {}

    @functools.cached_property
    def points(self):
        """(n, dim)."""
        return frozen(stencil.lattice(self.axes))

    @functools.cached_property
    def volumes(self):
        """V, (n,)."""
        return frozen(stencil.outer([stencil.widths(x) for x in self.axes]))

    @functools.cached_property
    def face_points(self):
        """(n_faces, dim)."""
        parts = stencil.with_direction(self.axes, stencil.midpoints, lambda x: x)
        return frozen(np.concatenate([stencil.lattice(p) for p in parts]))

    @functools.cached_property
    def face_nodes(self):
        """(n_faces, 2)."""
        return frozen(stencil.face_nodes(self.shape))

    @functools.cached_property
    def face_directions(self):
        """(n_faces,)."""
        return frozen(np.repeat(np.arange(len(self.axes)), self.faces_along))

    @functools.cached_property
    def face_mean(self):
        """u ↦ (u_a + u_b)/2, a LinearMap (n_faces, n)."""
        return LinearMap(scatter_rows(np.full((self.n_faces, 2), 0.5), self.face_nodes, self.n))

    @functools.cached_property
    def gradient(self):
        """G, a LinearMap (n_faces, n)."""
        return LinearMap(self._differences)

    @functools.cached_property
    def divergence(self):
        """D = −diag(1/V) Gᵀ diag(A_f h_f), a LinearMap (n, n_faces)."""
        return LinearMap(-scaled_rows(self._weighted_differences.T.tocsr(), 1.0 / self.volumes))

    @functools.cached_property
    def derivatives(self):
        """∂/∂x_d at nodes for each d, LinearMaps (n, n)."""
        return [LinearMap(stencil.nodal_derivative(self.axes, d)) for d in range(len(self.axes))]

    @functools.cached_property
    def laplace(self):
        """Gᵀ diag(A_f h_f κ) G."""
        return Structure(self._weighted_differences, self._differences)

    @functools.cached_property
    def strong(self):
        """−D diag(κ) G."""
        return Structure(-self.divergence.matrix.T, self._differences)

    def strong_snapshots(self, k):
        """−D diag(κ) G for k snapshots with their own κ, on (n, k) arrays flattened row by row."""
        if k not in self._snapshots:
            columns = self.strong.columns(k)
            self._snapshots[k] = Structure(columns.test, columns.trial)
        return self._snapshots[k]

    @functools.cached_property
    def mass(self):
        """diag(V ρ)."""
        ones = selection(np.arange(self.n), self.n)
        return Structure(scaled_rows(ones, self.volumes), ones)

    @functools.cached_property
    def _differences(self):
        """G, (n_faces, n)."""
        steps = stencil.with_direction(self.axes, np.diff, np.ones_like)
        slopes = 1.0 / np.concatenate([stencil.outer(s) for s in steps])
        return scatter_rows(np.stack([-slopes, slopes], axis=1), self.face_nodes, self.n)

    @functools.cached_property
    def _weighted_differences(self):
        """diag(A_f h_f) G, (n_faces, n)."""
        parts = stencil.with_direction(self.axes, np.diff, stencil.widths)
        return scaled_rows(self._differences, np.concatenate([stencil.outer(p) for p in parts]))
