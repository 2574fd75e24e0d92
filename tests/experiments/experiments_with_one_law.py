"""Experiments with one law: readings of a(1 − e^{−kt}) at other times each, stated in all three ways."""

import numpy as np
import tensorflow as tf

import pcl
from pcl.uncertainty import noise

START = {"a": 1.5, "k": [0.7]}


def items(count=7):
    """(times, readings) of each, with as many times as there are before it."""
    rng = np.random.default_rng(3)
    found = []
    for i in range(count):
        t = np.sort(rng.uniform(0.1, 3.0, 3 + i))
        found.append((t, 2.0 * (1.0 - np.exp(-1.3 * t)) + 0.05 * rng.normal(size=t.size)))
    return found


def predicted(theta, t):
    return theta["a"] * (1.0 - tf.exp(-theta["k"][0] * t))


def by_residuals(item):
    t, y = item
    return pcl.Problem.from_residuals(lambda theta: predicted(theta, t) - y, START)


def by_loss(item):
    t, y = item
    return pcl.Problem(lambda theta: tf.reduce_sum((predicted(theta, t) - y) ** 4), START)


def by_data(item):
    t, y = item
    return pcl.Problem.from_data(lambda theta: predicted(theta, t), y, noise.Gaussian(0.05), START)


def joined(items):
    """All of them in one trace."""
    return pcl.Problem.from_residuals(
        lambda theta: tf.concat([predicted(theta, t) - y for t, y in items], 0), START)


def joined_loss(items):
    return pcl.Problem(lambda theta: tf.add_n(
        [tf.reduce_sum((predicted(theta, t) - y) ** 4) for t, y in items]), START)
