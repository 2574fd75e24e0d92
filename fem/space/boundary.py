"""Parts of the boundary: which facets, which degrees of freedom, and integrals over them."""

import functools

import numpy as np
import skfem

from fem.common.coefficient import at_points
from fem.common.places import is_names, truth_of
from fem.space.quadrature import positive_rule
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.structure import Structure
from pcl.support.arrays import scaled_rows, scatter_rows
from pcl.support.validate import whole_numbers


class BoundaryMaps:
    """Quadrature on some facets: ∫_Γ g φ_i w ds ≈ Σ_k weights_k g_k values[k, i].

    In 1-D a facet is a point and its measure is 1. Order and weight function are those of `space`.

    Attributes
    ----------
    points, normals : ndarray (qb, dim), facet by facet; normals outward, of length 1
    weights : ndarray (qb,), with the weight function
    values : sparse (qb, n), basis functions at the points
    """

    def __init__(self, space, facets):
        rule = positive_rule(space.mesh.brefdom, space.quadrature_order)
        basis = skfem.FacetBasis(space.counted_mesh, space.element, facets=facets, quadrature=rule,
                                 dofs=space.skfem_dofs, disable_doflocs=True)
        per_facet = basis.dx.shape[1]
        self.points = _rows(np.asarray(basis.global_coordinates()))
        self.normals = _rows(np.broadcast_to(basis.normals, (space.dim, *basis.dx.shape)))
        self.weights = basis.dx.ravel() * space.weight_at(self.points, boundary=True)
        columns = np.repeat(space.cell_dofs[:, basis.tind].T, per_facet, axis=0)
        table = np.stack([np.asarray(b[0]) for b in basis.basis], axis=-1)
        self.values = scatter_rows(table, columns, space.n)
        self._facet = np.repeat(facets, per_facet)
        for array in (self.points, self.normals, self.weights):
            array.flags.writeable = False

    def coefficient(self, name, value):
        """A guarded coefficient at the points, scalar or (qb,)."""
        return at_points(name, value, self.points, locate=lambda i: f"facet {self._facet[i]}")

    @functools.cached_property
    def mass(self):
        """Σ_k α_k weights_k φ_j φ_i."""
        return Structure(scaled_rows(self.values, self.weights), self.values)

    @functools.cached_property
    def load(self):
        """g ↦ Σ_k g_k weights_k φ_i, a LinearMap (n, qb)."""
        return LinearMap(scaled_rows(self.values, self.weights).T)


def select_facets(space, where):
    """Facet numbers meant by `where`.

    None: the whole boundary. A name of mesh.boundaries, or a list of names. A predicate on the
    midpoints (m, dim) of the boundary facets. An array of facet numbers.

    Raises
    ------
    ValueError, TypeError, IndexError
        Unknown name, wrong predicate, numbers out of range, or no facet selected.
    """
    mesh = space.mesh
    if where is None:
        return space.boundary_facets
    if callable(where):
        midpoints = mesh.p[:, space.facets.nodes[:, space.boundary_facets]].mean(axis=1).T
        facets = space.boundary_facets[truth_of(where, midpoints)]
    elif is_names(where):
        facets = _named_facets(space, where)
    else:
        facets = whole_numbers("where (facet numbers)", where, space.facets.nodes.shape[1])
    if not len(facets):
        raise ValueError(f"where={where!r} selects no facet of the boundary.")
    return np.unique(facets)


def select_dofs(space, where):
    """Sorted numbers of the degrees of freedom meant by `where`; may be empty.

    None: the whole boundary. A name of mesh.boundaries, or a list of names. A predicate on the
    coordinates (m, dim) of the boundary's degrees of freedom. An array of numbers, anywhere.
    """
    if where is None:
        return space.facet_dofs(space.boundary_facets)
    if callable(where):
        dofs = space.facet_dofs(space.boundary_facets)
        return dofs[truth_of(where, space.dof_points[dofs])]
    if is_names(where):
        return space.facet_dofs(_named_facets(space, where))
    return np.unique(whole_numbers("where (degrees of freedom)", where, space.n))


def _rows(field):
    """(dim, facets, points) as (facets·points, dim)."""
    return np.ascontiguousarray(field.reshape(field.shape[0], -1).T)


def _named_facets(space, names):
    known = space.mesh.boundaries or {}
    result = []
    for name in [names] if isinstance(names, str) else names:
        if name not in known:
            names = ", ".join(map(repr, sorted(known))) or "no named boundaries"
            raise ValueError(f"boundary {name!r} is not known; the mesh has {names}. Name parts "
                             "by mesh.with_boundaries({...}).")
        result.append(whole_numbers(f"mesh.boundaries[{name!r}]", np.asarray(known[name]),
                                    space.facets.nodes.shape[1]))
    return np.unique(np.concatenate(result))
