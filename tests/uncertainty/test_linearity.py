"""Draws that are no draws of the posterior do not speak against a band; a law that bends does."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.uncertainty import noise, prior

NET = pcl.MLP([1, 6, 1])
X = np.linspace(-1.0, 1.0, 25)[:, None]
SIGMA = 0.02


def truth(x):
    return np.sin(2.0 * x)


@pytest.fixture(scope="module")
def network():
    """A curve by a network from 25 readings; its weights are known far less than its values."""
    y = truth(X[:, 0]) + SIGMA * np.random.default_rng(1).standard_normal(25)
    problem = pcl.Problem.from_data(lambda t: NET(t["w"], X)[:, 0], y, noise.Gaussian(SIGMA),
                                    {"w": NET.init(0)}, {"w": prior.Normal(0.0, 3.0)})
    return pcl.minimize(problem, "lm", progress=False).posterior()


def banana(bend):
    """y = a + bend·b² with b of a wide prior: draws of (a, b) leave the curved ridge of the posterior."""
    problem = pcl.Problem.from_data(lambda t: (t["a"] + bend * t["b"] ** 2) * tf.ones(4, tf.float64),
                                    np.zeros(4), noise.Gaussian(0.1), {"a": 0.0, "b": 0.0},
                                    {"a": prior.Normal(0.0, 5.0), "b": prior.Normal(0.0, 1.0)})
    return problem.posterior(pcl.minimize(problem, progress=False).x)


def test_weights_of_a_network_do_not_speak_against_its_band(network):
    x = np.linspace(-0.9, 0.9, 19)[:, None]
    band = network.band(lambda t: NET(t["w"], x)[:, 0], x, level=0.95)
    assert band.nonlinearity > 0.5 and band.linearity.astray
    assert band.linear and "do not tell whether the band holds" in band.verdict
    held = (band.lower < truth(x[:, 0])) & (truth(x[:, 0]) < band.upper)
    assert held.mean() > 0.8


def test_draws_off_a_curved_ridge_are_astray():
    assert not banana(0.0).band(lambda t: tf.exp(2.0 * t["b"])[None]).linearity.astray
    assert banana(2.0).band(lambda t: tf.exp(2.0 * t["b"])[None]).linearity.astray


def test_draws_of_the_posterior_speak_against_a_law_that_bends():
    band = banana(0.0).band(lambda t: tf.exp(2.0 * t["b"])[None])
    assert not band.linear and "the linearisation fails" in band.verdict


@pytest.mark.parametrize("seed", range(4))
def test_draws_of_a_normal_posterior_are_not_astray_in_many_dimensions(seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((80, 60))
    problem = pcl.Problem.from_data(lambda t: tf.linalg.matvec(tf.constant(A), t["x"]),
                                    rng.standard_normal(80), noise.Gaussian(1.0), {"x": np.zeros(60)})
    band = pcl.minimize(problem, "lm", progress=False).posterior().band(
        lambda t: tf.exp(9.0 * t["x"][:2]), seed=seed)
    assert not band.linearity.astray and not band.linear
