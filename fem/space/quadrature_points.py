"""Points and weights in cells or on facets, and the sparse maps of every quantity to them."""

import functools
from typing import Any

import numpy as np
import skfem

from fem.common.coefficient import at_points
from fem.space.quadrature import positive_rule
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.structure import Structure
from pcl.support.arrays import frozen, scaled_rows
from pcl.support.caches import Bounded

# Maps that are kept for the conditions of so many solves.
KEPT = 64


class QuadraturePoints:
    """∫ f w dx ≈ Σ_k weights_k f_k over cells or facets, and the quantities of all fields there.

        gather   u (n,) ↦ a quantity of a field at the points, (q, *shape)
        scatter  k (q, *shape) ↦ Σ_k weights_k k·(that quantity of every φ_i), (n,): transposed, with
        weights

    Attributes
    ----------
    points : (q, dim), weights : (q,), with the weight function of the space
    normals : (q, dim) outward, on facets
    numbers : (q,) the cell or facet of each point
    """

    normals: Any = None

    def __init__(self, space, X, cells, points, weights, numbers, noun):
        self.space, self._X, self._cells = space, X, cells
        self.points, self.weights = frozen(points), frozen(weights)
        self.numbers, self._noun = numbers, noun
        self._rows: dict = {}
        self._restricted = Bounded(KEPT)

    def rows(self, field, quantity):
        """Sparse (q · entries, n); kept."""
        key = field, quantity
        if key not in self._rows:
            self._rows[key] = self.rows_of(self.space.fields[field], quantity, self.space.n)
        return self._rows[key]

    def rows_of(self, field, quantity, n):
        """The same of a `Field` of any space on this mesh, with n unknowns."""
        return field.rows(quantity, self._X, n, self._cells)

    def shape(self, field, quantity):
        """(q, *shape of the quantity)."""
        field = self.space.fields[field]
        field.quantities.require(quantity, field.name)
        return (len(self.weights), *field.quantities.shapes[quantity])

    def gather(self, field, quantity, elimination=None):
        """The LinearMap u ↦ quantity, or z ↦ that of P z for an `Elimination`; kept."""
        def make():
            rows = self.rows(field, quantity)
            P = None if elimination is None else elimination.put.matrix
            return LinearMap(rows if P is None else rows @ P, self._shapes(field, quantity, elimination))
        return self._restricted.kept(("gather", field, quantity, _key(elimination)), make)

    def scatter(self, field, quantity, elimination=None):
        """The LinearMap k ↦ residual, or k ↦ Pᵀ residual; kept."""
        def make():
            rows = self.rows(field, quantity)
            entries = rows.shape[0] // len(self.weights)
            weighted = scaled_rows(rows, np.repeat(self.weights, entries))
            P = None if elimination is None else elimination.put.matrix
            matrix = (weighted if P is None else weighted @ P).T
            return LinearMap(matrix, self._shapes(field, quantity, elimination)[::-1])
        return self._restricted.kept(("scatter", field, quantity, _key(elimination)), make)

    def kept(self, key, make):
        """Anything else that belongs to these points."""
        return self._restricted.kept(key, make)

    def coefficient(self, name, value, trailing=(), positive=False):
        """A guarded coefficient at the points, scalar or (q, *trailing)."""
        return at_points(name, value, self.points, trailing, positive, self.place)

    def place(self, point):
        """Where a point lies, in words."""
        return f"{self._noun} {self.numbers[point]}"

    def _shapes(self, field, quantity, elimination):
        n = self.space.n if elimination is None else len(elimination.free)
        return (n,), self.shape(field, quantity)


def _key(elimination):
    return None if elimination is None else elimination.key


class CellPoints(QuadraturePoints):
    """Those of the cells."""

    def __init__(self, space):
        mesh = space.counted_mesh
        self.X, W = positive_rule(mesh.elem.refdom, space.quadrature_order)
        mapping = mesh.mapping()
        points = np.ascontiguousarray(np.moveaxis(mapping.F(self.X), 0, -1).reshape(-1, space.dim))
        weights = (np.abs(mapping.detDF(self.X)) * W).ravel() * space.weight_at(points)
        self.per_cell = len(W)
        numbers = np.repeat(np.arange(mesh.t.shape[1]), self.per_cell)
        super().__init__(space, self.X, None, points, weights, numbers, "cell")


class FacetPoints(QuadraturePoints):
    """Those of some facets, with outward normals of length 1. In 1-D a facet is a point of measure 1."""

    def __init__(self, space, facets):
        mesh = space.counted_mesh
        rule = positive_rule(mesh.brefdom, space.quadrature_order)
        basis = skfem.FacetBasis(mesh, mesh.elem(), facets=facets, quadrature=rule, disable_doflocs=True)
        x = np.asarray(basis.global_coordinates())                      # (dim, facets, points)
        X = mesh.mapping().invF(x, tind=basis.tind)
        points = _by_points(x)
        self.ds = frozen(basis.dx.ravel())                              # without the weight function
        weights = self.ds * space.weight_at(points, boundary=True)
        super().__init__(space, X, basis.tind, points, weights, np.repeat(facets, basis.dx.shape[1]),
                         "facet")
        self.normals = frozen(_by_points(np.broadcast_to(basis.normals, x.shape)))

    @functools.cached_property
    def values(self):
        """Sparse (qb, n): the basis functions of a scalar space at the points."""
        name, = self.space.fields
        return self.rows(name, "value")

    @functools.cached_property
    def mass(self):
        """Σ_k α_k weights_k φ_j φ_i."""
        return Structure(scaled_rows(self.values, self.weights), self.values)

    @functools.cached_property
    def load(self):
        """g ↦ Σ_k g_k weights_k φ_i, a LinearMap (n, qb)."""
        return LinearMap(scaled_rows(self.values, self.weights).T)


def _by_points(field):
    """(dim, facets, points) as (facets · points, dim)."""
    return np.ascontiguousarray(field.reshape(field.shape[0], -1).T)
