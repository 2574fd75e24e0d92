"""Pieces of the graph as NumPy functions give what TensorFlow gives, bit by bit where it adds alike."""

import numpy as np
import pytest
import tensorflow as tf

from pcl.engine.glue.numpy_code import compiled

X = np.random.default_rng(0).uniform(0.5, 1.5, (5, 3))


def slices(x):
    return tf.concat([x[..., :1] * x[:, 1:2], x[:, None, 2] + x[::2, 0][0], x[:, 1:]], axis=-1)


def stacked(x):
    return tf.stack([x[:, 0], tf.exp(x[:, 1]), 2.0 * x[:, 2]], axis=1)


def moved(x):
    return tf.transpose(tf.expand_dims(x, 1), (2, 0, 1)) + tf.broadcast_to(x[:1, :1], (3, 5, 1))


def padded(x):
    return tf.pad(tf.slice(x, (1, 0), (3, -1)), [[1, 1], [0, 2]])


def functions(x):
    return tf.sqrt(x) * tf.math.log(x) / tf.tanh(x[:, :1])


@pytest.mark.parametrize("function", [slices, stacked, moved, padded, functions])
def test_moves_and_their_derivatives_are_those_of_tensorflow(function):
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.float64, X.shape)
        y = function(x)
        bar = tf.compat.v1.placeholder(tf.float64, y.shape)
        gradient, = tf.gradients(y, x, bar)
        program = compiled([x, bar], [y, tf.convert_to_tensor(gradient)])
    assert program is not None
    weights = np.random.default_rng(1).standard_normal(y.shape)
    value, slope = program(X, weights)
    point = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(point)
        expected = function(point)
    np.testing.assert_allclose(value, expected, rtol=1e-15)
    np.testing.assert_allclose(slope, tape.gradient(expected, point, weights), rtol=1e-14, atol=1e-15)


def test_what_numpy_does_not_know_is_left_to_tensorflow():
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.float64, (4, 4))
        assert compiled([x], [tf.linalg.det(x)]) is None
        assert compiled([x], [tf.gather(x, tf.cast(x[0], tf.int32))]) is None
