"""Independent normal numbers: the prior of parameters and of weights."""

import numpy as np
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import float64_array
from pcl.uncertainty.noise.scale import positive
from pcl.uncertainty.noise.unit import LN_2PI
from pcl.uncertainty.prior.base import Prior


class Normal(Prior):
    """Every entry of a block is normal and independent: r = (x − mean)/deviation.

    Parameters
    ----------
    mean : number, or array of the shape of the block
    deviation : number, or array of that shape, > 0
    """

    has_residuals = True

    def __init__(self, mean: ArrayLike = 0.0, deviation: ArrayLike = 1.0):
        self.mean, self.deviation = float64_array("mean", mean), positive("deviation", deviation)

    def check(self, name: str, start: Array) -> None:
        for what in (self.mean, self.deviation):
            if what.ndim and what.shape != start.shape:
                raise ValueError(f"the prior of {name!r} has shape {what.shape}; expected numbers or "
                                 f"{start.shape}.")

    def residuals(self, x: Tensor) -> Tensor:
        return tf.reshape((x - tf.constant(self.mean)) / tf.constant(self.deviation), (-1,))

    def constant(self, shape: tuple) -> float:
        logs = np.log(np.broadcast_to(self.deviation, shape))
        return float(-logs.sum() - 0.5 * logs.size * LN_2PI)

    def log_density(self, x: Tensor) -> Tensor:
        return self.constant(tuple(x.shape)) - 0.5 * tf.reduce_sum(tf.square(self.residuals(x)))

    def draws(self, count: int, seed: int, shape: tuple = ()) -> Array:
        shape = np.broadcast_shapes(self.mean.shape, self.deviation.shape, shape)
        return self.mean + self.deviation * np.random.default_rng(seed).normal(size=(count, *shape))
