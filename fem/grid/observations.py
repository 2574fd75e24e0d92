"""Values of grid functions at points that the user names."""

from typing import Any

import numpy as np

from fem.common.dirichlet import observation
from fem.common.observe import node_matrix, observation_points
from fem.grid import stencil
from fem.grid.coefficient import place
from fem.grid.control_volumes import ControlVolumes
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.types import ArrayLike


class Observations(ControlVolumes):
    """(O u)_i = u(p_i) as constant maps, multilinear between nodes."""

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

    def _require_inside(self, points):
        low = np.array([x[0] for x in self.axes])
        high = np.array([x[-1] for x in self.axes])
        slack = 64 * np.finfo(np.float64).eps * np.maximum(abs(low), abs(high))
        away = np.flatnonzero(((points < low - slack) | (points > high + slack)).any(axis=1))
        if away.size:
            raise ValueError(f"{away.size} of {len(points)} points lie outside the grid, first point "
                             f"{away[0]} at {place(points[away[0]])}; expected coordinates from "
                             f"{place(low)} to {place(high)}. Remove them.")
