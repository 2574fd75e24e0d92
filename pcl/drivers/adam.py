"""Adam from Keras, on one float64 variable."""

import numpy as np

from pcl.drivers.run import Stop
from pcl.drivers.scipy_minimize import kept_scale
from pcl.status import Status

_SMALLEST_RATE = 1e-12      # relative to the learning rate asked for


def drive(run, method, options):
    """θ ← θ − rate · m̂ / (sqrt(v̂) + epsilon), Kingma and Ba 2015, with keras.optimizers.Adam.

    A failed trial is taken back and the rate halved; each success doubles it again, up to
    `learning_rate`. The gradient is handed over divided by a power of two near |g(x0)|, so that
    epsilon does not depend on the unit of the loss. Momenta and rate are float64.
    """
    keras = _keras_on_tensorflow()
    import tensorflow as tf

    full = options["learning_rate"]
    theta, rate = (keras.Variable(value, dtype="float64") for value in (run.current.theta, full))
    # Keras rounds plain numbers to float32: hence a function, and NumPy's float64.
    optimizer = keras.optimizers.Adam(
        learning_rate=lambda: rate.value, epsilon=options["epsilon"],
        beta_1=np.float64(options["beta_1"]), beta_2=np.float64(options["beta_2"]))
    optimizer.build([theta])
    step = tf.function(lambda gradient: optimizer.apply([gradient], [theta]))
    scale, current = kept_scale(run, options), float(run.restored.get("rate", full))
    rate.assign(current)
    _restore(optimizer, run.restored)
    while True:
        if run.offers:
            run.offer(scale=float(scale), rate=current, **_variables(optimizer))
        step(tf.constant(run.current.gradient / scale))
        point = run.trial(theta.numpy(), gradient=True)
        if point.failed:
            theta.assign(run.current.theta)
            current *= 0.5
            if current < _SMALLEST_RATE * full:
                raise Stop(Status.RADIUS_COLLAPSED)
            run.reject()
        else:
            current = min(2.0 * current, full)
            run.accept(point)
        rate.assign(current)


def _variables(optimizer):
    return {f"adam_{i}": value.numpy() for i, value in enumerate(optimizer.variables)}


def _restore(optimizer, kept):
    if kept:
        for i, variable in enumerate(optimizer.variables):
            variable.assign(kept[f"adam_{i}"])


def _keras_on_tensorflow():
    remedy = ("method adam needs Keras on TensorFlow. Set the environment variable "
              "KERAS_BACKEND=tensorflow before Python starts, or use L-BFGS-B.")
    try:
        import keras
    except ImportError as error:
        raise ImportError(f"Keras cannot be imported ({error}): {remedy}") from error
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(f"Keras runs on {backend}: {remedy}")
    return keras
