"""What is handed on from element to element: the rows that say where the states of each begin.

    x₀_e = end of e − 1 + d_e,     x₀_e = g(end of e − 1) + d_e at a jump,
    x₀ of a first element = d_e, or g(p) + d_e, where it is given; free where it is not

d are doses and known starts. Without functions g these rows are linear and never change.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True, eq=False)
class Slopes:
    """Derivatives of the rows at one point.

    Attributes
    ----------
    rows : sparse (m_j, elements.n)
    transposed : sparse, sorted by rows
    ends : (E, n_x, width), the state that an element hands on, with respect to its unknowns
    starts : (E, n_x, n_p), starts of first elements with respect to parameters
    end : (n_x, width) where all `ends` are this one, else None
    """

    rows: Any
    transposed: Any
    ends: np.ndarray
    starts: np.ndarray
    end: Any = None

    def after(self, u):
        """What the elements hand on (E, n_x) along u (E, width)."""
        return u @ self.end.T if self.end is not None else np.matmul(self.ends, u[:, :, None])[:, :, 0]

    def pulled(self, y):
        """The transpose of `after`: (E, width) of y (E, n_x)."""
        return y @ self.end if self.end is not None else np.einsum("en,enw->ew", y, self.ends)


class Handover:
    """The rows of all elements but the first ones, then those of given starts.

    Parameters
    ----------
    elements : Elements
    fixed : bool (E, n_x), which starts are given; True only in first elements
    given : (E, n_x), d: values of given starts, and what a dose adds where an element begins
    leaps : tuple of Leap; those of starts stand for `fixed` ones

    Attributes
    ----------
    linear : sparse (m_j, elements.n), the rows as if there were no g
    right : (m_j,), d
    places : int (m_j,), e n_x + i of the start that a row is of
    jointed : bool (E, n_x), which starts are given by a row; the others are free
    """

    def __init__(self, elements, fixed, given, leaps=()):
        self._elements, self.leaps = elements, tuple(leaps)
        self.linear = _linear(elements, fixed)
        inner = np.flatnonzero(~elements.first)
        every = np.arange(elements.E * elements.n_x).reshape(elements.E, -1)
        self.places = np.concatenate([every[inner].ravel(), np.flatnonzero(fixed.ravel())])
        self.right = given.ravel()[self.places]
        self.jointed = np.zeros((elements.E, elements.n_x), dtype=bool)
        self.jointed.ravel()[self.places] = True
        self._row = np.full(elements.E * elements.n_x, -1)
        self._row[self.places] = np.arange(len(self.places))
        ends = np.broadcast_to(elements.end, (elements.E, *elements.end.shape))
        self._constant = Slopes(self.linear, self.linear.T.tocsr(), ends,
                                np.zeros((elements.E, elements.n_x, elements.n_p)), elements.end)

    def residual(self, x, u):
        """The rows (m_j,) at unknowns x (elements.n,), u (E, width) the same element by element."""
        r = self.linear @ x - self.right
        for leap in self.leaps:
            r[self._rows_of(leap)] -= leap.values(self._elements, u) - self._counted(leap, u)
        return r

    def begins(self, u, e):
        """x₀ (k, n_x) of the elements e (k,), increasing, as their rows say; 0 where it is free."""
        elements = self._elements
        out = np.where(elements.first[e, None], 0.0, u[e - 1] @ elements.end.T)
        for leap in self.leaps:
            mine = np.isin(leap.elements, e)
            if mine.any():
                part = leap.at(mine)
                out[np.searchsorted(e, part.elements)[:, None], part.states] = part.values(elements, u)
        row = self._row.reshape(elements.E, -1)[e]
        return out + np.where(row >= 0, np.append(self.right, 0.0)[row], 0.0)

    def slopes(self, u):
        """`Slopes` at u (E, width)."""
        if not self.leaps:
            return self._constant
        elements = self._elements
        ends, starts = self._constant.ends.copy(), self._constant.starts.copy()
        rows = [self.linear]
        for leap in self.leaps:
            G = leap.slopes(elements, u)
            at = leap.source[:, None], leap.states
            if leap.first:
                starts[at] = G[:, :, elements.width - elements.n_p:]
            else:
                rows.append(self._sparse(leap, elements.end[leap.states] - G))
                ends[at] = G
                continue
            rows.append(self._sparse(leap, -G))
        total = sum(rows[1:], rows[0]).tocsr()
        return Slopes(total, total.T.tocsr(), ends, starts)

    def curvature(self, u, lam):
        """(elements (k,), Σ λ ∂²row/∂u² (k, width, width)), an entry a leap and element."""
        found = [(leap.source, -leap.curvature(self._elements, u, lam[self._rows_of(leap)]))
                 for leap in self.leaps]
        return found

    def _rows_of(self, leap):
        """Numbers (m, k) of its rows."""
        return self._row[leap.elements[:, None] * self._elements.n_x + leap.states]

    def _counted(self, leap, u):
        """What the linear rows count in the place of g (m, k)."""
        return 0.0 if leap.first else u[leap.source] @ self._elements.end[leap.states].T

    def _sparse(self, leap, blocks):
        """Blocks (m, k, width) in the rows of a leap."""
        columns = self._elements.columns()[leap.source][:, None]
        i = np.broadcast_to(self._rows_of(leap)[:, :, None], blocks.shape).ravel()
        j = np.broadcast_to(columns, blocks.shape).ravel()
        return sp.csr_array((blocks.ravel(), (i, j)), shape=self.linear.shape)


def _linear(elements, fixed):
    """Sparse rows x₀_e − end_{e−1} of all elements but the first, then x₀ where `fixed` (E, n_x)."""
    columns, n_x = elements.columns(), elements.n_x
    place = np.flatnonzero(~elements.first)
    count = len(place) * n_x
    row = np.arange(count).reshape(-1, n_x)
    before = -np.broadcast_to(elements.end, (len(place), *elements.end.shape))
    keep = elements.end != 0.0
    starts = np.flatnonzero(fixed.ravel())
    data = np.concatenate([np.ones(count), before[:, keep].ravel(), np.ones(len(starts))])
    i = np.concatenate([row.ravel(), np.broadcast_to(row[:, :, None], before.shape)[:, keep].ravel(),
                        count + np.arange(len(starts))])
    j = np.concatenate([columns[place, :n_x].ravel(),
                        np.broadcast_to(columns[place - 1][:, None], before.shape)[:, keep].ravel(),
                        starts])
    return sp.csr_array((data, (i, j)), shape=(count + len(starts), elements.n))
