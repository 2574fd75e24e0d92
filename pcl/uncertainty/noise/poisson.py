"""Counts."""

import numpy as np
import tensorflow as tf
from scipy.special import gammaln

from pcl.support.types import Array, Blocks, Tensor
from pcl.uncertainty.noise.base import Noise


class Poisson(Noise):
    """y counts of mean f:  log p = Σ y ln f − f − ln y!.

    The prediction is the expected count and has to be > 0: where it is not there is no density (NaN),
    and a training step that goes there is taken back. Write it as exp(…) or softplus of what is learned
    to exclude this.

    Raises
    ------
    ValueError
        Readings that are no whole numbers ≥ 0.

    Examples
    --------
    >>> import numpy as np, scipy.stats, tensorflow as tf, pcl
    >>> noise = pcl.uncertainty.noise.Poisson()
    >>> f, y = tf.constant([2.5, 7.0], tf.float64), np.array([3.0, 5.0])
    >>> float(noise.log_density(f, y, {}).numpy().round(4))
    -3.6008
    >>> float(scipy.stats.poisson(f.numpy()).logpmf(y).sum().round(4))
    -3.6008
    """

    def check(self, name: str, observed: Array) -> None:
        bad = (observed < 0.0) | (observed != np.round(observed))
        if bad.any():
            raise ValueError(f"{name} has {bad.sum()} of {bad.size} entries that are no counts, such as "
                             f"{observed[bad][0]:g}; expected whole numbers ≥ 0. For rates use Gaussian "
                             "or LogNormal.")

    def log_density(self, predicted: Tensor, observed: Array, unknown) -> Tensor:
        y, rate = tf.constant(observed), tf.math.log(predicted)
        return tf.reduce_sum(y * rate - predicted) - float(gammaln(observed + 1.0).sum())

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        return rng.poisson(predicted).astype(np.float64)
