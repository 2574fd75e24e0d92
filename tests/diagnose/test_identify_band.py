"""The band of a law is that of free values with the same residuals, where these determine it."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl import diagnose

NODES = np.linspace(-1, 1, 25)
SEEN = np.exp(-((NODES - np.linspace(-0.2, 0.2, 4)[:, None]) / 0.2) ** 2) / 5    # (4, 25), means


def matrix(wander):
    """Rows of 4 means with noise 1e-3, a random walk of the law, and its level: all linear in the law."""
    walk = np.diff(np.eye(NODES.size), axis=0) / (wander * np.sqrt(NODES[1] - NODES[0]))
    return np.concatenate([SEEN / 1e-3, walk, 2.0 * np.eye(NODES.size)[:1]])


def band_of_free_values(wander):
    """√diag (AᵀA)⁻¹, by hand."""
    A = matrix(wander)
    return np.sqrt(np.diag(np.linalg.inv(A.T @ A)))


@pytest.mark.parametrize("widths, activation, wander, seed", [
    ([1, 8, 8, 1], "tanh", 0.3, 1), ([1, 12, 12, 1], "sigmoid", 1.0, 2),
    ([1, 20, 20, 1], "tanh", 0.1, 3)])
def test_band_of_a_network_is_the_band_of_free_values(widths, activation, wander, seed):
    """Weights four times those of `init`, as large as training makes them; a level in other units."""
    net, A = pcl.MLP(widths, activation=activation), tf.constant(matrix(wander))

    def law(theta):
        return net(theta["k"], NODES[:, None])[:, 0] + 1e5 * theta["level"]

    blocks = {"k": 4.0 * net.init(seed), "level": 1e-6}
    problem = pcl.Problem.from_residuals(lambda theta: tf.linalg.matvec(A, law(theta)), blocks)
    found = diagnose.identifiability(problem, problem.theta0, lambda theta, _: law(theta), NODES,
                                     sigma=1.0)
    np.testing.assert_allclose(found.deviation, band_of_free_values(wander), rtol=0.03)


def test_band_of_a_loss_keeps_what_is_above_rounding():
    """The same law as a loss without residuals: eigenvalues 1e-13 of the largest carry data too."""
    A = matrix(0.3) @ np.diag(np.geomspace(1.0, 1e-4, NODES.size))
    problem = pcl.Problem(
        lambda theta: tf.reduce_sum(tf.square(tf.linalg.matvec(tf.constant(A), theta["y"]))),
        {"y": np.zeros(NODES.size)})
    found = diagnose.identifiability(problem, problem.theta0, lambda theta, _: theta["y"], NODES,
                                     sigma=1.0)
    expected = np.sqrt(np.diag(np.linalg.inv(A.T @ A)))
    np.testing.assert_allclose(found.deviation, expected, rtol=0.02)


def test_noise_beside_a_prior_counts_the_numbers_the_data_determine():
    """σ² (m − directions) = ℓ at the σ found, the fixed point of MacKay's equation 2.25."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    problem = pcl.Problem.from_residuals(
        lambda theta: tf.linalg.matvec(tf.constant(X), theta["c"]) - y, {"c": np.zeros(3)})
    found = diagnose.identifiability(problem, np.zeros(3), (np.zeros(3), np.eye(3)), np.arange(3.0),
                                     prior=0.3)
    assert 0.5 < found.directions < 2.9
    assert found.sigma ** 2 * (20 - found.directions) == pytest.approx(y @ y, rel=1e-8)
