"""Conditions on the unknowns of a finite element space."""

from typing import Any

from fem.common.constraint import Constraint
from fem.common.dirichlet import Dirichlet, Prescribed
from fem.space import ties
from fem.space.boundary_points import BoundaryPoints
from fem.space.observe import field_of
from fem.space.trace import prescribed, projections
from pcl.support.types import Where


class Conditions(BoundaryPoints):
    """Dirichlet values, periodicity and integrals that are known, as rows E u = h."""

    def prescribed(self, condition: Dirichlet, columns: int | None = None) -> Prescribed | None:
        """What a condition says of the unknowns; None where they are a scalar field's values at points.

        Parameters
        ----------
        condition : Dirichlet
        columns : int, optional
            Right-hand sides, where values may be given for each.

        Returns
        -------
        Prescribed or None

        Raises
        ------
        ValueError
            No field named where there are several, or a condition that the element cannot have.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), fem.vector("P1"))
        >>> V.prescribed(fem.Dirichlet("left", 0.0, component=1)).numbers.tolist()
        [1, 7, 13]
        """
        field = self._conditioned(condition)
        if len(self.fields) == 1 and field.is_nodal and not field.shape and (
                condition.component is None or columns is not None):
            return None
        if columns is not None:
            raise ValueError("values for several right-hand sides are for scalar spaces; expected u "
                             "(n,).")
        return prescribed(self, field, condition)

    def projections(self, conditions: list[Dirichlet]) -> tuple[list[Dirichlet], list[Prescribed]]:
        """The conditions that are no projections onto traces, and what those that are say together.

        Parameters
        ----------
        conditions : list of Dirichlet

        Returns
        -------
        others : list of Dirichlet
        projected : list of Prescribed

        Raises
        ------
        ValueError
            As in `prescribed`.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), "RT1")
        >>> others, projected = V.projections([fem.Dirichlet("left", 0.0)])
        >>> len(others), projected[0].numbers.size
        (0, 2)
        """
        return projections(self, [(self._conditioned(c), c) for c in conditions])

    def _conditioned(self, condition):
        """The field that a condition is about."""
        if len(self.fields) > 1 and condition.field is None:
            raise ValueError(f"a Dirichlet condition names no field; the space has "
                             f"{', '.join(self.fields)}: dirichlet={{{self.field_names[0]!r}: …}}, or "
                             "fem.Dirichlet(where, value, field=…).")
        return field_of(self, condition.field)

    def periodic(self, one: Where, other: Where, field: str | None = None,
                 sign: float = 1.0) -> Constraint:
        """u on `one` = sign · u at the same places of `other`, shifted by a constant vector.

        For fields of values at points. The shift is the difference of the centres of both parts.

        Parameters
        ----------
        one, other : names or predicates, see `boundary_dofs`
        field : str, of several
        sign : 1.0, or −1.0 for antiperiodic functions

        Returns
        -------
        Constraint

        Raises
        ------
        ValueError
            Another number of nodes, or nodes without a partner.

        Examples
        --------
        −Δu = sin 2πx, periodic in x, zero below and above:

        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> b = V.load(lambda x: np.sin(2 * np.pi * x[:, 0]))
        >>> tie = V.periodic("left", "right")
        >>> u = fem.solve(V.laplace(), b, {"bottom": 0.0, "top": 0.0}, constraints=tie)
        >>> bool(np.allclose(u.numpy()[V.boundary_dofs("left")], u.numpy()[V.boundary_dofs("right")]))
        True
        """
        return ties.periodic(self, field_of(self, field), one, other, sign)

    def mean_value(self, value: Any = 0.0, field: str | None = None) -> Constraint:
        """∫ u w dx = value ∫ w dx of a scalar field (of every component of a vector), by a multiplier.

        Parameters
        ----------
        value : scalar or (components,), array or tensor
        field : str, of several

        Returns
        -------
        Constraint

        Examples
        --------
        Heat enters on the left and leaves on the right; the mean temperature is 20:

        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> b = V.flux(1.0, "left") - V.flux(1.0, "right")
        >>> u = fem.solve(V.laplace(), b, constraints=V.mean_value(20.0)).numpy()
        >>> [round(float(x), 6) for x in (u.min(), u.max())]
        [19.5, 20.5]
        """
        return ties.mean_value(self, field_of(self, field), value)

    def rigid_motions(self, field: str | None = None) -> Constraint:
        """∫ r·u w dx = 0 for all translations and rotations r of a displacement, by multipliers.

        Parameters
        ----------
        field : str, of several

        Returns
        -------
        Constraint
            Three rows in the plane, six in space.

        Raises
        ------
        ValueError
            The field is no displacement.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2), fem.vector("P1")).rigid_motions().matrix.shape
        (3, 18)
        """
        return ties.rigid_motions(self, field_of(self, field))
