"""Maps of a finite element space that no coefficient changes, each built once."""

import functools
from typing import Any

import numpy as np
import scipy.sparse as sp

from fem.common.elimination import Elimination
from fem.mesh.locate import Locator
from fem.space.modes import name_null
from fem.space.unknowns import Unknowns
from fem.space.weak_form import WeakForm
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.partition import Partition
from pcl.support.arrays import digest
from pcl.support.caches import Bounded
from pcl.support.types import Array, Integers
from pcl.support.validate import float64_array


class ConstantMaps(Unknowns):
    """Values, gradients and integrals of all φ_i as constant maps, and the splittings that solves use."""

    _partitions: Bounded
    _weak_forms: Bounded

    @functools.cached_property
    def value_map(self) -> LinearMap:
        """B, values at the quadrature points: a LinearMap (q, n) of a scalar space.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> bool(abs(V.value_map.matrix.sum(axis=1) - 1.0).max() < 1e-14)
        True
        """
        return LinearMap(self._maps.values)

    @functools.cached_property
    def gradient_map(self) -> LinearMap:
        """G, gradients at the quadrature points: a LinearMap (q·dim, n), rows (point, direction).

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> (V.gradient_map @ V.dof_points[:, 1]).numpy().reshape(-1, 2)[0].round(6).tolist()
        [0.0, 1.0]
        """
        return LinearMap(self._maps.gradients)

    @functools.cached_property
    def cell_integrals(self) -> LinearMap:
        """f at quadrature points ↦ ∫ f w dx over each cell, a LinearMap (n_cells, q).

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> (V.cell_integrals @ V.quadrature_points[:, 0]).numpy()[:2].round(6).tolist()
        [0.020833, 0.041667]
        """
        return LinearMap(self._maps.cell_sums)

    @functools.cached_property
    def basis_integrals(self) -> Array:
        """m_i = ∫ φ_i w dx, (n,).

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(1)).basis_integrals.round(4).tolist()
        [0.1667, 0.3333, 0.3333, 0.1667]
        """
        return self._maps.load.matrix @ np.ones(len(self.quadrature_weights))

    @functools.cached_property
    def locator(self) -> Locator:
        """Finds the cells of points: `locator.find(points)` is (cell numbers (m,), −1 outside; …).

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(1))
        >>> V.locator.find(np.array([[0.1, 0.1], [0.9, 0.9], [2.0, 2.0]]))[0].tolist()
        [0, 1, -1]
        """
        return Locator(self.mesh, self.facets)

    def partition(self, fixed: Integers) -> Partition:
        """The splitting of the unknowns into `fixed` and free ones, kept.

        Parameters
        ----------
        fixed : sorted whole numbers

        Returns
        -------
        Partition

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> V.partition(V.boundary_dofs()).free.tolist()
        [4]
        """
        return self._partitions.kept(digest(fixed), lambda: Partition(fixed, self.n))

    def elimination(self, rows: Any) -> Elimination:
        """The `Elimination` u = P z + L h of conditions E u = h, kept.

        Parameters
        ----------
        rows : sparse (m, n), E

        Raises
        ------
        ValueError
            Rows that contradict or repeat each other are refused with the values h.

        Examples
        --------
        >>> import scipy.sparse as sp
        >>> import fem
        >>> V = fem.Space(fem.unit_square(1))
        >>> V.elimination(sp.csr_array([[1.0, -1.0, 0.0, 0.0]])).put.shape
        (4, 3)
        """
        rows = sp.csr_array(rows)
        rows.sort_indices()
        return self._partitions.kept(digest(rows.data, rows.indices, rows.indptr, np.array(rows.shape)),
                                     lambda: Elimination(rows))

    def name_null(self, null: Array) -> str | None:
        """A sentence on the null space of a singular system (constants, rigid motions); None for others.

        Parameters
        ----------
        null : ndarray (n, r)
            Its columns span the null space.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(1))
        >>> V.name_null(np.ones((4, 1)))[:49]
        "the level of field 'u' is held by no condition: c"
        """
        return name_null(self, null)

    def weak_form(self, shape: tuple[int, ...]) -> WeakForm:
        """The maps of weak forms of a state of this shape; kept.

        Parameters
        ----------
        shape : (n,) or (n, k)

        Returns
        -------
        WeakForm

        Raises
        ------
        ValueError
            Functions that jump between cells.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(1))
        >>> V.weak_form((V.n,)) is V.weak_form((V.n,))
        True
        """
        self.require_gradients("a weak form")
        return self._weak_forms.kept(shape, lambda: WeakForm(self, shape))

    def weight_at(self, points: Array, boundary: bool = False) -> Array:
        """The weight function at points, (m,): finite and > 0, on the boundary ≥ 0; 1 without one.

        Parameters
        ----------
        points : ndarray (m, dim)
        boundary : bool

        Raises
        ------
        ValueError
            The weight is not finite, not positive, or of another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.rectangle(1, 1, (1.0, 0.0), (2.0, 1.0)), weight=lambda x: x[:, 0])
        >>> V.weight_at(np.array([[1.5, 0.0]])).tolist()
        [1.5]
        """
        if self.weight is None:
            return np.ones(len(points))
        weight = float64_array("weight(points)", self.weight(points), shape=(len(points),))
        bad = np.flatnonzero(weight < 0 if boundary else weight <= 0)
        if bad.size:
            raise ValueError(f"weight is {weight[bad[0]]:.6g} at the point "
                             f"{tuple(points[bad[0]].tolist())}; expected a positive measure.")
        return weight
