"""Checks of fits: a right model is left alone, a wrong one is said, by what is read."""
import re

import numpy as np
import pytest
from scipy import stats

import pcl
from pcl.dae import Law, Model, Trajectory, fit
from pcl.uncertainty import noise

SIGMA, T = 0.05, np.linspace(0.0, 4.0, 40)
NOISE = SIGMA * np.random.default_rng(2).standard_normal((2, 40))


def decay(order, y, **options):
    """x' = −k xᵖ with free start, read at T; p = 1 is what the data are made by."""
    model = Model(states=("x",), parameters=("k",), log=("k",), bounds={"k": (0.01, 10.0)},
                  rates=lambda v: {"x": -v.k * v.x ** order})
    return fit(model, Trajectory(T, {"x": y}, **options.pop("read", {"sigma": SIGMA})), elements=8,
               **options)


def test_of_a_linear_model_chi_square_is_that_of_least_squares():
    y = 0.3 + 1.5 * T + NOISE[0]
    model = Model(states=("x",), parameters=("p",), rates=lambda v: {"x": v.p})
    check = fit(model, Trajectory(T, {"x": y}, sigma=SIGMA), elements=3).posterior().check_model()
    A = np.stack([np.ones(40), T], axis=1)
    left = (y - A @ np.linalg.lstsq(A, y)[0]) / SIGMA
    found, share = check.data["x"], np.einsum("mi,mi->m", A @ np.linalg.inv(A.T @ A), A)
    assert found.misfit == pytest.approx(left @ left, rel=1e-6) and found.expected == pytest.approx(38.0)
    assert found.misfit_p == pytest.approx(stats.chi2(38).sf(found.misfit), rel=1e-5)
    np.testing.assert_allclose(found.scores, left / np.sqrt(1.0 - share), atol=1e-5)
    assert found.normal_p == pytest.approx(stats.shapiro(found.scores).pvalue, rel=1e-4)
    assert check.ok and "nothing speaks against" in str(check)


@pytest.mark.parametrize("order, sigma, said", [
    (1, SIGMA, "^$"), (2, SIGMA, "residuals keep their sign"), (1, 0.5 * SIGMA, "larger than stated"),
    (1, 3.0 * SIGMA, "smaller than stated")])
def test_a_right_model_is_left_alone_and_a_wrong_one_said(order, sigma, said):
    found = decay(order, 2.0 * np.exp(-0.9 * T) + NOISE[0], read={"sigma": sigma})
    assert re.search(said, found.posterior().check_model().verdict)


def test_what_is_read_is_judged_name_by_name():
    """Of two states, of which one is read by an observable, and that model is wrong."""
    model = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x},
                  observed={"square": lambda v: v.x ** 2})
    x = 2.0 * np.exp(-0.9 * T)
    data = [Trajectory(T, {"x": x + NOISE[0], "square": x ** 2.0 + drift * np.sin(2 * T) + NOISE[1]},
                       sigma=SIGMA) for drift in (0.0, 0.1)]
    good, bad = (fit(model, each, elements=8).posterior().check_model() for each in data)
    assert list(good.data) == ["x", "square"] and good.ok
    assert "square: " in bad.verdict and "x: " not in bad.verdict


def test_where_sigma_is_estimated_size_says_nothing_and_signs_do():
    right = decay(1, 2.0 * np.exp(-0.9 * T) + NOISE[0], read={}).posterior().check_model()
    wrong = decay(2, 2.0 * np.exp(-0.9 * T) + NOISE[0], read={}).posterior().check_model()
    assert right.ok and right.data["x"].misfit == pytest.approx(right.data["x"].expected)
    assert wrong.data["x"].misfit_p > 0.3 and "keep their sign" in wrong.verdict


def test_noise_with_unknown_numbers_is_checked_by_replicates():
    y = 2.0 * np.exp(-0.9 * T) + NOISE[0]
    right, wrong = (decay(order, y, read={}, noise={"x": noise.Gaussian()}).posterior().check_model(draws)
                    for order, draws in ((1, 40), (2, 100)))
    assert right.data["x"].method == "draws" and right.ok and not right.failed
    assert "keep their sign" in wrong.verdict
    exact = decay(1, y).posterior()
    assert np.corrcoef(exact.check_model().data["x"].scores, right.data["x"].scores)[0, 1] > 0.9


def test_a_law_counts_for_as_much_as_the_data_determine_of_it():
    """χ² expects the readings less the effective number of weights, as the verdict of the fit does."""
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z})
    found = fit(model, Trajectory(T, {"x": 2.0 * np.exp(-0.9 * T) + NOISE[0]}, sigma=SIGMA),
                Law(pcl.MLP((1, 3, 1)), "x", "z"), elements=16)
    check = found.posterior().check_model()
    assert check.data["x"].expected == pytest.approx(found.verdict.dof, rel=1e-6) and check.ok
    assert check.data["x"].misfit == pytest.approx(found.verdict.chi2, rel=1e-6)
