"""The speed of shear waves over the depth from three receivers."""

import numpy as np

from examples import wave_speed


def test_traces_in_uniform_ground_are_those_of_d_alembert():
    """u(z, t) = ∫ p dt up to t − z/c, over ρ c: ground as fast as the rock returns nothing."""
    soil = wave_speed.Soil(20, 0.004)
    t = np.linspace(0.0, 0.5, 5001)
    p = wave_speed.pulse(t).numpy()
    impulse = np.append(0.0, np.cumsum((p[1:] + p[:-1]) / 2.0) * t[1])
    c = wave_speed.ROCK
    scale = wave_speed.PRESSURE / (wave_speed.DENSITY * c)
    exact = [scale * np.interp(wave_speed.READ_AT - z / c, t, impulse) for z in wave_speed.RECEIVERS]
    found = soil.traces(np.full(len(soil.points), c)).numpy()
    np.testing.assert_allclose(found, exact, atol=0.05 * np.abs(exact).max())


def test_soft_layer_is_found_at_its_depth(tmp_path):
    """With long steps, 5 ms: their error stands for another 10 m/s."""
    outcome = wave_speed.main(n=10, step=0.005, maxiter=6)
    error, above = np.abs(outcome["speed"] - outcome["truth"]), outcome["z"] < 30.0
    assert np.all(error[above] < 2.5 * outcome["deviation"][above] + 10.0)
    assert abs(outcome["z"][np.argmin(outcome["speed"])] - 17.7) < 1.5
    assert outcome["misfit"] < 1000.0
    assert wave_speed.plot(outcome, tmp_path).stat().st_size > 20_000
