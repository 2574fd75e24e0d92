"""Finite element functions at points that the user names."""

from typing import Any

from fem.common.dirichlet import observation
from fem.common.observe import node_matrix, observation_points
from fem.space import places
from fem.space.constant_maps import ConstantMaps
from fem.space.observe import field_of, point_rows
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.types import Array, ArrayLike, Booleans, Integers


class Observations(ConstantMaps):
    """(O u)_i = u_h(x_i) as constant maps, and what lies at or near points x_i."""

    def observe(self, points: ArrayLike, outside: str = "error", dirichlet: Any = None,
                quantity: str = "value", field: str | None = None, component: Any = None) -> LinearMap:
        """O with (O u)_i = u_h(x_i): point observation as a constant sparse map.

        Parameters
        ----------
        points : (m, dim), in 1-D also (m,)
            Anywhere in the mesh; points on facets and nodes count as inside up to rounding. A
            point given twice is observed twice.
        outside : 'error' or 'nearest'
            Points outside the mesh are refused, or observed at the closest point of the boundary.
        dirichlet : optional
            The conditions of the solve, as in `fem.solve`: a RuntimeWarning tells of observations where
            u is prescribed, whose sensitivity is exactly zero. Without them it comes when O is first
            applied to what `fem.solve`, `fem.solve_nonlinear` or `fem.march` returned.
        quantity, field : str, optional
            Which quantity of which field; between cells a gradient is that of one of them.
        component : int, list of int, or of tensors a pair of these, optional
            Of a vector 1 or [0, 1], of its gradient (0, 1) for ∂u₀/∂x₁ or 0 for its row. All by default.

        Returns
        -------
        LinearMap (m, n); of quantities with components u (n,) ↦ (m, *shape). Of several right-hand sides
        u (n, k) ↦ (m, *shape, k).

        Raises
        ------
        ValueError
            Wrong shape, not finite, or outside the mesh (with index and coordinates).

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> x, y = V.dof_points.T
        >>> u = x + 2.0 * y
        >>> (V.observe([[0.3, 0.6], [0.9, 0.1]]) @ u).numpy().round(6).tolist()
        [1.5, 1.1]
        >>> (V.observe([[0.3, 0.6]], quantity="gradient") @ u).numpy().round(6).tolist()
        [[1.0, 2.0]]
        """
        matrix, shape = point_rows(self, points, outside, quantity, field, component)
        return observation(self, matrix, dirichlet, shape)

    def observe_nodes(self, indices: ArrayLike, dirichlet: Any = None) -> LinearMap:
        """O with (O u)_i = u[indices[i]], a LinearMap (m, n).

        Parameters
        ----------
        indices : whole numbers (m,)
        dirichlet : optional
            As in `observe`.

        Raises
        ------
        IndexError
            A number that is negative or past the end.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> (V.observe_nodes([0, 8]) @ V.dof_points[:, 0]).numpy().tolist()
        [0.0, 1.0]
        """
        return observation(self, node_matrix(indices, self.n), dirichlet)

    def along(self, start: ArrayLike, end: ArrayLike, count: int) -> Array:
        """Points (count, dim) at equal distances on the line from start to end, for `observe`.

        Parameters
        ----------
        start, end : (dim,)
        count : int ≥ 2

        Raises
        ------
        ValueError
            Another shape or count.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2)).along([0.0, 0.5], [1.0, 0.5], 3).tolist()
        [[0.0, 0.5], [0.5, 0.5], [1.0, 0.5]]
        """
        return places.along(self.dim, start, end, count)

    def nearest_dofs(self, points: ArrayLike, field: str | None = None,
                     component: int | None = None) -> Integers:
        """Numbers of the unknowns at the nodes nearest to points, point by point, each once.

        Of a vector all components follow each other at each node, or one is chosen. For conditions at
        points: `fem.Dirichlet(V.nearest_dofs([[0.0, 0.0]]), 0.0)`.

        Parameters
        ----------
        points : (m, dim)
        field : str, of several
        component : int, of a vector, optional

        Raises
        ------
        ValueError
            Unknowns that are no values at points, another shape, no such component.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), fem.vector("P1"))
        >>> V.nearest_dofs([[0.6, 0.4]]).tolist()
        [8, 9]
        """
        return places.nearest_dofs(self, field_of(self, field), points, component)

    def contains(self, points: ArrayLike) -> Booleans:
        """Whether each of the points lies in the mesh, bool (m,).

        Parameters
        ----------
        points : (m, dim)

        Raises
        ------
        ValueError
            Another shape, no points, not finite.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.disk(2)).contains([[0.5, 0.5], [0.9, 0.9]]).tolist()
        [True, False]
        """
        return self.locator.find(observation_points(points, self.dim))[0] >= 0
