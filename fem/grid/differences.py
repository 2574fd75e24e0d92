"""Difference quotients and means of a grid as constant maps."""

from fem.grid.control_volumes import ControlVolumes
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.validate import positive_integer


class Differences(ControlVolumes):
    """G, D and the maps between nodes and faces, interior and boundary, each built once."""

    @property
    def gradient(self) -> LinearMap:
        """G, a LinearMap (n_faces, n): the derivative across each face, towards larger coordinates.

        Examples
        --------
        >>> import fem
        >>> grid = fem.Grid.uniform(4, 3.0)
        >>> (grid.gradient @ grid.points[:, 0] ** 2).numpy().tolist()
        [1.0, 3.0, 5.0]
        """
        return self._maps.gradient

    @property
    def divergence(self) -> LinearMap:
        """D, a LinearMap (n, n_faces): D q ≈ ∇·q from normal components q at faces, 0 on ∂Ω.

        −V D is the transpose of diag(A_f h_f) G.

        Examples
        --------
        Of q = 2x inside:

        >>> import fem
        >>> grid = fem.Grid.uniform(4, 3.0)
        >>> (grid.divergence @ (2.0 * grid.face_points[:, 0])).numpy()[1:-1].tolist()
        [2.0, 2.0]
        """
        return self._maps.divergence

    @property
    def face_mean(self) -> LinearMap:
        """Interpolation from nodes to faces, (u_a + u_b)/2, a LinearMap (n_faces, n).

        Examples
        --------
        >>> import fem
        >>> (fem.Grid.uniform(3).face_mean @ [0.0, 1.0, 4.0]).numpy().tolist()
        [0.5, 2.5]
        """
        return self._maps.face_mean

    def derivative(self, axis: int = 0) -> LinearMap:
        """∂/∂x_axis at nodes from three of them, exact for parabolas, a LinearMap (n, n), kept.

        Central inside, one-sided at the two ends; of second order on every grid.

        Parameters
        ----------
        axis : int

        Raises
        ------
        ValueError
            No such axis.

        Examples
        --------
        >>> import fem
        >>> grid = fem.Grid.uniform(4, 3.0)
        >>> (grid.derivative() @ grid.points[:, 0] ** 2).numpy().round(6).tolist()
        [0.0, 2.0, 4.0, 6.0]
        """
        axis = positive_integer("axis", axis, 0, self.dim - 1)
        return self._maps.derivatives[axis]

    @property
    def restriction(self) -> LinearMap:
        """Pᵀ, a LinearMap (n_interior, n): values at the interior nodes.

        Examples
        --------
        >>> import fem
        >>> (fem.Grid.uniform(4).restriction @ [0.0, 1.0, 2.0, 3.0]).numpy().tolist()
        [1.0, 2.0]
        """
        return self.partition(self.boundary).take_free

    @property
    def extension(self) -> LinearMap:
        """P, a LinearMap (n, n_interior): zero on the boundary.

        Examples
        --------
        >>> import fem
        >>> (fem.Grid.uniform(4).extension @ [1.0, 2.0]).numpy().tolist()
        [0.0, 1.0, 2.0, 0.0]
        """
        return self.partition(self.boundary).put_free
