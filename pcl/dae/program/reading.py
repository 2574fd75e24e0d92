"""What readings under one name are of, at their times: a function of the collocation polynomials.

    h_o(u) = h(a_o, u(t_o), t_o),   a_o = R_o u_e(o)

with the states, algebraic variables, outputs, derivatives and parameters a of the element's polynomial
at the time of the reading, so that nothing of h itself is interpolated.
"""

import numpy as np
import scipy.sparse as sp

from pcl.dae.program.equations import reading_of


class Reading:
    """h (n,) of the readings under one name, in the order of `parts`, with first and second derivatives.

    Parameters
    ----------
    elements : Elements
    name : str, an observable or a variable of the model
    parts : [(trajectory number, times (m,), inputs (m, n_u)), …]

    Attributes
    ----------
    place : int (n,), element of each reading
    times : (n,)
    """

    def __init__(self, elements, name, parts):
        self.name, self._function = name, reading_of(elements.model, name)
        self._elements, self._columns = elements, np.flatnonzero(self._function.pattern[0])
        found = [elements.rows_at(k, times, self._columns) for k, times, _ in parts]
        self.place = np.concatenate([place for place, _ in found])
        self._rows = np.concatenate([rows for _, rows in found])             # (n, c, width)
        self._u = np.concatenate([u for *_, u in parts])
        self.times = np.concatenate([times for _, times, _ in parts])
        self._map = _sparse(elements, self.place, self._rows)
        self._pull = self._map.T.tocsr()
        self._layers = _layers(self.place)

    @property
    def pattern(self):
        """Which arguments (1, n_a) h contains."""
        return self._function.pattern

    def value(self, u):
        """h (n,) at u (E, width)."""
        return self._function.residual(self._arguments(u), self._u, self.times)[:, 0]

    def slopes(self, u):
        """∂h/∂a (n, c) of the arguments it contains."""
        return self._function.jacobian(self._arguments(u), self._u, self.times)[:, 0, self._columns]

    def bends(self, u, factor):
        """factor_o ∂²h_o/∂a² (n, c, c) of these arguments."""
        H = self._function.hessian(self._arguments(u), self._u, self.times, factor[:, None])
        return H[:, self._columns[:, None], self._columns]

    def pulled(self, g):
        """Σ_o R_oᵀ g_o (E, width) of g (n, c)."""
        return (self._pull @ g.ravel()).reshape(self._elements.E, self._elements.width)

    def pushed(self, u):
        """R_o u (n, c)."""
        return (self._map @ u.ravel()).reshape(-1, len(self._columns))

    def add(self, local, S):
        """Add R_oᵀ S_o R_o of S (n, c, c) to the blocks `local` (E, width, width), in place."""
        for chosen in self._layers:
            R = self._rows[chosen]
            local[self.place[chosen]] += np.matmul(R.transpose(0, 2, 1), np.matmul(S[chosen], R))

    def add_columns(self, local, g, column):
        """Add R_oᵀ g_o of g (n, c) to one column and row of the blocks, in place."""
        found = self.pulled(g)
        local[:, :, column] += found
        local[:, column] += found

    def gradient_rows(self, u):
        """∂h_o/∂u of the own element (n, width)."""
        return np.matmul(self.slopes(u)[:, None], self._rows)[:, 0]

    def _arguments(self, u):
        a = np.ones((len(self.place), len(self._elements.arguments)))
        a[:, self._columns] = self.pushed(u)
        return a


def _sparse(elements, place, rows):
    """The rows (n·c, E·width) acting on u of all elements, flattened."""
    o, i, j = np.nonzero(rows)
    shape = (rows.shape[0] * rows.shape[1], elements.E * elements.width)
    return sp.csr_array((rows[o, i, j], (o * rows.shape[1] + i, place[o] * elements.width + j)),
                        shape=shape)


def _layers(place):
    """[numbers of readings, no two of one element, …]."""
    order = np.argsort(place, kind="stable")
    first = np.searchsorted(place[order], place[order])
    rank = np.arange(len(place)) - first
    return [order[rank == k] for k in range(rank.max(initial=-1) + 1)]
