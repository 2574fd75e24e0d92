"""Powers whose derivatives of any order exist at zero."""

import contextlib

import tensorflow as tf

_NAME = "PclPower"


@contextlib.contextmanager
def whole_powers():
    """x ** n of the graph being built has the derivatives n x ** (n − 1), …, n!, 0 for n = 0, 1, 2, …

    TensorFlow's is n x ** (n − 1) for any n: that of x ** 0 is 0 · x⁻¹, NaN at x = 0, and densities such
    as x ** 2 are asked for their third.
    """
    with tf.compat.v1.get_default_graph().gradient_override_map({"Pow": _NAME}):
        yield


@tf.RegisterGradient(_NAME)
def _gradient(op, bar):
    x, exponent = op.inputs
    n = tf.get_static_value(exponent)
    if n is not None and n.ndim == 0:
        return bar * _derivative(x, float(n)), None
    with tf.compat.v1.get_default_graph().gradient_override_map({"Pow": "Pow"}):
        return tf.gradients(tf.pow(x, exponent), [x, exponent], grad_ys=bar)


def _derivative(x, n):
    """n x ** (n − 1)."""
    if n in (0.0, 1.0):
        return tf.ones_like(x) if n else tf.zeros_like(x)
    if n == 2.0:
        return 2.0 * x
    with whole_powers():
        return n * tf.pow(x, n - 1.0)
