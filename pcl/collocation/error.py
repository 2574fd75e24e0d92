"""How large the error of a collocated solution is, element by element, from the solution alone."""

import numpy as np

from pcl.collocation.mesh import Mesh
from pcl.collocation.scheme import Scheme
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array


def error_estimate(scheme: Scheme, mesh: Mesh, start: ArrayLike, slots: ArrayLike,
                   algebraic: ArrayLike | None = None, breaks: ArrayLike = ()) -> Array:
    """Estimated largest error inside every element, for each variable.

    The polynomial p of degree K of a state misses, to leading order,

        e(t₀ + τh) = h^(K+1) x^(K+1) / K! ∫₀^τ Π_k (s − c_k) ds

    and that of an algebraic variable, of degree K − 1 through the nodes, h^K y^(K) / K! Π_k (τ − c_k).
    The derivative that is missing is the difference of the highest derivative, constant in an element,
    between neighbours; the larger of both sides is taken. No equation is needed, so it holds for any
    index, and for a solution of an optimisation as well as of a simulation.

    Parameters
    ----------
    scheme, mesh : Scheme, Mesh
    start : array (N, n_x)
        States at the start of the elements.
    slots : array (N, K, n_x)
    algebraic : array (N, K, n_y), optional
    breaks : times of boundaries at which the equations jump or bend
        Neighbours are not compared across them, unless an element has no other.

    Returns
    -------
    ndarray (N, n_x + n_y), in the units of the variables.

    Raises
    ------
    ValueError
        Shapes that do not belong to the mesh; fewer than two elements, which have no neighbour.

    Notes
    -----
    Local: what is handed on from element to element (order 2K − 1 of Radau, …) is not seen, which
    with one point is as large as what is. A jump of an input, inside an element or on its boundary, is.
    Source: U. Ascher, R. Mattheij, R. Russell, Numerical Solution of Boundary Value Problems for Ordinary
    Differential Equations (1995), sections 9.2 and 9.3 (the mesh selection of COLSYS).

    Examples
    --------
    x = t³ by polynomials of degree 2: the same error in every element of length ½.

    >>> import numpy as np, pcl
    >>> scheme, mesh = pcl.collocation.radau(2), pcl.collocation.Mesh.uniform(0.0, 1.0, 2)
    >>> start, nodes = mesh.times[:-1, None]**3, mesh.points(scheme)[:, :, None]**3
    >>> pcl.collocation.error_estimate(scheme, mesh, start, nodes).round(5)
    array([[0.01852],
           [0.01852]])
    """
    N, K = mesh.elements, scheme.K
    if N < 2:
        raise ValueError("The mesh has one element; an error estimate compares neighbours. Use two.")
    start = float64_array("start", start, shape=(N, None))
    slots = float64_array("slots", slots, shape=(N, K, start.shape[1]))
    algebraic = np.empty((N, K, 0)) if algebraic is None else algebraic
    algebraic = float64_array("algebraic", algebraic, shape=(N, K, None))
    h = mesh.lengths[:, None]
    unknowns = np.concatenate([start[:, None], slots], axis=1)
    x_top = np.einsum("j,ejn->en", scheme.derivative_at(0.0, K)[0], unknowns) / h ** K
    y_top = np.einsum("j,ejn->en", _top_derivative(scheme.points), algebraic) / h ** (K - 1)
    state, through_nodes = _constants(scheme.points)
    return np.hstack([state * h ** (K + 1) * _slopes(mesh, breaks, x_top),
                      through_nodes * h ** K * _slopes(mesh, breaks, y_top)])


def worst(error: ArrayLike, scale: ArrayLike) -> Array:
    """Largest error of every element over its variables, max_i error_ei / scale_i.

    Parameters
    ----------
    error : array (N, n), as of `error_estimate`
    scale : array (n,), > 0
        Size of each variable that counts as one, in its unit.

    Returns
    -------
    ndarray (N,)

    Raises
    ------
    ValueError
        scale has another shape, or is not positive.

    Examples
    --------
    >>> import pcl
    >>> pcl.collocation.worst([[0.1, 2.0], [0.3, 1.0]], [1.0, 10.0])
    array([0.2, 0.3])
    """
    error = float64_array("error", error, shape=(None, None))
    scale = float64_array("scale", scale, shape=(error.shape[1],))
    if not (scale > 0).all():
        raise ValueError(f"scale is {scale}; expected numbers > 0, the size of each variable.")
    return (error / scale).max(axis=1)


def _slopes(mesh, breaks, top):
    """|d top / dt| (N, n): the larger of the differences to the neighbours on the same side of breaks."""
    middle = (mesh.times[1:] + mesh.times[:-1])[:, None] / 2
    slope = np.abs(np.diff(top, axis=0)) / np.diff(middle, axis=0)
    across = np.isin(mesh.times[1:-1], breaks)[:, None]
    same = np.where(across, -1.0, slope)
    left, right = np.vstack([-np.ones_like(slope[:1]), same]), np.vstack([same, -np.ones_like(slope[:1])])
    found = np.maximum(left, right)
    every = np.maximum(np.vstack([slope[:1], slope]), np.vstack([slope, slope[-1:]]))
    return np.where(found < 0.0, every, found)


def _top_derivative(points):
    """(K,): the (K − 1)th derivative of the polynomial through the values at the nodes."""
    gaps = points[:, None] - points + np.eye(points.size)
    factorial = float(np.prod(np.arange(1, points.size)))
    return factorial / gaps.prod(axis=1)


def _constants(points):
    """Largest |∫₀^τ Π (s − c_k) ds| / K! and |Π (τ − c_k)| / K! over τ in [0, 1]."""
    tau = np.linspace(0.0, 1.0, 1001)
    product = np.poly1d(np.poly(points))
    factorial = float(np.prod(np.arange(1, points.size + 1)))
    return (np.abs(np.polyint(product)(tau)).max() / factorial, np.abs(product(tau)).max() / factorial)
