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
        """Coordinates of the nodes, (n, dim)."""
        return self._maps.points

    @functools.cached_property
    def mesh(self) -> skfem.Mesh:
        """Intervals, rectangles or boxes between the nodes, which keep their numbers."""
        return box_mesh(self.shape, self.points)

    @property
    def volumes(self) -> Array:
        """V_i, (n,): lengths, areas or volumes that add up to that of the domain."""
        return self._maps.volumes

    @property
    def face_points(self) -> Array:
        """Midpoints of the faces, (n_faces, dim), where κ lives: direction by direction."""
        return self._maps.face_points

    @property
    def face_nodes(self) -> Integers:
        """Numbers (a, b) of the nodes on both sides of each face, (n_faces, 2)."""
        return self._maps.face_nodes

    @property
    def face_directions(self) -> Integers:
        """The axis d along which each face is crossed, (n_faces,)."""
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
        """
        kappa = at_faces(self, kappa, positive, mean)
        return SparseMatrix.from_structure(self._maps.laplace, kappa, space=self, positive=positive)

    def mass(self, rho: Coefficient = 1.0, positive: bool = True) -> SparseMatrix:
        """M = diag(V_i ρ_i), with ρ a scalar, (n,) or a function of points; a SparseMatrix (n, n).

        ρ ≤ 0 is refused as κ in `laplace`, also in multiples, unless positive=False.
        """
        rho = at_nodes(self, "rho", rho, scalar=True, positive=positive)
        return SparseMatrix.from_structure(self._maps.mass, rho, space=self, positive=positive)

    def load(self, f: Coefficient = 1.0) -> Tensor:
        """b_i = V_i f_i, a tensor (n,) or (n, k).

        f is a scalar, (n,), (n, k) for k snapshots, or a function of points (n, dim).
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
        """G, a LinearMap (n_faces, n): the derivative across each face, towards larger coordinates."""
        return self._maps.gradient

    @property
    def divergence(self) -> LinearMap:
        """D, a LinearMap (n, n_faces): D q ≈ ∇·q from normal components q at faces, 0 on ∂Ω.

        −V D is the transpose of diag(A_f h_f) G.
        """
        return self._maps.divergence

    @property
    def face_mean(self) -> LinearMap:
        """Interpolation from nodes to faces, (u_a + u_b)/2, a LinearMap (n_faces, n)."""
        return self._maps.face_mean

    def derivative(self, axis: int = 0) -> LinearMap:
        """∂/∂x_axis at nodes from three of them, exact for parabolas, a LinearMap (n, n), kept.

        Central inside, one-sided at the two ends; of second order on every grid.
        """
        axis = positive_integer("axis", axis, 0, self.dim - 1)
        return self._maps.derivatives[axis]

    @property
    def restriction(self) -> LinearMap:
        """Pᵀ, a LinearMap (n_interior, n): values at the interior nodes."""
        return self.partition(self.boundary).take_free

    @property
    def extension(self) -> LinearMap:
        """P, a LinearMap (n, n_interior): zero on the boundary."""
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
        """
        points = observation_points(points, self.dim)
        self._require_inside(points)
        return observation(self, stencil.multilinear(self.axes, points), dirichlet)

    def observe_nodes(self, indices: ArrayLike, dirichlet: Any = None) -> LinearMap:
        """O with (O u)_i = u[indices[i]], a LinearMap (m, n); `dirichlet` as in `observe`.

        Raises
        ------
        IndexError
            A number that is negative or past the end.
        """
        return observation(self, node_matrix(indices, self.n), dirichlet)

    # --- what `fem.solve` asks of a discretisation -----------------------------------------------
    def boundary_dofs(self, where: Where = None) -> Integers:
        """Sorted numbers of nodes on a part of the boundary.

        None: all of it. 'left', 'right' (ends of x), 'bottom', 'top' (of y), 'front', 'back' (of z), or
        a list of these. A predicate on coordinates (m, dim) -> bool (m,), applied to the boundary's
        nodes. An array of numbers, of any nodes.
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
        """A grid has one scalar field, whose unknowns are its values at nodes: nothing special to say."""
        if condition.field not in (None, "u"):
            raise ValueError(f"field is {condition.field!r}; a grid has the one field 'u'.")

    def projections(self, conditions: list) -> tuple[list, list]:
        """No condition is a projection onto traces."""
        return conditions, []

    def elimination(self, rows: Any) -> Elimination:
        """The `Elimination` of conditions E u = h, kept."""
        rows = sp.csr_array(rows)
        return self._partitions.kept(digest(rows.data, rows.indices, rows.indptr, np.array(rows.shape)),
                                     lambda: Elimination(rows))

    def name_null(self, null: Array) -> None:
        """No words on the null space of a singular system but those of the factorisation."""

    def partition(self, fixed: Integers) -> Partition:
        """The splitting of the nodes into `fixed` (sorted numbers) and free ones, kept."""
        return self._partitions.kept(digest(fixed), lambda: Partition(fixed, self.n))

    @property
    def dof_points(self) -> Array:
        """`points`, under the name it has in a `Space`."""
        return self.points

    @property
    def basis_integrals(self) -> Array:
        """`volumes`, under the name it has in a `Space`."""
        return self.volumes

    @property
    def unused_dofs(self) -> Integers:
        """None: every node has a volume."""
        return np.zeros(0, dtype=np.int64)

    @property
    def components(self) -> Integers:
        """A grid is connected: zeros (n,)."""
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
