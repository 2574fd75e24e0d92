"""The collocation polynomial at any time, as rows that act on the unknowns of one element."""

from pcl.collocation.mesh import Mesh
from pcl.collocation.scheme import Scheme
from pcl.support.types import Array, ArrayLike, Integers
from pcl.support.validate import known

_KINDS = ("differential", "algebraic", "derivative")


def interpolation(scheme: Scheme, mesh: Mesh, t: ArrayLike,
                  kind: str = "differential") -> tuple[Integers, Array]:
    """Rows that evaluate a collocated solution at the times t (m,), on the grid or off it.

    With (element, rows) the value at t[i] is rows[i] @ the unknowns of element[i].

    Parameters
    ----------
    scheme, mesh : Scheme, Mesh
    t : array (m,)
    kind : str
        "differential": rows (m, K + 1) on [x₀; s] give x(t), of degree K in an element.
        "algebraic": rows (m, K) on the values at the nodes give y(t), of degree K − 1.
        "derivative": rows (m, K + 1) on [x₀; s] give x'(t).

    Returns
    -------
    element : ndarray (m,) of whole numbers
    rows : ndarray (m, K + 1) or (m, K)

    Raises
    ------
    ValueError
        A time outside the mesh; an unknown kind.

    Notes
    -----
    A time on a boundary belongs to the element that ends there, t_0 to the first.

    Examples
    --------
    >>> import pcl
    >>> scheme, mesh = pcl.collocation.radau(1), pcl.collocation.Mesh([0.0, 1.0, 3.0])
    >>> element, rows = pcl.collocation.interpolation(scheme, mesh, [2.0])
    >>> element, rows                           # the middle of the second: half of [x₀; s] each
    (array([1]), array([[0.5, 0.5]]))
    """
    known("kind", kind, _KINDS)
    element, tau = mesh.locate(t)
    if kind == "differential":
        return element, scheme.value_at(tau)
    if kind == "derivative":
        return element, scheme.derivative_at(tau) / mesh.lengths[element][:, None]
    return element, scheme.algebraic_at(tau)
