"""A law that comes to the end of its output transform is told: its band there may be far too narrow."""

import warnings

import numpy as np
import pytest

import pcl
from pcl import dae
from pcl.dae.laws.output_range import slopes

RATE, HALF = 1.0, 0.2           # uptake S' = −S/(0.2 + S) from S = 1


def _data():
    """The uptake by its implicit solution S + K ln S = S₀ − V t, with the noise 0.02."""
    S = np.concatenate([np.linspace(1.0, 0.05, 24), 0.05 * np.exp(-np.linspace(0.3, 6.0, 16))])
    t = (1.0 - S - HALF * np.log(S)) / RATE
    noise = 0.02 * np.random.default_rng(0).standard_normal(S.size)
    return dae.Trajectory(t, {"S": S + noise}, sigma=0.02)


def _fit(output):
    model = dae.Model(states=["S"], outputs=["r"], rates=lambda v: {"S": -v.r})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = dae.fit(model, _data(), pcl.MLP([1, 5, 1], output=output), elements=30)
    return found, [str(w.message) for w in caught if "Errors of laws" in str(w.message)]


@pytest.fixture(scope="module")
def softplus():
    return _fit(pcl.softplus())


@pytest.fixture(scope="module")
def plain():
    return _fit(None)


def test_a_softplus_at_its_foot_is_told_by_fit_status_and_band(softplus):
    found, said = softplus
    assert len(said) == 1 and "the law of r is within" in said[0] and "(S from" in said[0]
    assert "Errors of laws may be far too small" in found.status and found.success
    with pytest.warns(UserWarning, match="1 of 2 errors may be far too small"):
        found.band("r", [0.004, 0.6])
    with pytest.warns(UserWarning, match="1 of 1 errors may be far too small"):
        found.posterior().band("r", [0.004])


def test_bands_above_the_foot_are_not_told_of(softplus):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, error = softplus[0].band("r", [0.4, 0.8])
    S = np.array([0.4, 0.8])
    np.testing.assert_array_less(np.abs(value - RATE * S / (HALF + S)), 4.0 * error)


def test_the_band_in_a_foot_is_far_narrower_than_readings_alone_make_it(softplus, plain):
    with pytest.warns(UserWarning, match="far too small"):
        narrow = softplus[0].band("r", [0.002]).error
    assert narrow < 0.5 * plain[0].band("r", [0.002]).error


def test_a_law_without_transform_has_no_foot(plain):
    found, said = plain
    assert not said and found.feet == {}


@pytest.mark.parametrize("output", [pcl.softplus(0.2), pcl.exponential(), pcl.bounded(-1.0, 2.0),
                                    pcl.MLP([1, 1]).output])
def test_slopes_are_those_of_the_transform(output):
    law = dae.Law(pcl.MLP([1, 1], output=output), ["a"], ["z"], output_scale=-3.0, output_shift=0.5)
    n, h = np.linspace(-4.0, 4.0, 9)[:, None], 1e-6
    weights = np.array([1.0, 0.0])
    z, up = law(weights, n), law(weights, n + h)
    slope = np.abs(up - law(weights, n - h)) / (2.0 * h * 3.0 * law.net.output.scale)
    np.testing.assert_allclose(slopes(law, z), slope, rtol=1e-6)
