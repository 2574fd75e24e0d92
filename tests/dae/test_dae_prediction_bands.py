"""Predictions carry the standard errors of the fit."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.dae import Model, Trajectory, fit

RNG = np.random.default_rng(0)
T = np.linspace(0.0, 4.0, 21)


@pytest.fixture(scope="module")
def decay():
    """x' = −k x of two subjects, k by its logarithm and of each, the scale s shared."""
    model = Model(states="x", parameters=("k", "s"), local="k", rates=lambda v: {"x": -v.k * v.x},
                  observed={"light": lambda v: v.s * v.x}, bounds={"k": (1e-3, 1e3), "s": (0.0, None)})
    data = [Trajectory(T, {"light": 2.0 * np.exp(-k * T) + 0.02 * RNG.standard_normal(T.size)},
                       {"x": 1.0}, sigma=0.02, name=name) for name, k in (("a", 0.5), ("b", 0.9))]
    return fit(model, data, elements=10)


def test_bands_of_a_prediction_are_errors_times_sensitivities(decay):
    t = np.linspace(0.0, 6.0, 7)
    p = decay.parameters_of("b")
    found = decay.predict({"x": 3.0}, t=t, parameters=p, bands=True)
    x = 3.0 * np.exp(-p["k"] * t)
    J = np.stack([-t * x, 0.0 * t, -p["s"] * t * x, x], axis=1).reshape(-1, 2, 2)   # x; light in k, s
    own = [list(decay.parameters).index(name) for name in ("k[b]", "s")]
    C = decay.covariance()[np.ix_(own, own)]
    for name, slopes in zip(("x", "light"), J.transpose(1, 0, 2)):
        value, error = found.bands[name]
        np.testing.assert_array_equal(value, found[name])
        np.testing.assert_allclose(error, np.sqrt(np.einsum("nq,qr,nr->n", slopes, C, slopes)), rtol=1e-4,
                                   atol=1e-9)


def test_a_parameter_of_another_value_is_known_and_conditions_are_refused(decay):
    found = decay.simulate({"x": 1.0}, t=T, parameters={"k": 0.7}, bands=True)
    assert not found.bands["x"].error.any() and found.bands["light"].error.all()
    with pytest.raises(ValueError, match="times of events move"):
        decay.simulate({"x": 1.0}, t=T, parameters={"k": 0.7}, bands=True, until=lambda v: v.x - 0.5)


def test_bands_with_laws_are_those_of_simulations_as_tensors_under_the_posterior():
    growth = Model(states="x", outputs="r", parameters="m", rates=lambda v: {"x": v.r - v.m * v.x ** 2},
                   bounds={"m": (0.0, 10.0)})
    data = [Trajectory(T, {"x": x0 / (x0 + (1 - x0) * np.exp(-T)) + 0.01 * RNG.standard_normal(T.size)},
                       {"x": x0}, sigma=0.01) for x0 in (0.05, 0.4, 1.5)]
    found = fit(growth, data, pcl.MLP((1, 3, 1)), elements=10)
    prediction = found.predict({"x": 0.1}, t=T[::5], tolerance=1e-6, bands=True)

    def simulated(blocks):
        return found.traced({"x": 0.1}, t=T[::5], parameters={"m": tf.reshape(blocks["m"], [])},
                            weights={"r": blocks["law of r"]}, names="x")["x"]
    value, error = prediction.bands["x"]
    expected = found.posterior().band(simulated, level=0.9, check=0)
    half = 0.5 * (expected.upper - expected.lower) / 1.6448536269514722
    np.testing.assert_allclose(error[1:], half[1:], rtol=1e-3)
    np.testing.assert_allclose(value, expected.value, rtol=1e-5)
