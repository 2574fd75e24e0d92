"""One unknown function of a space: an element on the mesh, and the numbers of its basis functions."""

import functools

import numpy as np
from skfem.assembly import Dofs

from fem.mesh.geometry import is_curved
from fem.space.element import (components, describe, has_moments, is_continuous, is_nodal, own,
                               scalar_part, value_shape)
from fem.space.quantities import Quantities
from pcl.support.arrays import frozen


class Field:
    """u_h = Σ u_i φ_i with i from `start` to `start + n − 1` in the vector of the space.

    Nodes come first (all of them for an element with nodes only), then the rest, as scikit-fem has
    them; the components of a vector follow each other at each node.

    Attributes
    ----------
    name : str
    element : scikit-fem element
    start, n : int
    shape : tuple
        Of the value at a point: (), (components,) or (dim, dim).
    cell_dofs : ndarray (functions, n_cells)
        Numbers in the vector of the space.
    dof_points : ndarray (n, dim)
        Where they belong to; nan where that is no point.
    components : int
        Of a `fem.vector`, else 1.
    is_nodal : bool
        Whether each of them, bubbles aside, is the value (of a component) at its point.
    has_moments : bool
        Whether they are values at vertices and mean normal derivatives on facets.
    """

    def __init__(self, name, element, mesh, start=0):
        self.name, self.element, self.start, self._mesh = name, own(element), start, mesh
        self._scalar, self.components = scalar_part(self.element), components(element)
        self.shape = value_shape(element)
        self.is_continuous, self.is_nodal = is_continuous(element), is_nodal(element)
        self.has_moments = has_moments(element)
        self._dofs = Dofs(mesh, self._scalar)
        numbers = np.asarray(self._dofs.element_dofs, dtype=np.int64)
        self._only_nodes = len(numbers) == mesh.elem.refdom.nnodes * self._scalar.nodal_dofs
        nodes = mesh.nvertices if is_curved(mesh) else mesh.p.shape[1]
        scalars = nodes * self._scalar.nodal_dofs if self._only_nodes else int(self._dofs.N)
        self.n = scalars * self.components
        self.cell_dofs = frozen(start + self._of_components(numbers))
        self.quantities = Quantities(self.element, mesh.mapping(), len(numbers))

    def _of_components(self, numbers):
        """Numbers (f, …) of scalar unknowns as those of all components, (f · components, …)."""
        k = self.components
        each = numbers[:, None] * k + np.arange(k).reshape(-1, *[1] * (numbers.ndim - 1))
        return each.reshape(-1, *numbers.shape[1:])

    def __repr__(self):
        return f"Field({self.name!r}, {describe(self.element)}, n={self.n})"

    @property
    def numbers(self):
        """start … start + n − 1."""
        return np.arange(self.start, self.start + self.n)

    @functools.cached_property
    def dof_points(self):
        points = np.full((self.n // self.components, self._mesh.dim()), np.nan)
        places = np.asarray(getattr(self._scalar, "doflocs", np.nan), dtype=np.float64)
        if places.ndim == 2:
            images = self._mesh.mapping().F(np.nan_to_num(places.T))        # (dim, cells, functions)
            known = np.isfinite(places).all(axis=1)
            points[self._dofs.element_dofs[known].T] = np.moveaxis(images, 0, -1)[:, known]
        per_node = self._scalar.nodal_dofs
        if self._only_nodes:                                                # those without a cell too
            points = self._mesh.p.T[np.arange(len(points)) // per_node]
        elif per_node:
            count = self._dofs.nodal_dofs.shape[1]
            points[self._dofs.nodal_dofs] = self._mesh.p[:, :count].T       # free of rounding
        return frozen(np.repeat(points, self.components, axis=0))

    @property
    def component(self):
        """Component (n,) of a vector that each unknown belongs to, else 0."""
        return np.arange(self.n) % self.components

    @property
    def vertex_dofs(self):
        """Number of the only scalar unknown at each vertex, counted from 0."""
        return self._dofs.nodal_dofs[0]

    @property
    def on_facets(self):
        """Number of the only scalar unknown on each facet, counted from 0."""
        return self._dofs.facet_dofs[0]

    @functools.cached_property
    def unused(self):
        """Numbers of what belongs to no cell."""
        used = np.zeros(self.n, dtype=bool)
        used[self.cell_dofs - self.start] = True
        return frozen(np.flatnonzero(~used) + self.start)

    @functools.cached_property
    def entity(self):
        """(n,) a number of the vertex, edge, facet or cell that each unknown sits on."""
        result, first = np.zeros(self.n // self.components, dtype=np.int64), 0
        dofs = self._dofs
        for numbers in (dofs.nodal_dofs, dofs.edge_dofs, dofs.facet_dofs, dofs.interior_dofs):
            if numbers.size:
                result[numbers] = np.arange(first, first + numbers.shape[1])
                first += numbers.shape[1]
        return frozen(np.repeat(result, self.components))

    def facet_dofs(self, facets, component=None):
        """Sorted numbers of the unknowns on the facets, of one component or of all."""
        scalars = np.asarray(self._dofs.get_facet_dofs(facets).flatten(), dtype=np.int64)
        numbers = self.start + np.sort(self._of_components(scalars))
        if component is None:
            return numbers
        return numbers[self.component[numbers - self.start] == component]

    def rows(self, quantity, X, n, cells=None):
        """Sparse (points · entries, n): the quantity of u at reference points, see `Quantities.rows`."""
        self.quantities.require(quantity, self.name)
        numbers = self.cell_dofs if cells is None else self.cell_dofs[:, cells]
        return self.quantities.rows(quantity, X, cells, numbers, n)
