"""A fitted law has the band of free values with the same rows, in whatever form it is written."""
import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl
from pcl import diagnose
from pcl.uncertainty import noise, posterior, prior
from pcl.uncertainty.covariance import cut_of

NODES, SIGMA = np.linspace(0.0, 1.0, 25), 2e-3
NET = pcl.MLP([1, 8, 8, 1])


class Reaction:
    """−u'' + 4 e^{y(x)} u = 4, u = 0 at the ends, read at six places on the left; y is a random walk."""

    def __init__(self):
        self.V = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 49)), "P1")
        x = self.V.quadrature_points[:, 0]
        self.W = tf.constant(np.maximum(0.0, 1.0 - np.abs(x[:, None] - NODES) / NODES[1]))
        self.observe = self.V.observe(np.linspace(0.15, 0.5, 6)[:, None])
        true = tf.constant(0.5 * np.cos(4.0 * NODES))
        self.data = self.read(true).numpy() + SIGMA * np.random.default_rng(3).normal(size=6)

    def read(self, y):
        reaction = 4.0 * tf.exp(tf.linalg.matvec(self.W, y))
        return self.observe @ fem.solve(self.V.laplace(1.0) + self.V.mass(reaction), self.V.load(4.0),
                                        dirichlet=0.0)

    def rows(self, y):
        walk = (y[1:] - y[:-1]) / (0.4 * np.sqrt(NODES[1]))
        return tf.concat([(self.read(y) - self.data) / SIGMA, walk, y[:1]], 0)


def free(theta):
    return theta["y"]


def law(theta):
    return NET(theta["k"], 2.0 * NODES[:, None] - 1.0)[:, 0]


@pytest.fixture(scope="module")
def reaction():
    return Reaction()


@pytest.fixture(scope="module")
def band_of_free_values(reaction):
    """√diag (JᵀJ)⁻¹ at their peak, by hand."""
    problem = pcl.Problem.from_residuals(lambda theta: reaction.rows(free(theta)), {"y": np.zeros(25)})
    J = problem.jacobian(pcl.minimize(problem, "levenberg-marquardt", progress=False).x)
    return np.sqrt(np.diag(np.linalg.inv(J.T @ J)))


def test_a_fitted_network_has_the_band_of_free_values(reaction, band_of_free_values):
    problem = pcl.Problem.from_residuals(lambda theta: reaction.rows(law(theta)), {"k": NET.init(0)})
    for seed in (1, 2):
        found = pcl.minimize(problem, "levenberg-marquardt", x0=NET.init(seed), progress=False)
        known = diagnose.identifiability(problem, found.x, lambda theta, _: law(theta), NODES, sigma=1.0)
        np.testing.assert_allclose(known.deviation, band_of_free_values, rtol=0.05)
        band = posterior(problem, found.x, sigma=1.0).band(law, NODES, check=0)
        np.testing.assert_allclose(known.deviation, band.deviation, rtol=1e-10)


def test_a_prior_beside_the_loss_is_one_inside_it():
    rng = np.random.default_rng(0)
    A, y = tf.constant(rng.normal(size=(4, 6))), rng.normal(size=4)

    def predict(theta):
        return tf.linalg.matvec(A, theta["x"])
    inside = pcl.Problem.from_data(predict, y, noise.Gaussian(0.1), {"x": np.zeros(6)},
                                   {"x": prior.Normal(0.0, 0.3)})
    beside = pcl.Problem.from_data(predict, y, noise.Gaussian(0.1), {"x": np.zeros(6)})
    known = diagnose.identifiability(beside, np.zeros(6), (np.zeros(6), np.eye(6)), np.arange(6.0),
                                     sigma=1.0, prior=0.3)
    np.testing.assert_allclose(known.deviation, inside.posterior(np.zeros(6)).standard_errors()["x"],
                               rtol=1e-10)


@pytest.mark.parametrize("values, kept", [
    ([1.0, 1e-5, 2e-12, 1e-16, 5e-17], 3),              # a gap before rounding
    ([1.0, 1e-5, 1e-9, 1e-10, 3e-11, 1e-11, 2e-12], 3),    # none: what solves leave of rounding
    ([1.0, 1e-3, 4e-13, 3e-13, 1e-13], 2)])
def test_singular_values_are_cut_in_their_gap(values, kept):
    values = np.array(values)
    assert np.count_nonzero(values > cut_of(values)) == kept
