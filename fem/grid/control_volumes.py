"""The nodes of a grid, their control volumes, and the faces between them."""

import functools

import numpy as np
import skfem

from fem.grid.box_mesh import box_mesh
from fem.grid.maps import GridMaps
from pcl.nodes.linear.partition import Partition
from pcl.support.arrays import digest
from pcl.support.caches import Bounded
from pcl.support.types import Array, Integers


class ControlVolumes:
    """The nodes of a grid with their volumes V_i, and the faces f between them.

    What `Forms`, `Differences`, `Observations` and `Conditions` ask of a grid, each of which adds
    one kind of map and keeps nothing; `Grid`, which is all of them, describes and sets the attributes.
    """

    n: int
    n_faces: int
    dim: int
    shape: tuple[int, ...]
    axes: tuple[Array, ...]
    boundary: Integers
    interior: Integers
    field_names: tuple[str, ...] = ("u",)
    is_scalar = True
    _maps: GridMaps
    _partitions: Bounded

    @property
    def points(self) -> Array:
        """Coordinates of the nodes, (n, dim), x first.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform((3, 3)).points[:4].tolist()
        [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0], [0.5, 0.0]]
        """
        return self._maps.points

    @functools.cached_property
    def mesh(self) -> skfem.Mesh:
        """Intervals, rectangles or boxes between the nodes, which keep their numbers; of scikit-fem.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform((3, 3)).mesh.t.shape
        (4, 4)
        """
        return box_mesh(self.shape, self.points)

    @property
    def volumes(self) -> Array:
        """V_i, (n,): lengths, areas or volumes that add up to that of the domain.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(5).volumes.tolist()
        [0.125, 0.25, 0.25, 0.25, 0.125]
        """
        return self._maps.volumes

    @property
    def face_points(self) -> Array:
        """Midpoints of the faces, (n_faces, dim), where κ lives: direction by direction.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(5).face_points[:, 0].tolist()
        [0.125, 0.375, 0.625, 0.875]
        """
        return self._maps.face_points

    @property
    def face_nodes(self) -> Integers:
        """Numbers (a, b) of the nodes on both sides of each face, (n_faces, 2).

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(4).face_nodes.tolist()
        [[0, 1], [1, 2], [2, 3]]
        """
        return self._maps.face_nodes

    @property
    def face_directions(self) -> Integers:
        """The axis d along which each face is crossed, (n_faces,).

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform((3, 3)).face_directions.tolist()
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
        """
        return self._maps.face_directions

    @property
    def dof_points(self) -> Array:
        """`points`, (n, dim), under the name it has in a `Space`.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(3).dof_points[:, 0].tolist()
        [0.0, 0.5, 1.0]
        """
        return self.points

    @property
    def basis_integrals(self) -> Array:
        """`volumes`, (n,), under the name it has in a `Space`.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(3).basis_integrals.tolist()
        [0.25, 0.5, 0.25]
        """
        return self.volumes

    @property
    def unused_dofs(self) -> Integers:
        """No numbers, (0,): every node has a volume.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(3).unused_dofs.size
        0
        """
        return np.zeros(0, dtype=np.int64)

    @property
    def components(self) -> Integers:
        """Zeros (n,): a grid is connected.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(3).components.tolist()
        [0, 0, 0]
        """
        return np.zeros(self.n, dtype=np.int32)

    def partition(self, fixed: Integers) -> Partition:
        """The splitting of the nodes into `fixed` and free ones, kept.

        Parameters
        ----------
        fixed : sorted whole numbers

        Returns
        -------
        Partition

        Examples
        --------
        >>> import fem
        >>> grid = fem.Grid.uniform(4)
        >>> grid.partition(grid.boundary).free.tolist()
        [1, 2]
        """
        return self._partitions.kept(digest(fixed), lambda: Partition(fixed, self.n))
