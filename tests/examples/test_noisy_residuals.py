"""A coefficient of a third derivative from a noisy state: as a regression, and with the state unknown."""

import numpy as np
import pytest

from examples import noisy_residuals


@pytest.fixture(scope="module")
def outcome():
    return noisy_residuals.main(draws=2)


def test_regression_on_noisy_third_derivatives_loses_the_coefficient_with_a_tight_interval(outcome):
    for fit in outcome["regressions"]:
        assert abs(fit.theta["b"]) < 0.05 * 0.01
        assert fit.errors["b"] < 0.03 * 0.01


def test_the_state_as_unknown_recovers_both_coefficients_within_their_errors(outcome):
    for fit in outcome["joints"]:
        for name, true in (("b", 0.01), ("T", 1.0)):
            assert abs(fit.theta[name] - true) < 2.5 * fit.errors[name]
        assert fit.errors["b"] < 0.01 * 0.01
        assert abs(fit.fun - 78) < 3 * np.sqrt(2 * 78)


def test_differences_have_their_order():
    """Of sin 3x, third derivative −27 cos 3x: six nodes err by h⁴ inside, by h³ at the ends."""
    errors = []
    for n in (40, 80):
        x, middles = np.linspace(0, 1, n + 1), (np.arange(n) + 0.5) / n
        error = noisy_residuals.differences(n, 3, 6) @ np.sin(3 * x) + 27 * np.cos(3 * middles)
        errors.append([np.abs(error[2:-2]).max(), np.abs(error).max()])
    ratio = np.divide(*errors)
    assert ratio[0] == pytest.approx(16, rel=0.1) and ratio[1] > 6.5
