"""Eigenvalues of a discretised operator, with unknowns held at zero by Dirichlet conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fem.common.conditions import Conditions
from pcl.nodes.eigen.eigenvalues import eigenvalues as of_pencil
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.support.types import Tensor


def eigenvalues(K: SparseMatrix, M: SparseMatrix | None = None, count: int | Sequence = 6,
                dirichlet: Any = None, *, constraints: Any = None, sigma: float | None = None,
                vectors: bool = False, solver: str = "superlu") -> Tensor | tuple[Tensor, Tensor]:
    """The smallest eigenvalues λ of PᵀKP z = λ PᵀMP z, where u = P z satisfies all conditions.

    Conditions that hold unknowns at zero leave the rows and columns of the others.

    Natural frequencies of K u + M u'' = 0 are f = √λ / 2π.

    Parameters
    ----------
    K, M : SparseMatrix (n, n) assembled by a `Space` or a `Grid`, for example V.laplace(c) and V.mass(ρ)
        M is the identity by default.
    dirichlet : optional
        As in `fem.solve`, with values that are zero: 0.0 for the whole boundary, {where: 0.0} for parts
        of it.
    constraints : fem.Constraint or list of them, optional
        Homogeneous ones that tie unknowns together, such as V.periodic(…).
    count, sigma, vectors, solver
        As in `pcl.eigenvalues`, whose derivatives and errors these are.

    Returns
    -------
    values : tensor (k,)
    vectors : tensor (n, k), only if asked for; zero where a condition holds

    Raises
    ------
    ValueError
        A Dirichlet value is not zero, nothing is left free, a constraint is kept by multipliers; and
        those of `pcl.eigenvalues`.

    Examples
    --------
    A membrane held at its boundary: λ = π² (k² + l²) = 19.74, 49.35, 49.35, …

    >>> import fem
    >>> V = fem.Space(fem.unit_square(6), "P2")
    >>> values = fem.eigenvalues(V.laplace(), V.mass(), 2, dirichlet=0.0)
    >>> values.numpy().round(1).tolist()
    [19.8, 49.5]
    """
    settings: dict[str, Any] = dict(sigma=sigma, vectors=vectors, solver=solver)
    space = _space_of(K, M)
    if space is None:
        if dirichlet is not None or constraints is not None:
            raise ValueError("conditions are given, but K belongs to no space, so its boundary is not "
                             "known; assemble it by a fem.Space, or restrict K and M to the free "
                             "unknowns yourself.")
        return of_pencil(K, M, count, **settings)
    conditions = Conditions(space, dirichlet, constraints)
    _require_zero(conditions)
    if not len(conditions.fixed):
        return of_pencil(K, M, count, **settings)
    if len(conditions.fixed) == space.n:
        raise ValueError("every degree of freedom has a Dirichlet value; no eigenvalue is left.")
    inner = _reduced(K, conditions), None if M is None else _reduced(M, conditions)
    result = of_pencil(inner[0], inner[1], count, **settings)
    return (result[0], conditions.elimination.put @ result[1]) if vectors else result


def _reduced(A, conditions):
    """PᵀAP; A_II where P only picks unknowns."""
    elimination = conditions.elimination
    if elimination.is_selection:
        return A.restrict(elimination.free, elimination.free)
    return A.projected(elimination.put.matrix, elimination.put.matrix)


def _space_of(K, M):
    """The space that K or M is assembled on, None if there is none."""
    if not isinstance(K, SparseMatrix):
        return None
    return K.space or (M.space if isinstance(M, SparseMatrix) else None)


def _require_zero(conditions):
    values = conditions.h
    if conditions.multipliers.shape[0]:
        raise ValueError("constraints are kept by multipliers (a mean value, rigid motions); expected "
                         "such as tie unknowns. Eigenvectors beyond the null space satisfy these anyway.")
    if tf.is_tensor(values) or np.any(values != 0.0):
        given = "a tensor" if tf.is_tensor(values) else f"{values[np.flatnonzero(values)[0]]:.6g}"
        raise ValueError(f"a Dirichlet value of an eigenvalue problem is {given}; expected 0: K u = λ M "
                         "u has no solutions with other values.")
