"""Independent normal numbers: the prior of parameters and of weights."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import float64_array
from pcl.uncertainty.noise.scale import positive
from pcl.uncertainty.prior.base import GaussianPrior


class Normal(GaussianPrior):
    """Every entry of a block is normal and independent: r = (x − mean)/deviation.

    Parameters
    ----------
    mean : number, or array of the shape of the block
    deviation : number, or array of that shape, > 0

    Raises
    ------
    ValueError, TypeError
        A deviation ≤ 0, numbers that are not finite; when used: another shape than the block.

    Examples
    --------
    A reading of 1 ± 1 and a prior of 0 ± 0.5: weights 1 and 4.

    >>> import numpy as np, pcl
    >>> noise, prior = pcl.uncertainty.noise.Gaussian(1.0), pcl.uncertainty.prior.Normal(0.0, 0.5)
    >>> problem = pcl.Problem.from_data(lambda t: t["k"], [1.0], noise, {"k": [0.0]}, {"k": prior})
    >>> result = pcl.minimize(problem)
    >>> result.x.round(6), problem.posterior(result.x).covariance().round(6)
    (array([0.2]), array([[0.2]]))
    """

    def __init__(self, mean: ArrayLike = 0.0, deviation: ArrayLike = 1.0):
        self.mean, self.deviation = float64_array("mean", mean), positive("deviation", deviation)

    def check(self, name: str, start: Array) -> None:
        for what in (self.mean, self.deviation):
            if what.ndim and what.shape != start.shape:
                raise ValueError(f"the prior of {name!r} has shape {what.shape}; expected numbers or "
                                 f"{start.shape}.")

    def residuals(self, x: Tensor) -> Tensor:
        return tf.reshape((x - tf.constant(self.mean)) / tf.constant(self.deviation), (-1,))

    # --- of all numbers of a block -------------------------------------------------------------
    def gaussian(self, shape: tuple) -> Normal:
        shape = np.broadcast_shapes(self.mean.shape, self.deviation.shape, shape)
        return Normal(np.broadcast_to(self.mean, shape), np.broadcast_to(self.deviation, shape))

    def root(self, z: Array) -> Array:
        return (self.deviation.ravel() * z.T).T

    def root_transposed(self, v: Array) -> Array:
        return self.root(v)

    def variances(self) -> Array:
        return self.deviation.ravel() ** 2

    def log_determinant(self) -> float:
        return 2.0 * float(np.log(self.deviation).sum())
