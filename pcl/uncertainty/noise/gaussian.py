"""Normal noise of known or unknown size."""

import numpy as np
import scipy.linalg
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.support.validate import float64_array
from pcl.uncertainty.noise.base import Noise

LN_2PI = np.log(2.0 * np.pi)
UNKNOWN = "ln sigma"


class Gaussian(Noise):
    """y = f + ε, ε normal of mean 0.

        r = (f − y)/σ,   or r = L⁻¹ (f − y) with covariance L Lᵀ

    Parameters
    ----------
    sigma : number, or array of the shape of the readings, > 0, optional
        σ, in the unit of the readings. None, beside no covariance either: one unknown σ, estimated
        with the rest as the block "ln sigma".
    covariance : (m, m) array, optional
        Of all readings, flattened; symmetric positive definite.
    factor : (m, m) array, optional
        A lower triangular L with covariance L Lᵀ, in its place.
    start : number, optional
        First guess of an unknown σ; by default the standard deviation of the readings.

    Raises
    ------
    ValueError
        σ ≤ 0, a covariance that is not positive definite, more than one of them given.
    """

    def __init__(self, sigma: ArrayLike | None = None, *, covariance: ArrayLike | None = None,
                 factor: ArrayLike | None = None, start: float | None = None):
        choices = {"sigma": sigma, "covariance": covariance, "factor": factor}
        given = [name for name, value in choices.items() if value is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; expected one of them.")
        self.sigma = None if sigma is None else positive("sigma", sigma)
        self.factor = _cholesky(covariance) if covariance is not None else _triangular(factor)
        self.start = None if start is None else float(positive("start", start))
        self.has_residuals = bool(given)

    def unknowns(self, observed: Array) -> Blocks:
        if self.has_residuals:
            return {}
        start = self.start or float(np.std(observed)) or 1.0
        return {UNKNOWN: np.array(np.log(start))}

    def check(self, name: str, observed: Array) -> None:
        if self.sigma is not None and self.sigma.ndim and self.sigma.shape != observed.shape:
            raise ValueError(f"sigma has shape {self.sigma.shape}; expected a number or "
                             f"{observed.shape}, the shape of {name}.")
        if self.factor is not None and len(self.factor) != observed.size:
            raise ValueError(f"covariance has shape {self.factor.shape}; expected "
                             f"{(observed.size,) * 2} for the {observed.size} readings of {name}.")

    def residuals(self, predicted: Tensor, observed: Array) -> Tensor:
        left = predicted - tf.constant(observed)
        if self.factor is None:
            return tf.reshape(left / tf.constant(self.sigma), (-1,))
        return tf.linalg.matvec(tf.constant(self._inverse), tf.reshape(left, (-1,)))

    def constant(self, observed: Array) -> float:
        scale = np.asarray(self.sigma if self.factor is None else np.diag(self.factor))
        logs = np.sum(np.log(scale)) * (observed.size / scale.size)
        return float(-logs - 0.5 * observed.size * LN_2PI)

    def log_density(self, predicted: Tensor, observed: Array, unknown) -> Tensor:
        if self.has_residuals:
            return self.constant(observed) - 0.5 * tf.reduce_sum(tf.square(
                self.residuals(predicted, observed)))
        left, log = predicted - tf.constant(observed), unknown[UNKNOWN]
        return (-0.5 * tf.exp(-2.0 * log) * tf.reduce_sum(tf.square(left))
                - observed.size * (log + 0.5 * LN_2PI))

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        unit = rng.normal(size=predicted.shape)
        if self.factor is not None:
            return predicted + (self.factor @ unit.ravel()).reshape(predicted.shape)
        return predicted + (np.exp(unknown[UNKNOWN]) if self.sigma is None else self.sigma) * unit

    @property
    def _inverse(self):
        return scipy.linalg.solve_triangular(self.factor, np.eye(len(self.factor)), lower=True)


def positive(name: str, value: ArrayLike) -> Array:
    """`value` as finite float64 array > 0."""
    array = float64_array(name, value)
    if not (array > 0.0).all():
        raise ValueError(f"{name} has {np.count_nonzero(array <= 0.0)} of {array.size} entries ≤ 0, the "
                         f"least {array.min():g}; expected numbers > 0.")
    return array


def _cholesky(covariance):
    K = float64_array("covariance", covariance, shape=(None, None))
    if not (K.shape[0] == K.shape[1] and np.allclose(K, K.T, rtol=1e-12, atol=1e-12 * np.abs(K).max())):
        raise ValueError(f"covariance, of shape {K.shape}, is not symmetric.")
    try:
        return np.linalg.cholesky(K)
    except np.linalg.LinAlgError as error:
        least = float(np.linalg.eigvalsh(K)[0])
        raise ValueError("covariance is not positive definite: its smallest eigenvalue is "
                         f"{least:.3g}. Add the variance of the readings themselves to its "
                         "diagonal.") from error


def _triangular(factor):
    if factor is None:
        return None
    L = float64_array("factor", factor, shape=(None, None))
    if L.shape[0] != L.shape[1] or np.any(np.triu(L, 1)) or not (np.diag(L) > 0.0).all():
        raise ValueError(f"factor, of shape {L.shape}, is not lower triangular with a positive diagonal; "
                         "expected numpy.linalg.cholesky(covariance).")
    return L
