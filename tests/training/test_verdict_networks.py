"""Saturated networks and rounding in real problems: what the status says of them."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.training.run.status import Status

X = np.linspace(-1.0, 1.0, 30)[:, None]
Y = np.sin(3.0 * X[:, 0])


@pytest.mark.parametrize("method", ["levenberg-marquardt", "L-BFGS-B"])
def test_a_saturated_network_that_fits_steps_only_is_named(method):
    net = pcl.MLP([1, 10, 1])
    problem = pcl.Problem.from_residuals(lambda t: net(t["u"], X)[:, 0] - Y, {"u": 1e3 * net.init(0)})
    result = pcl.minimize(problem, method, progress=False)
    assert result.fun > 0.1 and not result.success      # awake weights fit to 1e-10
    assert result.status is Status.FLAT_TAIL and "% of the parameters" in result.message


@pytest.mark.parametrize("squares", [True, False])
def test_a_bounded_output_far_below_the_data_is_named(squares):
    net = pcl.MLP([1, 10, 1], output=pcl.bounded(-2.0, 2.0))

    def residuals(t):
        return net(t["u"], X)[:, 0] - 9.0
    blocks = {"u": net.init(0)}
    problem = pcl.Problem.from_residuals(residuals, blocks) if squares else pcl.Problem(
        lambda t: tf.reduce_sum(tf.square(residuals(t))), blocks)
    result = pcl.minimize(problem, "BFGS", progress=False)
    assert result.status is Status.FLAT_TAIL and not result.success


def test_a_start_in_saturation_says_what_share_is_blind():
    net = pcl.MLP([1, 10, 1], output=pcl.bounded(-2.0, 2.0))
    problem = pcl.Problem.from_residuals(lambda t: net(t["u"], X)[:, 0] - Y, {"u": 1e4 * net.init(0)})
    result = pcl.minimize(problem, "levenberg-marquardt", progress=False)
    assert result.status is Status.STATIONARY_START and not result.success
    assert "100% of the parameters do not change the loss" in result.message


def test_dead_units_beside_a_fit_are_a_success():
    net = pcl.MLP([1, 12, 1])
    start = net.init(0)
    start[12:18] = 60.0         # six units of twelve saturated by their biases
    problem = pcl.Problem.from_residuals(lambda t: net(t["u"], X)[:, 0] - Y, {"u": start})
    result = pcl.minimize(problem, "levenberg-marquardt", progress=False, maxiter=600)
    assert result.fun < 1e-8 and result.success, result.message
