"""An operation evaluated at one point, and its step of second-order back-propagation."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.engine.nodes import Point
from pcl.engine.second.bases import LeafBase
from pcl.engine.second.plan import Plan
from pcl.engine.second.tangent import total
from pcl.rules.curvature import Curvature
from pcl.rules.places import Places
from pcl.support.arrays import placed
from pcl.support.nearest import nearest
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array, known


class Operation:
    """y = F(x) at one x; made by the functions of `pcl.rules`.

    x is all inputs one after the other, each flattened row by row; so is y. Names such as
    "values" and "b" mean their parts.

    Parameters
    ----------
    point : `pcl.engine.nodes.Point`
        F evaluated, with its derivatives; the functions of `pcl.rules` make it.

    Attributes
    ----------
    value : ndarray
        y in its own shape (a network's is (q, m), a square sum's ()).
    inputs, outputs : dict name -> slice of x, of y
    places : Places or None
        Where the entries stand, for an operation whose output holds entries of a matrix.

    Examples
    --------
    ℓ = Σ (u − d)² with u = A⁻¹ b back to A and b, by two operations:

    >>> import pcl
    >>> places = pcl.rules.Places([0], [0], (1, 1))
    >>> u = pcl.rules.sparse_solve(places, [2.0], [6.0])
    >>> loss = pcl.rules.square_sum(u.value, [1.0], [1.0])
    >>> W, adjoint = u.back(*loss.back())
    >>> float(loss.value), adjoint                      # u = b/a = 3; (−2(u − d) u/a, 2(u − d)/a)
    (4.0, array([-6.,  2.]))
    >>> W.toarray()                                     # of (b/a − 1)² in (a, b)
    array([[10.5, -2.5],
           [-2.5,  0.5]])
    """

    def __init__(self, point: Point, inputs: dict[str, int], outputs: dict[str, int] | None = None,
                 places: Places | None = None):
        self._point = point
        self.places: Any = places       # Places of an operation that has them
        self.value = point.value
        self.inputs = _slices(inputs)
        self.outputs = _slices(outputs or {"value": self.value.size})

    def __getitem__(self, name: str) -> Array:
        """The part of y called `name`, a new array."""
        return self.value.ravel()[self.outputs[known("output", name, self.outputs)]].copy()

    def back(self, W: Any = None, adjoint: ArrayLike | None = None,
             wrt: str | Iterable[str] | None = None,
             part: slice | None = None) -> tuple[Curvature, Array]:
        """W_in = Jᵀ W J + ∇²⟨ȳ, F⟩ and ȳ_in = Jᵀ ȳ.

        Parameters
        ----------
        W : Curvature, or dense or sparse array (n, n)
            ∇²Φ(y), n the number of entries of y.
        adjoint : array (n,)
            ȳ = ∇Φ(y). Both may be left out when y is a scalar, then the loss itself: W = 0, ȳ = 1.
        wrt : name, or list of names, optional
            The inputs to differentiate by, the others held fixed; by default all. They are
            ordered as in `inputs`, whatever the order of the names.
        part : slice, optional
            W and adjoint belong to more variables than y, y being these; by default all. The others
            stay where they are: (z, y, z') becomes (z, x, z'). This is how branches of a chain, such
            as the matrix and the right-hand side of a solve, go back one after the other.

        Returns
        -------
        W_in : Curvature (m, m)
        adjoint_in : ndarray (m,)

        Raises
        ------
        ValueError, TypeError
            Wrong shapes, W not symmetric, entries that are not finite, unknown names.
        """
        wanted = self._wanted(wrt)
        W, adjoint, part = self._given(W, adjoint, part)
        own = adjoint[part].reshape(self.value.shape)
        sizes = [s.stop - s.start if want else 0 for s, want in zip(self.inputs.values(), wanted)]
        sizes = [part.start, *sizes, adjoint.size - part.stop]
        plan = Plan(sum(sizes))
        before, *tangents, after = _leaves(plan, sizes)
        tangent = self._point.extend(plan, tangents, own)
        W.add_congruent(plan, _joined(adjoint.size, part, before, tangent, after))
        bars = [b.ravel() for b, want in zip(self._point.pullback(own, wanted), wanted) if want]
        return Curvature(plan), np.concatenate([adjoint[:part.start], *bars, adjoint[part.stop:]])

    def _given(self, W, adjoint, part):
        n = self.value.size
        if W is None and adjoint is None and self.value.shape == ():
            W, adjoint = sp.csr_array((1, 1)), np.ones(1)
        for name, given in (("W", W), ("adjoint", adjoint)):
            if given is None:
                raise ValueError(f"{name} is missing; expected that of the output, which has {n} "
                                 "entries. A chain begins at its last operation, a scalar loss, with "
                                 "back().")
        adjoint = float64_array("adjoint", adjoint, shape=(n if part is None else None,))
        return Curvature.of(W, adjoint.size), adjoint, _checked_part(part, n, adjoint.size)

    def _wanted(self, wrt):
        """Whether each input is differentiated by; inputs without entries never are."""
        names = self.inputs if wrt is None else [wrt] if isinstance(wrt, str) else list(wrt)
        for name in names:
            known("wrt", name, self.inputs)
        wanted = [name in names and s.stop > s.start for name, s in self.inputs.items()]
        if not any(wanted):
            raise ValueError(f"wrt is {wrt!r}, which selects no variable; known are "
                             f"{', '.join(self.inputs)}.{nearest(wrt, self.inputs)}")
        return wanted


def _slices(sizes):
    ends = np.cumsum([0, *sizes.values()]).tolist()
    return {name: slice(a, b) for name, a, b in zip(sizes, ends, ends[1:])}


def _checked_part(part, n, total_size):
    """The slice as (start, stop) within the variables of W, refused unless it has n of them."""
    if part is None:
        return slice(0, n)
    if not isinstance(part, slice):
        raise TypeError(f"part is a {type(part).__name__}; expected a slice of the variables of W.")
    start, stop, step = part.indices(total_size)
    if step != 1 or stop - start != n:
        raise ValueError(f"part is {part} of {total_size} variables; expected {n} in a row, as many as "
                         "the output has entries.")
    return slice(start, stop)


def _joined(n, part, before, tangent, after):
    """The tangent of n variables of which `part` has this tangent and the others are free."""
    if before is None and after is None:
        return tangent
    starts, ends = (0, part.start, part.stop), (part.start, part.stop, n)
    return total([t.left(placed(start, end - start, n))
                  for t, start, end in zip((before, tangent, after), starts, ends) if t])


def _leaves(plan, sizes):
    """One block of variables for each size, None for 0."""
    ends = np.cumsum([0, *sizes]).tolist()
    return [plan.add_base(LeafBase(a, b)) if b > a else None for a, b in zip(ends, ends[1:])]
