"""A discrepancy of the model, against the normal density of its covariance."""
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import pcl
from pcl.uncertainty import noise

X = np.linspace(0.0, 1.0, 12)
SIGMA = np.linspace(0.05, 0.1, 12)


def covariance(length, deviation, sigma):
    s = 5 ** 0.5 * np.abs(X[:, None] - X) / length
    return deviation ** 2 * ((1 + s + s ** 2 / 3) * np.exp(-s) + 1e-8 * np.eye(12)) + np.diag(
        np.broadcast_to(sigma, 12) ** 2)


def line(t):
    return t["x"][0] + t["x"][1] * X


def measured():
    """A line with a bow the model does not know."""
    return 1.0 + 2.0 * X + 0.4 * np.sin(5.0 * X) + 0.05 * np.random.default_rng(1).normal(size=12)


def test_known_it_is_a_covariance_of_the_readings():
    y, model = measured(), noise.Discrepancy(noise.Gaussian(SIGMA), X, 0.3, 0.4)
    problem = pcl.Problem.from_data(line, y, model, {"x": np.array([1.0, 1.0])})
    K = covariance(0.3, 0.4, SIGMA)
    expected = stats.multivariate_normal(1.0 + X, K).logpdf(y)
    assert problem.has_residuals and problem.log_density(problem.theta0) == pytest.approx(expected)
    found = pcl.minimize(problem, "levenberg-marquardt", progress=False).posterior()
    A = np.stack([np.ones(12), X], axis=1)
    np.testing.assert_allclose(found.covariance(), np.linalg.inv(A.T @ np.linalg.solve(K, A)), rtol=1e-8)
    plain = pcl.Problem.from_data(line, y, noise.Gaussian(SIGMA), {"x": np.ones(2)}).posterior(np.ones(2))
    assert (found.standard_errors()["x"] > 3 * plain.standard_errors()["x"]).all()


def test_unknown_sizes_are_blocks_with_exact_derivatives():
    model = noise.Discrepancy(noise.Gaussian(start=0.08), X, start=(0.25, 0.3))
    problem = pcl.Problem.from_data(line, measured(), model, {"x": np.array([1.0, 1.0])})
    expected = stats.multivariate_normal(1.0 + X, covariance(0.25, 0.3, 0.08)).logpdf(measured())
    assert list(problem.slices) == ["x", "ln sigma", "ln length", "ln deviation"]
    assert problem.log_density(problem.theta0) == pytest.approx(expected, rel=1e-10)
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


def test_the_discrepancy_is_estimated_beside():
    model = noise.Discrepancy(noise.Gaussian(0.05), X, 0.3, 0.4)
    mean, deviation = model.estimate(1.0 + 2.0 * X, measured(), {})
    of_delta, K = covariance(0.3, 0.4, 0.0), covariance(0.3, 0.4, 0.05)
    np.testing.assert_allclose(mean, of_delta @ np.linalg.solve(K, measured() - 1.0 - 2.0 * X), rtol=1e-8)
    rest = of_delta - of_delta @ np.linalg.solve(K, of_delta)
    np.testing.assert_allclose(deviation, np.sqrt(np.diag(rest)), rtol=1e-6)
    assert (np.abs(mean - 0.4 * np.sin(5.0 * X)) < 4 * deviation).all()


def test_draws_have_the_covariance():
    model = noise.Discrepancy(noise.Gaussian(), X)
    unknown = {"ln sigma": np.log(0.1), "ln length": np.log(0.3), "ln deviation": np.log(0.4)}
    rng = np.random.default_rng(0)
    drawn = np.array([model.draw(np.zeros(12), rng, unknown) for _ in range(8000)])
    np.testing.assert_allclose(np.cov(drawn.T), covariance(0.3, 0.4, 0.1), atol=0.012)


@pytest.mark.parametrize("make, error, said", [
    (lambda: noise.Discrepancy(noise.Poisson(), X), TypeError, "noise is a Poisson; expected Gaussian"),
    (lambda: noise.Discrepancy(noise.Gaussian(covariance=np.eye(12)), X), TypeError, "with a covariance"),
    (lambda: noise.Discrepancy(noise.Gaussian(1.0), X, length=0.0), ValueError, "length has 1 of 1"),
    (lambda: noise.Discrepancy(noise.Gaussian(1.0), X, np.ones(12)), ValueError,
     r"length has shape \(12,\)"),
    (lambda: noise.Discrepancy(noise.Gaussian(1.0), X[:3]).check("observed", X), ValueError,
     "points has 3 rows; expected 12")])
def test_bad_input_is_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_the_covariance_at_a_tensor_length_is_that_at_a_number():
    model = noise.Discrepancy(noise.Gaussian(1.0), X)
    np.testing.assert_allclose(model.kernel(tf.constant(0.3, tf.float64), tf.exp), model.kernel(0.3))
