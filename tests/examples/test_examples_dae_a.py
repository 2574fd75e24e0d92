"""Examples of systems with unknown terms, made small: tanks (index 2), populations with a Lyapunov
function, and the measured record of lynxes and hares."""

import numpy as np
import pytest
from scripts import help_without, load

NAMES = ["tank_manifold", "population", "lynx_hare"]
# the examples state their few elements, and fit says what these do
pytestmark = [pytest.mark.filterwarnings("ignore:The elements bias the fit"),
              pytest.mark.filterwarnings("ignore:estimated error of collocation")]


@pytest.fixture(scope="module")
def tank():
    module = load("dae/tank_manifold")
    module.HELD_OUT = module.HELD_OUT[1:2]
    return module


@pytest.fixture(scope="module")
def tanks(tank):
    return tank.main(seeds=1, elements=20, points=41, designs=("neighbours",))


@pytest.fixture(scope="module")
def population():
    return load("dae/population")


@pytest.fixture(scope="module")
def lynx():
    return load("dae/lynx_hare")


@pytest.fixture(scope="module")
def pelts(lynx):
    return lynx.main(seeds=2)


@pytest.mark.parametrize("name", NAMES)
def test_help_needs_no_tensorflow(name, tmp_path):
    done = help_without(("tensorflow", "numpy"), f"dae/{name}", tmp_path)
    assert done.returncode == 0 and "--seeds" in done.stdout, done.stderr


# --- tanks --------------------------------------------------------------------------------------------
def test_tanks_of_equal_level_have_index_2(tanks):
    report = tanks["report"]
    assert report.index == 2
    assert [c.equations for c in report.hidden] == [("level",)]
    assert set(report.hidden[0].determines) == {"w1", "w2"}


def test_the_reduced_motion_of_the_tanks_satisfies_every_equation(tank):
    """The ordinary equations of the truth against the declared ones, by central differences."""
    at, step = np.array([3.0, 40.0, 300.0]), 1e-3
    x = tank.true_levels(tank.STARTS[0], np.stack([at - step, at, at + step], axis=1).ravel())
    before, x, after = x.reshape(4, 3, 3).transpose(2, 0, 1)
    slopes = (after - before) / (2 * step)
    z0, z1 = tank.true_laws(x)
    v = tank.SimpleNamespace(**tank.named(x), z0=z0, z1=z1, w0=z0, w3=z1, w2=tank.AREAS[1] * slopes[1],
                             w1=z0 - tank.AREAS[1] * slopes[1], w4=0.1 * np.sqrt(x[2]))
    for value in tank.equations(v).values():
        np.testing.assert_allclose(value, 0.0, atol=1e-7)
    for k, value in enumerate(tank.rates(v).values()):
        np.testing.assert_allclose(value, slopes[k], atol=1e-6)       # step² x'''/6 and rounding/step


def test_tanks_keep_every_constraint_and_the_volume_in_training_and_prediction(tanks):
    run, = tanks["runs"]["neighbours"]
    assert run["fit"].success and all(run["kept"])
    assert run["violation"] < 1e-8 and run["violation ahead"] < 1e-8 and run["volume"] < 1e-8


def test_tanks_are_predicted_from_starts_not_seen(tanks):
    """Training is averaged below the noise of 0.05, but for the fastest levels, which the prior of that
    noise smooths; unseen starts are worse, of levels up to 10."""
    run, = tanks["runs"]["neighbours"]
    assert np.median(run["training"]) < 0.03 and run["training"].max() < 0.08
    assert np.median(run["held out"], axis=0).max() < 0.6


# --- populations ------------------------------------------------------------------------------------
def test_v_of_the_true_populations_falls(population):
    t = np.linspace(0.0, 80.0, 161)
    for start in (population.START, *population.HELD_OUT):
        x = population.true_populations(start, t)
        v = population.SimpleNamespace(x1=x[0], x2=x[1], z=population.true_law(*x))
        v.d = population.rates(v).__getitem__
        assert population.fall(v)["fall of V"].max() < 1e-9           # rounding and step control at rest


def test_v_falls_at_every_point_where_that_is_asked_for(population):
    found = population.train(population.FALLING, seed=0, width=4)
    curve = found.trajectories["0"]
    assert found.success
    # rows hold to 1e-8 of the size of their terms
    assert population.rise(curve).max() < 1e-7 and population.violation(curve) < 1e-7
    noise = population.NOISE * np.array([1.0, 1.4])
    assert (population.error(curve, population.START, np.linspace(0.0, 80.0, 81)) < 2 * noise).all()


# --- lynxes and hares ---------------------------------------------------------------------------------
def test_lotka_volterra_on_all_years_gives_the_published_parameters(lynx, pelts):
    """Posterior means with broad priors and least squares: apart by less than half a standard error."""
    errors = pelts["whole"].standard_errors()
    for name, value in lynx.PUBLISHED.items():
        assert abs(pelts["whole"].parameters[name] - value) < 0.5 * errors[name]


def test_the_last_five_years_are_not_in_the_fit(pelts):
    assert pelts["before"]["pelts"].times.max() == 1915.0
    np.testing.assert_array_equal(pelts["after"]["pelts"].times, np.arange(1916.0, 1921.0))


def test_misfits_and_forecasts_of_the_pelts_are_those_promised(pelts):
    """Root mean squares of ln(computed / measured), hares and lynxes."""
    promised = {"plain": ([0.16, 0.22], [0.44, 0.27]), "published": ([0.20, 0.22], [0.29, 0.22])}
    for name, (before, after) in promised.items():
        np.testing.assert_allclose(pelts[name]["before"], before, atol=0.006)
        np.testing.assert_allclose(pelts[name]["after"], after, atol=0.006)
    for run in pelts["learned"]:
        assert run["fit"].success
        np.testing.assert_allclose(run["before"], [0.16, 0.11], atol=0.015)
        np.testing.assert_allclose(run["after"], [0.62, 0.11], atol=0.03)
