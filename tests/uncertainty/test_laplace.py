"""Laplace's approximation: exact for linear models, honest for all others."""
import pickle

import numpy as np
import pytest
import tensorflow as tf
from linear_model import LinearModel

import pcl
from pcl.uncertainty import Indefinite, noise, prior

LINEAR = LinearModel()


@pytest.fixture(scope="module")
def posterior():
    return pcl.minimize(LINEAR.problem(), "levenberg-marquardt", progress=False).posterior()


def test_of_a_linear_model_it_is_the_closed_form(posterior):
    np.testing.assert_allclose(posterior.theta, LINEAR.mean, rtol=1e-12)
    np.testing.assert_allclose(posterior.covariance(), LINEAR.covariance, rtol=1e-10)
    np.testing.assert_allclose(posterior.standard_errors()["x"], np.sqrt(np.diag(LINEAR.covariance)))
    assert posterior.log_evidence == pytest.approx(LINEAR.log_evidence, abs=1e-10)
    assert posterior.left_out == 0 and not posterior.verdict


def test_the_exact_hessian_gives_the_same(posterior):
    plain = LINEAR.problem()
    scalar = pcl.Problem(lambda theta: tf.reduce_sum(plain.statement.residuals(theta) ** 2),
                         {"x": np.zeros(3)})
    found = scalar.posterior(LINEAR.mean, sigma=1.0)
    np.testing.assert_allclose(found.covariance(), LINEAR.covariance, rtol=1e-8)
    with pytest.raises(ValueError, match="sigma=1.0 if the loss is"):
        scalar.posterior(LINEAR.mean)


def test_draws_have_its_covariance(posterior):
    draws = posterior.draws(200_000, seed=1)
    np.testing.assert_allclose(np.cov(draws.T), LINEAR.covariance, atol=0.02 * LINEAR.covariance.max())
    np.testing.assert_allclose(draws.mean(axis=0), LINEAR.mean, atol=1e-3)


def test_rows_are_known_as_data_or_prior(posterior):
    assert posterior.problem.statement.rows == {"data": {"": slice(0, 8)}, "prior": {"x": slice(8, 11)}}
    information = LINEAR.covariance @ (LINEAR.A.T @ LINEAR.A) / LINEAR.sigma ** 2
    assert posterior.directions.shares.sum() == pytest.approx(np.trace(information))


def test_a_covariance_of_the_noise_counts():
    K = 0.01 * (np.eye(8) + 0.9 * np.ones((8, 8)))
    found = LINEAR.problem(noise.Gaussian(covariance=K)).posterior(LINEAR.mean)
    P = LINEAR.A.T @ np.linalg.solve(K, LINEAR.A) + np.diag(LINEAR.tau ** -2)
    np.testing.assert_allclose(found.covariance(), np.linalg.inv(P), rtol=1e-10)
    other = LINEAR.problem(noise.Gaussian(factor=np.linalg.cholesky(K)))
    assert other.log_density(LINEAR.mean) == pytest.approx(found.problem.log_density(LINEAR.mean))


def test_an_unknown_sigma_is_estimated_with_the_rest():
    A, y = LINEAR.A, LINEAR.y
    problem = pcl.Problem.from_data(LINEAR.predict, y, noise.Gaussian(), {"x": np.zeros(3)})
    result = pcl.minimize(problem, progress=False)
    x, squares, *_ = np.linalg.lstsq(A, y)
    np.testing.assert_allclose(result.theta["x"], x, rtol=1e-6)
    assert np.exp(result.theta["ln sigma"]) == pytest.approx(np.sqrt(squares[0] / 8), rel=1e-6)
    assert result.posterior().standard_errors()["ln sigma"] == pytest.approx(1 / np.sqrt(16), rel=1e-5)


def test_what_nothing_determines_is_left_out_and_said():
    problem = pcl.Problem.from_data(lambda t: tf.stack([t["x"][0] + t["x"][1]] * 3), np.ones(3),
                                    noise.Gaussian(0.5), {"x": np.ones(2) / 2})
    found = problem.posterior(problem.theta0)
    assert found.left_out == 1 and "1 of 2 directions" in found.verdict
    band = found.band(lambda t: tf.stack([t["x"][0] + t["x"][1], t["x"][0]]))
    np.testing.assert_array_equal(band.bound, [False, True])
    assert band.deviation[0] == pytest.approx(0.5 / np.sqrt(3)) and "lower bound" in str(band)
    with pytest.raises(ValueError, match="proper prior of every block; without one are x"):
        found.log_evidence


def test_an_indefinite_hessian_is_no_posterior():
    problem = pcl.Problem(lambda t: t["x"][0] ** 2 - t["x"][1] ** 2, {"x": np.zeros(2)})
    found = problem.posterior(np.zeros(2), sigma=1.0)
    along = found.directions.negative[:, 0]
    np.testing.assert_allclose(np.abs(along / np.linalg.norm(along)), [0.0, 1.0], atol=1e-12)
    assert "no minimum" in found.verdict
    with pytest.raises(Indefinite, match="1 of 2 directions are negative"):
        found.standard_errors()


def test_a_point_away_from_the_peak_is_said(posterior):
    away = posterior.problem.posterior(LINEAR.mean + 3 * np.sqrt(np.diag(LINEAR.covariance)))
    assert "standard deviations from the peak" in away.verdict


def test_bands_are_linear_sampled_and_simultaneous(posterior):
    a = np.array([[1.0, 0.0, 0.0], [0.3, -0.2, 1.0]])

    def law(theta):
        return tf.linalg.matvec(tf.constant(a), theta["x"])
    sd = np.sqrt(np.einsum("qp,pr,qr->q", a, LINEAR.covariance, a))
    linear = posterior.band(law)
    np.testing.assert_allclose(linear.upper - linear.value, 1.6448536 * sd, rtol=1e-6)
    assert linear.linear and linear.nonlinearity < 1e-10
    sampled = posterior.band(law, draws=4000)
    np.testing.assert_allclose(sampled.upper - sampled.lower, 2 * 1.645 * sd, rtol=0.08)
    together = posterior.band(law, simultaneous=True)
    few = posterior.band(law, draws=4000, simultaneous=True)
    assert (together.upper > linear.upper).all()
    np.testing.assert_allclose(few.upper - few.lower, together.upper - together.lower, rtol=0.12)
    data = 1.0 - sd ** 2 / (a ** 2 @ LINEAR.tau ** 2)
    np.testing.assert_allclose(linear.determined, data, rtol=1e-9)


def test_a_law_that_bends_is_said(posterior):
    band = posterior.band(lambda t: tf.exp(60.0 * t["x"]))
    assert not band.linear and "the linearisation fails" in str(band)


def test_a_result_is_pickled_without_its_problem():
    result = pcl.minimize(LINEAR.problem(), "levenberg-marquardt", progress=False)
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.x, result.x)
    with pytest.raises(ValueError, match="problem.posterior"):
        again.posterior()


@pytest.mark.parametrize("make, said", [
    (lambda: noise.Gaussian(0.0), "sigma has 1 of 1 entries ≤ 0"),
    (lambda: noise.Gaussian(covariance=[[1.0, 2.0], [2.0, 1.0]]), "not positive definite: .* -1"),
    (lambda: noise.Gaussian(0.1, covariance=np.eye(2)), "sigma and covariance are given"),
    (lambda: LINEAR.problem(noise.Gaussian(np.ones(7))), r"sigma has shape \(7,\); expected a number or"),
    (lambda: prior.Normal(0.0, -1.0), "deviation has 1 of 1 entries ≤ 0"),
    (lambda: pcl.Problem.from_data(LINEAR.predict, np.ones(7), noise.Gaussian(1.0), {"x": np.ones(3)}),
     r"the prediction has shape \(8,\); expected \(7,\)"),
    (lambda: pcl.Problem.from_data(LINEAR.predict, LINEAR.y, noise.Gaussian(1.0), {"x": np.ones(3)},
                                   {"z": prior.Normal()}), "prior names 'z'; the blocks are x"),
    (lambda: pcl.Problem.from_data(LINEAR.predict, {"a": LINEAR.y}, noise.Gaussian(1.0),
                                   {"x": np.ones(3)}), "predict gives one array without a name")])
def test_bad_input_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
