"""Rules of linear operations: y = L x, so that W_in = Lᵀ W L and ȳ_in = Lᵀ ȳ."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.nodes.linear.linear_map import LinearMap, LinearMapPoint
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.pattern import pattern_of
from pcl.rules.operation import Operation
from pcl.rules.places import Places
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, require_finite


def linear_op(matrix: Any, x: ArrayLike) -> Operation:
    """y = L x for a constant L.

    A constant that is added to y changes its value, not W or the adjoint: y = L x + c needs no rule.

    Parameters
    ----------
    matrix : LinearMap, or sparse or dense array (m, n), rows for outputs
    x : (n,)

    Returns
    -------
    Operation with input "x".

    Raises
    ------
    ValueError, TypeError
        Shapes that do not fit; entries that are not finite.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> y = pcl.rules.linear_op([[1.0, 2.0], [0.0, 3.0]], [1.0, 1.0])
    >>> y.value
    array([3., 3.])
    >>> W, adjoint = y.back(W=np.eye(2), adjoint=[1.0, 1.0])
    >>> W.toarray(), adjoint                        # LᵀL, Lᵀȳ
    (array([[ 1.,  2.],
           [ 2., 13.]]), array([1., 5.]))
    """
    if not isinstance(matrix, LinearMap):
        matrix = LinearMap(matrix)
    x = float64_array("x", x, shape=(matrix.shape[1],))
    return Operation(LinearMapPoint(matrix, x), {"x": x.size})


def compress(places: Places, values: ArrayLike) -> Operation:
    """Entries at one place summed: the values of the same matrix without duplicates.

    Parameters
    ----------
    places : Places, of nnz entries
    values : (nnz,)

    Returns
    -------
    Operation with input "values"; its `places` hold each place once, by columns.

    Raises
    ------
    ValueError, TypeError
        Another number of values; values that are not finite.

    Examples
    --------
    >>> import pcl
    >>> places = pcl.rules.Places([0, 1, 1, 0], [0, 1, 1, 1], (2, 2))
    >>> once = pcl.rules.compress(places, [1.0, 2.0, 3.0, 4.0])
    >>> once["values"]                      # by columns; 2 and 3 stood at one place
    array([1., 4., 5.])
    """
    values = float64_array("values", values, shape=(places.size,))
    point = LinearMapPoint(places.pattern.linear_maps[0], values)
    return Operation(point, {"values": values.size}, {"values": point.value.size},
                     Places.of(places.pattern))


def assembly(A: SparseMatrix) -> Operation:
    """The entries of A(c) = Σ_j A_j(c_j) from its coefficients.

    Parameters
    ----------
    A : SparseMatrix whose coefficients have values, such as V.mass(rho) + V.advection(beta)
        The coefficients are those of the matrix: one a quadrature point, but for `V.laplace` on
        simplices with P1 the integrals of κ over the cells (`V.cell_integrals @ kappa`).

    Returns
    -------
    Operation with input "coefficients", the c_j one after the other (one vector for a single form),
    and output "values"; its `places` hold each place once, by columns.

    Raises
    ------
    TypeError
        A is no SparseMatrix, or its coefficients have no values (are traced).

    Examples
    --------
    >>> import pcl
    >>> A = pcl.SparseMatrix.from_entries([1, 0], [1, 0], [3.0, 2.0], (2, 2))
    >>> entries = pcl.rules.assembly(A)
    >>> entries["values"], entries.places.matrix(entries["values"]).toarray()
    (array([2., 3.]), array([[2., 0.],
           [0., 3.]]))
    """
    if not isinstance(A, SparseMatrix):
        raise TypeError(f"A is a {type(A).__name__}; expected a pcl.SparseMatrix, such as "
                        "V.laplace(kappa).")
    pattern = pattern_of(A.structures)
    c = np.concatenate([float64_array("the coefficient of A", c) for c in A.coefficients])
    maps = pattern.linear_maps
    stacked = maps[0] if len(maps) == 1 else LinearMap(sp.hstack(pattern.maps))
    point = LinearMapPoint(stacked, c)
    return Operation(point, {"coefficients": c.size}, {"values": point.value.size}, Places.of(pattern))


def laplace(space: Any, kappa: ArrayLike) -> Operation:
    """The entries of A_ij = ∫ κ ∇φ_j·∇φ_i w dx from κ at quadrature points.

    Parameters
    ----------
    space : fem.Space
    kappa : (q,) or (q, dim, dim)
        κ > 0, as `Space.laplace` demands.

    Returns
    -------
    Operation with input "coefficients" (κ, flat), as `assembly`.

    Raises
    ------
    ValueError, TypeError
        kappa is a scalar, has another shape, or is not finite.
    InvalidCoefficient
        κ is not positive.

    Examples
    --------
    Two intervals of length ½, κ = 1 and 3: the entries are ±κ/h, summed in the middle.

    >>> import numpy as np, skfem
    >>> import fem, pcl
    >>> V = fem.Space(skfem.MeshLine(np.linspace(0, 1, 3)), "P1")
    >>> kappa = np.where(V.quadrature_points[:, 0] < 0.5, 1.0, 3.0)
    >>> A = pcl.rules.laplace(V, kappa)
    >>> A.places.matrix(A["values"]).toarray().round(12)
    array([[ 2., -2.,  0.],
           [-2.,  8., -6.],
           [ 0., -6.,  6.]])
    """
    kappa = float64_array("kappa", kappa, finite=False)
    if not kappa.shape:
        raise ValueError("kappa is a scalar; expected one value a quadrature point, since that is what "
                         "the rule differentiates by. Repeat it: np.full(q, kappa).")
    require_finite("kappa", kappa)
    A = space.laplace(kappa)
    if sum(s.size for s in A.structures) == kappa.size:
        return assembly(A)
    pattern = pattern_of(A.structures)  # of integrals over cells, linear in κ at points
    point = LinearMapPoint(LinearMap(pattern.maps[0] @ space.cell_integrals.matrix), kappa)
    sizes = {"coefficients": kappa.size}, {"values": point.value.size}
    return Operation(point, *sizes, Places.of(pattern))
