"""Quadrature and degrees of freedom on parts of the boundary of a finite element space."""

from collections.abc import Mapping
from typing import Any

from fem.space.boundary import select_dofs, select_facets
from fem.space.observe import field_of
from fem.space.quadrature_points import FacetPoints
from fem.space.trace import numbers_at
from fem.space.unknowns import Unknowns
from pcl.support.arrays import digest
from pcl.support.caches import Bounded
from pcl.support.types import Array, Integers, Where


class BoundaryPoints(Unknowns):
    """Points x_k, weights w_k and normals n_k of ∫_Γ f ds ≈ Σ_k w_k f(x_k), and the unknowns on Γ."""

    _facet_points: Bounded

    def boundary_dofs(self, where: Where = None, field: str | None = None,
                      component: int | None = None) -> Integers:
        """Sorted numbers of the degrees of freedom on a part of the boundary.

        Parameters
        ----------
        where : None, name or list of names, predicate, or array of numbers
            None is all of it. Names are those of mesh.boundaries. A predicate on coordinates
            (m, dim) -> bool (m,) is applied to the boundary's degrees of freedom.
        field : str, optional
            One field; all by default.
        component : int, optional
            One component of a vector; all by default.

        Raises
        ------
        ValueError, IndexError
            Names or numbers that are not known; functions that jump between cells.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> V.boundary_dofs("left").tolist(), V.boundary_dofs(lambda x: x[:, 1] == 1.0).tolist()
        ([0, 3, 6], [6, 7, 8])
        """
        self.require_gradients("a boundary condition")
        if field is None and component is None:
            return select_dofs(self, where)
        return numbers_at(self, field_of(self, field), where, component)

    def boundary_points(self, where: Where = None) -> Array:
        """Quadrature points (qb, dim) on a part of the boundary.

        Parameters
        ----------
        where : None, name or list of names, predicate, or array of facet numbers
            None is all of it. Names are those of mesh.boundaries. A predicate on the midpoints of
            boundary facets (m, dim) -> bool (m,).

        Raises
        ------
        ValueError, IndexError
            A part that is not known.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> bool((V.boundary_points("right")[:, 0] == 1.0).all())
        True
        """
        return self.facet_points(where).points

    def boundary_weights(self, where: Where = None) -> Array:
        """Quadrature weights (qb,) at `boundary_points(where)`, with the weight function.

        Parameters
        ----------
        where : see `boundary_points`

        Examples
        --------
        The length of the unit square's boundary:

        >>> import fem
        >>> round(float(fem.Space(fem.unit_square(2)).boundary_weights().sum()), 6)
        4.0
        """
        return self.facet_points(where).weights

    def boundary_normals(self, where: Where = None) -> Array:
        """Outward unit normals (qb, dim) at `boundary_points(where)`.

        Parameters
        ----------
        where : see `boundary_points`

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2)).boundary_normals("top")[0].tolist()
        [0.0, 1.0]
        """
        return self.facet_points(where).normals

    def facet_points(self, where: Where = None) -> FacetPoints:
        """Quadrature on a part of the boundary, see `boundary_points`; kept.

        Parameters
        ----------
        where : see `boundary_points`

        Returns
        -------
        FacetPoints
            With `points` (qb, dim), `weights` (qb,) and outward `normals` (qb, dim).

        Raises
        ------
        ValueError, IndexError
            A part that is not known.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> V.facet_points("left").normals[0].tolist()
        [-1.0, 0.0]
        """
        facets = select_facets(self, where)
        return self._facet_points.kept(digest(facets), lambda: FacetPoints(self, facets))

    def on_boundary(self, boundary: Mapping | None) -> list[tuple[FacetPoints, Any]]:
        """(quadrature points, form) of each part of {where: form}.

        Parameters
        ----------
        boundary : {where: form} or None

        Raises
        ------
        TypeError
            No mapping.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> [len(points.weights) for points, form in V.on_boundary({"left": None, "right": None})]
        [4, 4]
        """
        if boundary is not None and not isinstance(boundary, Mapping):
            raise TypeError(f"boundary is a {type(boundary).__name__}; expected {{where: form}}.")
        return [(self.facet_points(where), form) for where, form in (boundary or {}).items()]
