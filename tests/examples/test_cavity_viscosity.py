"""The viscosity law of a generalised Newtonian flow in a cavity from velocities on two lines."""

import numpy as np

from examples import cavity_viscosity


def test_the_flow_of_constant_viscosity_is_that_of_its_reynolds_number_and_keeps_its_volume():
    """u/U depends on Re = ρ U L/μ alone; ∫ u·e₁ dy over a vertical line vanishes, hence its mean does."""
    cavity = cavity_viscosity.Cavity(3)
    ones = np.ones(len(cavity.space.quadrature_points))
    slow, fast = cavity.flow(lambda _: 0.01 * ones, 0.01), cavity.flow(lambda _: 0.05 * ones, 0.05)
    np.testing.assert_allclose(slow, fast, atol=1e-10)
    means = cavity.space.integrate(lambda u, p, x: u.value[:, 0], slow)
    np.testing.assert_allclose(means, 0.0, atol=1e-10)


def test_the_law_is_found_within_its_band(tmp_path):
    outcome = cavity_viscosity.main(n=4, maxiter=6)
    error = np.log(outcome["viscosity"] / outcome["truth"])
    inside = (outcome["rate"] > 0.1) & (outcome["rate"] < 10.0)
    assert np.abs(error[inside]).max() < 0.35
    assert np.mean(np.abs(error[inside]) < 3.0 * outcome["deviation"][inside]) > 0.9
    assert cavity_viscosity.plot(outcome, tmp_path).stat().st_size > 20_000
