"""A trained problem in a file gives back its numbers, its laws and its posterior."""
import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.training.checkpoint import CheckpointError
from pcl.uncertainty import noise, prior

NET = pcl.MLP((1, 4, 1), output=pcl.softplus(0.1))
X = np.linspace(0.0, 1.0, 12)[:, None]


@pytest.fixture(scope="module")
def trained():
    problem = pcl.Problem.from_data(
        lambda t: t["a"] * NET(t["law"], X)[:, 0], 1.0 + X[:, 0] ** 2, noise.Gaussian(0.05),
        {"law": NET.init(0), "a": 1.0}, {"law": prior.Normal(0.0, 2.0), "a": prior.Normal(1.0, 0.1)})
    return pcl.minimize(problem, "levenberg-marquardt", progress=False)


@pytest.fixture(scope="module")
def read(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "a law.npz"
    trained.save(path, posterior=trained.posterior())
    return pcl.load(path)


def test_numbers_history_and_words_come_back(trained, read):
    np.testing.assert_array_equal(read.x, trained.x)
    assert read.fun == trained.fun and read.success and read.method == "levenberg-marquardt"
    assert read.status == trained.status.name and read.versions["numpy"] == np.__version__
    np.testing.assert_array_equal(read.history.loss, trained.history.loss)
    assert read.theta["a"] == trained.theta["a"] and str(read).startswith("Converged")


def test_a_law_is_a_function_with_derivatives(trained, read):
    law = read.laws["law"]
    np.testing.assert_array_equal(law(X), NET.at(trained.theta["law"], X).value)
    h = 1e-5
    slope = (law(X + h) - law(X - h)) / (2 * h)
    np.testing.assert_allclose(law.jacobian(X)[:, 0], slope, rtol=1e-8, atol=1e-9)
    bend = (law(X + 1e-4) - 2 * law(X) + law(X - 1e-4)) / 1e-8
    np.testing.assert_allclose(law.hessian(X)[:, 0], bend, rtol=1e-4, atol=1e-5)
    assert set(read.laws) == {"law"}


def test_the_posterior_comes_back_with_bands_of_the_law(trained, read):
    np.testing.assert_allclose(read.posterior.covariance(), trained.posterior().covariance(), rtol=1e-10)
    band = trained.posterior().band(lambda t: NET(t["law"], X)[:, 0], check=0)
    again = read.band("law", X)
    np.testing.assert_allclose(again.deviation, band.deviation, rtol=1e-9)
    with pytest.raises(ValueError, match="no equations"):
        read.posterior.band(lambda t: t["a"][None])


@pytest.mark.parametrize("where", ["equation", "recurrence", "gradient"])
def test_networks_are_found_wherever_they_stand(where):
    def loss(t):
        def law(u):
            return 0.1 * NET(t["law"], u[:, None])[:, 0]
        if where == "equation":
            u = pcl.solve_nonlinear(lambda u: u + law(u) - 1.0, np.zeros(3))
        elif where == "recurrence":
            u = pcl.scan(lambda s: s + law(s), np.zeros(3), n_steps=2)
        else:
            u = NET.gradient(t["law"], X)
        return tf.reduce_sum(u ** 2)
    assert pcl.Problem(loss, {"other": np.zeros(1), "law": NET.init(0)}).networks == {"law": NET}


def test_an_input_convex_network_comes_back(tmp_path):
    net = pcl.ICNN((1, 3, 1))
    problem = pcl.Problem.from_residuals(lambda t: net(t["w"], X)[:, 0] - X[:, 0] ** 2,
                                         {"w": net.init(0)})
    pcl.minimize(problem, "levenberg-marquardt", maxiter=3, progress=False).save(tmp_path / "w.npz")
    again = pcl.load(tmp_path / "w.npz")
    assert again.laws["w"].net == net
    with pytest.raises(ValueError, match="no posterior was saved"):
        again.posterior


def test_what_is_no_such_file_is_named(tmp_path, trained):
    with pytest.raises(CheckpointError, match="cannot be read"):
        pcl.load(tmp_path / "none.npz")
    pcl.minimize(trained.__dict__["_problem"], "BFGS", maxiter=1, progress=False,
                 checkpoint=tmp_path / "run.npz")
    with pytest.raises(CheckpointError, match="holds a checkpoint of a run; expected a trained problem"):
        pcl.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match="known are law, a|known are a, law"):
        trained.save(tmp_path / "x.npz", networks={"lav": NET})
