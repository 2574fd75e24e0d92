"""Standard errors where variables are read with different errors."""

import numpy as np
import pytest

from pcl.dae import Model, Trajectory, fit

T = np.linspace(0.1, 3.0, 60)
MODEL = Model(states=("x", "y"), parameters=("k",),
              rates=lambda v: {"x": v.k + 0.0 * v.x, "y": 3.0 * v.k + 0.0 * v.y})


def lines(sigma_x, sigma_y, times=T):
    """x = k t and y = 3 k t, k = 2, with noise."""
    noise = np.random.default_rng(3).standard_normal((2, times.size))
    return {"x": 2.0 * times + sigma_x * noise[0], "y": 6.0 * times + sigma_y * noise[1]}


def error(seen, times=T, **options):
    found = fit(MODEL, Trajectory(times, seen, {"x": 0.0, "y": 0.0}, span=(0.0, 3.0)), elements=2)
    return found.parameters["k"], found.standard_errors(**options)["k"]


def pooled_and_own(seen, times=T):
    """k = Σ t (x + 3 y) / (10 Σ t²); errors with one variance, and with one a variable."""
    S, n = np.sum(times ** 2), times.size
    k = np.sum(times * (seen["x"] + 3.0 * seen["y"])) / (10.0 * S)
    left = [np.sum((seen["x"] - k * times) ** 2), np.sum((seen["y"] - 3.0 * k * times) ** 2)]
    s2 = np.array(left) / (n * (1.0 - 1.0 / (2 * n)))
    return k, np.sqrt(np.mean(s2) / (10.0 * S)), np.sqrt((s2[0] + 9.0 * s2[1]) / (100.0 * S))


@pytest.mark.parametrize("sigmas", [(0.01, 0.1), (0.1, 0.01), (0.05, 0.05)])
def test_errors_are_those_of_two_lines_with_variances_of_their_own(sigmas):
    seen = lines(*sigmas)
    k, _, own = pooled_and_own(seen)
    assert error(seen) == pytest.approx((k, own), rel=1e-5)


def test_one_variance_would_be_wrong_by_a_third():
    _, pooled, own = pooled_and_own(lines(0.01, 0.1))
    assert own > 1.3 * pooled


def test_few_readings_share_one_variance():
    times = T[::8]
    seen = lines(0.01, 0.1, times)
    k, pooled, _ = pooled_and_own(seen, times)
    assert error(seen, times) == pytest.approx((k, pooled), rel=1e-5)


def test_known_variances_are_kept():
    seen = lines(0.01, 0.1)
    exact = 1.0 / np.sqrt(10.0 * np.sum(T ** 2))
    assert error(seen, known_variance=True)[1] == pytest.approx(exact, rel=1e-5)
