"""The rule of Dirichlet elimination: matrix, right-hand side and data to those of the reduced system."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.engine.second.tangent import total
from pcl.nodes.linear.partition import Partition
from pcl.nodes.linear.pattern import pattern_of
from pcl.rules.operation import Operation
from pcl.rules.places import Places
from pcl.support.arrays import digest, selection
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, whole_numbers


def dirichlet(places: Places, values: ArrayLike, b: ArrayLike, fixed: ArrayLike,
              data: ArrayLike) -> Operation:
    """The system whose solution has u_D = g and satisfies the other equations (I) of A u = b.

        B = [A_II 0; 0 I],    r_I = b_I − A_ID g,   r_D = g

    in the numbering of A. The product A_ID g makes the operation bilinear:

        ∇²⟨r̄, r⟩ has the mixed block −∂²(r̄_Iᵀ A_ID g)/∂a∂g

    Parameters
    ----------
    places : Places of a square matrix, of nnz entries
    values : (nnz,)
    b : (n,)
    fixed : whole numbers (m,), different from each other
        Numbers of the prescribed unknowns, for example V.boundary_dofs().
    data : (m,)
        g, in the order of `fixed`.

    Returns
    -------
    Operation with inputs "values", "b", "data" and outputs "values", "b": the inputs of
    `sparse_solve(op.places, op["values"], op["b"])`.

    Raises
    ------
    IndexError, ValueError, TypeError
        A number out of range or given twice; wrong shapes; not finite; not square.

    Examples
    --------
    2 u₀ − u₁ = 0, −u₀ + 2 u₁ = 3, the first equation replaced by u₀ = 1:

    >>> import pcl
    >>> places = pcl.rules.Places([0, 0, 1, 1], [0, 1, 0, 1], (2, 2))
    >>> system = pcl.rules.dirichlet(places, [2.0, -1.0, -1.0, 2.0], [0.0, 3.0], [0], [1.0])
    >>> system["b"]
    array([1., 4.])
    >>> pcl.rules.sparse_solve(system.places, system["values"], system["b"]).value
    array([1., 2.])
    """
    if places.shape[0] != places.shape[1]:
        raise ValueError(f"places is a pattern of shape {places.shape}; expected a square matrix.")
    fixed = _distinct(whole_numbers("fixed", fixed, places.shape[0]))
    values = float64_array("values", values, shape=(places.size,))
    b = float64_array("b", b, shape=(places.shape[0],))
    data = float64_array("data", data, shape=(len(fixed),))
    elimination = _elimination(places, fixed)
    point = DirichletPoint(elimination, values, b, data)
    return Operation(point, {"values": values.size, "b": b.size, "data": data.size},
                     {"values": elimination.places.size, "b": b.size}, elimination.places)


def _distinct(fixed):
    unique, count = np.unique(fixed, return_counts=True)
    if len(unique) < len(fixed):
        raise ValueError(f"fixed contains {unique[count > 1][0]} more than once; give each unknown once, "
                         "with one value of data.")
    return fixed


def _elimination(places, fixed):
    key = digest(fixed)
    if key not in places.kept:
        places.kept[key] = Elimination(places, fixed)
    return places.kept[key]


class Elimination:
    """The constant maps of eliminating the unknowns `fixed` from matrices with given places.

    Attributes
    ----------
    places : Places of B: the entries of A_II in the order of A, then ones on the diagonal of D
    keep : sparse (entries of B, nnz), values of A to those of B
    take_free, put_fixed : sparse (n_I, n) and (n, n_D)
    coupling : Structure of A_ID in the values of A
    """

    def __init__(self, places, fixed):
        n = places.shape[0]
        split = Partition(fixed, n)
        free = np.zeros(n, dtype=bool)
        free[split.free] = True
        kept = np.flatnonzero(free[places.rows] & free[places.cols])
        self.places = Places(np.concatenate([places.rows[kept], fixed]),
                             np.concatenate([places.cols[kept], fixed]), places.shape)
        self.keep = selection(kept, places.size)
        self.keep.resize(self.places.size, places.size)
        self.ones = np.zeros(self.places.size)
        self.ones[len(kept):] = 1.0
        self.take_free, self.put_fixed = split.take_free.matrix, split.put_fixed.matrix
        self.coupling = places.structure.restrict(split.free, fixed)


class DirichletPoint:
    """(B, r) at one (A, b, g)."""

    def __init__(self, elimination, values, b, data):
        e = self._elimination = elimination
        inner = e.take_free @ b - e.coupling.apply(values, data)
        r = e.take_free.T @ inner + e.put_fixed @ data
        self.value = np.concatenate([e.keep @ values + e.ones, r])
        self._values, self._data = values, data

    @functools.cached_property
    def _jacobians(self):
        """∂(B, r)/∂ each of the inputs, sparse."""
        e = self._elimination
        put_free = e.take_free.T
        A_ID = pattern_of((e.coupling,)).matrix([self._values])
        none = sp.csr_array((e.places.size, len(self._data)))
        return (sp.vstack([e.keep, -(put_free @ e.coupling.left(self._data))], format="csr"),
                sp.vstack([sp.csr_array((e.places.size, e.places.shape[0])), put_free @ e.take_free],
                          format="csr"),
                sp.vstack([none, e.put_fixed - put_free @ A_ID], format="csr"))

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        return tuple(J.T @ adjoint if want else None for J, want in zip(self._jacobians, wanted))

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        e = self._elimination
        values, _, data = tangents
        if values is not None and data is not None:
            mu = e.take_free @ adjoint[e.places.size:]
            plan.add_mixed(values, -e.coupling.right(mu), data)
        return total([t.left(J) for t, J in zip(tangents, self._jacobians) if t is not None])
