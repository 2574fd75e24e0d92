"""Gaussian processes as priors of functions, stated where the function lives."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from pcl.support.nearest import nearest
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import float64_array, positive_number
from pcl.uncertainty.kernels import Kernel, factor
from pcl.uncertainty.prior.base import GaussianPrior, Prior
from pcl.uncertainty.prior.dense import DenseNormal


class Process(Prior):
    """A law f(·; θ) at points x is normal with the covariance of a Gaussian process:

        r = L⁻¹ (f(x; θ) − mean),   L Lᵀ = deviation² (k(|x_i − x_j|/length) + 1e-8 · 1)

    stated in the units of the law, whatever carries it: free values, or the weights of a network through
    the exact ∂f/∂θ at these points. The 1e-8 is an independent deviation of 1e-4 · deviation at each
    point; it keeps L defined where points are close, and nothing finer than it is asked of the law.

    Parameters
    ----------
    law : function {name: tensor} -> tensor (q,), written as a loss is; or None
        The law at the points, such as lambda θ: net(θ["net"], x)[:, 0]. None: the block the prior is
        given for holds the values at the points themselves.
    points : (q,) or (q, d) array
        Where the law is wanted and used, a few to a length: there the prior speaks, between them the
        network interpolates.
    length : number > 0
        Over which the law changes.
    deviation : number > 0
        How far it is from `mean`, in the unit of the law.
    mean : number or (q,) array
    kernel : "matern52", "matern32" or "squared exponential"

    Raises
    ------
    ValueError, TypeError
        length or deviation ≤ 0, an unknown kernel, a law that is no function; points so close that the
        covariance cannot be factorised; when used: another number of values than points.

    Notes
    -----
    A network has more weights than a few points determine. Give the weights a weak normal prior of
    their own beside it,

        {"net": prior.Normal(0, 30), "law": prior.Process(lambda θ: net(θ["net"], x)[:, 0], x, …)}

    wide against the weights as they are drawn, so that the process decides wherever there are points.
    With inputs and outputs of size 1 a deviation of 30 gives the bands of kriging to 5 %, 10 to 11 %; 1
    makes them narrower by half. Take the linearised bands: single weights stay uncertain, so draws of
    them leave the region where the law is linear in them (`band.nonlinearity`). The product of the two
    priors is not normalised, so there is no evidence with a `law`; over a block of values there is.

    Source of the kernels: C. Rasmussen and C. Williams, 2006, Gaussian processes for machine learning,
    section 4.2.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> x = np.linspace(0.0, 10.0, 101)
    >>> process = pcl.uncertainty.prior.Process(None, x, length=1.0, deviation=2.0)
    >>> f = process.draws(2000, seed=0)
    >>> here, a_length_on = f[:, 0], f[:, 10]
    >>> float(f.std().round(1)), float(np.corrcoef(here, a_length_on)[0, 1].round(1))
    (2.0, 0.5)
    """

    has_residuals = True

    def __init__(self, law: Callable[[Mapping[str, Tensor]], Tensor] | None, points: ArrayLike,
                 length: float, deviation: float, mean: ArrayLike = 0.0, kernel: str = "matern52"):
        if law is not None and not callable(law):
            raise TypeError(f"law is a {type(law).__name__}; expected a function of the blocks, or None.")
        self.law, self.proper = law, law is None
        self._kernel, self.length = Kernel(kernel, points), positive_number("length", length)
        self.points, self.deviation = self._kernel.points, positive_number("deviation", deviation)
        q = len(self.points)
        mean = float64_array("mean", mean)
        if mean.shape not in ((), (q,)):
            raise ValueError(f"mean has shape {mean.shape}; expected a number or ({q},), one for each "
                             "point.")
        self.mean = np.broadcast_to(mean, q)
        self.factor = self.deviation * factor(self._kernel.with_jitter(self.length))
        self._normal = DenseNormal(self.mean, self.factor)

    def quantity(self, theta: Mapping[str, Tensor], name: str) -> Tensor:
        """f(x) (q,): the law at the points, or block `name` of `theta`; ValueError if of another size."""
        if self.law is None:
            return tf.reshape(_block(theta, name), (-1,))
        return values(self.law, theta, len(self.points), name)

    def check(self, name: str, start: Array) -> None:
        if self.law is None and start.size != len(self.points):
            raise ValueError(f"block {name!r} has {start.size} numbers and points {len(self.points)} "
                             "rows; expected as many.")

    def gaussian(self, shape: tuple) -> GaussianPrior | None:
        if self.law is not None:
            return None
        return DenseNormal(self.mean.reshape(shape), self.factor)

    def residuals(self, x: Tensor) -> Tensor:
        return self._normal.residuals(x)

    def constant(self, shape: tuple) -> float:
        return self._normal.constant(shape)

    def log_density(self, x: Tensor) -> Tensor:
        return self._normal.log_density(x)

    def draws(self, count: int, seed: int, shape: tuple = ()) -> Array:
        """Functions at the points, (count, q), the same for the same seed: plot(points, draws.T).

        `shape` is not used. ValueError unless `count` is a whole number ≥ 1.
        """
        return self._normal.draws(count, seed)


def values(law: Callable, theta: Mapping[str, Tensor], q: int, name: str) -> Tensor:
    """The law at its q points, checked."""
    found = law(theta)
    if not tf.is_tensor(found) or tuple(found.shape) != (q,) or found.dtype != tf.float64:
        given = tuple(found.shape) if tf.is_tensor(found) else type(found).__name__
        raise ValueError(f"the law of prior {name!r} gives {given}; expected a float64 tensor ({q},), "
                         "one number for each point.")
    return found


def _block(theta, name):
    if name not in theta:
        raise ValueError(f"prior names {name!r}; without a law it has to be one of the blocks "
                         f"{', '.join(theta)}.{nearest(name, theta)}")
    return theta[name]
