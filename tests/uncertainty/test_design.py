"""What to measure next, against dense matrices and every possible choice."""
import itertools

import matplotlib
import numpy as np
import pytest
import tensorflow as tf
from linear_model import LinearModel

import pcl
from pcl.uncertainty import design

MODEL = LinearModel()
CANDIDATES = np.random.default_rng(8).normal(size=(7, 3)) * np.array([1.0, 0.3, 2.0])
SIGMA = np.linspace(0.05, 0.3, 7)
LAW = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.5]])


@pytest.fixture(scope="module")
def posterior():
    return MODEL.problem().posterior(MODEL.mean)


def predictions(t):
    return tf.linalg.matvec(tf.constant(CANDIDATES), t["x"])


def law(t):
    return tf.linalg.matvec(tf.constant(LAW), t["x"])


def beside(rows):
    """C after readings of these candidates."""
    J = CANDIDATES[rows] / SIGMA[rows, None]
    return np.linalg.inv(np.linalg.inv(MODEL.covariance) + J.T @ J)


def information(rows):
    return 0.5 * (np.linalg.slogdet(MODEL.covariance)[1] - np.linalg.slogdet(beside(rows))[1])


def spread(rows):
    return np.trace(LAW @ beside(rows) @ LAW.T)


def test_gains_are_the_information_of_dense_matrices(posterior):
    found = design.choose(posterior, predictions, SIGMA, 4)
    np.testing.assert_allclose(found.map, [information([i]) for i in range(7)], rtol=1e-9)
    sums = [information(list(found.chosen[:k])) for k in range(1, 5)]
    np.testing.assert_allclose(np.cumsum(found.gains), sums, rtol=1e-9)
    for k in range(1, 4):       # each choice is the best beside those before
        rest = [i for i in range(7) if i not in found.chosen[:k]]
        assert found.chosen[k] == max(rest, key=lambda i: information([*found.chosen[:k], i]))
    same = design.choose(posterior, CANDIDATES, SIGMA, 4)
    np.testing.assert_array_equal(same.chosen, found.chosen)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_choice_is_close_to_the_best_of_all(posterior, count):
    best = max(information(list(rows)) for rows in itertools.combinations(range(7), count))
    found = design.choose(posterior, predictions, SIGMA, count).gains.sum()
    assert (1.0 - np.exp(-1.0) if count > 1 else 1.0 - 1e-9) * best <= found <= best * (1.0 + 1e-9)


def test_the_variance_of_a_law_falls_as_dense_matrices_say(posterior):
    found = design.choose(posterior, predictions, SIGMA, 3, criterion="A", law=law)
    expected = [spread(list(found.chosen[:k])) for k in range(4)]
    np.testing.assert_allclose(found.variance, expected, rtol=1e-9)
    assert found.chosen[0] == min(range(7), key=lambda i: spread([i]))
    np.testing.assert_allclose(found.gains, 1.0 - found.variance[1:] / found.variance[:-1], rtol=1e-9)
    np.testing.assert_allclose(found.map, [1.0 - spread([i]) / spread([]) for i in range(7)], rtol=1e-8)
    numbers = design.choose(posterior, predictions, SIGMA, 1, criterion="A")
    assert numbers.variance[0] == pytest.approx(np.trace(MODEL.covariance))


def test_readings_that_come_together_are_one_candidate(posterior):
    groups = np.array([[0, 1], [2, 3], [4, 5]])
    found = design.choose(posterior, lambda t: tf.gather(predictions(t), groups), SIGMA[groups], 2)
    np.testing.assert_allclose(found.map, [information(list(rows)) for rows in groups], rtol=1e-9)
    both = list(groups[found.chosen].ravel())
    assert found.gains.sum() == pytest.approx(information(both))


def test_a_posterior_of_low_rank_gives_the_same(posterior):
    low = MODEL.problem().posterior(MODEL.mean, rank=3)
    for options in ({}, {"criterion": "A", "law": law}):
        found, same = (design.choose(each, predictions, SIGMA, 3, **options) for each in (low, posterior))
        np.testing.assert_array_equal(found.chosen, same.chosen)
        np.testing.assert_allclose(found.gains, same.gains, rtol=1e-6)
    checks = [each.check_model().data[""] for each in (low, posterior)]
    assert checks[0].misfit_p == pytest.approx(checks[1].misfit_p) and np.isfinite(checks[0].misfit_p)


def test_sampling_times_of_a_fit_are_chosen():
    """x' = p from a free start: the ends of the time tell most."""
    t = np.linspace(0.0, 2.0, 7)
    y = 0.3 + 1.5 * t + 0.1 * np.random.default_rng(1).standard_normal(7)
    model = pcl.dae.Model(states=("x",), parameters=("p",), rates=lambda v: {"x": v.p})
    found = pcl.dae.fit(model, pcl.dae.Trajectory(t, {"x": y}, weights=100.0), elements=3).posterior()
    times = np.linspace(0.0, 2.0, 5)
    J = found.sensitivity("x", times, trajectory="0")
    rows = np.stack([np.ones(5), times], axis=1)
    np.testing.assert_allclose(J, rows, atol=1e-8)
    C = np.linalg.inv(100.0 * np.array([[7, t.sum()], [t.sum(), t @ t]]))
    chosen = design.choose(found, J, 0.1, 2)
    gains = 0.5 * np.log1p(100.0 * np.einsum("qi,ij,qj->q", rows, C, rows))
    np.testing.assert_allclose(chosen.map, gains, rtol=1e-6)
    assert set(chosen.chosen) == {0, 4}
    slope = design.choose(found, J, 0.1, 1, criterion="A", law=found.sensitivity("p"))
    assert slope.variance[0] == pytest.approx(C[1, 1]) and slope.gains[0] == max(slope.map)


def test_a_reading_may_be_repeated(posterior):
    twice = design.choose(posterior, CANDIDATES[:1], SIGMA[0], 3, repeats=True)
    assert list(twice.chosen) == [0, 0, 0]
    assert twice.gains.sum() == pytest.approx(information([0, 0, 0]))


def test_a_design_is_printed_and_drawn(posterior):
    matplotlib.use("Agg")
    found = design.choose(posterior, predictions, SIGMA, 2)
    assert f"{found.chosen[0]}: " in str(found) and "nats" in str(found)
    ax = found.plot(np.arange(7.0))
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), found.map)
    assert {text.get_text() for text in found.plot(np.ones((7, 2))).texts} == {"1", "2"}


@pytest.mark.parametrize("options, said", [
    ({"count": 8}, "count is 8, of 7 candidates"),
    ({"sigma": 0.0}, "sigma has 1 of 1 entries ≤ 0"),
    ({"sigma": np.ones(3)}, r"sigma has shape \(3,\); expected a number"),
    ({"criterion": "E"}, "criterion is 'E'; known are A, D"),
    ({"law": law}, "a law is given with criterion 'D'"),
    ({"candidates": np.ones((4, 5))}, r"candidates has shape \(4, 5\); expected \(q, 3\)"),
    ({"candidates": lambda t: t["x"][0]}, r"candidates gives \(\)")])
def test_bad_input_is_refused(posterior, options, said):
    with pytest.raises(ValueError, match=said):
        design.choose(posterior, **{"candidates": predictions, "sigma": 0.1, "count": 1, **options})
