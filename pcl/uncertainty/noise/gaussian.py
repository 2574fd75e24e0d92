"""Normal noise of known or unknown size."""

import numpy as np
import scipy.linalg
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.support.validate import float64_array
from pcl.uncertainty.noise.scale import Scale
from pcl.uncertainty.noise.standard import Standard
from pcl.uncertainty.noise.unit import LN_2PI


class Gaussian(Standard):
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

    Examples
    --------
    >>> import numpy as np, pcl
    >>> y = np.array([1.0, 1.2, 0.8, 1.4])
    >>> noise = pcl.uncertainty.noise.Gaussian(0.2)
    >>> problem = pcl.Problem.from_data(lambda t: t["m"] * np.ones(4), y, noise, {"m": 0.0})
    >>> problem.residuals([1.0])                            # (f − y)/σ
    array([ 0., -1.,  1., -2.])
    >>> result = pcl.minimize(problem)
    >>> result.x.round(6), problem.posterior(result.x).covariance().round(6)    # the mean, σ²/4
    (array([1.1]), array([[0.01]]))
    """

    def __init__(self, sigma: ArrayLike | None = None, *, covariance: ArrayLike | None = None,
                 factor: ArrayLike | None = None, start: float | None = None):
        choices = {"sigma": sigma, "covariance": covariance, "factor": factor}
        given = [name for name, value in choices.items() if value is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; expected one of them.")
        self.scale = Scale("sigma", sigma, start)
        self.factor = _cholesky(covariance) if covariance is not None else _triangular(factor)
        self.has_residuals = bool(given)
        self.independent = self.factor is None

    @property
    def sigma(self) -> Array | None:
        """σ, None where it is unknown or a covariance is given."""
        return self.scale.given

    def unknowns(self, observed: Array) -> Blocks:
        return {} if self.has_residuals else self.scale.unknowns(float(np.std(observed)))

    def check(self, name: str, observed: Array) -> None:
        self.scale.check(name, observed)
        if self.factor is not None and len(self.factor) != observed.size:
            raise ValueError(f"covariance has shape {self.factor.shape}; expected "
                             f"{(observed.size,) * 2} for the {observed.size} readings of {name}.")

    def residuals(self, predicted: Tensor, observed: Array) -> Tensor:
        left = predicted - tf.constant(observed)
        if self.factor is None:
            return tf.reshape(left / self.scale.value({}), (-1,))
        return tf.linalg.matvec(tf.constant(self._inverse), tf.reshape(left, (-1,)))

    def constant(self, observed: Array) -> float:
        logs = (self.scale.log_sum(observed.shape) if self.factor is None
                else np.log(np.diag(self.factor)).sum())
        return float(-logs - 0.5 * observed.size * LN_2PI)

    def standardised(self, predicted: Tensor, observed: Array, unknown) -> tuple[Tensor, Tensor]:
        log = self.scale.log(unknown)
        return (tf.constant(observed) - predicted) * tf.exp(-log), log

    def log_density(self, predicted: Tensor, observed: Array, unknown) -> Tensor:
        if self.has_residuals:
            return self.constant(observed) - 0.5 * tf.reduce_sum(tf.square(
                self.residuals(predicted, observed)))
        return super().log_density(predicted, observed, unknown)

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        unit = rng.normal(size=predicted.shape)
        if self.factor is not None:
            return predicted + (self.factor @ unit.ravel()).reshape(predicted.shape)
        return predicted + self.scale.number(unknown) * unit

    @property
    def _inverse(self):
        return scipy.linalg.solve_triangular(self.factor, np.eye(len(self.factor)), lower=True)


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
