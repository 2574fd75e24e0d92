"""Jacobians of networks at points that others interpolate to, J = Π J_c.

Π (points × nodes) is constant and never there as a whole: columns of J_c are carried to the points box by
box, and meet the factor in front of the base there.
"""

from typing import Any, ClassVar, Protocol

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from pcl.engine.second.backward import without
from pcl.engine.second.columns import Columns
from pcl.engine.second.plan import Plan
from pcl.engine.second.tangent import Identity
from pcl.execute import threads
from pcl.execute.executor import Executor
from pcl.support import clock

# What the stripes of boxes are handed to.
EXECUTOR: Executor = threads


class Interpolated(Protocol):
    """Π = Π_box E_box for the points of each box.

    `stripes()`, `in_boxes(f, boxes)`
        Lists of boxes that share work, and (box, E_box f) for one of them and f (nodes, k).
    `matrix(box)`
        Π_box; the points it belongs to are `box.points`.
    """

    n_points: int

    def stripes(self) -> list: ...

    def in_boxes(self, f: np.ndarray, boxes: list) -> Any: ...

    def matrix(self, box: Any) -> np.ndarray: ...


class CollapsedBase:
    """B = Π J_c Π_θ, Π_θ the tangent of the parameters.

    Rows are (point, output), those of J_c (node, output).

    Parameters
    ----------
    rhs : Tangent, Π_θ
    interpolation : Interpolated
    at : the network at the nodes, with the methods of a network's point that first and second order need
    curvature : function () -> C = ∇²⟨ȳ, net⟩
    """

    def __init__(self, rhs, interpolation, at, pushforward, pullback, second, curvature):
        self.rhs, self.interpolation, self.at = rhs, interpolation, at
        self.n_parameters, self.n_outputs = at.size, at.value.shape[1]
        self.size = interpolation.n_points * self.n_outputs
        self.pushforward, self.pullback, self.second = pushforward, pullback, second
        self._curvature = curvature

    @property
    def stays(self):
        """As for any network's Jacobian."""
        return all(base.stays for base in self.rhs.terms)

    def cost(self, p: int) -> tuple[float, float]:
        return 0, 0

    def forms(self) -> list:
        plan = Plan(0)
        plan.add_square(self.rhs, self._curvature())
        return plan.forms

    def at_nodes(self) -> np.ndarray:
        """J_c (nodes·outputs, parameters)."""
        return self.at.jacobian_rows(0, self.at.shape[0])

    def columns(self, sweep: Any) -> Columns:
        place, J = sweep.placed(self.rhs, self.n_parameters), self.at_nodes()
        if isinstance(place, slice):
            return CollapsedColumns(self, J, place)
        return CollapsedColumns(self, J @ place, slice(None))

    def eliminated(self, forms: list) -> list:
        """For parameters that depend on a solve, or change within a recurrence: J in full."""
        if all(self not in (f.a, f.b) for f in forms):
            return forms
        J = CollapsedColumns(self, self.at_nodes(), slice(None)).dense(self.n_parameters)
        return without(self, forms, self.rhs.left(J), Identity(self.size))


class CollapsedColumns:
    """Π V with V (nodes·outputs, k) known, in the slice `own` of the columns; 0 in the others."""

    rank: ClassVar[int] = 3
    place: slice | None = None

    def __init__(self, base, V, own):
        self._interpolation, self._m, self._own = base.interpolation, base.n_outputs, own
        self._size, self._k = base.size, V.shape[1]
        self._V = V.reshape(-1, self._m * self._k)          # rows of nodes, outputs side by side

    def add_products(self, pairs: list) -> None:
        factors = [_factor(L, self._m) for _, L in pairs]

        def products(box, V):
            matrix = self._interpolation.matrix(box)
            return [factor.product(box.points, matrix, V) for factor in factors]
        for terms in self._over_boxes(products):
            for (out, _), (rows, term) in zip(pairs, terms):
                out[rows, self._own] += term

    def takes(self, right: Columns, small: bool) -> bool:
        return right is self

    def add_form(self, Q: np.ndarray, K: Any, right: Columns) -> bool:
        """(Π V)ᵀ (K Π V), K Π V with all points in full."""
        Z = np.zeros((self._size, Q.shape[1]))
        self.add_products([(Z, K)])
        Z = Z[:, self._own].reshape(-1, self._m, self._k)

        def part(box, V):
            matrix = self._interpolation.matrix(box)
            return sum(V[:, o].T @ (matrix.T @ Z[box.points, o]) for o in range(self._m))
        Q[self._own, self._own] += sum(self._over_boxes(part))
        return True

    def dense(self, n_columns):
        """All of it (points·outputs, n_columns)."""
        out = np.zeros((self._size, n_columns))
        self.add_products([(out, Identity(self._size))])
        return out

    def _over_boxes(self, function):
        """function(box, E_box V) for every box, V (local nodes, outputs, k); in order."""
        def stripe(boxes):
            found = []
            for box, V in self._interpolation.in_boxes(self._V, boxes):
                clock.look()
                found.append(function(box, V.reshape(-1, self._m, self._k)))
            return found
        for results in EXECUTOR.ordered(stripe, self._interpolation.stripes()):
            yield from results


def _factor(L, m):
    if isinstance(L, LinearOperator):
        L = L @ np.eye(L.shape[1])
    if isinstance(L, Identity):
        L = sp.eye_array(L.shape[0], format="csc")
    return _SparseFactor(L, m) if sp.issparse(L) else _DenseFactor(L, m)


class _DenseFactor:
    """L (rows, points·outputs) with all rows for every box."""

    def __init__(self, L, m):
        self._L = L.reshape(len(L), -1, m)

    def product(self, points, matrix, V):
        """(rows, L[rows, points] Π V) of one box, V (local nodes, outputs, k)."""
        return slice(None), sum((self._L[:, points, o] @ matrix) @ V[:, o] for o in range(V.shape[1]))


class _SparseFactor:
    """The same with the rows that are not zero for the points of the box alone."""

    def __init__(self, L, m):
        self._L, self._m = L.tocsc(), m

    def product(self, points, matrix, V):
        if self._m == 1:
            rows, L = self._columns(points)
            return rows, (L @ matrix) @ V[:, 0]
        parts = [self._columns(points * self._m + o) for o in range(self._m)]
        rows = np.unique(np.concatenate([rows for rows, _ in parts]))
        total = np.zeros((len(rows), V.shape[2]))
        for o, (own, L) in enumerate(parts):
            total[np.searchsorted(rows, own)] += (L @ matrix) @ V[:, o]
        return rows, total

    def _columns(self, columns):
        """(rows that are not zero, L[rows, columns])."""
        indptr = self._L.indptr
        starts, counts = indptr[columns], indptr[columns + 1] - indptr[columns]
        ends = np.concatenate([[0], np.cumsum(counts)])
        entries = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], counts)
        rows, local = np.unique(self._L.indices[entries], return_inverse=True)
        return rows, sp.csc_array((self._L.data[entries], local, ends), shape=(len(rows), len(columns)))
