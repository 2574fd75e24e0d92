"""What elements and differences have in common: all that solves, conditions and marches ask of them."""

from typing import Any, Protocol

import numpy as np


class Discretisation(Protocol):
    """u_h = Σ u_i φ_i with n degrees of freedom, ∫ f φ_i by a rule that is exact for constants f.

    `n`, `dim`, `dof_points`
        Degrees of freedom, dimension, the points (n, dim) they belong to.
    `laplace(κ)`, `mass(ρ)`
        Symmetric `SparseMatrix` (n, n), linear in the coefficient, with A 1 = 0 and 1ᵀ M 1 = ∫ρ.
    `load(f)`
        b (n,), with Σ b = ∫ f.
    `basis_integrals`
        ∫ φ_i, which is load(1).
    `observe(points)`, `observe_nodes(numbers)`
        Maps from u to its values there.
    `boundary_dofs(where)`
        Their sorted numbers.
    `partition(fixed)`
        `Partition` of the n numbers in fixed and free ones, remembered.
    `is_scalar`
        Whether it has one field, of scalar values.
    `field_names`, `prescribed(condition, columns)`, `projections(conditions)`
        Names of the fields; the `Prescribed` of a Dirichlet condition, or None where it is said by
        `boundary_dofs` and `dof_points`.
    `elimination(rows)`
        The `Elimination` of conditions E u = h, remembered.
    `name_null(null)`
        A sentence on the null space (n, r) of a singular system, or None.
    `components`
        The number (n,) of the connected part that each degree of freedom belongs to.
    `unused_dofs`
        Those of no cell.
    """

    n: int
    dim: int

    @property
    def dof_points(self) -> np.ndarray: ...

    @property
    def basis_integrals(self) -> np.ndarray: ...

    @property
    def components(self) -> np.ndarray: ...

    @property
    def unused_dofs(self) -> np.ndarray: ...

    def laplace(self, kappa: Any = 1.0, positive: bool = True) -> Any: ...

    def mass(self, rho: Any = 1.0, positive: bool = True) -> Any: ...

    def load(self, f: Any = 1.0) -> Any: ...

    def observe(self, points: Any) -> Any: ...

    def observe_nodes(self, indices: Any, dirichlet: Any = None) -> Any: ...

    def boundary_dofs(self, where: Any = None) -> np.ndarray: ...

    def partition(self, fixed: np.ndarray) -> Any: ...

    @property
    def is_scalar(self) -> bool: ...

    @property
    def field_names(self) -> tuple[str, ...]: ...

    def prescribed(self, condition: Any, columns: int | None = None) -> Any: ...

    def projections(self, conditions: list) -> tuple[list, list]: ...

    def elimination(self, rows: Any) -> Any: ...

    def name_null(self, null: np.ndarray) -> str | None: ...
