"""Noise in proportion, of quantities that are positive."""

import numpy as np
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.uncertainty.noise.scale import Scale
from pcl.uncertainty.noise.standard import Standard
from pcl.uncertainty.noise.unit import LN_2PI


class LogNormal(Standard):
    """ln y = ln f + ε, ε normal of mean 0:  r = (ln f − ln y)/σ.

        log p = −½ Σ r² − Σ (ln σ + ln y + ½ ln 2π)

    f is the median of y and has to be > 0; where it is not there is no density (NaN), and a training
    step that goes there is taken back.

    Parameters
    ----------
    sigma : number, or array of the shape of the readings, > 0, optional
        The relative standard deviation, of ln y: 0.05 for about 5 %. None: one unknown σ, estimated
        with the rest as the block "ln sigma".
    start : number, optional
        First guess of an unknown σ; by default the standard deviation of ln y.

    Raises
    ------
    ValueError
        Readings ≤ 0, σ ≤ 0, a σ of another shape than the readings.

    Examples
    --------
    >>> import numpy as np, scipy.stats, tensorflow as tf, pcl
    >>> noise = pcl.uncertainty.noise.LogNormal(0.05)
    >>> f, y = tf.constant([2.0, 50.0], tf.float64), np.array([2.1, 47.0])
    >>> noise.residuals(f, y).numpy().round(3)              # ln(f/y)/σ: 5 % too high, 6 % too low
    array([-0.976,  1.238])
    >>> float(noise.log_density(f, y, {}).numpy().round(4))
    -1.6803
    >>> float(scipy.stats.lognorm(0.05, scale=f.numpy()).logpdf(y).sum().round(4))
    -1.6803
    """

    def __init__(self, sigma: ArrayLike | None = None, *, start: float | None = None):
        self.scale = Scale("sigma", sigma, start)
        self.has_residuals = self.scale.known

    def unknowns(self, observed: Array) -> Blocks:
        return self.scale.unknowns(float(np.std(np.log(observed))))

    def check(self, name: str, observed: Array) -> None:
        self.scale.check(name, observed)
        bad = observed <= 0.0
        if bad.any():
            raise ValueError(f"{name} has {bad.sum()} of {bad.size} entries ≤ 0, the least "
                             f"{observed.min():g}; log-normal readings are > 0. Readings below a limit "
                             "of detection are for Censored; use Proportional where 0 is possible.")

    def residuals(self, predicted: Tensor, observed: Array) -> Tensor:
        return tf.reshape(-self.standardised(predicted, observed, {})[0], (-1,))

    def constant(self, observed: Array) -> float:
        return float(-self.scale.log_sum(observed.shape) - np.log(observed).sum()
                     - 0.5 * observed.size * LN_2PI)

    def standardised(self, predicted: Tensor, observed: Array, unknown) -> tuple[Tensor, Tensor]:
        log, ln_y = self.scale.log(unknown), tf.constant(np.log(observed))
        return (ln_y - tf.math.log(predicted)) * tf.exp(-log), log + ln_y

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        return predicted * np.exp(self.scale.number(unknown) * rng.normal(size=predicted.shape))
