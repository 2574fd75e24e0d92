"""Symmetric densities of mean 0 and unit size, with their tails, as TensorFlow functions."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import tensorflow as tf
from scipy import special

from pcl.support.types import Array, Tensor

LN_2PI = np.log(2.0 * np.pi)
FAR = 25.0      # beyond it erfc comes close to underflow (38) and the series is exact to rounding
MILLS = np.cumprod([1.0, *(1.0 - 2.0 * np.arange(1, 9))])        # 1, −1, 1·3, −1·3·5, …
NEAR = 0.01     # t²/min(ν, 1) up to which F is a power series to t¹⁷
SERIES = 54     # terms of powers of x < ½, to rounding


class Unit(Protocol):
    """A symmetric density u(z) with cumulative F(z), F(−z) = 1 − F(z)."""

    def log_density(self, z: Tensor) -> Tensor:
        """ln u(z), entry by entry."""
        ...

    def log_below(self, z: Tensor) -> Tensor:
        """ln F(z), exact to rounding in both tails, with all its derivatives."""
        ...

    def draw(self, rng: np.random.Generator, shape: tuple) -> Array:
        """Independent z."""
        ...


class Normal:
    """u = φ, F = Φ."""

    def log_density(self, z: Tensor) -> Tensor:
        return -0.5 * (tf.square(z) + LN_2PI)

    def log_below(self, z: Tensor) -> Tensor:
        """ln Φ(z); below −25 by the asymptotic series of Mills' ratio, to z⁻¹⁶.

            Φ(z) = φ(z)/|z| (1 − 1/z² + 1·3/z⁴ − 1·3·5/z⁶ + …)

        Source: Abramowitz and Stegun, 1964, 26.2.12.
        """
        far = z < -FAR
        t = tf.minimum(z, -FAR)
        series = tf.reduce_sum(MILLS * tf.pow(t[..., None], -2.0 * np.arange(MILLS.size)), axis=-1)
        tail = self.log_density(t) - tf.math.log(-t) + tf.math.log(series)
        near = tf.math.log(0.5 * tf.math.erfc(-np.sqrt(0.5) * tf.maximum(z, -FAR)))
        return tf.where(far, tail, near)

    def draw(self, rng: np.random.Generator, shape: tuple) -> Array:
        return rng.normal(size=shape)


class StudentT:
    """u(t) ∝ (1 + t²/ν)^−(ν+1)/2."""

    def __init__(self, degrees_of_freedom: float):
        self.nu = nu = degrees_of_freedom
        self._log_peak = float(special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2)
                               - 0.5 * np.log(nu * np.pi))

    def log_density(self, z: Tensor) -> Tensor:
        return self._log_peak - 0.5 * (self.nu + 1.0) * tf.math.log1p(tf.square(z) / self.nu)

    def log_below(self, z: Tensor) -> Tensor:
        """ln F: F(t) = ½ I_x(ν/2, ½), x = ν/(ν + t²), for t < 0, and 1 minus that of −t for t > 0.

        Around 0, where I_x has no derivative in x, and far out, where it underflows, by power series.
        Source: Abramowitz and Stegun, 1964, 26.7.1, 15.1.1 and 26.5.4.
        """
        near, far = tf.square(z) < NEAR * min(self.nu, 1.0), tf.square(z) > self.nu
        root = np.sqrt(self.nu) * tf.ones_like(z)
        t = tf.where(near | far, 0.5 * root, z)
        half, a = tf.constant(0.5, tf.float64), tf.constant(0.5 * self.nu, tf.float64)
        middle = tf.math.log(half * tf.math.betainc(a, half, self.nu / (self.nu + tf.square(t))))
        lower = tf.where(far, self._far(tf.where(far, z, 2.0 * root)), middle)      # ln F(−|z|)
        outer = tf.where(z < 0.0, lower, tf.math.log1p(-tf.exp(lower)))
        return tf.where(near, self._near(tf.where(near, z, tf.zeros_like(z))), outer)

    def _near(self, t):
        """ln F with F = ½ + t u(0) ₂F₁(½, (ν+1)/2; 3/2; −t²/ν)."""
        k = np.arange(9)
        terms = np.cumprod([1.0, *((0.5 * (self.nu + 1.0) + k[:-1]) / k[1:])]) / (2.0 * k + 1.0)
        series = tf.math.polyval([c * tf.ones_like(t) for c in terms[::-1]], -tf.square(t) / self.nu)
        return tf.math.log(0.5 + t * np.exp(self._log_peak) * series)

    def _far(self, t):
        """ln ½ I_x(a, ½) = ln x^a √(1−x)/(2 a B(a, ½)) Σ (a+½)ₖ/(a+1)ₖ xᵏ, for x = ν/(ν + t²) < ½."""
        a, k = 0.5 * self.nu, np.arange(SERIES)
        ratios = np.cumprod([1.0, *((a + 0.5 + k[:-1]) / (a + 1.0 + k[:-1]))])
        log_x = -tf.math.log1p(tf.square(t) / self.nu)
        powers = tf.exp(log_x[..., None] * k)
        log_front = -np.log(2.0 * a) - special.betaln(a, 0.5)
        return (log_front + a * log_x + 0.5 * tf.math.log1p(-tf.exp(log_x))
                + tf.math.log(tf.reduce_sum(ratios * powers, axis=-1)))

    def draw(self, rng: np.random.Generator, shape: tuple) -> Array:
        return rng.standard_t(self.nu, size=shape)
