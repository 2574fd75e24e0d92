"""Which method is taken where none is named, and SciPy's words for the rest."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.training.automatic import LARGE


def rosenbrock(theta):
    x = theta["x"]
    return tf.stack([10.0 * (x[1] - tf.square(x[0])), 1.0 - x[0]])


def by_residuals():
    return pcl.Problem.from_residuals(rosenbrock, {"x": [-1.2, 1.0]})


def by_loss(size=2):
    return pcl.Problem(lambda theta: tf.reduce_sum(tf.square(theta["x"] - 1.0)
                                                   + tf.square(tf.square(theta["x"]) - 1.0)),
                       {"x": np.full(size, 2.0)})


@pytest.mark.parametrize("make, bounds, method", [
    (by_residuals, None, "levenberg-marquardt"),
    (by_residuals, {"x": (0.0, 2.0)}, "levenberg-marquardt"),
    (by_loss, None, "newton-trust-region"),
    (by_loss, {"x": (0.0, 2.0)}, "L-BFGS-B"),
    (lambda: by_loss(LARGE + 1), None, "newton-cg"),
    (lambda: by_loss(LARGE + 1), {"x": (0.0, 2.0)}, "L-BFGS-B")])
def test_the_method_follows_from_the_statement_its_size_and_bounds(make, bounds, method):
    result = pcl.minimize(make(), bounds=bounds, progress=False)
    assert result.method == method and result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-6)


def test_an_object_without_second_derivatives_gets_a_quasi_newton_method():
    class Arrays:
        theta0, size = np.array([3.0, -2.0]), 2

        def value(self, theta):
            return float(theta @ theta + 1.0)

        def gradient(self, theta):
            return 2.0 * theta

        def value_and_gradient(self, theta):
            return self.value(theta), self.gradient(theta)

    assert pcl.minimize(Arrays(), progress=False).method == "L-BFGS-B"


def test_maxiter_tol_and_disp_may_be_given_as_to_scipy():
    result = pcl.minimize(by_residuals(), "BFGS", tol=1e-3, options={"maxiter": 3, "disp": False})
    assert result.nit == 3 and result.status is pcl.Status.ITERATION_LIMIT
    rough, fine = (pcl.minimize(by_residuals(), "BFGS", tol=tol, progress=False) for tol in (1e-2, 1e-9))
    assert rough.nit < fine.nit
    with pytest.raises(ValueError, match="maxiter is 3 and options\\['maxiter'\\] is 4"):
        pcl.minimize(by_residuals(), maxiter=3, options={"maxiter": 4})


def test_a_callback_of_scipy_sees_x_and_fun_by_name_and_may_stop():
    seen = []

    def callback(intermediate_result):
        seen.append((intermediate_result.x, intermediate_result.fun))
        if len(seen) == 2:
            raise StopIteration

    problem = by_residuals()
    result = pcl.minimize(problem, "BFGS", callback=callback, progress=False)
    assert result.nit == 2 and result.status is pcl.Status.STOPPED_BY_CALLBACK
    assert seen[-1][1] == problem.value(seen[-1][0])
