"""Adam: closed forms of its first steps, and Keras's optimizer as an oracle."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from small_problems import Scalar

from pcl.training.minimize import minimize


def iterates(problem, steps, **options):
    path = []
    minimize(problem, "adam", maxiter=steps, gtol=0.0, ftol=0.0, options={"loss_scale": 1.0, **options},
             callback=lambda snapshot: path.append(snapshot.theta))
    return np.array(path)


def test_the_first_step_is_the_rate_along_the_signs_of_the_gradient():
    # m = (1 − β₁) g, v = (1 − β₂) g²: both corrections cancel, and ε = 0⁺
    start = np.array([3.0, -2.0, 0.5])
    first = iterates(Scalar(start, lambda t: 0.5 * t @ t, lambda t: t, None), 1, learning_rate=0.1,
                     epsilon=1e-300)[0]
    np.testing.assert_allclose(first, start - 0.1 * np.sign(start), rtol=1e-15)


def test_iterates_are_those_of_keras():
    keras = pytest.importorskip("keras")
    start, rate = np.linspace(-1.2, 1.5, 6), 0.03
    ours = iterates(Scalar(start, rosen, rosen_der, None), 40, learning_rate=rate)
    theta = keras.Variable(start, dtype="float64")
    # a function and NumPy's float64: plain numbers are rounded to float32
    optimizer = keras.optimizers.Adam(learning_rate=lambda *_: np.float64(rate), beta_1=np.float64(0.9),
                                      beta_2=np.float64(0.999), epsilon=np.float64(1e-7))
    optimizer.build([theta])
    for expected in ours:
        optimizer.apply([keras.ops.convert_to_tensor(rosen_der(theta.numpy()))], [theta])
        np.testing.assert_allclose(theta.numpy(), expected, rtol=1e-6, atol=1e-6)
