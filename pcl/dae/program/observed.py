"""The misfit of readings through observables, or with a noise model of their own.

    f(u) = Σ ω (row·u − y)² + Σ_k φ_k(h_k(u), q_k)

the first sum over readings of variables with known weights, the second over names: h what is read
(`pcl.dae.program.reading`), φ what it costs (`pcl.dae.program.density`), q unknown numbers of the noise,
which are parameters of the program.
"""

import functools
from typing import NamedTuple

import numpy as np

from pcl.dae.program.density import Density, Squares
from pcl.dae.program.misfit import Misfit, unit_of
from pcl.dae.program.reading import Reading


class Term(NamedTuple):
    """The readings under one name: what is read, what it costs, and where q stands in u."""

    reading: Reading
    density: Squares | Density
    columns: np.ndarray      # int (n_q,)

    def at(self, u):
        """The `Cost`."""
        return self.density.at(self.reading.value(u), u[0, self.columns])


class ObservedMisfit:
    """f with exact gradient and Hessian; what `Misfit` offers.

    Parameters
    ----------
    plain : Misfit, of the readings of variables with known weights
    terms : list of Term
    """

    def __init__(self, plain: Misfit, terms):
        self.plain, self.terms = plain, list(terms)
        self._elements = plain.elements

    @property
    def size(self):
        """Number of readings."""
        return self.plain.size + sum(term.density.data.size for term in self.terms)

    def value(self, u):
        """f."""
        return self.plain.value(u) + sum(term.at(u).value for term in self.terms)

    def at(self, x):
        """f of unknowns x of a program."""
        return self.value(self._elements.local(x[:self._elements.n]))

    def gradient(self, u):
        """∂f/∂u (E, width); that of q stands in the first element."""
        g = self.plain.gradient(u)
        for reading, density, columns in self.terms:
            cost = density.at(reading.value(u), u[0, columns])
            g += reading.pulled(cost.slope[:, None] * reading.slopes(u))
            g[0, columns] += cost.own_slope
        return g

    def curvature(self, u):
        """∂²f/∂u² of each element (E, width, width)."""
        local = self.plain.hessian.copy()
        for reading, density, columns in self.terms:
            cost, slopes = density.at(reading.value(u), u[0, columns]), reading.slopes(u)
            S = reading.bends(u, cost.slope)
            S += cost.curvature[:, None, None] * slopes[:, :, None] * slopes[:, None]
            reading.add(local, S)
            self._add_own(local, cost, columns)
            for column, mixed in zip(columns, cost.mixed.T):
                reading.add_columns(local, mixed[:, None] * slopes, column)
        return local

    def gauss_newton(self, u):
        """The same without ∂²h/∂a² and what is not convex of φ; positive semidefinite."""
        local = self.plain.hessian.copy()
        for reading, density, columns in self.terms:
            cost, slopes = density.at(reading.value(u), u[0, columns]), reading.slopes(u)
            convex = np.maximum(cost.curvature, 0.0)
            reading.add(local, convex[:, None, None] * slopes[:, :, None] * slopes[:, None])
            self._add_own(local, cost, columns)
        return local

    @staticmethod
    def _add_own(local, cost, columns):
        local[0, columns[:, None], columns] += cost.own_curvature

    @property
    def unit(self):
        """Size of a term of f that counts, see `Misfit.unit`; 1 where there is a noise model."""
        if any(isinstance(term.density, Density) for term in self.terms):
            return 1.0
        return unit_of(self.data, self.weights, self.variable)

    # --- sums of squares alone ----------------------------------------------------------------
    @functools.cached_property
    def data(self):
        """Readings (n,)."""
        return np.concatenate([self.plain.data, *(term.density.data for term in self.terms)])

    @functools.cached_property
    def weights(self):
        """ω (n,)."""
        return np.concatenate([self.plain.weights, *(term.density.weights for term in self.terms)])

    @functools.cached_property
    def variable(self):
        """Numbers of the names read, int (n,)."""
        first = self.plain.variable.max(initial=-1) + 1
        return np.concatenate([self.plain.variable, *(
            np.full(term.density.data.size, first + k) for k, term in enumerate(self.terms))])

    def residuals(self, u):
        """Simulated minus observed (n,)."""
        return np.concatenate([self.plain.residuals(u), *(
            term.reading.value(u) - term.density.data for term in self.terms)])

    def readable(self, u):
        """[whether the reading can be evaluated at u, bool (n,), …] of each term."""
        with np.errstate(all="ignore"):
            return [np.isfinite(term.reading.value(u)) for term in self.terms]

    def sensitivity(self, u, du):
        """Change of what is read (n,) along du (E, width) at u."""
        return np.concatenate([self.plain.sensitivity(u, du), *(
            np.einsum("nc,nc->n", term.reading.slopes(u), term.reading.pushed(du))
            for term in self.terms)])

    def rows_at(self, u):
        """(element (n,), ∂h_o/∂u of that element (n, width))."""
        place, rows = self.plain.rows_at(u)
        return (np.concatenate([place, *(term.reading.place for term in self.terms)]),
                np.concatenate([rows, *(term.reading.gradient_rows(u) for term in self.terms)]))
