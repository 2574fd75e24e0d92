"""The density of a fit at any θ: trajectories are solved for, so that its free numbers alone are left."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from pcl.dae.program.log_scale import is_log
from pcl.dae.result.likelihood import parts_of
from pcl.dae.sequential.problem import Sequential
from pcl.errors import NotFinite
from pcl.support.types import Array

INSIDE = 1e-8       # of its size, by which a bound may be passed: where the solver stops short of it


class ExactDensity:
    """log p(y, θ) of the free numbers θ = (starts, parameters, weights) of a fit, in their own units.

        log p(y, θ) = c − ½ f(u(q), q) − Σ ln θ_i over numbers by their logarithm,   q_i = ln θ_i there

    f is the objective of the fit, −2 log of likelihood and prior; u(q) are the collocated trajectories at
    q, solved for (`pcl.dae.sequential.Sequential`), with the exact gradient by their adjoint. Numbers by
    their logarithm are flat in it, as the fit takes them. Where a bound or a path constraint of the model
    is passed at a node the density is 0.

    Parameters
    ----------
    fit : Fit, of known variances
    precision : (p, p), of the normal prior of the weights
    free_starts : int, how many of θ are starts

    Attributes
    ----------
    logs : (p,) of bool
    """

    def __init__(self, fit: Any, precision: Array, free_starts: int):
        self._fit, self._program, self._precision = fit, fit.program, precision
        elements = self._program.elements
        n_p, n_w = elements.parameters.n, self._program.n - elements.n
        self._order = np.r_[n_w + n_p:n_w + n_p + free_starts, n_w:n_w + n_p, :n_w]     # of q in θ
        self.logs = np.zeros(self._order.size, bool)
        self.logs[free_starts:free_starts + n_p] = is_log(elements)

    @functools.cached_property
    def reduced(self) -> Sequential:
        """f as a function of q."""
        return Sequential(self._program, self._fit.result.x)

    def solution(self, theta: Array) -> Array:
        """All unknowns of the program (n,) at θ; a TrialFailure where there are no trajectories."""
        return self.reduced.solution(self._q(theta))

    def value(self, theta: Array) -> float:
        """log p; −∞ where it is 0."""
        return self.value_and_gradient(theta)[0]

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """log p and its gradient by θ (p,)."""
        nowhere = -np.inf, np.zeros(theta.size)
        if not np.all(theta[self.logs] > 0.0):
            return nowhere
        q = self._q(theta)
        if not self._within(self.reduced.solution(q)):
            return nowhere
        f, slope = self.reduced.value_and_gradient(q)
        gradient = -0.5 * slope[self._order]
        gradient[self.logs] = (gradient[self.logs] - 1.0) / theta[self.logs]
        return self._constant - 0.5 * f - float(np.log(theta[self.logs]).sum()), gradient

    def _q(self, theta):
        q = np.empty(theta.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            q[self._order] = np.where(self.logs, np.log(np.where(self.logs, theta, 1.0)), theta)
        if not np.isfinite(q).all():
            raise NotFinite("theta is not finite, or a number by its logarithm is not positive.")
        return q

    def _within(self, x):
        program = self._program
        room = INSIDE * np.maximum(1.0, np.abs(x))
        rows = program.c_lower != program.c_upper
        return (np.all(x >= program.x_lower - room) and np.all(x <= program.x_upper + room)
                and np.all(program.constraints(x)[rows] <= INSIDE))

    @functools.cached_property
    def _constant(self):
        """c: that of the densities of the readings, and of the prior of weights where it is proper."""
        result = self._fit.result
        readings = sum(parts_of(self._program, result)[0].values()) - self._program.misfit.at(result.x)
        weights = self._precision[self._weights, self._weights] / (2.0 * np.pi)
        sign, log_det = np.linalg.slogdet(weights)
        return 0.5 * float((log_det if sign > 0.0 else 0.0) - readings)

    @property
    def _weights(self):
        return slice(len(self._precision) - (self._program.n - self._program.elements.n), None)
