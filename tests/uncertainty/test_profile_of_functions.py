"""Profiles of functions of θ: exact for linear models, true intervals for others, held exactly."""
import numpy as np
import pytest
import tensorflow as tf
from linear_model import LinearModel
from scipy import optimize, stats

import pcl
from pcl.uncertainty import noise, prior, profile

LINEAR = LinearModel()
T = np.array([0.5, 1.0, 2.0, 3.0, 4.0])
READINGS = np.array([0.95, 0.55, 0.45, 0.12, 0.2])


def test_of_a_linear_function_it_is_laplaces_interval():
    row = np.array([1.0, -2.0, 0.5])
    found = profile(LINEAR.problem(), LINEAR.mean, {"sum": lambda t: tf.tensordot(t["x"], row, 1)})["sum"]
    half = stats.norm.ppf(0.975) * np.sqrt(row @ LINEAR.covariance @ row)
    np.testing.assert_allclose(found.interval, [row @ LINEAR.mean - half, row @ LINEAR.mean + half],
                               rtol=1e-6)
    np.testing.assert_allclose(found.theta @ row, found.points, atol=1e-8)         # held exactly
    line = LINEAR.mean + np.outer(found.points - row @ LINEAR.mean,
                                  LINEAR.covariance @ row / (row @ LINEAR.covariance @ row))
    np.testing.assert_allclose(found.theta, line, atol=1e-6)
    assert found.closed == (True, True) and not found.verdict


def decay(theta):
    return theta["a"] * tf.exp(-theta["k"] * tf.constant(T))


@pytest.mark.parametrize("stated", ["residuals", "density"])
def test_of_a_curved_function_it_is_the_interval_of_its_likelihood(stated):
    """c = a e^(−1.5 k) of a law that bends, against the least over k with a = c e^(1.5 k)."""
    start = {"a": 1.0, "k": 0.5}
    if stated == "residuals":
        problem = pcl.Problem.from_residuals(lambda t: decay(t) - READINGS, start)
    else:
        problem = pcl.Problem(lambda t: tf.reduce_sum((decay(t) - READINGS) ** 2), start)
    result = pcl.minimize(problem, progress=False)
    found = profile(problem, result, {"late": lambda t: t["a"] * tf.exp(-1.5 * t["k"])}, sigma=0.12)
    found = found["late"]

    def least(c):
        def at(k):
            return np.sum((c * np.exp(-k * (T - 1.5)) - READINGS) ** 2) / 0.12 ** 2
        return optimize.minimize_scalar(at, (0.2, 0.6), tol=1e-12).fun

    def excess(c):
        return least(c) - result.fun / 0.12 ** 2 - stats.chi2.ppf(0.95, 1)
    ends = optimize.brentq(excess, 0.05, found.value), optimize.brentq(excess, found.value, 1.5)
    np.testing.assert_allclose(found.interval, ends, rtol=1e-5)
    held = found.theta[:, 0] * np.exp(-1.5 * found.theta[:, 1])
    np.testing.assert_allclose(held, found.points, rtol=1e-7)


def test_a_function_that_is_a_number_has_the_profile_of_the_number():
    problem = pcl.Problem.from_residuals(lambda t: decay(t) - READINGS, {"a": 1.0, "k": 0.5})
    result = pcl.minimize(problem, progress=False)
    number = profile(problem, result, "k", sigma=0.12)["k"]
    function = profile(problem, result, {"1/k": lambda t: 1.0 / t["k"]}, sigma=0.12)["1/k"]
    np.testing.assert_allclose(np.sort(1.0 / np.array(number.interval)), function.interval, rtol=1e-6)


def test_bounds_of_theta_hold_along_it_and_an_open_side_is_said():
    """x ≤ 0.1 ends the walk of x₀ + x₁ at 0.2."""
    problem = pcl.Problem.from_data(lambda t: t["x"], np.zeros(2), noise.Gaussian(1.0),
                                    {"x": np.zeros(2)})
    found = profile(problem, np.zeros(2), {"sum": lambda t: tf.reduce_sum(t["x"])},
                    bounds={"x": (-5.0, 0.1)})["sum"]
    assert found.theta.max() <= 0.1 + 1e-6 and not found.closed[1] and found.closed[0]
    assert found.interval[0] == pytest.approx(-np.sqrt(2.0 * stats.chi2.ppf(0.95, 1)), rel=1e-5)
    assert "Not closed above" in found.verdict


def test_a_law_of_a_network_has_a_profile_where_its_weights_have_none():
    net = pcl.MLP((1, 4, 1))
    x = np.linspace(-1.0, 1.0, 9)[:, None]
    y = np.tanh(2.0 * x[:, 0]) + 0.1 * np.random.default_rng(0).standard_normal(9)
    problem = pcl.Problem.from_data(lambda t: net(t["w"], x)[:, 0], y, noise.Gaussian(0.1),
                                    {"w": net.init(0)}, {"w": prior.Normal(0.0, 2.0)})
    result = pcl.minimize(problem, progress=False)
    found = profile(problem, result, {"at 0": lambda t: net(t["w"], np.zeros((1, 1)))[0, 0]}, level=0.9)
    found = found["at 0"]
    value = [net(pcl_theta, np.zeros((1, 1)))[0, 0].numpy()
             for pcl_theta in (tf.constant(theta) for theta in found.theta)]
    np.testing.assert_allclose(value, found.points, atol=1e-7)
    half = found.linear_interval[1] - found.value
    assert all(found.closed) and np.ptp(found.interval) == pytest.approx(2.0 * half, rel=0.3)


@pytest.mark.parametrize("names, error, said", [
    ({"f": 3.0}, TypeError, "expected a function"), ({"f": lambda t: t["x"]}, ValueError, "shape"),
    ({"f": lambda t: 0.0 * tf.reduce_sum(t["x"])}, ValueError, "does not change with theta"),
    ({"f": lambda t: tf.sqrt(t["x"][0] - 100.0)}, Exception, "NaN|nan|finite")])
def test_bad_functions_are_refused(names, error, said):
    with pytest.raises(error, match=said):
        profile(LINEAR.problem(), LINEAR.mean, names)
