"""Young's modulus along a bar from its natural frequencies."""

import numpy as np
import pytest

from examples import natural_frequencies


def test_frequencies_of_the_sound_bar_are_those_of_the_formula():
    """f = (2k − 1) c/4L clamped–free, k c/2L clamped–clamped, c = √(E₀/ρ)."""
    k, c = np.arange(1, 5), np.sqrt(210e9 / 7850.0)
    found = natural_frequencies.Bar(40, 4).frequencies(1.0)
    np.testing.assert_allclose(found, np.concatenate([(2 * k - 1) * c / 4.0, k * c / 2.0]), rtol=1e-5)
    assert float(found[0]) == pytest.approx(1293.0, abs=0.05)


def test_the_lost_stiffness_is_found_at_its_place(tmp_path):
    outcome = natural_frequencies.main(n=25, modes=8, maxiter=60)
    error = outcome["ratio"] - outcome["truth"]
    assert np.abs(error).max() < 0.05
    assert abs(outcome["x"][np.argmin(outcome["ratio"])] - 0.62) <= 0.02
    assert outcome["misfit"] < 16.0 and np.all(np.abs(error) < 6.0 * outcome["deviation"])
    assert natural_frequencies.plot(outcome, tmp_path).stat().st_size > 20_000
