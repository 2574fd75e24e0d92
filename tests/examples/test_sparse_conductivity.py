"""κ(u) from a tenth of the nodes, with noise."""

import numpy as np
import pytest

from examples import sparse_conductivity


def test_exact_temperature_satisfies_the_radial_equation():
    """−(1/r)(r κ(u) u')' = f by differences of second order."""
    R = sparse_conductivity.RADIUS
    r = np.linspace(0.1, 0.9, 161) * R
    u = sparse_conductivity.exact_temperature(r)
    middle, step = (r[1:] + r[:-1]) / 2, r[1] - r[0]
    flow = -middle * sparse_conductivity.true_kappa((u[1:] + u[:-1]) / 2) * np.diff(u) / step
    np.testing.assert_allclose(np.diff(flow) / step / r[1:-1], sparse_conductivity.SOURCE, rtol=1e-2)
    assert sparse_conductivity.exact_temperature(R) == pytest.approx(700.0)


def test_conductivity_is_found_within_its_band(tmp_path):
    """∫κ du from the edge to the centre is q/4π for every κ: Kirchhoff's transform of the disk."""
    outcome = sparse_conductivity.main(n=3, maxiter=15)
    error = outcome["kappa"] - outcome["truth"]
    assert outcome["integral"] == pytest.approx(60e3 / (4.0 * np.pi), rel=0.015)
    assert np.all(np.abs(error) < 3.0 * outcome["deviation"])
    assert np.abs(error / outcome["truth"])[20:80].max() < 0.08
    assert np.all(outcome["deviation"] < 0.25 * outcome["truth"])
    assert outcome["misfit"] < 30.0
    assert sparse_conductivity.plot(outcome, tmp_path).stat().st_size > 20_000
