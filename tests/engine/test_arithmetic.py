"""Arithmetic of the graph run by NumPy equals TensorFlow's."""
import numpy as np
import pytest
import tensorflow as tf

from pcl.engine.glue.numpy_code import ELEMENTARY, compiled

X, Y = np.random.default_rng(0).normal(size=(2, 3, 4))

ARITHMETIC = {
    "difference and square": lambda x, y: tf.square(x - y),
    "quotient": lambda x, y: -x / (y + 2.0),
    "sum over an axis": lambda x, y: tf.reduce_sum(x * y, axis=1) + 1.0,
    "sum kept": lambda x, y: tf.reduce_sum(x, axis=[0, 1], keepdims=True) * y,
    "reshape and several terms": lambda x, y: tf.add_n([tf.reshape(x, (4, 3)), tf.reshape(y, (4, 3))]),
    "gradient of a sum": lambda x, y: tf.gradients(tf.reduce_sum(tf.square(x) * y), x)[0],
    "constant": lambda x, y: tf.constant(3.0, tf.float64) + 0.0 * x,
}


def graph_of(function):
    graph = tf.Graph()
    with graph.as_default():
        x, y = (tf.compat.v1.placeholder(tf.float64, X.shape) for _ in range(2))
        return graph, [x, y], [function(x, y)]


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_is_that_of_tensorflow(name):
    graph, feeds, fetches = graph_of(ARITHMETIC[name])
    with tf.compat.v1.Session(graph=graph) as session:
        expected = session.run(fetches, dict(zip(feeds, (X, Y))))
    result = compiled(feeds, fetches)(X, Y)
    np.testing.assert_allclose(result[0], expected[0], rtol=4e-15)
    assert result[0].shape == expected[0].shape and result[0].dtype == np.float64


@pytest.mark.parametrize("function", [
    lambda x, y: tf.math.erf(x), lambda x, y: tf.cast(tf.cast(x, tf.float32), tf.float64),
    lambda x, y: tf.where(x > 0.0, x, y)])
def test_anything_else_is_left_to_tensorflow(function):
    _, feeds, fetches = graph_of(function)
    assert compiled(feeds, fetches) is None


def test_division_by_zero_is_quiet_and_infinite():
    _, feeds, fetches = graph_of(lambda x, y: x / (y * 0.0))
    assert np.isinf(compiled(feeds, fetches)(np.abs(X), np.abs(Y))[0]).all()


ENTRYWISE = {
    "functions": lambda x, y: tf.sqrt(x) + tf.exp(-y) * tf.math.log(x) + tf.tanh(x * y) - tf.sin(y),
    "powers": lambda x, y: x ** 2.5 + tf.math.rsqrt(y) + tf.math.reciprocal(x) * tf.sigmoid(y),
    "the same twice": lambda x, y: tf.exp(x) * y + tf.exp(x) * y,
    "factor one": lambda x, y: 1.0 * x - y * 1.0,
    "gradients": lambda x, y: tf.gradients(tf.tanh(x) * tf.sqrt(y) / (1.0 + tf.exp(x)), y)[0],
    "a feed": lambda x, y: tf.identity(x),
}


@pytest.mark.parametrize("name", ENTRYWISE)
def test_elementary_functions_are_those_of_tensorflow_at_any_number_of_entries(name):
    x, y = np.abs(X.ravel()) + 0.1, np.abs(Y.ravel()) + 0.1
    graph = tf.Graph()
    with graph.as_default():
        feeds = [tf.compat.v1.placeholder(tf.float64, 7) for _ in range(2)]
        fetches = [ENTRYWISE[name](*feeds)]
    with tf.compat.v1.Session(graph=graph) as session:
        expected = session.run(fetches, dict(zip(feeds, (x[:7], y[:7]))))
    program = compiled(feeds, fetches, ELEMENTARY, lambda value: np.ravel(value)[0])
    np.testing.assert_allclose(program(x[:7], y[:7])[0], expected[0], rtol=4e-15)
    assert program(x, y)[0].shape == x.shape


def test_a_check_that_the_arithmetic_waits_for_is_kept():
    def checked(x, y):
        with tf.control_dependencies([tf.debugging.assert_less(x, tf.constant(5.0, tf.float64))]):
            return tf.identity(x) + y
    graph, feeds, fetches = graph_of(checked)
    assert compiled(feeds, fetches) is None
