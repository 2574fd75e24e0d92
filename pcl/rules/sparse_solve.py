"""The rule of a sparse linear solve, in the entries of the matrix and the right-hand side at once."""

from pcl import factor
from pcl.nodes.linear.solve import SolveNode
from pcl.rules.operation import Operation
from pcl.rules.places import Places
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, known


def sparse_solve(places: Places, values: ArrayLike, b: ArrayLike, solver: str = "superlu") -> Operation:
    """u = A⁻¹ b for the matrix A with `values` at `places`.

        μ = A⁻ᵀ ū:          b̄ = μ,   ā_e = −μ[row e] u[col e]
        u̇ = A⁻¹ (ḃ − L ȧ),  L the sparse ∂(A u)/∂a
        W_in = Jᵀ W J − Eᵀ R J − Jᵀ Rᵀ E

    over the joint input (a, b), J = A⁻¹ [−L  I], E = [I  0], R = ∂²(μᵀ A u)/∂a∂u sparse. J is kept as
    the factors it is made of. The equation is solved here: u always belongs to A and b.

    Parameters
    ----------
    places : Places of a square matrix, of nnz entries
    values : (nnz,)
    b : (n,)
    solver : a registered factorisation, see `pcl.solve`

    Returns
    -------
    Operation with inputs "values" and "b".

    Raises
    ------
    SingularMatrix
        No solution that could be trusted.
    ValueError, TypeError
        Not square; wrong shapes; not finite.

    Examples
    --------
    >>> import pcl
    >>> places = pcl.rules.Places([0, 1, 0], [0, 1, 1], (2, 2))
    >>> u = pcl.rules.sparse_solve(places, [2.0, 4.0, 1.0], [4.0, 4.0])     # 2 u₀ + u₁ = 4, 4 u₁ = 4
    >>> u.value
    array([1.5, 1. ])
    >>> _, adjoint = u.back(W=[[0.0, 0.0], [0.0, 0.0]], adjoint=[1.0, 0.0])
    >>> adjoint[u.inputs["b"]]                                              # ∂u₀/∂b = A⁻ᵀ e₀
    array([ 0.5  , -0.125])
    """
    known("solver", solver, factor.solvers())
    if places.shape[0] != places.shape[1]:
        raise ValueError(f"places is a pattern of shape {places.shape}; expected a square matrix.")
    values = float64_array("values", values, shape=(places.size,))
    b = float64_array("b", b, shape=(places.shape[0],))
    node = SolveNode((places.structure,), None, solver)
    return Operation(node.evaluate(values, b), {"values": values.size, "b": b.size}, {"u": b.size})
