"""Relative noise, a process prior, a check and a design through a solve with a network inside."""
import numpy as np
import pytest
import tensorflow as tf

import fem
import pcl
from pcl.uncertainty import design, noise, prior

V = fem.Space(fem.unit_square(5), "P1")
X = V.quadrature_points
LINE = np.linspace(0.0, 1.0, 6)
NET = pcl.MLP([1, 4, 1])
PLACES = np.array([[a, b] for a in (0.2, 0.4, 0.6, 0.8) for b in (0.25, 0.5, 0.75)])
SENSORS = V.observe(PLACES)


def kappa(t):
    return tf.exp(NET(t["net"], X[:, :1])[:, 0])


def predict(t):
    """u at the sensors, −∇·(κ(x₁) ∇u) = 1 with u = 0 on the boundary."""
    return SENSORS @ fem.solve(V.laplace(kappa(t)), V.load(1.0), dirichlet=0.0)


def log_kappa(t):
    return NET(t["net"], LINE[:, None])[:, 0]


BEFORE = {"net": prior.Normal(0.0, 10.0), "ln kappa": prior.Process(log_kappa, LINE, 0.5, 0.5)}
START = {"net": NET.init(seed=0)}


@pytest.fixture(scope="module")
def readings():
    exact = (SENSORS @ fem.solve(V.laplace(np.exp(0.6 * np.sin(3.0 * X[:, 0]))), V.load(1.0),
                                 dirichlet=0.0)).numpy()
    return exact * np.exp(0.05 * np.random.default_rng(1).normal(size=12))


@pytest.fixture(scope="module")
def fitted(readings):
    problem = pcl.Problem.from_data(predict, readings, noise.LogNormal(0.05), START, BEFORE)
    return problem, pcl.minimize(problem, "levenberg-marquardt", progress=False, maxiter=60)


def test_relative_noise_gives_a_law_within_its_band(fitted):
    _, result = fitted
    band = result.posterior().band(log_kappa, LINE)
    assert (np.abs(band.value - 0.6 * np.sin(3.0 * LINE)) < 3.0 * band.deviation).all()
    assert (band.deviation < 0.5).all()                 # narrower than before the data
    assert result.check_model().ok


def test_the_best_sensor_is_that_of_the_widest_prediction(fitted):
    problem, result = fitted
    posterior = result.posterior()
    found = design.choose(posterior, predict, 0.005, 2)
    R = posterior.covariance_form.root(posterior.sensitivity(predict))
    np.testing.assert_allclose(found.map, 0.5 * np.log1p(np.sum(R ** 2, axis=1) / 0.005 ** 2), rtol=1e-8)
