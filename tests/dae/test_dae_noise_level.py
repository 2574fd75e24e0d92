"""The weight decay of a law, and with it the law, do not depend on how much was smoothed at first."""

import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Model, Trajectory, fit
from pcl.dae.result.uncertainty import Uncertainty


@pytest.fixture(scope="module")
def growth():
    """x' = x (1 − x) with 2 % noise, and a model that does not know the rate."""
    random, t, data = np.random.default_rng(0), np.linspace(0.0, 6.0, 25), []
    for x0 in (0.05, 0.3, 1.5):
        x = x0 / (x0 + (1.0 - x0) * np.exp(-t)) + 0.02 * random.standard_normal(t.size)
        data.append(Trajectory(t, {"x": x}, {"x": x0}))
    return Model(states=("x",), outputs=("r",), rates=lambda v: {"x": v.r}), data


@pytest.fixture(scope="module", params=[1e-2, 1e3])
def found(growth, request):
    """A fit that starts from trajectories smoothed far too little, or far too much."""
    return fit(*growth, MLP((1, 6, 1)), smoothing=request.param, elements=20)


def penalty(found):
    """ρ of the solve, the same for all weights up to their σ."""
    from pcl.dae.laws.weight_prior import deviations
    law, = found.program.laws
    return float(np.mean(found.program.penalties[0] * deviations(law) ** 2))


def test_weight_decay_is_twice_the_residual_variance_of_the_fit(found):
    """ρ = 2 Σ ω r²/(n − p), known up to a factor of 1.5."""
    variance = Uncertainty(found.program, found.result, False).scale
    assert 1.0 / 1.5 <= penalty(found) / (2.0 * variance) <= 1.5


def test_misfit_is_that_of_the_noise_whatever_was_smoothed_first(found, growth):
    """Σ r²/n = 0.02² to the spread √(2/75) of χ²; in units of the variance of x."""
    _, data = growth
    seen = np.concatenate([item.observed["x"].values for item in data])
    noise = 0.02**2 * seen.size / seen.var()
    assert found.success and found.misfit == pytest.approx(noise, rel=0.4)
