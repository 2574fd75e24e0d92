"""Finite differences on tensor-product grids, as constant sparse maps that `pcl` differentiates."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fem.grid.conditions import Conditions
from fem.grid.differences import Differences
from fem.grid.forms import Forms
from fem.grid.maps import GridMaps
from fem.grid.observations import Observations
from pcl.support.arrays import frozen
from pcl.support.caches import Bounded
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, positive_integer

# Partitions that a grid keeps.
KEPT = 16


class Grid(Forms, Differences, Observations, Conditions):
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

    def _set(self, **attributes):
        self.__dict__.update(attributes)


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
