"""Finite differences on tensor-product grids, as constant sparse maps that `pcl` differentiates."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import skfem
import tensorflow as tf

from fem.common.coefficient import flattened, spread
from fem.common.dirichlet import observation
from fem.common.elimination import Elimination
from fem.common.observe import node_matrix, observation_points
from fem.common.places import is_names, truth_of
from fem.grid import stencil
from fem.grid.box_mesh import box_mesh
from fem.grid.coefficient import at_faces, at_nodes, place
from fem.grid.maps import GridMaps
from fem.mesh.build import SIDES
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.partition import Partition
from pcl.support.arrays import digest, frozen
from pcl.support.caches import Bounded
from pcl.support.types import Array, ArrayLike, Coefficient, Integers, Tensor, Where
from pcl.support.validate import float64_array, known, positive_integer, whole_numbers

# Partitions that a grid keeps.
KEPT = 16


class Grid:
    """Nodes x_i × y_j × z_k, each in a control volume bounded by the faces halfway to its neighbours.

        G   (G u)_f = (u_b − u_a)/h_f            face between nodes a and b, h_f = |x_b − x_a|
        D   (D q)_i = 1/V_i Σ_f ±A_f q_f         outflow of node i's volume; none through the boundary
        laplace(κ)  A = Gᵀ diag(A_f h_f κ_f) G   A u ≈ ∫_V −∇·(κ∇u) dx + ∫_(∂V∩∂Ω) κ ∂u/∂n ds
        load(f)     b_i = V_i f_i                b   ≈ ∫_V f dx

    `laplace`, `mass` and `load` are integrals over control volumes: A is symmetric, and A u = b is what
    `fem.solve` takes, with the natural condition κ ∂u/∂n = 0 where no value is given. Residuals in
    strong form come from `divergence_form(κ, u)` = −D (κ_f G u); on the boundary they assume that
    condition, elsewhere (`restriction @ …`) none. Solutions are of second order in the largest
    spacing on uniform and graded grids, G in the points of faces, D on smoothly graded grids.

    Nodes are numbered as `u.reshape(grid.shape)` has them, x first. Arrays u are (n,), or (n, k) for k
    snapshots. A grid never changes; its maps are built on first use.

    Parameters
    ----------
    *axes : one to three arrays, each with at least 3 increasing coordinates

    Attributes
    ----------
    n, n_faces, dim : int
    shape : tuple
        Nodes along each axis.
    axes : tuple of ndarray
    boundary, interior : ndarray
        Sorted node numbers.

    Raises
    ------
    ValueError, TypeError
        No or more than three axes, fewer than 3 coordinates, not increasing, NaN, not real numbers.

    Source: vertex-centred finite volumes; second order of the solution on graded grids: H.-O. Kreiss,
    T. Manteuffel, B. Swartz, B. Wendroff, A. White, Supra-convergent schemes on irregular grids, Math.
    Comp. 47 (1986).

    Examples
    --------
    −u'' = 1 on (0, 1), zero at both ends: ⅛ in the middle.

    >>> import numpy as np
    >>> import fem
    >>> grid = fem.Grid(np.linspace(0.0, 1.0, 5))
    >>> grid
    Grid(5 nodes, n=5, n_faces=4)
    >>> u = fem.solve(grid.laplace(), grid.load(1.0), dirichlet=0.0)
    >>> u.numpy().round(6).tolist()
    [0.0, 0.09375, 0.125, 0.09375, 0.0]
    """

    n: int
    n_faces: int
    dim: int
    shape: tuple[int, ...]
    axes: tuple[Array, ...]
    boundary: Integers
    interior: Integers
    _maps: GridMaps
    _partitions: Bounded

    def __init__(self, *axes: ArrayLike):
        if not 1 <= len(axes) <= 3:
            raise ValueError(f"a Grid was given {len(axes)} coordinate arrays; expected one to three, "
                             "Grid(x), Grid(x, y) or Grid(x, y, z).")
        checked = tuple(_coordinates(name, x) for name, x in zip("xyz", axes))
        maps = GridMaps(checked)
        self._set(axes=checked, dim=len(checked), shape=maps.shape, n=maps.n, n_faces=maps.n_faces)
        inner = np.zeros(self.shape, dtype=bool)
        inner[(slice(1, -1),) * self.dim] = True
        self._set(interior=frozen(np.flatnonzero(inner)), boundary=frozen(np.flatnonzero(~inner)))
        self._set(_maps=maps, _partitions=Bounded(KEPT))

    @classmethod
    def uniform(cls, counts: int | Sequence[int], lengths: ArrayLike = 1.0) -> "Grid":
        """The grid of equal steps on (0, L_x) × (0, L_y) × (0, L_z).

        Parameters
        ----------
        counts : int, or one to three of them
            Nodes along each axis, both ends counted.
        lengths : number > 0, or one for each axis

        Returns
        -------
        Grid

        Raises
        ------
        ValueError
            Fewer than 3 nodes along an axis; lengths not positive, or neither one nor one an axis.

        Examples
        --------
        >>> import fem
        >>> grid = fem.Grid.uniform((5, 3), lengths=(2.0, 1.0))
        >>> grid.shape, grid.points[-1].tolist()
        ((5, 3), [2.0, 1.0])
        """
        counts = [positive_integer("counts", c, 3) for c in np.atleast_1d(counts).tolist()]
        lengths = float64_array("lengths", lengths)
        if lengths.shape not in ((), (len(counts),)) or (lengths <= 0).any():
            raise ValueError(f"lengths is {lengths.tolist()}; expected one positive number, or one for "
                             f"each of {len(counts)} axes.")
        return cls(*(np.linspace(0.0, length, count)
                     for count, length in zip(counts, np.broadcast_to(lengths, len(counts)))))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Grid never changes; make a new one instead of setting {name}.")

    def __repr__(self) -> str:
        return f"Grid({' × '.join(map(str, self.shape))} nodes, n={self.n}, n_faces={self.n_faces})"

    # --- geometry ------------------------------------------------------------------------------
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

    # --- forms ---------------------------------------------------------------------------------
    def laplace(self, kappa: Coefficient = 1.0, positive: bool = True,
                mean: str = "arithmetic") -> SparseMatrix:
        """A = Gᵀ diag(A_f h_f κ_f) G ≈ ∫_V −∇·(κ∇u) dx, symmetric; A 1 = 0.

        Parameters
        ----------
        kappa : scalar, (n_faces,) at `face_points`, (n,) at nodes; array, tensor, or function of points
            A function is evaluated at `face_points`.
        positive : bool
            Refuse κ ≤ 0 whenever it is evaluated, and s ≤ 0 in multiples s·laplace(κ) (see
            `pcl.SparseMatrix`); pass False to allow any sign.
        mean : 'arithmetic' or 'harmonic'
            From nodes to faces: κ_f = (κ_a + κ_b)/2, or 1/κ_f = (1/κ_a + 1/κ_b)/2, which gives the
            exact flux between two materials that meet at the face. Both are of second order.

        Returns
        -------
        SparseMatrix (n, n), linear in κ_f.

        Raises
        ------
        TypeError, ValueError
            Wrong shape, for example (n, 1); nothing but a scalar is broadcast.
        InvalidCoefficient
            κ not finite, or not positive; names the node or face.

        Examples
        --------
        Two materials in series, 1 and 3: the flux between 0 and 1 is that of their harmonic mean, 1.5.

        >>> import numpy as np
        >>> import fem
        >>> grid = fem.Grid.uniform(5)
        >>> A = grid.laplace(np.array([1.0, 1.0, 3.0, 3.0]))
        >>> u = fem.solve(A, np.zeros(grid.n), {"left": 0.0, "right": 1.0})
        >>> (A @ u).numpy().round(6).tolist()
        [-1.5, 0.0, 0.0, 0.0, 1.5]
        """
        kappa = at_faces(self, kappa, positive, mean)
        return SparseMatrix.from_structure(self._maps.laplace, kappa, space=self, positive=positive)

    def mass(self, rho: Coefficient = 1.0, positive: bool = True) -> SparseMatrix:
        """M = diag(V_i ρ_i); a SparseMatrix (n, n), linear in ρ.

        Parameters
        ----------
        rho : scalar, (n,), or a function of points; array or tensor
        positive : bool
            ρ ≤ 0 is refused as κ in `laplace`, also in multiples, unless False.

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            As in `laplace`.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> grid = fem.Grid.uniform(3)
        >>> (grid.mass(4.0) @ np.ones(3)).numpy().tolist()
        [1.0, 2.0, 1.0]
        """
        rho = at_nodes(self, "rho", rho, scalar=True, positive=positive)
        return SparseMatrix.from_structure(self._maps.mass, rho, space=self, positive=positive)

    def load(self, f: Coefficient = 1.0) -> Tensor:
        """b_i = V_i f_i, a tensor (n,) or (n, k).

        Parameters
        ----------
        f : scalar, (n,), (n, k) for k snapshots, or a function of points (n, dim); array or tensor

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            Another shape, not finite.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(3).load(lambda x: x[:, 0]).numpy().tolist()
        [0.0, 0.25, 0.25]
        """
        f = spread(at_nodes(self, "f", f, scalar=True), self.n)
        volumes = self.volumes if len(f.shape) == 1 else self.volumes[:, None]
        return tf.constant(volumes) * f

    def divergence_form(self, kappa: Coefficient, u: Coefficient, positive: bool = True,
                        mean: str = "arithmetic") -> Tensor:
        """−∇·(κ∇u) at the nodes, −D (κ_f G u): the strong form, for residuals without a solve.

        Parameters
        ----------
        kappa : as in `laplace`; for snapshots u (n, k) also (n_faces, k) or (n, k)
            May depend on u, for example a network at `face_mean @ u`.
        u : array, tensor, or function of points; (n,) or (n, k)
        positive, mean : see `laplace`

        Returns
        -------
        tensor of the shape of u; at boundary nodes nothing flows through the boundary.

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            As in `laplace`.

        Examples
        --------
        −((1 + x) u')' of u = x² is −2 − 4x inside:

        >>> import fem
        >>> grid = fem.Grid.uniform(5)
        >>> strong = grid.divergence_form(lambda x: 1.0 + x[:, 0], grid.points[:, 0] ** 2)
        >>> (grid.restriction @ strong).numpy().round(6).tolist()
        [-3.0, -4.0, -5.0]
        """
        u = at_nodes(self, "u", u)
        columns = None if len(u.shape) == 1 else int(u.shape[1])
        kappa = at_faces(self, kappa, positive, mean, columns)
        if len(kappa.shape) < 2:
            return SparseMatrix.from_structure(self._maps.strong, kappa) @ u
        A = SparseMatrix.from_structure(self._maps.strong_snapshots(columns), flattened(kappa))
        return tf.reshape(A @ flattened(u), (self.n, columns))

    # --- constant maps -------------------------------------------------------------------------
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

    def observe(self, points: ArrayLike, dirichlet: Any = None) -> LinearMap:
        """O with (O u)_i = u(p_i), linear in each coordinate between nodes; a LinearMap (m, n).

        Parameters
        ----------
        points : (m, dim), in 1-D also (m,)
            On the boundary counts as inside, up to rounding. A point given twice is observed twice.
        dirichlet : optional
            The conditions of the solve: a RuntimeWarning tells of observations where u is prescribed.

        Raises
        ------
        ValueError
            Wrong shape, no points, not finite, or outside the grid (with index and coordinates).

        Examples
        --------
        >>> import fem
        >>> grid = fem.Grid.uniform((3, 3))
        >>> (grid.observe([[0.25, 0.8]]) @ grid.points.sum(axis=1)).numpy().round(6).tolist()
        [1.05]
        """
        points = observation_points(points, self.dim)
        self._require_inside(points)
        return observation(self, stencil.multilinear(self.axes, points), dirichlet)

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
        >>> (fem.Grid.uniform(3).observe_nodes([2, 0]) @ [0.0, 1.0, 4.0]).numpy().tolist()
        [4.0, 0.0]
        """
        return observation(self, node_matrix(indices, self.n), dirichlet)

    # --- what `fem.solve` asks of a discretisation -----------------------------------------------
    def boundary_dofs(self, where: Where = None) -> Integers:
        """Sorted numbers of nodes on a part of the boundary.

        Parameters
        ----------
        where : None, name or list of names, predicate, or array of numbers
            None is all of it. 'left', 'right' (ends of x), 'bottom', 'top' (of y), 'front', 'back' (of
            z). A predicate on coordinates (m, dim) -> bool (m,) is applied to the boundary's nodes. An
            array holds numbers of any nodes.

        Raises
        ------
        ValueError, IndexError
            A side that the grid does not have, a number that is negative or past the end.

        Examples
        --------
        >>> import fem
        >>> grid = fem.Grid.uniform((3, 3))
        >>> grid.boundary_dofs("left").tolist(), grid.boundary_dofs("top").tolist()
        ([0, 1, 2], [2, 5, 8])
        """
        if where is None:
            return self.boundary
        if callable(where):
            return self.boundary[truth_of(where, self.points[self.boundary])]
        if is_names(where):
            names = [where] if isinstance(where, str) else where
            return np.unique(np.concatenate([self._side(name) for name in names]))
        return np.unique(whole_numbers("where (node numbers)", where, self.n))

    field_names: tuple[str, ...] = ("u",)
    is_scalar = True

    def prescribed(self, condition: Any, columns: int | None = None) -> None:
        """None: a grid has one scalar field, whose unknowns are its values at nodes.

        Parameters
        ----------
        condition : Dirichlet
        columns : int, optional

        Raises
        ------
        ValueError
            Another field than 'u'.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(3).prescribed(fem.Dirichlet("left", 0.0)) is None
        True
        """
        if condition.field not in (None, "u"):
            raise ValueError(f"field is {condition.field!r}; a grid has the one field 'u'.")

    def projections(self, conditions: list) -> tuple[list, list]:
        """The conditions as they are: none is a projection onto traces.

        Parameters
        ----------
        conditions : list of Dirichlet

        Returns
        -------
        conditions, and an empty list

        Examples
        --------
        >>> import fem
        >>> conditions, projected = fem.Grid.uniform(3).projections([fem.Dirichlet("left", 0.0)])
        >>> len(conditions), len(projected)
        (1, 0)
        """
        return conditions, []

    def elimination(self, rows: Any) -> Elimination:
        """The `Elimination` u = P z + L h of conditions E u = h, kept.

        Parameters
        ----------
        rows : sparse (m, n), E

        Examples
        --------
        Equal values at both ends:

        >>> import scipy.sparse as sp
        >>> import fem
        >>> fem.Grid.uniform(3).elimination(sp.csr_array([[1.0, 0.0, -1.0]])).put.shape
        (3, 2)
        """
        rows = sp.csr_array(rows)
        return self._partitions.kept(digest(rows.data, rows.indices, rows.indptr, np.array(rows.shape)),
                                     lambda: Elimination(rows))

    def name_null(self, null: Array) -> None:
        """None: no words on the null space of a singular system but those of the factorisation.

        Parameters
        ----------
        null : ndarray (n, r)

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> fem.Grid.uniform(3).name_null(np.ones((3, 1))) is None
        True
        """

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

    # --- construction --------------------------------------------------------------------------
    def _set(self, **attributes):
        self.__dict__.update(attributes)

    def _require_inside(self, points):
        low = np.array([x[0] for x in self.axes])
        high = np.array([x[-1] for x in self.axes])
        slack = 64 * np.finfo(np.float64).eps * np.maximum(abs(low), abs(high))
        away = np.flatnonzero(((points < low - slack) | (points > high + slack)).any(axis=1))
        if away.size:
            raise ValueError(f"{away.size} of {len(points)} points lie outside the grid, first point "
                             f"{away[0]} at {place(points[away[0]])}; expected coordinates from "
                             f"{place(low)} to {place(high)}. Remove them.")

    def _side(self, name):
        names = [n for pair in SIDES[:self.dim] for n in pair]
        known("where", name, names)
        d, end = divmod(names.index(name), 2)
        numbers = np.arange(self.n).reshape(self.shape)
        return numbers.take(-end, axis=d).ravel()


def _coordinates(name, x):
    """A frozen float64 copy of increasing coordinates."""
    x = float64_array(name, x, shape=(None,))
    if len(x) < 3:
        raise ValueError(f"{name} has {len(x)} coordinates; expected at least 3, two ends and a node "
                         "between them.")
    bad = np.flatnonzero(np.diff(x) <= 0)
    if bad.size:
        i = bad[0] + 1
        raise ValueError(f"{name} is not increasing: {name}[{i}] = {x[i]:.8g} after {name}[{i - 1}] = "
                         f"{x[i - 1]:.8g}. Sort the coordinates and remove repeated ones.")
    return frozen(x)
