"""A problem as the density that samplers ask for, at θ and in whitened coordinates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.support.interface import FAILURES
from pcl.support.types import Array, Theta
from pcl.support.validate import float64_array
from pcl.uncertainty.laplace.coordinates import STRAIGHT, Coordinates
from pcl.uncertainty.laplace.gaussian import Covariance


class LogDensity:
    """log p(θ | y) up to a constant as a function of θ, −∞ where it has no value: for any sampler.

        log p = (constant − ½ ℓ(θ))/σ²

    Any sampler that calls a function of θ takes it as it is; docs/uncertainty.md has random-walk
    Metropolis in ten lines. Where the gradient is wanted beside it, `value_and_gradient` has both for the
    price of one.

    Parameters
    ----------
    problem : Problem
        From `Problem.from_data`; or any other with ℓ = −2 log p, of residuals with noise σ.
    sigma : float
        The standard deviation of a residual; 1 where the noise is stated.

    Attributes
    ----------
    failed : int
        How often there was no value: a `TrialFailure`, an arithmetic error, NaN.

    Raises
    ------
    ValueError
        θ has another shape.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem.from_data(lambda t: t["k"], [1.0], pcl.uncertainty.noise.Gaussian(0.5),
    ...                                 {"k": [0.0]})
    >>> log_density = pcl.uncertainty.LogDensity(problem)
    >>> round(log_density([1.0]), 6), log_density.gradient([0.5])       # −½ ln 2π − ln σ, (y − k)/σ²
    (-0.225791, array([2.]))
    """

    def __init__(self, problem: Any, sigma: float = 1.0):
        self.problem, self.sigma, self.failed = problem, sigma, 0

    def __call__(self, theta: Theta) -> float:
        """log p(θ | y)."""
        return self._guarded(lambda at: (self.problem.log_density(at), at), theta)[0]

    def gradient(self, theta: Theta) -> Array:
        """∂ log p/∂θ (size,) at `theta`; 0 where there is no value."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: Theta) -> tuple[float, Array]:
        """log p(θ | y) and its gradient (size,) at `theta`, −∞ and 0 where there is no value."""
        return self._guarded(self.problem.log_density_and_gradient, theta)

    def _guarded(self, function, theta):
        theta = self.problem.ravel(theta) if isinstance(theta, Mapping) else theta
        theta = float64_array("theta", theta, (self.problem.size,), finite=False)
        try:
            value, gradient = function(theta) if np.isfinite(theta).all() else (np.nan, theta)
        except FAILURES:
            value, gradient = np.nan, theta
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            self.failed += int(value != -np.inf)
            return -np.inf, np.zeros(theta.size)
        return float(value) / self.sigma ** 2, gradient / self.sigma ** 2


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """The normal density that chains run relative to: δ = F z, z ~ N(0, 1), C = F Fᵀ, θ = θ* + δ or, of
    numbers by their logarithm, θ* exp(δ/θ*).

    Attributes
    ----------
    center : ndarray (p,), θ*
    covariance : Covariance, of full rank
    sigma : float
    coordinates : Coordinates
    """

    center: Array
    covariance: Covariance
    sigma: float = 1.0
    coordinates: Coordinates = STRAIGHT

    def theta(self, z: Array) -> Array:
        """θ (…, p) of z (…, p)."""
        return self.coordinates.moved(self.center, self._deviation(z))

    def log_volume(self, z: Array) -> float:
        """ln det ∂θ/∂δ at z (p,), which the density in δ has beside that in θ."""
        return self.coordinates.log_volume(self.center, self._deviation(z))[0]

    def gradient(self, z: Array, g: Array) -> Array:
        """d/dz = Fᵀ d/dδ at z (p,), of the density with its volume, from d/dθ."""
        delta = self._deviation(z)
        volume = self.coordinates.log_volume(self.center, delta)[1]
        return self.covariance.root_transposed(self.coordinates.slopes(self.center, delta) * g + volume)

    def _deviation(self, z):
        columns = z.reshape(-1, self.center.size).T
        return self.covariance.root_product(columns).T.reshape(z.shape)


class Whitened:
    """log p as a function of z, with what happened at the evaluations.

    Errors that are no failed trials, and a stop from outside, make every further value −∞, so that a
    sampler comes to its end at once; `check` raises them then.
    """

    def __init__(self, density: LogDensity, reference: Reference):
        self.density, self.reference = density, reference
        self.size = reference.center.size
        self._stopped = False
        self._error: BaseException | None = None

    def value(self, z: Array) -> float:
        """log p of θ(z), as a density of δ."""
        return self.density(self.reference.theta(z)) + self.reference.log_volume(z)

    def value_and_gradient(self, z: Array) -> tuple[float, Array]:
        """log p and its gradient by z; never raises."""
        if self._stopped or not np.isfinite(z).all():
            return -np.inf, np.zeros(self.size)
        try:
            value, gradient = self.density.value_and_gradient(self.reference.theta(z))
            return value + self.reference.log_volume(z), self.reference.gradient(z, gradient)
        except BaseException as error:      # within a graph: raised by `check`, as what it is
            self._stopped, self._error = True, error
            return -np.inf, np.zeros(self.size)

    def stop(self) -> None:
        """No more evaluations until `check`."""
        self._stopped = True

    def check(self) -> None:
        """Raise what an evaluation raised, and begin anew."""
        error, self._stopped, self._error = self._error, False, None
        if error is not None:
            raise error
