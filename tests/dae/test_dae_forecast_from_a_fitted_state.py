"""A forecast from a fitted state says that it takes it as known; the fit itself carries its errors."""

import numpy as np

from pcl import dae

RATE, SIGMA = 0.4, 0.02
T = np.linspace(0.0, 2.0, 9)
MODEL = dae.Model(states=["x"], rates=lambda v: {"x": -RATE * v.x})


def test_bands_say_that_the_start_counts_as_known_and_where_its_errors_are():
    y = 2.0 * np.exp(-RATE * T) + SIGMA * np.random.default_rng(0).standard_normal(T.size)
    found = dae.fit(MODEL, dae.Trajectory(T, {"x": y}, sigma=SIGMA, span=(0.0, 5.0), name="run"),
                    elements=6)
    start = {"x": found.curve("run")([2.0], "x")[0]}
    ahead = found.predict(start, t=np.array([2.0, 3.0, 5.0]), bands=True)
    assert "take the start as known" in ahead.message and "span=(t0, t1)" in ahead.message
    assert (ahead.bands["x"].error == 0.0).all()                # nothing else was unknown
    decay = np.exp(-RATE * np.array([2.0, 3.0, 5.0]))
    error = found.band("x", [2.0, 3.0, 5.0], trajectory="run").error
    exact = SIGMA / np.sqrt((np.exp(-RATE * T) ** 2).sum()) * decay         # of x₀ by least squares
    np.testing.assert_allclose(error, exact, rtol=1e-4)
