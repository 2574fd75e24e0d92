"""Examples of systems with unknown terms: α-pinene, fed batch, pendulum, Robertson; short versions."""

import numpy as np
import pytest
from scipy.linalg import expm
from scripts import help_without, load

NAMES = ["alpha_pinene", "fed_batch", "pendulum", "robertson"]


@pytest.mark.parametrize("name", NAMES)
def test_help_needs_no_tensorflow(name, tmp_path):
    answer = help_without(("tensorflow", "numpy", "scipy"), f"dae/{name}", tmp_path)
    assert answer.returncode == 0 and "--output" in answer.stdout, answer.stderr


# --- α-pinene --------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def pinene():
    module = load("dae/alpha_pinene")
    return module, module.main(starts=(1e-8, 1e1))


def test_pinene_has_the_published_constants_and_sum_of_squares(pinene):
    module, found = pinene
    assert found["fit"].success
    # as published, to three digits; k₄ as 27.5e-5, here 27.447e-5
    np.testing.assert_allclose(found["constants"], module.PUBLISHED, rtol=3e-3)
    np.testing.assert_allclose(found["sums"], 19.872, atol=5e-4)


def test_pinene_sum_of_squares_is_that_of_the_matrix_exponential(pinene):
    module, found = pinene
    k1, k2, k3, k4, k5 = found["constants"]
    M = np.zeros((5, 5))
    M[0, 0], M[1, 0], M[2] = -k1 - k2, k1, [k2, 0.0, -k3 - k4, 0.0, k5]
    M[3, 2], M[4, 2], M[4, 4] = k3, k4, -k5
    times, y = module.read()
    exact = np.array([expm(M * t) @ y[0] for t in times[1:]])
    assert np.sum((exact - y[1:]) ** 2) == pytest.approx(found["sums"][0], rel=1e-5)
    near = [np.sum((np.array([expm(s * M * t) @ y[0] for t in times[1:]]) - y[1:]) ** 2)
            for s in (0.999, 1.001)]
    assert min(near) > np.sum((exact - y[1:]) ** 2)


def test_pinene_errors_and_dependences_are_those_of_the_docstring(pinene):
    _, found = pinene
    np.testing.assert_allclose(found["errors"] / found["constants"], [0.009, 0.017, 0.156, 0.091, 0.226],
                               atol=5e-4)
    assert found["correlation"][3, 4] == pytest.approx(0.82, abs=0.01)
    assert 99.95 < found["total"].min() and found["total"].max() < 100.45
    assert 2.96 < found["pyronene_share"].min() and found["pyronene_share"].max() < 3.44


# --- fed batch -------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def batch():
    module = load("dae/fed_batch")
    return module.main(seeds=(0,), diluted=("P/V",), observed=("X and P",), contrast=(2,), width=3,
                       elements=30, samples=(24, 12), noise=(0.02, 0.1))


def test_growth_law_is_found_without_substrate_observed(batch):
    found, = batch["fits"]["P/V", "X and P"]
    assert found["success"] and found["law"] < 0.06 and found["forecast"] < 0.06
    assert found["least S"] >= 0.0 and found["least S, forecast"] >= -1e-6


def test_substrate_stays_at_or_above_zero_where_sequential_training_goes_below(batch):
    found, = batch["contrast"]
    assert found["fit"].success
    for name in ("least S on the way", "least S"):
        assert found[name][0] >= 0.0
    assert found["least S, forecast"][0] >= -1e-6       # what `predict` counts as kept
    assert found["least S on the way"][1] < -0.1        # g/l
    assert found["loss"][1] <= found["loss"][0] * (1.0 + 1e-3)      # without the bound; to its limit


def test_truth_of_the_fed_batch_conserves_carbon_in_both_forms():
    """(S V)' + 2 (X V)' = F S_f, whatever μ: S V + 2 X V = S₀V₀ + 2 X₀V₀ + F S_f t."""
    module, t = load("dae/fed_batch"), np.array([10.0, 25.0, 40.0])
    for form in module.DILUTED:
        X, _, S, V = module.simulated(module.STARTS[0], t, form).T
        X0, _, S0, V0 = module.STARTS[0]
        np.testing.assert_allclose((S + 2 * X) * V, (S0 + 2 * X0) * V0 + module.FEED * S0 * t, rtol=1e-8)


# --- pendulum --------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def pendulum():
    return load("dae/pendulum").main(seeds=(0,), rtol=1e-4, samples=60, width=4, elements=40, horizon=2.5)


def test_reports_name_the_index_of_each_form(pendulum):
    assert {i: report.index for i, report in pendulum["reports"].items()} == {1: 1, 2: 2, 3: 3}
    assert [len(report.hidden) for report in pendulum["reports"].values()] == [0, 1, 2]


def test_all_three_forms_swing_alike_and_only_index_3_stays_on_the_rod(pendulum):
    runs = pendulum["simulated"]
    assert all(run["success"] and run["error"] < 5e-3 for run in runs.values())
    assert runs[3]["drift"] < 1e-12 < 1e-6 < runs[1]["drift"]


def test_friction_is_found_in_each_form(pendulum):
    assert all(f.success for fits in pendulum["fits"].values() for f in fits)
    errors = [errors[0] for errors in pendulum["errors"].values()]
    assert max(errors) < 0.25 and np.ptp(errors) < 0.05


# --- Robertson -------------------------------------------------------------------------------
def test_robertson_is_simulated_to_the_published_values_and_one_constant_found():
    module = load("dae/robertson")
    found = module.main(seeds=(0,), guesses=(9.0,), tolerances=(1e-6,))
    run, = found["simulated"]
    assert max(run["errors"].values()) < 1e-5 and run["elements"] < 200
    # C = 1 − A − B starts at 0: rounding of three terms of size 1 at most is what it may lie below
    assert run["least"] >= -3 * np.finfo(np.float64).eps
    value, error = module.constant(found["fits"][0][9.0])
    assert found["fits"][0][9.0].success
    assert error == pytest.approx(0.0022, abs=1e-4) and abs(value - module.LOG_K2) < 2 * error
