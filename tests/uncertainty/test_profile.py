"""Profile likelihood: exact for linear models, the true interval for others, and open sides are said."""
import numpy as np
import pytest
import tensorflow as tf
from linear_model import LinearModel
from scipy import optimize, stats

import pcl
from pcl.uncertainty import noise, prior, profile

LINEAR = LinearModel()


def test_of_a_linear_model_it_is_laplaces_interval():
    found = profile(LINEAR.problem(), LINEAR.mean, [("x", 0), ("x", 2)], level=0.9)
    for i, each in zip((0, 2), found.values()):
        half = stats.norm.ppf(0.95) * np.sqrt(LINEAR.covariance[i, i])
        ends = LINEAR.mean[i] - half, LINEAR.mean[i] + half
        np.testing.assert_allclose(each.interval, ends, rtol=1e-7)
        np.testing.assert_allclose(each.interval, each.linear_interval, rtol=1e-7)
        assert each.closed == (True, True) and not each.verdict
        expected = 0.5 * (each.points - LINEAR.mean[i]) ** 2 / LINEAR.covariance[i, i]
        np.testing.assert_allclose(each.drop, expected, atol=1e-8)
        line = LINEAR.mean + np.outer(each.points - LINEAR.mean[i],
                                      LINEAR.covariance[:, i] / LINEAR.covariance[i, i])
        np.testing.assert_allclose(each.theta, line, rtol=1e-6)
    assert list(found) == ["x[0]", "x[2]"]


def decay(theta):
    """a e^(−k t) at five times."""
    return theta["a"] * tf.exp(-theta["k"] * tf.constant([0.5, 1.0, 2.0, 3.0, 4.0], tf.float64))


READINGS = np.array([0.95, 0.55, 0.45, 0.12, 0.2])
START = {"a": 1.0, "k": 0.5}


def in_closed_form(k, sigma):
    """Σ r²/σ² at k, least over a, which is linear."""
    f = np.exp(-k * np.array([0.5, 1.0, 2.0, 3.0, 4.0]))
    return np.sum((READINGS - f * (f @ READINGS) / (f @ f)) ** 2) / sigma ** 2


@pytest.mark.parametrize("stated", ["residuals", "density"])
def test_a_law_that_bends_has_the_interval_of_its_likelihood(stated):
    """Against the roots of the profile in closed form, by residuals and by a density without."""
    if stated == "residuals":
        problem = pcl.Problem.from_residuals(lambda t: decay(t) - READINGS, START)
    else:
        problem = pcl.Problem(lambda t: tf.reduce_sum((decay(t) - READINGS) ** 2), START)
    result = pcl.minimize(problem, progress=False)
    found = profile(problem, result, "k", sigma=0.12)["k"]
    least = in_closed_form(result.theta["k"], 0.12)

    def excess(k):
        return in_closed_form(k, 0.12) - least - stats.chi2.ppf(0.95, 1)
    ends = optimize.brentq(excess, 0.01, result.x[1]), optimize.brentq(excess, result.x[1], 5.0)
    np.testing.assert_allclose(found.interval, ends, rtol=1e-5)
    assert abs(found.linear_interval[1] - ends[1]) > 0.02 and found.closed == (True, True)


def test_an_unknown_sigma_is_trained_with_the_rest():
    """χ²₁ bounds m ln Σ r² then: the interval in closed form."""
    problem = pcl.Problem.from_data(decay, READINGS, noise.Gaussian(), START)
    result = pcl.minimize(problem, progress=False)
    low, high = profile(problem, result, ["k"], level=0.8)["k"].interval
    least = in_closed_form(result.theta["k"], 1.0)
    for end in (low, high):
        drop = 5 * np.log(in_closed_form(end, 1.0) / least)
        assert drop == pytest.approx(stats.chi2.ppf(0.8, 1), rel=1e-5)


def test_a_side_without_an_end_is_open_and_said():
    """y = 1 − e^(−k) cannot tell k from ∞."""
    problem = pcl.Problem.from_data(lambda t: 1.0 - tf.exp(-t["k"] * tf.ones(2, tf.float64)),
                                    np.array([0.9, 0.95]), noise.Gaussian(0.1), {"k": 2.0})
    result = pcl.minimize(problem, progress=False)
    found = profile(problem, result, "k")["k"]
    assert found.closed == (True, False) and found.interval[1] == np.inf
    assert "Not closed above" in str(found) and "standard errors away" in found.verdict
    bounded = profile(problem, result, "k", bounds={"k": (0.0, 3.0)})["k"]
    assert "the bound 3 is reached" in bounded.verdict and bounded.points.max() == 3.0


def test_bounds_of_the_other_numbers_hold():
    """x₀ with x₁ ≥ its peak: the drop is that of x₁ fixed on one side, of x₁ free on the other."""
    cov = np.array([[1.0, 0.8], [0.8, 1.0]])
    L = np.linalg.inv(np.linalg.cholesky(cov))
    for density in (False, True):
        def residuals(t):
            return tf.linalg.matvec(tf.constant(L), t["x"])
        problem = (pcl.Problem(lambda t: tf.reduce_sum(residuals(t) ** 2), {"x": np.zeros(2)}) if density
                   else pcl.Problem.from_residuals(residuals, {"x": np.zeros(2)}))
        found = profile(problem, np.zeros(2), [("x", 0)], sigma=1.0,
                        bounds=[(None, None), (0.0, None)])["x[0]"]
        root = np.sqrt(stats.chi2.ppf(0.95, 1))
        np.testing.assert_allclose(found.interval, [-root * np.sqrt(1 - 0.64), root], rtol=1e-4)


def test_what_nothing_determines_has_no_interval():
    problem = pcl.Problem.from_data(lambda t: tf.stack([t["x"][0] + t["x"][1]] * 3), np.ones(3),
                                    noise.Gaussian(0.5), {"x": np.ones(2) / 2})
    found = profile(problem, problem.theta0, ("x", 1))["x[1]"]
    assert found.interval == (-np.inf, np.inf) and "Neither data nor prior" in found.verdict


def test_a_higher_density_on_the_way_is_said():
    problem = pcl.Problem(lambda t: 2.0 * (t["x"] ** 2 - 1.0) ** 2 + 0.5 * t["x"], {"x": 1.0})
    result = pcl.minimize(problem, progress=False)
    found = profile(problem, result, "x", sigma=1.0)["x"]
    assert "theta is not the peak" in found.verdict and found.points[found.drop.argmin()] < -0.7


def test_where_the_model_has_no_value_the_walk_turns_or_ends():
    problem = pcl.Problem.from_data(lambda t: tf.math.log(t["x"]) * tf.ones(1, tf.float64), np.zeros(1),
                                    noise.Gaussian(1.0), {"x": 0.9}, {"x": prior.Normal(1.0, 9.0)})
    result = pcl.minimize(problem, progress=False)
    low, high = profile(problem, result, "x", level=0.95)["x"].interval
    for end in (low, high):
        excess = np.log(end) ** 2 + ((end - 1.0) / 9.0) ** 2 - stats.chi2.ppf(0.95, 1)
        assert excess == pytest.approx(0.0, abs=1e-5)
    ends = pcl.Problem.from_data(lambda t: tf.sqrt(t["x"]) * tf.ones(1, tf.float64), np.array([1.0]),
                                 noise.Gaussian(2.0), {"x": 1.0})
    found = profile(ends, [1.0], "x")["x"]
    assert found.closed == (False, True) and "has no value at -" in found.verdict


@pytest.mark.parametrize("names, said", [
    ("y", "the block of names is 'y'; known are x"), ("x", r"block 'x' has shape \(3,\); name one"),
    (("x", 3), r"\('x', 3\) is outside the block")])
def test_bad_names_are_refused(names, said):
    with pytest.raises(ValueError, match=said):
        profile(LINEAR.problem(), LINEAR.mean, names)


def test_a_profile_is_drawn():
    from matplotlib import pyplot
    pyplot.switch_backend("agg")
    found = profile(LINEAR.problem(), LINEAR.mean, ("x", 1))["x[1]"]
    ax = found.plot()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), found.drop)
    assert ax.get_xlabel() == "x[1]"
    pyplot.close("all")
