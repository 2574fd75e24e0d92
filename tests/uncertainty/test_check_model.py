"""Checks of the model: quiet where it holds, with uniform p-values, and loud where it does not."""
import itertools
import re

import matplotlib
import numpy as np
import pytest
import tensorflow as tf
from linear_model import LinearModel
from scipy import stats

import pcl
from pcl.uncertainty import noise, prior
from pcl.uncertainty.checking.check import _of_rows
from pcl.uncertainty.checking.runs import few_runs

X = np.linspace(0.0, 1.0, 40)
NOISE = np.random.default_rng(5).normal(0.0, 0.1, size=40)


def line(t):
    return t["x"][0] + t["x"][1] * X


def checked(y, model=None, predict=line, **options):
    problem = pcl.Problem.from_data(predict, y, model or noise.Gaussian(0.1), {"x": np.array([1.0, 1.0])})
    return pcl.minimize(problem, progress=False).check_model(**options)


def test_few_runs_are_counted_as_all_orders_of_the_signs_are():
    for a, b in ((3, 4), (1, 5), (2, 2)):
        orders = set(itertools.permutations([1.0] * a + [-1.0] * b))
        counts = np.array([1 + sum(x != y for x, y in itertools.pairwise(order)) for order in orders])
        for order, count in zip(orders, counts):
            found, expected, p = few_runs(np.array(order))
            assert found == count and expected == pytest.approx(counts.mean())
            assert p == pytest.approx(np.mean(counts <= count))


@pytest.mark.parametrize("strength", [np.inf, 1.0])
def test_p_values_of_the_misfit_are_uniform(strength):
    """r ~ N(0, 1 − H): H a projection without a prior, a part of it with one."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(20, 6)))[0]
    information = strength * np.linspace(0.2, 3.0, 6) ** 2         # beside a prior of 1
    R = Q * np.sqrt(1.0 - 1.0 / (1.0 + information))
    values, V = np.linalg.eigh(np.eye(20) - R @ R.T)
    root = V * np.sqrt(np.maximum(values, 0.0))
    found = [_of_rows("", (20,), root @ rng.normal(size=20), R) for _ in range(600)]
    assert stats.kstest([each.misfit_p for each in found], "uniform").pvalue > 0.001
    assert found[0].expected == pytest.approx(20 - np.sum(R ** 2))
    scores = np.array([each.scores for each in found])
    np.testing.assert_allclose(scores.std(axis=0), 1.0, atol=0.14)


def test_a_right_model_is_left_alone():
    check = checked(1.0 + 2.0 * X + NOISE)
    found = check.data[""]
    assert check.ok and "nothing speaks against" in str(check)
    A = np.stack([np.ones(40), X], axis=1)
    left = NOISE - A @ np.linalg.lstsq(A, NOISE)[0]
    assert found.misfit == pytest.approx(left @ left / 0.01) and found.expected == pytest.approx(38.0)
    assert found.misfit_p == pytest.approx(stats.chi2(38).sf(found.misfit), rel=1e-6)
    assert found.normal_p == pytest.approx(stats.shapiro(found.scores).pvalue)
    share = np.einsum("mi,mi->m", A @ np.linalg.inv(A.T @ A), A)
    np.testing.assert_allclose(found.scores, left / 0.1 / np.sqrt(1 - share), atol=1e-6)


def test_a_prior_counts_for_as_many_parameters_as_it_leaves_to_the_data():
    model = LinearModel(readings=30)
    check = model.problem().posterior(model.mean).check_model()
    determined = np.trace(model.covariance @ model.A.T @ model.A) / model.sigma ** 2
    assert check.data[""].expected == pytest.approx(30 - determined) and check.ok


@pytest.mark.parametrize("y, model, said", [
    (1.0 + 2.0 * X + 0.3 * np.sin(9 * X) + NOISE, None, "residuals keep their sign: .* runs where"),
    (1.0 + 2.0 * X + NOISE, noise.Gaussian(0.05), "the noise is larger than stated"),
    (1.0 + 2.0 * X + NOISE, noise.Gaussian(0.3), "the noise is smaller than stated"),
    (1.0 + 2.0 * X + NOISE + 0.8 * (np.arange(40) == 17), None, r"outliers, .*: 17 \(\+7.\d\)"),
    (1.0 + 2.0 * X + 0.05 * np.random.default_rng(0).standard_cauchy(40), noise.Gaussian(),
     "not distributed as stated")])
def test_a_wrong_model_is_said(y, model, said):
    check = checked(y, model)
    assert not check.ok
    assert re.search(said, check.verdict)


def rate(t):
    return tf.exp(t["x"][0] + t["x"][1] * X)


@pytest.mark.parametrize("spread, said", [(0.0, "^$"), (1.2, "mean −2 log p .* the noise is larger")])
def test_counts_are_checked_by_replicates(spread, said):
    rng = np.random.default_rng(2)
    y = rng.poisson(np.exp(2.0 + X + spread * rng.normal(size=40))).astype(float)
    check = checked(y, noise.Poisson(), rate, draws=200)
    assert check.data[""].method == "draws"
    assert re.search(said, check.verdict)


def test_residuals_and_draws_agree_on_normal_noise():
    y = 1.0 + 2.0 * X + NOISE
    linear, drawn = checked(y).data[""], checked(y, draws=400).data[""]
    assert drawn.misfit_p == pytest.approx(linear.misfit_p, abs=0.15)
    assert np.corrcoef(drawn.scores, linear.scores)[0, 1] > 0.99


def test_sets_of_data_are_judged_one_by_one_and_plotted():
    matplotlib.use("Agg")
    problem = pcl.Problem.from_data(
        lambda t: {"good": line(t), "bad": tf.reshape(line(t), (8, 5))},
        {"good": 1.0 + 2.0 * X + NOISE, "bad": (1.0 + 2.0 * X + NOISE + 1.0 * (X == 1.0)).reshape(8, 5)},
        noise.Gaussian(0.1), {"x": np.ones(2)}, {"x": prior.Normal(0.0, 10.0)})
    check = pcl.minimize(problem, progress=False).posterior().check_model()
    assert check.verdict.startswith("bad: ") and check.data["bad"].outliers[0][0] == (7, 4)
    ax = check.plot()
    dots = [entry for entry in ax.get_lines() if entry.get_label() in ("good", "bad")]
    np.testing.assert_array_equal(dots[0].get_ydata(), np.sort(check.data["good"].scores))


def test_a_problem_without_data_cannot_be_checked():
    problem = pcl.Problem.from_residuals(lambda t: t["x"] - 1.0, {"x": np.zeros(3)})
    with pytest.raises(ValueError, match="Problem.from_data"):
        problem.posterior(np.ones(3), sigma=1.0).check_model()
