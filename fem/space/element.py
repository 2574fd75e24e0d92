"""Lagrange elements by name, and the order of quadrature that suits them."""

import numpy as np
import skfem
from skfem.element import ElementH1
from skfem.refdom import RefHex, RefLine, RefQuad, RefTet, RefTri

_BY_NAME = {
    RefLine: {"P1": skfem.ElementLineP1, "P2": skfem.ElementLineP2},
    RefTri: {"P1": skfem.ElementTriP1, "P2": skfem.ElementTriP2},
    RefTet: {"P1": skfem.ElementTetP1, "P2": skfem.ElementTetP2},
    RefQuad: {"Q1": skfem.ElementQuad1, "Q2": skfem.ElementQuad2},
    RefHex: {"Q1": skfem.ElementHex1, "Q2": skfem.ElementHex2},
}
# On quadrilaterals and hexahedra the tensor-product space of the same degree contains P1 (P2).
for _cell in (RefQuad, RefHex):
    _BY_NAME[_cell].update(P1=_BY_NAME[_cell]["Q1"], P2=_BY_NAME[_cell]["Q2"])


def lagrange_element(element, refdom):
    """The scikit-fem element meant by a name or given as an instance, for cells `refdom`.

    Names: P1 and P2 on every cell (on quadrilaterals and hexahedra they stand for Q1 and Q2, the
    tensor-product spaces of the same degree); Q1 and Q2 on quadrilaterals and hexahedra.

    Raises
    ------
    ValueError
        A name not known for this cell, an element of another cell, or one whose basis is not
        nodal: φ_i(x_j) = δ_ij is needed, since Dirichlet values are set at the points x_j.
    TypeError
        Neither a name nor a scalar element.
    """
    if isinstance(element, str):
        return _named(element, refdom)
    if isinstance(element, type) or not isinstance(element, ElementH1):
        raise TypeError(f"element is {element!r}; expected a name such as 'P1' or an instance of a "
                        "scalar H1 element of scikit-fem, for example skfem.ElementTriP3().")
    if element.refdom is not refdom:
        raise ValueError(f"element {type(element).__name__} belongs to {element.refdom.name} cells "
                         f"but the mesh has {refdom.name} cells; choose an element of that shape.")
    if not _is_nodal(element):
        raise ValueError(f"element {type(element).__name__} has no nodal basis φ_i(x_j) = δ_ij; "
                         "expected a Lagrange element, for example 'P1' or 'P2'.")
    return element


def default_order(element, weighted):
    """Polynomial degree integrated exactly: that of φ_i φ_j |det F'|, one more with a weight.

    Simplices: 2k, with k the degree of the element. Tensor-product cells: per direction 2k plus
    the dim − 1 of |det F'|; their rules are exact per direction.
    """
    dim = element.refdom.dim()
    if element.refdom in (RefQuad, RefHex):
        order = 2 * -(-element.maxdeg // dim) + dim - 1
    else:
        order = 2 * element.maxdeg
    return max(order, 1) + bool(weighted)


def is_continuous(element):
    """Whether neighbours share values, at nodes or at least on facets (Crouzeix–Raviart)."""
    return element.nodal_dofs + element.facet_dofs > 0 and element.maxdeg > 0


def _named(name, refdom):
    known = _BY_NAME[refdom]
    if name not in known:
        raise ValueError(f"element is {name!r}; known on {refdom.name} cells are "
                         f"{', '.join(sorted(known))}, or pass a scalar scikit-fem element.")
    return known[name]()


def _is_nodal(element):
    points = np.asarray(getattr(element, "doflocs", np.nan), dtype=np.float64)
    if points.ndim != 2 or not np.isfinite(points).all():
        return False
    table = np.array([element.lbasis(points.T, i)[0] for i in range(len(points))])
    return np.allclose(table, np.eye(len(points)), atol=1e-12)
