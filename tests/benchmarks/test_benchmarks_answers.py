"""The benchmarks of coverage and of starts see what they are made to see."""

import numpy as np
import pytest

from benchmarks import coverage, starts


def draws(bias, size, error=1.0):
    """What `coverage.drawn` returns for estimates 1 + (noise + bias), noise standard normal."""
    noise = np.random.default_rng(0).standard_normal(size)
    return [({"k": (1.0 + x + bias, error, 1.0, np.inf)}, None) for x in noise]


@pytest.mark.parametrize("bias, error, held", [(0.0, 1.0, 95.0), (0.0, 0.5, 67.3), (2.0, 1.0, 48.4)])
def test_coverage_is_that_of_the_normal_distribution(bias, error, held):
    """P(|x + bias| ≤ 1.96 error): 0.950, 0.673, 0.484; 4,000 draws know it to 0.8 % (one deviation)."""
    row, = coverage.summary("case", draws(bias, 4000, error))
    assert row["held %"] == pytest.approx(held, abs=2.5)
    assert row["mean"] == pytest.approx(bias / error, abs=0.1)


def test_a_failed_draw_does_not_hold_the_truth():
    row, = coverage.summary("case", [*draws(0.0, 19), (None, "case, draw 19: ValueError: no")])
    assert row["draws"] == 20 and row["held %"] <= 95.0


def test_a_success_above_the_best_start_is_false_and_a_failure_is_not():
    runs = [(True, 1.0, 2.1, 10.0, 0.1, ""), (True, 1.2, 2.0, 10.0, 0.1, ""),
            (False, 5.0, 9.0, 10.0, 0.1, ""), (True, 1.04, 2.2, 10.0, 0.1, ""),
            (False, np.inf, np.inf, 1.0, 0.1, "ValueError: no")]
    row, = starts.summary("case", runs)
    assert (row["success"], row["false success"], row["at the best"], row["raised"]) == (3, 1, 2, 1)
    assert row["worst success/best"] == pytest.approx(1.2)
    assert row["false in objective"] == 1 and row["worst in objective"] == pytest.approx(1.1)


def test_exact_data_make_no_false_success():
    runs = [(True, 1e-20, 1e-20, 10.0, 0.1, ""), (True, 1e-8, 1e-8, 10.0, 0.1, "")]
    row, = starts.summary("case", runs)
    assert row["false success"] == 0


def test_one_draw_and_one_start_run():
    rows = coverage.main(["--draws", "2", "--cases", "heat", "--jobs", "1"])
    assert [row["quantity"] for row in rows] == ["ln k", "ln c"]
    row, = starts.main(["--starts", "1", "--cases", "Lotka-Volterra", "--jobs", "1"])
    assert row["success"] == row["at the best"] == 1
