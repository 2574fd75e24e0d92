"""The weighted sum of squared differences between observed and collocated trajectories."""

import functools

import numpy as np
import scipy.sparse as sp

from pcl.collocation import interpolation


class Misfit:
    """f(u) = Σ_o ω_o (row_o · u_e(o) − data_o)².

    Parameters
    ----------
    elements : Elements
    place : int (n_obs,), the element of each observation
    rows : (n_obs, width)
    data, weights : (n_obs,)
    variable : int (n_obs,), the number of the variable observed; 0 by default
    names : of the variables, in the order of these numbers
    """

    terms: tuple = ()       # of readings that are not linear in u, see `pcl.dae.program.observed`

    def __init__(self, elements, place, rows, data, weights, variable=None, names=()):
        self.variable = np.zeros(len(data), dtype=int) if variable is None else variable
        self.elements, self.place, self.rows = elements, place, rows
        self.data, self.weights, self.names = data, weights, names
        self._map = _sparse(elements, place, rows)
        self._pull = self._map.T.tocsr()
        self.hessian = np.zeros((elements.E, elements.width, elements.width))
        np.add.at(self.hessian, place, 2.0 * weights[:, None, None] * rows[:, :, None] * rows[:, None])

    @classmethod
    def of(cls, elements, observations):
        """From [(trajectory number, name, times, values, weights), …]."""
        place, rows, data, weights, variable = [], [], [], [], []
        names: dict = {}
        for k, name, times, values, omega in observations:
            kind = "differential" if name in elements.model.states else "algebraic"
            element, basis = interpolation(elements.scheme, elements.meshes[k], times, kind)
            place.append(elements.starts[k] + element)
            rows += [elements.observation(name, b) for b in basis]
            data.append(values)
            weights.append(np.broadcast_to(omega, np.shape(values)))
            variable.append(np.full(len(element), names.setdefault(name, len(names))))
        if not rows:
            return cls(elements, np.zeros(0, dtype=int), np.zeros((0, elements.width)), np.zeros(0),
                       np.zeros(0))
        return cls(elements, np.concatenate(place), np.array(rows), np.concatenate(data),
                   np.concatenate(weights), np.concatenate(variable), tuple(names))

    @property
    def plain(self):
        """The readings that are linear in u: all."""
        return self

    @property
    def size(self):
        """Number of readings."""
        return self.data.size

    def residuals(self, u):
        """Simulated minus observed, (n_obs,), for u (E, width)."""
        return self._map @ u.ravel() - self.data

    def value(self, u):
        """f."""
        return float(self.weights @ self.residuals(u) ** 2)

    @functools.cached_property
    def unit(self):
        """Size of a term of f that counts: the spread Σ ω (data − mean of its variable)² / n, and at most
        1 where weights are given, as 1/σ² then; 1 without data."""
        return unit_of(self.data, self.weights, self.variable)

    def at(self, x):
        """f of unknowns x of a program: trajectories, parameters and, if any, weights."""
        return self.value(self.elements.local(x[:self.elements.n]))

    def gradient(self, u):
        """∂f/∂u (E, width)."""
        return (self._pull @ (2.0 * self.weights * self.residuals(u))).reshape(u.shape)

    def curvature(self, u):
        """∂²f/∂u² of each element (E, width, width), the same everywhere."""
        return self.hessian

    gauss_newton = curvature

    def readable(self, u):
        """[] of the terms that are not linear in u."""
        return []

    def sensitivity(self, u, du):
        """Change of what is read (n_obs,) along du (E, width)."""
        return self._map @ du.ravel()

    def rows_at(self, u):
        """(element (n_obs,), what is read in terms of its u (n_obs, width))."""
        return self.place, self.rows


def unit_of(data, weights, variable):
    """Size of a term of Σ ω r² that counts; see `Misfit.unit`."""
    if not data.size:
        return 1.0
    weight = np.bincount(variable, weights)
    mean = np.bincount(variable, weights * data) / np.where(weight > 0.0, weight, 1.0)
    spread = float(weights @ (data - mean[variable]) ** 2)
    spread = (spread or float(weights @ data ** 2)) / data.size or 1.0
    return spread if (weights == 1.0).all() else min(spread, 1.0)


def _sparse(elements, place, rows):
    """The rows acting on u of all elements, flattened."""
    i, j = np.nonzero(rows)
    shape = (len(rows), elements.E * elements.width)
    return sp.csr_array((rows[i, j], (i, place[i] * elements.width + j)), shape=shape)
