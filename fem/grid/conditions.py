"""Conditions on the nodes of a grid: what `fem.solve` asks of a discretisation."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from fem.common.elimination import Elimination
from fem.common.places import is_names, truth_of
from fem.grid.control_volumes import ControlVolumes
from fem.mesh.build import SIDES
from pcl.support.arrays import digest
from pcl.support.types import Array, Integers, Where
from pcl.support.validate import known, whole_numbers


class Conditions(ControlVolumes):
    """Nodes where values are prescribed, and conditions as solves take them."""

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

    def _side(self, name):
        names = [n for pair in SIDES[:self.dim] for n in pair]
        known("where", name, names)
        d, end = divmod(names.index(name), 2)
        numbers = np.arange(self.n).reshape(self.shape)
        return numbers.take(-end, axis=d).ravel()

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
