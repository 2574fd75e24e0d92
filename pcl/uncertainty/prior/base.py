"""What every prior offers: the density of a quantity of θ, and draws; what normal ones offer: a root."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from pcl.support.brief import Brief
from pcl.support.types import Array, Tensor
from pcl.support.validate import positive_integer
from pcl.uncertainty.noise.unit import LN_2PI


class Prior(Brief, ABC):
    """p(x) of a quantity x of θ: a block, or any function of the blocks.

    Where there are residuals,

        log p(x) = constant(shape of x) − ½ Σ r(x)²,

    so that least squares sees them; everywhere log p is a TensorFlow function with exact first and second
    derivatives, all constants of the density included (an improper density has constant 0).

    Attributes
    ----------
    has_residuals : bool
    proper : bool
        Whether ∫ p dx = 1: only then is an evidence defined.

    Examples
    --------
    A prior of one's own states a density and draws. An exponential one of mean 2:

    >>> import numpy as np, tensorflow as tf, pcl
    >>> class Exponential(pcl.uncertainty.prior.Prior):
    ...     def log_density(self, x): return tf.reduce_sum(-x / 2.0 - np.log(2.0))
    ...     def draws(self, count, seed, shape=()):
    ...         return np.random.default_rng(seed).exponential(2.0, (count, *shape))
    >>> noise = pcl.uncertainty.noise.Gaussian(1.0)
    >>> problem = pcl.Problem.from_data(lambda t: t["k"], [3.0], noise, {"k": [1.0]},
    ...                                 {"k": Exponential()})
    >>> pcl.minimize(problem).x.round(6)                    # (3 − k)/σ² = 1/2
    array([2.5])
    """

    has_residuals: bool = False
    proper: bool = True

    def quantity(self, theta: Mapping[str, Tensor], name: str) -> Tensor:
        """x, by default the block `name` of `theta`, the one that the prior is given for."""
        return theta[name]

    def check(self, name: str, start: Array) -> None:
        """Refuse a block that this prior is not for, by a ValueError with its `name`.

        `start` is where it begins.
        """

    def gaussian(self, shape: tuple) -> GaussianPrior | None:
        """This prior as a normal one of a block of this shape; None where it is none."""
        return None

    @abstractmethod
    def log_density(self, x: Tensor) -> Tensor:
        """log p(x), a scalar tensor."""

    def residuals(self, x: Tensor) -> Tensor:
        """r(x) (m,); NotImplementedError where there are none."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals.")

    def constant(self, shape: tuple) -> float:
        """log p(x) + ½ Σ r² for x of this shape; NotImplementedError where there are no residuals."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals.")

    @abstractmethod
    def draws(self, count: int, seed: int, shape: tuple = ()) -> Array:
        """Independent x, (count, *shape of x), the same for the same seed.

        `shape` is given where the prior itself does not know it. NotImplementedError where there are
        none; ValueError unless `count` is a whole number ≥ 1.
        """


class GaussianPrior(Prior):
    """x ~ N(mean, C), C = G Gᵀ, with a square G that can be applied.

        x = mean + G z,  z ~ N(0, I),     residuals(x) = G⁻¹ (x − mean)

        log p(x) = −½ Σ residuals² − ½ n ln 2π − ½ ln det C

    Nothing here is dense: G is whatever the prior can do quickly.

    Attributes
    ----------
    mean : ndarray, of the shape of the block; n numbers

    Examples
    --------
    White noise summed up, as a prior of a path: G is a running sum, C_ij = min(i, j).

    >>> import numpy as np, tensorflow as tf, pcl
    >>> class RandomWalk(pcl.uncertainty.prior.GaussianPrior):
    ...     def __init__(self, n): self.mean = np.zeros(n)
    ...     def root(self, z): return np.cumsum(z, axis=0)
    ...     def root_transposed(self, v): return np.cumsum(v[::-1], axis=0)[::-1]
    ...     def residuals(self, x): return tf.concat([x[:1], x[1:] - x[:-1]], 0)
    ...     def variances(self): return np.arange(1.0, len(self.mean) + 1)
    ...     def log_determinant(self): return 0.0
    >>> walk = RandomWalk(3)
    >>> walk.product(np.eye(3))
    array([[1., 1., 1.],
           [1., 2., 2.],
           [1., 2., 3.]])
    >>> x = tf.constant([1.0, 2.0, 2.0], tf.float64)
    >>> float(walk.log_density(x).numpy().round(4))                 # −1 − 3/2 ln 2π
    -3.7568
    """

    has_residuals = True
    mean: Array

    def gaussian(self, shape: tuple) -> GaussianPrior:
        """Itself, with all numbers of a block of this shape."""
        return self

    @abstractmethod
    def root(self, z: Array) -> Array:
        """G z, of z (n,) or (n, q)."""

    @abstractmethod
    def root_transposed(self, v: Array) -> Array:
        """Gᵀ v, of v (n,) or (n, q)."""

    @abstractmethod
    def variances(self) -> Array:
        """The diagonal of C (n,)."""

    @abstractmethod
    def log_determinant(self) -> float:
        """ln det C."""

    def product(self, v: Array) -> Array:
        """C v, of v (n,) or (n, q)."""
        return self.root(self.root_transposed(v))

    def constant(self, shape: tuple) -> float:
        own = self.gaussian(shape)
        return -0.5 * (own.mean.size * LN_2PI + own.log_determinant())

    def log_density(self, x: Tensor) -> Tensor:
        return self.constant(tuple(x.shape)) - 0.5 * tf.reduce_sum(tf.square(self.residuals(x)))

    def draws(self, count: int, seed: int, shape: tuple = ()) -> Array:
        own = self.gaussian(shape)
        z = np.random.default_rng(seed).normal(size=(positive_integer("count", count), own.mean.size))
        return own.mean + own.root(z.T).T.reshape(count, *own.mean.shape)
