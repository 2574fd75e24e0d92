"""Pictures draw what they are given, with labels, into axes of the caller's or of their own."""
import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.uncertainty import noise, pictures, prior

X = np.linspace(-1.0, 1.0, 9)


@pytest.fixture
def new():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    yield plt
    plt.close("all")


def line(theta):
    return theta["a"] + theta["b"] * tf.constant(X)


@pytest.fixture(scope="module")
def posterior():
    data = 0.5 + X + 0.1 * np.random.default_rng(0).normal(size=9)
    blocks = {"a": 0.0, "b": 0.0, "w": np.zeros(2)}
    problem = pcl.Problem.from_data(line, data, noise.Gaussian(0.1), blocks,
                                    dict.fromkeys("abw", prior.Normal(0.0, 2.0)))
    return problem.posterior(problem.theta0)


def test_a_band_is_its_area_its_value_and_its_share(posterior, new):
    found = posterior.band(line, X)
    ax = new.figure().add_subplot()
    assert found.plot(ax, truth=0.5 + X, data=(X, X), xlabel="x [m]") is ax
    area = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert area.min() == pytest.approx(found.lower.min())
    assert area.max() == pytest.approx(found.upper.max())
    np.testing.assert_allclose(ax.lines[0].get_ydata(), found.value)
    share = ax.figure.axes[1].lines[0].get_ydata()
    np.testing.assert_allclose(share, found.determined)
    assert ax.get_xlabel() == "x [m]" and ax.figure.axes[1].get_ylabel() == "share from data"
    with pytest.raises(ValueError, match="band has no points"):
        posterior.band(line).plot()


def test_a_corner_has_ellipses_of_the_covariance_or_draws(posterior, new):
    axes = pictures.corner(posterior, prior={"a": (0.0, 2.0)}, truth={"a": 0.5}, labels={"a": "a [m]"})
    assert axes.shape == (2, 2) and axes[1, 0].get_xlabel() == "a [m]" and axes[1, 0].get_ylabel() == "b"
    one = np.stack(axes[1, 0].lines[0].get_data()) - posterior.theta[:2, None]
    C = posterior.covariance(["a", "b"])
    np.testing.assert_allclose(np.einsum("iq,ij,jq->q", one, np.linalg.inv(C), one), 1.0)
    drawn = posterior.draws(50, seed=0)
    dots = pictures.corner(posterior, ["b", "a"], axes, draws=drawn)[1, 0].lines[-1]
    np.testing.assert_array_equal(dots.get_xdata(), drawn[:, 1])
    with pytest.raises(ValueError, match="names has 'w'; expected blocks of one number, of a, b"):
        pictures.corner(posterior, ["w"])


def test_singular_values_are_drawn_with_the_cut(new):
    problem = pcl.Problem.from_data(lambda t: tf.stack([t["x"][0] + t["x"][1]] * 3), np.ones(3),
                                    noise.Gaussian(0.5), {"x": np.ones(2) / 2})
    ax = pictures.singular_values(problem.posterior(problem.theta0))
    labels = ax.get_legend_handles_labels()[1]
    assert "1 kept" in labels and any(label.startswith("cut") for label in labels)
    assert ax.get_xlabel() and ax.get_ylabel()


def test_a_map_has_its_values_and_the_sensors_in_order(new):
    points = np.stack(np.meshgrid(np.arange(3.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
    ax = pictures.map(points, np.arange(12.0), label="σ [K]", sensors=points[[3, 7]])
    np.testing.assert_array_equal(ax.collections[0].get_array(), np.arange(12.0))
    assert ax.figure.axes[1].get_ylabel() == "σ [K]"
    assert [text.get_text() for text in ax.texts] == ["1", "2"]
