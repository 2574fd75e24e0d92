"""What a reading that differs from its prediction costs, −2 log p up to a constant, with derivatives."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pcl.support.types import Array
from pcl.uncertainty.noise import Gaussian, Noise

LOG = "ln "         # begins the names of unknown numbers of a noise that are logarithms


def short(unknown):
    """The name of what is estimated: "sigma" of "ln sigma"."""
    return unknown.removeprefix(LOG)


class Cost(NamedTuple):
    """φ(h, q) = Σ_o φ_o(h_o, q) at predictions h (n,) and unknown numbers q (n_q,) of the noise."""

    value: float
    slope: Array        # (n,), ∂φ/∂h
    curvature: Array    # (n,), ∂²φ/∂h², readings being independent
    own_slope: Array    # (n_q,), ∂φ/∂q
    own_curvature: Array    # (n_q, n_q)
    mixed: Array        # (n, n_q), ∂²φ/∂h∂q


class Squares:
    """φ = Σ ω (h − y)².

    Parameters
    ----------
    data, weights : (n,)
    """

    unknowns: tuple = ()
    shared: Mapping[str, str] = MappingProxyType({})

    def __init__(self, data, weights):
        self.data, self.weights = data, weights

    def at(self, h, q):
        """The `Cost`."""
        left = h - self.data
        return Cost(float(self.weights @ left ** 2), 2.0 * self.weights * left, 2.0 * self.weights,
                    np.zeros(0), np.zeros((0, 0)), np.zeros((h.size, 0)))

    def stated(self, variance):
        """The noise of which φ is −2 log p, of variances `variance`/ω: normal."""
        return Gaussian(np.sqrt(variance / self.weights))


class Density:
    """φ = −2 log p(y | h, q) of a noise model, all constants included; derivatives by TensorFlow.

    Readings are independent, so that one gradient of Σ ∂φ/∂h gives all second derivatives.

    Parameters
    ----------
    noise : pcl.uncertainty.noise.Noise
    data : (n,), readings

    Attributes
    ----------
    start : {name: first guess} of its unknown numbers
    unknowns : tuple of these names, in the order of q
    shared : {unknown: parameter of the model} of those that are one
    """

    def __init__(self, noise: Noise, data: Array):
        self.noise, self.data = noise, data
        self.start = {name: float(value) for name, value in noise.unknowns(data).items()}
        self.unknowns, self.shared = tuple(self.start), noise.parameters
        specs = [tf.TensorSpec([size], tf.float64) for size in (data.size, len(self.unknowns))]
        self._all = tf.function(self._build, input_signature=specs, autograph=False)
        self._last: tuple[Array, Cost] | None = None

    def at(self, h, q):
        """The `Cost`; that of the last point is remembered."""
        point = np.concatenate([h, q])
        if self._last is None or not np.array_equal(self._last[0], point):
            found = [x.numpy() for x in self._all(tf.constant(h, tf.float64), tf.constant(q, tf.float64))]
            self._last = point, Cost(float(found[0]), *found[1:])
        return self._last[1]

    def stated(self, variance):
        """The noise of which φ is −2 log p."""
        return self.noise

    def _build(self, h, q):
        each = tf.unstack(q, len(self.unknowns))
        value = -2.0 * self.noise.log_density(h, self.data, dict(zip(self.unknowns, each)))
        slope = _gradient(value, h)
        own = [_gradient(value, x) for x in each]
        second = [_gradient(g, x) for g in own for x in each]
        mixed = [_gradient(g, h) for g in own]
        zero = tf.zeros([0], tf.float64)
        n_q = len(each)
        return (value, slope, _gradient(slope, h), tf.stack(own) if own else zero,
                tf.reshape(tf.stack(second) if own else zero, (n_q, n_q)),
                tf.transpose(tf.reshape(tf.stack(mixed) if own else zero, (n_q, self.data.size))))


def _gradient(y, x):
    """∂ Σ y/∂x, zeros where y does not contain x."""
    return tf.gradients(y, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)[0]
