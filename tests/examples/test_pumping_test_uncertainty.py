"""The pumping test three ways: Laplace, NUTS and profile agree."""
import numpy as np
import pytest
from scripts import help_without

from examples import pumping_test, pumping_test_uncertainty


@pytest.fixture(scope="module")
def outcome():
    return pumping_test_uncertainty.main(cells=24, ratio=2.0, chains=2, draws=100, warmup=20,
                                         progress=False)


def test_the_three_intervals_agree(outcome):
    for name, intervals in outcome["intervals"].items():
        low, high = intervals["Laplace"]
        for lower, upper in intervals.values():
            assert upper - lower == pytest.approx(high - low, rel=0.25)
            assert 0.5 * (lower + upper) == pytest.approx(0.5 * (low + high), abs=0.15 * (high - low))
    lower, upper = outcome["intervals"]["log K"]["profile"]
    assert upper - lower == pytest.approx(outcome["intervals"]["log K"]["Laplace"][1]
                                          - outcome["intervals"]["log K"]["Laplace"][0], rel=0.05)
    assert "NUTS" in pumping_test_uncertainty.table(outcome)


def test_the_table_is_the_computed_drawdown():
    test = pumping_test.PumpingTest(pumping_test.read(), 24, 2.0)
    table = pumping_test_uncertainty.Tabulated(test, np.log(66.0 / 2.5e-5))
    for K, storage in ((66.0, 2.5e-5), (90.0, 1.2e-5), (30.0, 4e-5)):
        computed = test.computed(np.full(test.points.size, K), storage).numpy()
        np.testing.assert_allclose(table.computed(np.log(K), np.log(storage)), computed, rtol=0.0,
                                   atol=1e-8 * computed.max())


def test_the_figure_is_written(outcome, tmp_path):
    assert pumping_test_uncertainty.plot(outcome, tmp_path / "figure.png").stat().st_size > 20_000


def test_under_one_prior_a_network_and_free_values_have_one_band(tmp_path):
    """On a coarse grid, before the network has ended; beside a band over which they agree to 20 %."""
    found = pumping_test_uncertainty.laws(cells=8, ratio=8.0, maxiter=8, progress=False)
    assert pumping_test_uncertainty.compared(found, 30.0, 1000.0)[1] < 0.2
    free = found["free values"]
    r = free.points[:, 0]
    assert free.deviation[(r > 30.0) & (r < 1000.0)].max() < 0.2 < free.deviation[r > 5000.0].min()
    assert pumping_test_uncertainty.plot_laws(found, tmp_path / "laws.png").stat().st_size > 20_000


def test_help_needs_no_tensorflow(tmp_path):
    answer = help_without(["tensorflow", "numpy"], "pumping_test_uncertainty", tmp_path)
    assert answer.returncode == 0 and "--draws" in answer.stdout, answer.stderr
