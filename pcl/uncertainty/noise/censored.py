"""Readings beyond a limit of the instrument."""

import numpy as np
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.support.validate import float64_array
from pcl.uncertainty.noise.base import Noise
from pcl.uncertainty.noise.standard import Standard


class Censored(Noise):
    """Another model whose readings are cut off at limits: of those beyond only that is known.

        log p = Σ_{inside} ln p(y | f) + Σ_{y ≤ below} ln P(y < below | f)
                                       + Σ_{y ≥ above} ln P(y > above | f)

    The tails are exact to rounding far away from the limits too, with all derivatives.

    Parameters
    ----------
    noise : Gaussian with σ, StudentT, LogNormal or Proportional
        Its unknowns are estimated as they are there.
    below, above : number, or array of the shape of the readings, optional
        Limits. Readings ≤ below (≥ above) count as no more than that: give them the limit itself,
        or any number beyond it. −∞ and +∞ in an array are for readings without a limit.

    Raises
    ------
    TypeError
        A noise that is none of these.
    ValueError
        No limit, limits in the wrong order or of another shape, a covariance of readings.

    Examples
    --------
    A reading of 0.5 from an instrument that shows nothing below 0.5 adds ln P(y < 0.5 | f) = ln Φ(−1):

    >>> import numpy as np, tensorflow as tf, pcl
    >>> noise = pcl.uncertainty.noise.Censored(pcl.uncertainty.noise.Gaussian(0.1), below=0.5)
    >>> f = tf.constant([0.6], tf.float64)
    >>> float(noise.log_density(f, np.array([0.5]), {}).numpy().round(4))
    -1.841
    >>> noise.draw(np.zeros(2), np.random.default_rng(0), {})
    array([0.5, 0.5])
    """

    def __init__(self, noise: Standard, *, below: ArrayLike | None = None,
                 above: ArrayLike | None = None):
        if not isinstance(noise, Standard):
            raise TypeError(f"noise is a {type(noise).__name__}; expected Gaussian, StudentT, LogNormal "
                            "or Proportional.")
        if not noise.independent:
            raise ValueError("noise has a covariance of all readings; censored ones have to be "
                             "independent: give sigma.")
        if below is None and above is None:
            raise ValueError("neither below nor above is given; without limits use the noise itself.")
        self.noise = noise
        self.below, self.above = _limit("below", below, -np.inf), _limit("above", above, np.inf)
        if np.any(self.below >= self.above):
            raise ValueError("below is not less than above.")

    def unknowns(self, observed: Array) -> Blocks:
        return self.noise.unknowns(self._cut(observed))

    def check(self, name: str, observed: Array) -> None:
        for argument, limit in (("below", self.below), ("above", self.above)):
            if limit.ndim and limit.shape != observed.shape:
                raise ValueError(f"{argument} has shape {limit.shape}; expected a number or "
                                 f"{observed.shape}, the shape of {name}.")
        self.noise.check(name, self._cut(observed))

    def log_density(self, predicted: Tensor, observed: Array, unknown) -> Tensor:
        y = self._cut(observed)
        inside = self.noise.log_densities(predicted, y, unknown)
        lower, upper = y <= self.below, y >= self.above
        if lower.any():
            inside = tf.where(lower, self.noise.log_below(predicted, y, unknown), inside)
        if upper.any():
            inside = tf.where(upper, self.noise.log_above(predicted, y, unknown), inside)
        return tf.reduce_sum(inside)

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        """Readings as the instrument gives them: drawn around `predicted` by `rng` and cut off.

        `unknown` as in `Noise.draw`.
        """
        return self._cut(self.noise.draw(predicted, rng, unknown))

    def _cut(self, y):
        return np.clip(y, self.below, self.above)


def _limit(name, value, missing):
    limit = float64_array(name, missing if value is None else value, finite=False)
    if np.isnan(limit).any():
        raise ValueError(f"{name} has {np.isnan(limit).sum()} entries that are NaN; expected limits, or "
                         f"{missing} for readings without one.")
    return limit
