"""Elements of scikit-fem by name, what they offer at points, and the quadrature that suits them."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import skfem
from skfem.element import ElementGlobal, ElementH1, ElementHcurl, ElementHdiv, ElementVector
from skfem.refdom import RefHex, RefLine, RefQuad, RefTet, RefTri

from pcl.support.nearest import nearest

_BY_NAME: dict[type, dict[str, Any]] = {
    RefLine: {"P0": skfem.ElementLineP0, "P1": skfem.ElementLineP1, "P2": skfem.ElementLineP2,
              "MINI": skfem.ElementLineMini, "Hermite": skfem.ElementLineHermite},
    RefTri: {"P0": skfem.ElementTriP0, "P1": skfem.ElementTriP1, "P2": skfem.ElementTriP2,
             "P3": skfem.ElementTriP3, "P4": skfem.ElementTriP4, "CR": skfem.ElementTriCR,
             "MINI": skfem.ElementTriMini, "P1-discontinuous": skfem.ElementTriP1DG,
             "RT1": skfem.ElementTriRT1, "RT2": skfem.ElementTriRT2, "BDM1": skfem.ElementTriBDM1,
             "N1": skfem.ElementTriN1, "N2": skfem.ElementTriN2, "N3": skfem.ElementTriN3,
             "Morley": skfem.ElementTriMorley, "Argyris": skfem.ElementTriArgyris,
             "Hermite": skfem.ElementTriHermite},
    RefQuad: {"Q0": skfem.ElementQuad0, "Q1": skfem.ElementQuad1, "Q2": skfem.ElementQuad2,
              "S2": skfem.ElementQuadS2, "RT1": skfem.ElementQuadRT1, "N1": skfem.ElementQuadN1,
              "BFS": skfem.ElementQuadBFS, "Q1-discontinuous": skfem.ElementQuad1DG},
    RefTet: {"P0": skfem.ElementTetP0, "P1": skfem.ElementTetP1, "P2": skfem.ElementTetP2,
             "CR": skfem.ElementTetCR, "MINI": skfem.ElementTetMini, "RT1": skfem.ElementTetRT1,
             "N1": skfem.ElementTetN1},
    RefHex: {"Q0": skfem.ElementHex0, "Q1": skfem.ElementHex1, "Q2": skfem.ElementHex2,
             "S2": skfem.ElementHexS2, "RT1": skfem.ElementHexRT1,
             "Q1-discontinuous": skfem.ElementHex1DG},
}
# On quadrilaterals and hexahedra the tensor-product space of the same degree contains P0 (P1, P2).
for _cell in (RefQuad, RefHex):
    _BY_NAME[_cell].update({f"P{k}": _BY_NAME[_cell][f"Q{k}"] for k in range(3)})

# Polynomial degrees above which no rule of quadrature is asked for by default.
_MOST = 10


class vector(NamedTuple):
    """An element for each component of a vector: `fem.vector("P2")`.

    Parameters
    ----------
    element : str or scalar element of scikit-fem
    components : int, optional
        As many as the mesh has dimensions by default.

    Raises
    ------
    ValueError
        By `Space`: the element is vector-valued itself.

    Examples
    --------
    >>> import fem
    >>> V = fem.Space(fem.unit_square(2), fem.vector("P1"))
    >>> V.n, V.fields["u"].shape
    (18, (2,))
    """

    element: Any
    components: int | None = None


def element_of(element, refdom):
    """The scikit-fem element meant by a name, a `vector` or an instance, for cells `refdom`.

    Raises
    ------
    ValueError
        A name not known for this cell, or an element of another cell.
    TypeError
        Neither a name nor an element.
    """
    if isinstance(element, vector):
        scalar = element_of(element.element, refdom)
        if value_shape(scalar):
            raise ValueError(f"vector({element.element!r}): the element is vector-valued itself; leave "
                             "`vector` out.")
        return ElementVector(scalar, element.components)
    if isinstance(element, str):
        return _named(element, refdom)
    if isinstance(element, type) or not isinstance(element, skfem.Element):
        raise TypeError(f"element is {element!r}; expected a name such as 'P1', fem.vector('P2'), an "
                        "instance of an element of scikit-fem, for example skfem.ElementTriP3(), or "
                        "{field: element} for several fields.")
    if isinstance(element, skfem.ElementComposite):
        raise TypeError("element is an ElementComposite; give its fields by name: {'u': …, 'p': …}.")
    if element.refdom is not refdom:
        raise ValueError(f"element {type(element).__name__} belongs to {element.refdom.name} cells "
                         f"but the mesh has {refdom.name} cells; choose an element of that shape.")
    return element


def own(element):
    """The element again, without what scikit-fem keeps in it of another mesh."""
    fresh = copy.copy(element)
    if isinstance(element, ElementVector):
        fresh.elem = own(element.elem)
    if isinstance(element, ElementGlobal):
        fresh.V = None                          # the inverse Vandermonde matrices of all cells
    return fresh


def scalar_part(element):
    """The element of one component of a vector; another element itself."""
    return element.elem if isinstance(element, ElementVector) else element


def components(element):
    """How many components a `vector` has; 1 of another element."""
    return element.dim if isinstance(element, ElementVector) else 1


def value_shape(element):
    """Shape of the value at a point: (), (components,) or (dim, dim)."""
    if isinstance(element, ElementVector):
        return (element.dim, *value_shape(element.elem))
    if isinstance(element, (ElementHdiv, ElementHcurl)):
        return (element.refdom.dim(),)
    if isinstance(element, (ElementH1, ElementGlobal)):
        return ()
    return (element.refdom.dim(), element.refdom.dim())


def default_order(element, weighted, curved=False):
    """Polynomial degree integrated exactly: that of φ_i φ_j |det F'|, one more with a weight.

    Simplices: 2k, with k the degree of the element. Tensor-product cells: per direction 2k plus
    the dim − 1 of |det F'|; their rules are exact per direction. Curved cells: two more.
    """
    degree, dim = scalar_part(element).maxdeg, element.refdom.dim()
    if element.refdom in (RefQuad, RefHex):
        order = 2 * -(-degree // dim) + dim - 1
    else:
        order = min(2 * degree, _MOST)
    return max(order, 1) + bool(weighted) + 2 * bool(curved)


def is_continuous(element):
    """Whether neighbours share values, at nodes or at least on facets (Crouzeix–Raviart)."""
    shared = element.nodal_dofs + element.facet_dofs + element.edge_dofs
    return shared > 0 and scalar_part(element).maxdeg > 0


def is_nodal(element):
    """Whether degree of freedom j, unless it is a bubble, is the value at x_j: φ_i(x_j) = δ_ij.

    Of a vector the value of one component. A bubble vanishes at the other points, on the boundary too.
    """
    element = scalar_part(element)
    points = np.asarray(getattr(element, "doflocs", np.nan), dtype=np.float64)
    if not isinstance(element, ElementH1) or points.ndim != 2 or not np.isfinite(points).all():
        return False
    table = np.array([element.lbasis(points.T, i)[0] for i in range(len(points))])
    checked = len(points) - element.interior_dofs if is_continuous(element) else len(points)
    return np.allclose(table[:, :checked], np.eye(len(points))[:, :checked], atol=1e-12)


def has_moments(element):
    """Whether the unknowns are values at vertices and normal derivatives of facets (Morley)."""
    return isinstance(element, ElementGlobal) and list(element.dofnames) == ["u", "u_n"]


def describe(element):
    """The element in a word or two, for messages."""
    name = type(scalar_part(element)).__name__
    return f"{name} in {element.dim} components" if isinstance(element, ElementVector) else name


def _named(name, refdom):
    known = _BY_NAME[refdom]
    if name not in known:
        raise ValueError(f"element is {name!r}; known on {refdom.name} cells are "
                         f"{', '.join(sorted(known))}, or pass an element of scikit-fem."
                         f"{nearest(name, known)}")
    return known[name]()
