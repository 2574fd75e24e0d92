"""Normal noise that grows with what is measured."""

import numpy as np
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.uncertainty.noise.scale import Scale
from pcl.uncertainty.noise.standard import Standard
from pcl.uncertainty.noise.unit import LN_2PI


class Proportional(Standard):
    """y = f + ε, ε normal of mean 0 and variance σ² = a² + b² f².

        log p = −½ Σ ((y − f)/σ)² − Σ (ln σ + ½ ln 2π),   σ = σ(f)

    ln σ moves with f, so there are residuals only for b = 0 and known a. Weights 1/(a² + b² y²) in a
    sum of squares leave this out and pull predictions down.

    Parameters
    ----------
    constant, relative : number, or array of the shape of the readings, ≥ 0, optional
        a in the unit of the readings, b a share: Proportional(0.01, 0.05). None: one unknown number,
        estimated with the rest as the block "ln constant" or "ln relative". With a = 0 predictions
        of 0 have no density.
    start : (number, number), optional
        First guesses of unknown a and b; by default a tenth of the standard deviation of the readings,
        and 0.1.

    Raises
    ------
    ValueError
        Negative numbers, both 0, another shape than the readings.

    Examples
    --------
    >>> import numpy as np, scipy.stats, tensorflow as tf, pcl
    >>> noise = pcl.uncertainty.noise.Proportional(0.3, 0.04)
    >>> f, y = tf.constant([10.0], tf.float64), np.array([11.0])
    >>> float(noise.log_density(f, y, {}).numpy().round(4))
    -2.2258
    >>> float(scipy.stats.norm(10.0, 0.5).logpdf(11.0).round(4))        # √(0.3² + (0.04 · 10)²) = 0.5
    -2.2258
    >>> list(pcl.uncertainty.noise.Proportional().unknowns(y))
    ['ln constant', 'ln relative']
    """

    def __init__(self, constant: ArrayLike | None = None, relative: ArrayLike | None = None, *,
                 start: tuple[float | None, float | None] = (None, None)):
        self.a = Scale("constant", constant, start[0], zero=True)
        self.b = Scale("relative", relative, start[1], zero=True)
        if self.a.is_zero and self.b.is_zero:
            raise ValueError("constant and relative are both 0: readings without noise have no density.")
        self.has_residuals = self.a.known and self.b.is_zero
        if self.has_residuals and not np.all(self.a.given):
            raise ValueError("constant is 0 for some readings and relative is 0: readings without noise "
                             "have no density.")

    def unknowns(self, observed: Array) -> Blocks:
        return {**self.a.unknowns(0.1 * float(np.std(observed))), **self.b.unknowns(0.1)}

    def check(self, name: str, observed: Array) -> None:
        self.a.check(name, observed)
        self.b.check(name, observed)

    def residuals(self, predicted: Tensor, observed: Array) -> Tensor:
        return tf.reshape((predicted - tf.constant(observed)) / self.a.value({}), (-1,))

    def constant(self, observed: Array) -> float:
        return -self.a.log_sum(observed.shape) - 0.5 * observed.size * LN_2PI

    def standardised(self, predicted: Tensor, observed: Array, unknown) -> tuple[Tensor, Tensor]:
        variance = (tf.square(self.a.value(unknown)) + tf.square(self.b.value(unknown) * predicted))
        return (tf.constant(observed) - predicted) / tf.sqrt(variance), 0.5 * tf.math.log(variance)

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        sigma = np.hypot(self.a.number(unknown), self.b.number(unknown) * predicted)
        return predicted + sigma * rng.normal(size=predicted.shape)
