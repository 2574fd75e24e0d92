"""The heat transfer coefficient of an edge from temperatures of the opposite one."""

import numpy as np

from examples import robin_edge


def test_a_constant_coefficient_gives_the_temperatures_of_the_formula():
    """T − T_c = q/h + q y/k."""
    plate = robin_edge.Plate(2)
    found = plate.rise(lambda x: np.full_like(x, 400.0)).numpy()
    np.testing.assert_allclose(found, 2e4 / 400.0 + 2e4 / 15.0 * plate.space.dof_points[:, 1], rtol=1e-10)


def test_the_coolant_takes_up_what_the_plate_is_heated_with():
    """∫ h (T − T_c) dx = q L."""
    plate = robin_edge.Plate(3)
    rise = plate.rise(robin_edge.true_transfer).numpy()
    taken = plate.space.integrate(lambda u, x, n: robin_edge.true_transfer(x[:, 0]) * u.value, rise,
                                  where="bottom", on="boundary")
    np.testing.assert_allclose(taken, 2e4 * 0.12, rtol=1e-10)


def test_jet_and_deposit_are_found_within_the_band(tmp_path):
    outcome = robin_edge.main(n=3, maxiter=100)
    error = np.log(outcome["transfer"] / outcome["truth"])
    assert np.sqrt(np.mean(error ** 2)) < 0.03 and np.all(np.abs(error) < 4.0 * outcome["deviation"])
    assert abs(outcome["x"][np.argmax(outcome["transfer"])] - 0.075) <= 0.002
    assert outcome["deviation"].max() < 0.12 and 30.0 < outcome["misfit"] < 75.0
    assert robin_edge.plot(outcome, tmp_path).stat().st_size > 20_000
