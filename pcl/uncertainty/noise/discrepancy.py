"""What a model leaves out, as a smooth function that the data show beside their noise."""

import numpy as np
import scipy.linalg
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.uncertainty.kernels import Kernel, factor
from pcl.uncertainty.noise.base import Noise
from pcl.uncertainty.noise.gaussian import Gaussian
from pcl.uncertainty.noise.scale import Scale
from pcl.uncertainty.noise.unit import LN_2PI


class Discrepancy(Noise):
    """y = f + δ(x) + ε with δ a Gaussian process of mean 0, integrated out:

        y ~ N(f, K),   K = diag(σ²) + deviation² (k(|x − x'|/length) + 1e-8 · 1)

    so that readings close together count as less than independent ones. θ is certain only as far as no
    smooth error of the model explains the data as well: bands are wider, and honest about the model.
    With everything known there are residuals L⁻¹(f − y), L Lᵀ = K.

    Parameters
    ----------
    noise : Gaussian with σ, or with σ unknown
    points : (m,) or (m, d) array
        Where (or when) the readings were taken, in the order of the flattened readings.
    length : number > 0, optional
        Over which δ keeps its sign. None: unknown, estimated as the block "ln length".
    deviation : number > 0, optional
        How large δ is, in the unit of the readings. None: unknown, the block "ln deviation".
    kernel : "matern52", "matern32" or "squared exponential"
    start : (number, number), optional
        First guesses of unknown length and deviation; by default a fifth of the extent of the points and
        half the standard deviation of the readings. Give them a prior where there are few readings.

    Raises
    ------
    TypeError, ValueError
        A noise that is not Gaussian, or has a covariance; length or deviation ≤ 0; an unknown kernel.

    Notes
    -----
    Source: M. Kennedy and A. O'Hagan, 2001, Bayesian calibration of computer models, section 4; δ is
    integrated out, hyperparameters are estimated with θ.

    Examples
    --------
    Two readings at one place say little more than one, as far as δ is concerned:

    >>> import numpy as np, tensorflow as tf, pcl
    >>> from pcl.uncertainty.noise import Discrepancy, Gaussian
    >>> noise = Discrepancy(Gaussian(0.1), points=[0.0, 0.0, 5.0], length=1.0, deviation=1.0)
    >>> y = np.array([1.0, 1.0, 1.0])
    >>> r = noise.residuals(tf.zeros(3, tf.float64), y).numpy()
    >>> float((r[:2]**2).sum().round(2)), float((r**2).sum().round(2))      # χ² of two, of three readings
    (1.0, 1.98)
    >>> mean, deviation = noise.estimate(np.zeros(3), y, {})
    >>> mean.round(3), deviation.round(3)
    (array([0.995, 0.995, 0.99 ]), array([0.071, 0.071, 0.1  ]))
    """

    def __init__(self, noise: Gaussian, points: ArrayLike, length: float | None = None,
                 deviation: float | None = None, *, kernel: str = "matern52",
                 start: tuple[float | None, float | None] = (None, None)):
        if not isinstance(noise, Gaussian) or not noise.independent:
            raise TypeError(f"noise is a {type(noise).__name__}"
                            f"{' with a covariance' if isinstance(noise, Gaussian) else ''}; expected "
                            "Gaussian(sigma) or Gaussian().")
        self.noise, self.kernel = noise, Kernel(kernel, points)
        self.length = Scale("length", length, start[0])
        self.deviation = Scale("deviation", deviation, start[1])
        for scale in (self.length, self.deviation):
            if scale.given is not None and scale.given.ndim:
                raise ValueError(f"{scale.name} has shape {scale.given.shape}; expected one number.")
        self.has_residuals = noise.has_residuals and self.length.known and self.deviation.known

    def unknowns(self, observed: Array) -> Blocks:
        return {**self.noise.unknowns(observed), **self.length.unknowns(0.2 * self.kernel.extent),
                **self.deviation.unknowns(0.5 * float(np.std(observed)))}

    def check(self, name: str, observed: Array) -> None:
        self.noise.check(name, observed)
        if len(self.kernel.points) != observed.size:
            raise ValueError(f"points has {len(self.kernel.points)} rows; expected {observed.size}, one "
                             f"for each reading of {name}.")

    def residuals(self, predicted: Tensor, observed: Array) -> Tensor:
        return self._whole(observed).residuals(predicted, observed)

    def constant(self, observed: Array) -> float:
        return self._whole(observed).constant(observed)

    def log_density(self, predicted: Tensor, observed: Array, unknown) -> Tensor:
        if self.has_residuals:
            return self._whole(observed).log_density(predicted, observed, unknown)
        variance = tf.square(self.noise.scale.value(unknown)) * tf.ones(observed.shape, tf.float64)
        K = tf.linalg.diag(tf.reshape(variance, (-1,))) + (
            tf.square(self.deviation.value(unknown))
            * self.kernel.with_jitter(self.length.value(unknown), tf.exp))
        L = tf.linalg.cholesky(K)
        left = tf.reshape(predicted - tf.constant(observed), (-1, 1))
        r = tf.linalg.triangular_solve(L, left)
        logs = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(L)))
        return -0.5 * tf.reduce_sum(tf.square(r)) - logs - 0.5 * observed.size * LN_2PI

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        L = factor(self._covariances(predicted.shape, unknown)[0])
        return predicted + (L @ rng.normal(size=predicted.size)).reshape(predicted.shape)

    def estimate(self, predicted: ArrayLike, observed: ArrayLike, unknown: Blocks) -> tuple[Array, Array]:
        """δ at the points given θ, (mean, standard deviation), of the shape of the readings.

            mean = K_δ K⁻¹ (y − f),   covariance = K_δ − K_δ K⁻¹ K_δ

        Parameters
        ----------
        predicted, observed : f and y
        unknown : dict {"ln sigma", "ln length", "ln deviation": value}, those that are unknown
        """
        f, y = np.asarray(predicted, np.float64), np.asarray(observed, np.float64)
        K, of_delta = self._covariances(y.shape, unknown)
        gain = scipy.linalg.cho_solve((factor(K), True), of_delta).T
        variance = np.diag(of_delta) - np.einsum("ij,ij->i", gain, of_delta)
        mean = gain @ (y - f).ravel()
        return mean.reshape(y.shape), np.sqrt(np.maximum(variance, 0.0)).reshape(y.shape)

    def _covariances(self, shape, unknown):
        """K and that of δ alone."""
        sigma = np.broadcast_to(self.noise.scale.number(unknown), shape).ravel()
        of_delta = (self.deviation.number(unknown) ** 2
                    * self.kernel.with_jitter(self.length.number(unknown)))
        return np.diag(sigma ** 2) + of_delta, of_delta

    def _whole(self, observed):
        """The same as one Gaussian, where everything is known."""
        return Gaussian(factor=factor(self._covariances(observed.shape, {})[0]))
