"""Any distribution of TensorFlow Probability as a prior."""

from typing import Any

import numpy as np
import tensorflow as tf

from pcl.support.types import Array, Tensor
from pcl.uncertainty.prior.base import GaussianPrior, Prior
from pcl.uncertainty.prior.dense import DenseNormal
from pcl.uncertainty.prior.normal import Normal

# Of these the covariance has a factor.
_MULTIVARIATE = ("MultivariateNormalDiag", "MultivariateNormalTriL",
                 "MultivariateNormalFullCovariance", "MultivariateNormalLinearOperator")


class Distribution(Prior):
    """p(x) of a block x by `distribution.log_prob`; normal ones have residuals scale⁻¹ (x − loc).

    Parameters
    ----------
    distribution : tfp.distributions.Distribution of float64
        Its batch and event shapes one after the other are the last axes of the block; over the axes
        before, entries are independent. One of shape () is the prior of every entry.

    Raises
    ------
    TypeError
        No distribution of one tensor; float32, TensorFlow Probability's default: build it from float64
        numbers, tfd.Gamma(np.float64(2.0), np.float64(1.0)).
    ValueError
        The block has another shape, or starts where the density is 0 or infinite.

    Notes
    -----
    Blocks are free numbers: a step that leaves the support has density 0 and is taken back, and a
    posterior at the edge of a support is none of Laplace's. Let a positive number k be the block ln k,
    with the model using exp(ln k), and state its prior there, prior.Normal(ln 3, 0.5) for a log-normal
    k, or any other p(k) by the change of variables

        tfd.TransformedDistribution(tfd.Gamma(a, b), tfb.Invert(tfb.Exp()))        (of ln k)

    Distributions that use `tf.custom_gradient` inside leave their graph in TensorFlow's registry.

    Examples
    --------
    >>> import numpy as np, tensorflow as tf, pcl
    >>> from tensorflow_probability import distributions as tfd
    >>> gamma = pcl.uncertainty.prior.Distribution(tfd.Gamma(np.float64(2.0), np.float64(1.0)))
    >>> float(gamma.log_density(tf.constant([1.0, 2.0], tf.float64)).numpy().round(4))     # Σ ln x − x
    -2.3069
    >>> gamma.draws(2, seed=0, shape=(3,)).shape
    (2, 3)
    """

    def __init__(self, distribution: Any):
        _check(distribution)
        self.distribution = distribution
        self._event = len(distribution.event_shape)
        self._shape = (*distribution.batch_shape, *distribution.event_shape)
        self._normal = _normal(distribution)
        self._onto = _onto_support(distribution)
        self.has_residuals = self._normal is not None

    def check(self, name: str, start: Array) -> None:
        words, n = type(self.distribution).__name__, len(self._shape)
        if n > start.ndim or start.shape[start.ndim - n:] != self._shape:
            raise ValueError(f"the prior of {name!r}, a {words}, has shape {self._shape}; the block has "
                             f"{start.shape}, which has to end in it.")
        if not np.isfinite(self.log_density(tf.constant(start)).numpy()):
            raise ValueError(f"block {name!r} starts at {_some(start)}, where its prior, a {words}, has "
                             "no finite log density; start inside the support.")

    def log_density(self, x: Tensor) -> Tensor:
        densities = self.distribution.log_prob(x)
        if self._onto is not None:      # TensorFlow Probability's formulas go on outside the support
            inside = tf.math.is_finite(self._onto.inverse(x))
            if self._event:
                inside = tf.reduce_all(inside, axis=list(range(-self._event, 0)))
            densities = tf.where(inside, densities, tf.constant(-np.inf, tf.float64))
        return tf.reduce_sum(densities)

    def gaussian(self, shape: tuple) -> GaussianPrior | None:
        whole = not self._event or shape == self._shape
        return self._normal.gaussian(shape) if self._normal is not None and whole else None

    def residuals(self, x: Tensor) -> Tensor:
        return super().residuals(x) if self._normal is None else self._normal.residuals(x)

    def constant(self, shape: tuple) -> float:
        if self._normal is None:
            return super().constant(shape)
        copies = np.prod(shape[:-1]) if self._event else 1      # independent ones along the axes before
        return float(copies * self._normal.constant(shape[-1:] if self._event else shape))

    def draws(self, count: int, seed: int, shape: tuple = ()) -> Array:
        front = shape[:max(len(shape) - len(self._shape), 0)]
        drawn = self.distribution.sample((count, *front), seed=tf.constant([seed, 0], tf.int32))
        return drawn.numpy()


def _check(distribution):
    from tensorflow_probability import distributions as tfd
    if not isinstance(distribution, tfd.Distribution):
        raise TypeError(f"distribution is a {type(distribution).__name__}; expected a distribution of "
                        "TensorFlow Probability.")
    dtype = distribution.dtype
    if not isinstance(dtype, tf.DType):
        raise TypeError(f"distribution is a {type(distribution).__name__} of several tensors; expected "
                        "one of one tensor for each block.")
    if dtype != tf.float64:
        raise TypeError(f"distribution is a {type(distribution).__name__} of {dtype.name}; expected "
                        "float64. Build it from float64 numbers, such as np.float64(1.0): Python numbers "
                        "become float32 there.")


def _onto_support(distribution):
    """The bijector from all numbers onto the support; None where that is all, or not known."""
    try:
        onto = distribution.experimental_default_event_space_bijector()
    except NotImplementedError:
        return None
    return None if type(onto).__name__ == "Identity" else onto


def _normal(distribution):
    """The same as a normal prior of ours; None where it is none."""
    name = type(distribution).__name__
    if name == "Normal":
        return Normal(np.asarray(distribution.loc), np.asarray(distribution.scale))
    if name in _MULTIVARIATE and not distribution.batch_shape.rank:
        return DenseNormal(np.asarray(distribution.mean()),
                           np.linalg.cholesky(np.asarray(distribution.covariance())))
    return None


def _some(start):
    flat = ", ".join(f"{x:g}" for x in start.ravel()[:3])
    return flat + ", …" if start.size > 3 else flat
