"""A band of a law tells where no data have tried the law."""

import warnings

import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Model, Trajectory, fit


@pytest.fixture(scope="module")
def found():
    """x' = r(x), r = −x, seen from x = 2 down to 0.27."""
    t = np.linspace(0.0, 2.0, 15)
    x = 2.0 * np.exp(-t) + 0.01 * np.random.default_rng(0).standard_normal(t.size)
    return fit(Model(states="x", outputs="r", rates=lambda v: {"x": v.r}),
               Trajectory(t, {"x": x}, {"x": 2.0}, sigma=0.01), MLP((1, 3, 1)), elements=8, smoother=None)


def test_a_band_beyond_what_was_seen_warns_with_both_ranges(found):
    with pytest.warns(UserWarning, match=r"law of r .* x from 1 to 4, and trained from 0\.\d+ to 1.9"):
        found.band("r", [1.0, 4.0])


def test_a_band_within_what_was_seen_is_silent(found):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, error = found.band("r", [0.4, 1.0, 1.9])
    assert (np.abs(value + [0.4, 1.0, 1.9]) < 4.0 * error).all()
