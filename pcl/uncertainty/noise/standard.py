"""Independent readings whose scaled distance from the prediction has a unit density."""

from abc import abstractmethod

import tensorflow as tf

from pcl.support.types import Array, Tensor
from pcl.uncertainty.noise.base import Noise
from pcl.uncertainty.noise.unit import Normal, Unit


class Standard(Noise):
    """z = (h(y) − h(f))/s, increasing in y, has density u:  log p(y | f) = Σ ln u(z) + ln dz/dy.

    A model says what z and ln dy/dz are. `Censored` takes any of them.
    """

    unit: Unit = Normal()
    independent: bool = True        # False: readings have a joint covariance

    @abstractmethod
    def standardised(self, predicted: Tensor, observed: Array, unknown) -> tuple[Tensor, Tensor]:
        """z of the shape of the readings, and ln dy/dz that broadcasts to it.

        `predicted`, `observed` and `unknown` as in `log_density`.
        """

    def log_density(self, predicted: Tensor, observed: Array, unknown) -> Tensor:
        return tf.reduce_sum(self.log_densities(predicted, observed, unknown))

    def log_densities(self, predicted: Tensor, observed: Array, unknown) -> Tensor:
        """ln p of every reading, of their shape.

        `predicted`, `observed` and `unknown` as in `log_density`.
        """
        z, log_scale = self.standardised(predicted, observed, unknown)
        return self.unit.log_density(z) - log_scale

    def log_below(self, predicted: Tensor, limit: Array, unknown) -> Tensor:
        """ln P(reading < limit), of the shape of the readings around `predicted`; `unknown` by name."""
        return self.unit.log_below(self.standardised(predicted, limit, unknown)[0])

    def log_above(self, predicted: Tensor, limit: Array, unknown) -> Tensor:
        """ln P(reading > limit), of the shape of the readings around `predicted`; `unknown` by name."""
        return self.unit.log_below(-self.standardised(predicted, limit, unknown)[0])
