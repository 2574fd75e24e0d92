"""Solve A u = b with Dirichlet data by eliminating rows and columns."""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.common.coefficient import float64_value, mapped
from fem.common.conditions import Conditions, like
from fem.common.prescribed import remembered
from pcl.errors import SingularMatrix
from pcl.nodes.linear import solve as linear_solve
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.support.arrays import placed
from pcl.support.types import ArrayLike, Tensor
from pcl.support.validate import float64_array, require_finite

# A map annihilates a vector when its product is this small against the sum of absolute terms.
_ROUNDING = 1e-12


def solve(A: SparseMatrix, b: ArrayLike | Tensor, dirichlet: Any = None, solver: str = "superlu",
          mean_value: float | None = None, constraints: Any = None) -> Tensor:
    """u with u = g on the Dirichlet part D and (A u)_i = b_i elsewhere (I).

        A_II u_I = b_I − A_ID g,    u = P u_I + E g

    A, b and g may carry parameters; u is differentiable to any order.

    Parameters
    ----------
    A : SparseMatrix (n, n) assembled by a `Space`
    b : tensor or array (n,) or (n, k), for example Space.load(f)
    dirichlet : optional
        A scalar for the whole boundary; an array or tensor in the order of
        `space.boundary_dofs()`; a function of points (m, dim) -> (m,); a dict {where: value}; a
        `fem.Dirichlet` or a list of them. `where` as in `Space.boundary_dofs`.
    solver : str
        A registered factorisation, see `pcl.solve`.
    constraints : fem.Constraint or list of them, optional
        `V.periodic(…)`, `V.mean_value(…)`, `V.rigid_motions()`, or rows of your own. With u = P z + g
        the system is Pᵀ A P z = Pᵀ (b − A g); each multiplier is one more unknown.
    mean_value : float, optional
        For pure Neumann problems (A 1 = 0 = Aᵀ1): the solution with ∫ u w dx = mean_value ∫ w dx.
        A load that is not in equilibrium, 1ᵀb ≠ 0, is balanced by a constant source. This is the
        solution of the system bordered by m_i = ∫ φ_i w dx,

            [A m; mᵀ 0] [u; λ] = [b; mean_value·Σm],    λ = Σb/Σm.

    Returns
    -------
    u : tensor (n,) or (n, k); degrees of freedom of nodes without a cell are 0.

    Raises
    ------
    ValueError, TypeError, IndexError
        Wrong shapes or conditions that contradict each other.
    SingularMatrix
        At once: a connected part of the mesh has no Dirichlet value and A annihilates constants
        there. When evaluated: any other singular matrix.

    Warns
    -----
    UserWarning
        All unknowns are fixed (nothing is solved), or a condition selects none.

    Examples
    --------
    u = x between 0 on the left and 1 on the right:

    >>> import numpy as np
    >>> import fem
    >>> V = fem.Space(fem.unit_square(4))
    >>> u = fem.solve(V.laplace(), V.load(0.0), {"left": 0.0, "right": 1.0})
    >>> bool(np.allclose(u, V.dof_points[:, 0]))
    True
    """
    space = _space_of(A)
    b = _right_hand_side(b, space.n)
    columns = None if len(b.shape) == 1 else int(b.shape[1])
    if mean_value is not None:
        _refuse_with_mean_value(dirichlet, constraints)
        return _solve_neumann(A, b, solver, mean_value)
    conditions = Conditions(space, dirichlet, constraints, columns)
    if not conditions.by_numbers:
        u = _constrained(A, b, conditions, solver)
    else:
        if len(conditions.numbers) == space.n:
            warnings.warn("every degree of freedom has a Dirichlet value; nothing is solved.",
                          stacklevel=2)
        _require_anchored(A, conditions.numbers)
        u = _eliminate(A, b, conditions.numbers, conditions.values, solver)
    return remembered(u, conditions.numbers, conditions.values) if columns is None else u


def _constrained(A, b, conditions, solver):
    """u = P z + g with [PᵀAP (CP)ᵀ; CP 0] [z; λ] = [Pᵀ(b − A g); d − C g]."""
    P = conditions.elimination.put.matrix
    k, m = conditions.multipliers.shape[0], P.shape[1]
    if not m:
        return like(tf.zeros(P.shape[0], tf.float64) if conditions.g is None else conditions.g, b)
    wide = sp.hstack([P, sp.csr_array((P.shape[0], k))], format="csr")
    system = A.projected(wide, wide)
    rhs = mapped(LinearMap(wide.T), b if conditions.g is None else b - like(A @ conditions.g, b))
    if k:
        C, target = conditions.border
        system = system + SparseMatrix.from_scipy(sp.block_array([[None, C.matrix.T], [C.matrix, None]]))
        rhs = rhs + like(mapped(LinearMap(placed(m, k, m + k)), target), b)
    y = linear_solve.solve(system, rhs, solver=solver, name_null=conditions.name_null)
    return conditions.expanded(LinearMap(placed(0, m, m + k).T) @ y)


def _eliminate(A, b, fixed, g, solver):
    if not len(fixed):
        return linear_solve.solve(A, b, solver=solver, name_null=A.space.name_null)
    split = A.space.partition(fixed)
    zero = not tf.is_tensor(g) and not g.any()
    boundary = None if zero else like(mapped(split.put_fixed, g), b)
    if not len(split.free):
        return tf.zeroslike(b) if zero else boundary
    rhs = mapped(split.take_free, b)
    if not zero:
        rhs = rhs - like(A.restrict(split.free, split.fixed) @ g, b)
    inner = linear_solve.solve(A.restrict(split.free, split.free), rhs, solver=solver,
                               name_null=lambda null: A.space.name_null(split.put_free.matrix @ null))
    u = split.put_free @ inner
    return u if zero else u + boundary


def _refuse_with_mean_value(dirichlet, constraints):
    if dirichlet is not None:
        raise ValueError("mean_value and dirichlet are both given; expected one of them: Dirichlet "
                         "data already determine the constant.")
    if constraints is not None:
        raise ValueError("mean_value and constraints are both given; expected one of them: "
                         "constraints=[…, V.mean_value(value)] states both.")


def _solve_neumann(A, b, solver, mean_value):
    """Balance the load, solve with one pinned value, shift to the mean value."""
    space = A.space
    mean_value = float64_array("mean_value", mean_value, shape=())
    used = np.setdiff1d(np.arange(space.n), space.unused_dofs)
    ones = np.zeros(space.n)
    ones[used] = 1.0
    if not _annihilates(A, ones) or not _annihilates(A.T, ones):
        raise ValueError("mean_value is given, but A does not annihilate constants (A 1 = 0 = "
                         "Aᵀ 1): the equation determines its mean value itself. Leave mean_value "
                         "out.")
    fixed = np.union1d(used[:1], space.unused_dofs)
    _require_anchored(A, fixed)
    measure = space.basis_integrals / space.basis_integrals.sum()
    balance = LinearMap(measure[:, None]), LinearMap(ones[None])      # b ↦ m Σb/Σm
    mean = LinearMap(ones[:, None]), LinearMap(measure[None])         # u ↦ 1 mᵀu/Σm
    b = b - mapped(balance[0], mapped(balance[1], b))
    u = _eliminate(A, b, fixed, np.zeros(len(fixed)), solver)
    return u - mean[0] @ (mean[1] @ u) + like(mean_value * ones, b)


def _space_of(A):
    space = getattr(A, "space", None)
    if space is None:
        raise ValueError("A belongs to no space, so its boundary is not known; assemble it by a "
                         "fem.Space, or solve without conditions by pcl.solve(A, b).")
    return space


def _right_hand_side(b, n):
    b = float64_value("b", b)
    if len(b.shape) not in (1, 2) or b.shape[0] != n:
        raise ValueError(f"b has shape {tuple(b.shape)}; expected ({n},) or ({n}, k), for example "
                         "space.load(f).")
    if not tf.is_tensor(b):
        require_finite("b", b)
    return b


def _annihilates(A, v):
    """Whether A(c) v = 0 for every coefficient c, read from the constant maps."""
    return not any(_touched(s.trial, v).any() for s in A.structures)


def _touched(matrix, v):
    """Rows of the map whose product with v is not zero up to rounding."""
    return np.abs(matrix @ v) > _ROUNDING * (abs(matrix) @ np.abs(v))


def _require_anchored(A, fixed):
    """Refuse a system that is singular for every coefficient.

    On a connected part without fixed unknowns, v = 1 there and 0 elsewhere has A v = 0 if every
    map of A annihilates it. A row of a map belongs to one cell, hence to one part.
    """
    if not A.space.is_scalar:
        return                              # more than levels may be missing: `name_null` tells of all
    parts = A.space.components
    floating = np.ones(parts.max() + 1, dtype=bool)
    floating[parts[fixed]] = False
    if not floating.any():
        return
    v = floating[parts].astype(np.float64)
    for structure in A.structures:
        rows = np.flatnonzero(_touched(structure.trial, v))
        first = structure.trial.indices[structure.trial.indptr[rows]]
        floating[parts[first]] = False
    if floating.any():
        k = np.flatnonzero(floating)[0]
        node = np.flatnonzero(parts == k)[0]
        place = ", ".join(f"{x:.6g}" for x in A.space.dof_points[node])
        raise SingularMatrix(
            f"A is singular: connected component {k} of {len(floating)} of the mesh (with the "
            f"point ({place})) has no Dirichlet value, and constants there are in the null space. "
            "Give a Dirichlet value on it, add a mass or Robin term, or, with one component, pass "
            "mean_value.")
