"""The tutorials run as scripts, and find what their text says."""

import pathlib
import runpy

import matplotlib
import numpy as np
import pytest

TUTORIALS = pathlib.Path(__file__).parent.parent / "docs" / "tutorials"
pytestmark = pytest.mark.slow


@pytest.fixture
def run(monkeypatch):
    """The names that a tutorial leaves, run in its folder as a reader would, without a screen."""
    monkeypatch.chdir(TUTORIALS)
    matplotlib.use("agg")
    yield lambda name: runpy.run_path(f"plot_{name}.py")
    matplotlib.pyplot.close("all")


def test_pumping_test_reaches_the_published_numbers_and_its_law_the_readings(run):
    names = run("pumping_test")
    assert names["K0"] == pytest.approx(66.1, rel=0.005)
    assert names["S0"] == pytest.approx(2.54e-5, rel=0.01)
    assert not names["check"].ok
    late = np.argmin(np.abs(names["aquifer"].r - 300.0))
    assert names["band"].determined[late] > 0.95 and names["band"].determined[-1] < 0.5
    assert np.exp(names["band"].value[late]) == pytest.approx(77.3, rel=0.05)


def test_lynx_hare_reaches_the_published_rates_and_misses_the_hares(run):
    names = run("lynx_hare")
    found, error = names["whole"].parameters, names["whole"].standard_errors()
    for name, published in {"alpha": 0.55, "beta": 0.028, "gamma": 0.80, "delta": 0.024}.items():
        assert abs(found[name] - published) < error[name]
    ahead = names["further"].curve([1917.0], "h")[0]
    assert ahead - np.log(7.6) > 2.0 * names["NOISE"]


def test_conductivity_of_temperature_holds_the_truth_on_the_mesh_that_was_asked_for(run):
    names = run("conductivity_of_temperature")
    assert names["held"] > 0.8
    assert names["posterior"].check_model().ok


def test_elasticity_refuses_one_number_and_finds_the_lump_within_its_band(run):
    names = run("elasticity")
    assert not names["uniform"].posterior().check_model().ok and names["check"].ok
    assert names["held"] > 0.8 and not names["found"].fine_enough
    assert names["band"].value[26] > 0.6 > 0.3 > names["band"].value[0]
