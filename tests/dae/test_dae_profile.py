"""Profiles of parameters of a fit against sums of squares minimised in closed form or by SciPy."""

import matplotlib
import numpy as np
import pytest
from scipy.optimize import brentq, least_squares
from scipy.stats import chi2

from pcl.dae import Model, Trajectory, fit
from pcl.uncertainty.profiles import Profile

matplotlib.use("Agg")
T = np.linspace(0.25, 4.0, 16)
SIGMA = 0.05


def decay(bounds):
    """x' = −k x + a from a known start."""
    return Model(states="x", parameters=("k", "a"), bounds=bounds,
                 rates=lambda v: {"x": -v.k * v.x + v.a})


def exact(k, a):
    return a / k + (1.0 - a / k) * np.exp(-k * T)


SEEN = exact(0.6, 0.2) + SIGMA * np.random.default_rng(4).standard_normal(T.size)
DATA = Trajectory(T, {"x": SEEN}, {"x": 1.0}, span=(0.0, 4.0), weights=SIGMA ** -2)


def chi_square(k):
    """min over a of χ² at k, by SciPy on the closed form."""
    found = least_squares(lambda a: (exact(k, a[0]) - SEEN) / SIGMA, [0.2], xtol=1e-13, ftol=1e-13)
    return 2.0 * found.cost


def interval_of(level=0.95):
    best = min(np.linspace(0.2, 1.5, 400), key=chi_square)
    least = chi_square(best)

    def excess(k):
        return chi_square(k) - least - chi2.ppf(level, 1)
    return brentq(excess, 0.05, best), brentq(excess, best, 3.0)


@pytest.mark.parametrize("bounds", [{}, {"k": (1e-3, 1e3)}], ids=["itself", "by its logarithm"])
def test_profile_is_chi_square_minimised_over_the_others(bounds):
    found = fit(decay(bounds), DATA, elements=12)
    assert found.model.log == tuple(bounds)
    profile = found.profile("k")
    assert isinstance(profile, Profile) and profile.closed == (True, True)
    assert profile.interval == pytest.approx(interval_of(), rel=2e-3)
    least = chi_square(found.parameters["k"])
    for k, drop in zip(profile.points, profile.drop):
        assert drop == pytest.approx(0.5 * (chi_square(k) - least), abs=2e-3)
    assert profile.deviation == pytest.approx(found.standard_errors()["k"])
    assert profile.theta[:, 0] == pytest.approx(profile.points)
    assert len(profile.plot().lines) >= 4


def test_a_side_that_ends_at_a_bound_is_not_closed_and_says_so():
    found = fit(decay({"k": (0.55, 2.0)}), DATA, elements=12)
    profile = found.profile(["k"])["k"]
    assert profile.closed == (False, True) and profile.interval[0] == -np.inf
    assert "the bound 0.55 is reached" in profile.verdict


def test_a_product_of_which_only_the_product_counts_has_no_end():
    model = Model(states="x", parameters=("p", "q"), rates=lambda v: {"x": -v.p * v.q * v.x},
                  bounds={"p": (0.01, 100.0), "q": (1e-4, 1e4)})
    seen = np.exp(-0.6 * T) + SIGMA * np.random.default_rng(0).standard_normal(T.size)
    found = fit(model, Trajectory(T, {"x": seen}, {"x": 1.0}, span=(0.0, 4.0), weights=SIGMA ** -2),
                elements=8)
    profile = found.profile("p")
    assert profile.closed == (False, False) and np.abs(profile.drop).max() < 1e-3


def test_what_cannot_be_profiled_is_refused():
    found = fit(decay({}), DATA, elements=12)
    with pytest.raises(ValueError, match="name is 'z'"):
        found.profile("z")
    with pytest.raises(ValueError, match="level is 1.5"):
        found.profile("k", level=1.5)
