"""Finite element spaces: constant sparse maps, and forms linear in a coefficient."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import skfem

from fem.mesh.check import check_mesh, check_numbers
from fem.mesh.counted import counted
from fem.mesh.geometry import is_curved
from fem.space.cell_maps import CellMaps
from fem.space.conditions import Conditions
from fem.space.element import default_order, describe, element_of
from fem.space.field import Field
from fem.space.forms import Forms
from fem.space.functions import Functions
from fem.space.loads import Loads
from fem.space.observations import Observations
from fem.space.quadrature_points import CellPoints
from pcl.support.arrays import frozen
from pcl.support.caches import Bounded
from pcl.support.types import Array
from pcl.support.validate import positive_integer

# Partitions, weak forms and boundary maps that a space keeps, of each.
KEPT = 16


class Space(Forms, Loads, Functions, Observations, Conditions):
    """V_h = span{φ_1 … φ_n}: finite element functions on a scikit-fem mesh, one field or several.

    Each field has an element and quantities at points: its value, gradient, divergence, curl, second
    derivatives, as far as the element has them. With quadrature points x_k and weights w_k (which contain
    |det F'| and the weight function w), a scalar space has

        B[k, i] = φ_i(x_k)              value map,    (q, n)
        G[(k, d), i] = ∂φ_i/∂x_d (x_k)  gradient map, (q·dim, n)
        laplace(κ)   A_ij = Σ_k w_k κ_k ∇φ_j·∇φ_i ≈ ∫ κ ∇φ_j·∇φ_i w dx
        mass(ρ)      M_ij = Σ_k w_k ρ_k φ_j φ_i   ≈ ∫ ρ φ_j φ_i w dx
        load(f)      b_i  = Σ_k w_k f_k φ_i       ≈ ∫ f φ_i w dx

    and every space `system`, `matrix` and `residual` of a form in named quantities. Each is linear in its
    coefficient through a constant structure, built once on first use; the coefficient may be a tensor. A
    space never changes and shares nothing with others: it keeps its own copy of the mesh.

    Parameters
    ----------
    mesh : skfem.MeshLine, MeshTri, MeshQuad, MeshTet or MeshHex, straight or curved (MeshTri2, …)
        Checked by `fem.check_mesh`.
    element : str, element of scikit-fem, fem.vector, or {field: any of these}
        'P0', 'P1', 'P2', 'MINI', 'CR', 'RT1', 'BDM1', 'N1', 'Morley', 'Argyris', …: an unknown name tells
        which there are. On quadrilaterals and hexahedra P1 means Q1. One element is the field 'u'.
    quadrature_order : int, optional
        Polynomial degree integrated exactly, by a rule with positive weights. By default that of
        φ_i φ_j of the highest element (P1 triangles: 2, three points), one more with a weight function,
        two more on curved cells.
    weight : function (q, dim) -> (q,), optional
        Positive weight of the measure, for example r = x[:, 0] in axisymmetric problems (without
        2π). It multiplies boundary integrals too, where it may vanish (on the axis).

    Attributes
    ----------
    n, dim, n_cells : int
        Degrees of freedom, dimension, cells.
    fields : {name: Field}
        Their unknowns follow each other in the vector u (n,); see `split` and `join`.
    quadrature_points : ndarray (q, dim)
        Cell by cell, `points_per_cell` each.
    quadrature_weights : ndarray (q,)
    dof_points : ndarray (n, dim)
        Where degree of freedom i belongs to, nan where that is no point. For P1 they are the mesh nodes.
    unused_dofs : ndarray
        Degrees of freedom of nodes without a cell; solves leave them out with value 0.
    is_continuous : bool
        Whether the functions are; a space of discontinuous ones (P0) is for coefficients only.

    Raises
    ------
    TypeError, ValueError, IndexError
        What `fem.check_mesh` refuses; an element that is not known for the cells; a weight that is no
        function, or is not positive.

    Examples
    --------
    −Δu = 1 in the unit square, u = 0 on its boundary; the largest value of the exact solution is 0.0737:

    >>> import fem
    >>> V = fem.Space(fem.unit_square(8), "P2")
    >>> V
    Space(u: ElementTriP2; 128 cells, n=289, q=768)
    >>> u = fem.solve(V.laplace(), V.load(1.0), dirichlet=0.0)
    >>> round(float(u.numpy().max()), 4)
    0.0737
    """

    counted_mesh: skfem.Mesh

    def __init__(self, mesh: skfem.Mesh, element: Any = "P1", quadrature_order: int | None = None,
                 weight: Callable[[Array], Any] | None = None):
        mesh = _own_copy(mesh)
        facets = check_mesh(mesh)
        elements = _elements(element, mesh.elem.refdom)
        if weight is not None and not callable(weight):
            raise TypeError(f"weight is {weight!r}; expected a function of points (q, dim) that "
                            "returns (q,) values, for example lambda x: x[:, 0].")
        if quadrature_order is None:
            quadrature_order = max(default_order(e, weight is not None, is_curved(mesh))
                                   for e in elements.values())
        order = positive_integer("quadrature_order", quadrature_order)
        self._set(weight=weight, quadrature_order=order)
        self._set(mesh=mesh, facets=facets, counted_mesh=counted(mesh, facets))
        self._set(dim=mesh.p.shape[0], n_cells=mesh.t.shape[1])
        self._set(boundary_facets=frozen(facets.boundary))
        self._set_fields(elements)
        cells = CellPoints(self)
        self._set(cells=cells, points_per_cell=cells.per_cell, _maps=CellMaps(cells))
        self._set(quadrature_points=cells.points, quadrature_weights=cells.weights)
        self._set(_facet_points=Bounded(KEPT), _partitions=Bounded(KEPT), _weak_forms=Bounded(KEPT))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Space never changes; make a new one instead of setting {name}.")

    def __repr__(self) -> str:
        fields = ", ".join(f"{f.name}: {describe(f.element)}" for f in self.fields.values())
        return f"Space({fields}; {self.n_cells} cells, n={self.n}, q={len(self.quadrature_weights)})"

    def _set(self, **attributes):
        self.__dict__.update(attributes)

    def _set_fields(self, elements):
        fields, start = {}, 0
        for name, element in elements.items():
            fields[name] = Field(name, element, self.counted_mesh, start)
            start += fields[name].n
        self._set(fields=fields, n=start)
        self._set(is_continuous=any(f.is_continuous for f in fields.values()))
        self._set(unused_dofs=frozen(np.concatenate([f.unused for f in fields.values()])))


def _elements(element, refdom):
    """{field: element} of whatever form `element` has."""
    if not isinstance(element, Mapping):
        return {"u": element_of(element, refdom)}
    if not element:
        raise ValueError("element is an empty mapping; expected {field: element}.")
    bad = [name for name in element if not (isinstance(name, str) and name.isidentifier())]
    if bad:
        raise ValueError(f"element has the field {bad[0]!r}; expected names such as 'u'.")
    return {name: element_of(e, refdom) for name, e in element.items()}


def _own_copy(mesh):
    """A copy of the mesh that the caller cannot change."""
    check_numbers(mesh)
    named = {name: np.array(facets) for name, facets in (mesh.boundaries or {}).items()}
    return replace(mesh, doflocs=frozen(mesh.p.copy()),
                   t=frozen(mesh.t.copy())).with_boundaries(named)
