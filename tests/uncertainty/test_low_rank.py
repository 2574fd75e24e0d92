"""Posteriors of many numbers from products alone: the closed form, and the dense one where both fit."""
import functools
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from scipy.sparse.linalg import spsolve
from scipy.stats import multivariate_normal

import fem
import pcl
from pcl.support import memory
from pcl.uncertainty import Indefinite, noise, prior, sample


class Source:
    """−Δu = f, u = 0 around: f at the nodes from 40 readings of u, and the posterior in closed form."""

    sigma = 1e-3

    def __init__(self, n):
        self.V = V = fem.Space(fem.unit_square(n), "P1")
        self.f = fem.Coefficient(V, "P1")
        self.prior = fem.Matern(self.f, 0.4, 2.0, 1.0)
        rng = np.random.default_rng(0)
        self.read = V.observe(rng.uniform(0.15, 0.85, (40, 2)))
        K, M, inner = V.laplace().to_scipy().tocsc(), V.mass().to_scipy(), np.setdiff1d(
            np.arange(V.n), V.boundary_dofs())
        solved = spsolve(sp.csc_array(K[inner][:, inner]), sp.csc_array(self.read.matrix[:, inner].T))
        self.A = (solved.T @ M[inner]).toarray()                    # readings (40, n) of f
        self.y = self.A @ self.prior.draws(1, seed=1)[0] + self.sigma * rng.normal(size=40)
        C = self.prior.covariance(np.arange(V.n))
        S = self.A @ C @ self.A.T + self.sigma ** 2 * np.eye(40)
        self.gain = np.linalg.solve(S, self.A @ C).T
        self.mean = self.prior.mean + self.gain @ (self.y - self.A @ self.prior.mean)
        self.covariance = C - self.gain @ (self.A @ C)
        self.evidence = multivariate_normal(self.A @ self.prior.mean, S).logpdf(self.y)

    def problem(self):
        K = self.V.laplace()

        def predict(theta):
            return self.read @ fem.solve(K, self.V.load(self.f.at(theta["f"])), dirichlet=0.0)
        return pcl.Problem.from_data(predict, self.y, noise.Gaussian(self.sigma),
                                     {"f": self.f.init(1.0)}, {"f": self.prior})


SOURCE = functools.cache(Source)


def test_of_2025_nodal_values_it_is_the_closed_form():
    case = SOURCE(44)
    problem = case.problem()
    assert problem.size == 2025
    start = problem.posterior(problem.theta0, rank=40)
    # one Newton step of a quadratic
    mean = problem.theta0 - start.covariance_form.product(0.5 * problem.gradient(problem.theta0))
    found = problem.posterior(mean, rank="auto")
    assert np.abs(mean - case.mean).max() < 1e-8 * np.abs(case.mean).max()
    full = start.covariance_form
    rows = [0, 700, 1500, 2024]
    unit = np.eye(2025)[rows]
    assert np.abs(full.product(unit.T).T - case.covariance[rows]).max() < 1e-8 * case.covariance.max()
    np.testing.assert_allclose(full.variances(), np.diag(case.covariance), rtol=1e-8, atol=1e-10)
    at_peak = problem.posterior(mean, rank=40)
    assert at_peak.log_evidence == pytest.approx(case.evidence, rel=1e-8)
    assert not at_peak.verdict and "by 4" in str(at_peak)           # 40-odd products
    assert found.directions.pairs.values.min() >= 0.1
    assert found.log_evidence == pytest.approx(case.evidence, abs=1.0)
    assert "standard deviations from the peak" in start.verdict


def test_draws_and_bands_have_its_covariance():
    case = SOURCE(8)
    problem = case.problem()
    posterior = problem.posterior(case.mean, rank=40)
    draws = posterior.draws(20_000, seed=0)
    scale = np.sqrt(np.outer(*[np.diag(case.covariance)] * 2))
    assert np.abs((np.cov(draws.T) - case.covariance) / scale).max() < 0.05
    at = case.V.observe([[0.5, 0.5], [0.2, 0.9]])
    band = posterior.band(lambda t: at @ t["f"], check=0)
    A = at.matrix.toarray()
    np.testing.assert_allclose(band.deviation, np.sqrt(np.diag(A @ case.covariance @ A.T)), rtol=1e-8)
    dense = problem.posterior(case.mean).band(lambda t: at @ t["f"], check=0)
    np.testing.assert_allclose(band.determined, dense.determined, rtol=1e-6)
    assert posterior.covariance_form.trace() == pytest.approx(np.trace(case.covariance))


def test_crank_nicolson_steps_from_it_are_independent_draws():
    case = SOURCE(8)
    problem = case.problem()
    samples = sample(problem, problem.posterior(case.mean, rank=40), "pcn", chains=2, draws=200,
                     warmup=100, progress=False)
    assert samples.acceptance.min() > 0.999         # relative to its own normal density


def curved():
    """Three blocks, a model that bends: m nodal, weights, a number."""
    V = fem.Space(fem.unit_square(4), "P1")
    c, net = fem.Coefficient(V, "P1"), pcl.MLP([1, 3, 1])
    read = V.observe(np.random.default_rng(1).uniform(0.1, 0.9, (12, 2)))
    blocks = {"m": c.init(0.0), "net": net.init(0), "b": np.zeros(2)}
    x = np.linspace(-1.0, 1.0, 25)[:, None]

    def predict(theta):
        law = tf.exp(net(theta["net"], tf.constant(x))[:, 0])
        u = fem.solve(V.laplace(tf.exp(c.at(theta["m"]))), V.load(1.0) * (1.0 + theta["b"][0] ** 2),
                      dirichlet=0.0)
        return tf.concat([20.0 * (read @ u), law[:5] + theta["b"][1]], 0)
    priors = {"m": fem.Matern(c, 0.5, 1.0), "net": prior.Normal(0.0, 1.0), "b": prior.Normal(0.1, 0.5)}
    return predict, blocks, priors, np.linspace(0.5, 1.5, 17)


@pytest.fixture(scope="module")
def several():
    predict, blocks, priors, y = curved()
    problem = pcl.Problem.from_data(predict, y, noise.Gaussian(0.05), blocks, priors)
    return problem, pcl.minimize(problem, "levenberg-marquardt", progress=False).x


@pytest.mark.parametrize("method", ["lanczos", "randomised"])
@pytest.mark.parametrize("hessian", ["gauss-newton", "exact"])
def test_low_rank_is_the_dense_posterior_where_both_fit(several, method, hessian):
    problem, theta = several
    dense = problem.posterior(theta, hessian=hessian)
    low = problem.posterior(theta, rank=problem.size, method=method, hessian=hessian)
    np.testing.assert_allclose(low.covariance(), dense.covariance(), atol=1e-8)
    np.testing.assert_allclose(low.standard_errors()["net"], dense.standard_errors()["net"], rtol=1e-8)
    assert low.log_evidence == pytest.approx(dense.log_evidence, abs=1e-8)


def test_noise_of_unknown_size_takes_the_exact_hessian_and_a_prior_of_its_own():
    A = np.random.default_rng(0).normal(size=(9, 4))
    y = A @ np.ones(4) + 0.3 * np.random.default_rng(1).normal(size=9)

    def problem(**more):
        return pcl.Problem.from_data(lambda t: tf.linalg.matvec(A, t["x"]), y, noise.Gaussian(),
                                     {"x": np.ones(4)}, {"x": prior.Normal(0.0, 2.0), **more})
    with pytest.raises(ValueError, match="needs a normal prior of every block.*without one: ln sigma"):
        problem().posterior(np.zeros(5), rank=2)
    both = problem(**{"ln sigma": prior.Normal(-1.0, 1.0)})
    theta = pcl.minimize(both, "newton-cg", progress=False).x
    dense, low = both.posterior(theta), both.posterior(theta, rank=5)
    np.testing.assert_allclose(low.covariance(), dense.covariance(), atol=1e-10)
    assert low.log_evidence == pytest.approx(dense.log_evidence, abs=1e-10)


def test_what_is_dropped_is_said(several):
    problem, theta = several
    few = problem.posterior(theta, rank=2)
    assert "2 directions are kept" in few.verdict and "rank='auto'" in few.verdict
    assert few.directions.pairs.dropped > 0.1
    enough = problem.posterior(theta, rank="auto")
    assert not enough.directions.words() and enough.directions.pairs.dropped < 0.1
    wider = np.sqrt(few.covariance_form.variances() / enough.covariance_form.variances())
    assert (wider > 1.0 - 1e-9).all() and wider.max() > 1.01        # what is dropped is prior


def test_a_saddle_is_no_posterior():
    problem = pcl.Problem.from_data(lambda t: t["x"][:1] * t["x"][1:], np.array([4.0]),
                                    noise.Gaussian(1.0), {"x": np.zeros(2)}, {"x": prior.Normal()})
    found = problem.posterior(np.zeros(2), rank=2, hessian="exact")
    along = found.directions.negative[:, 0]
    np.testing.assert_allclose(along[0], along[1])
    assert "no minimum" in found.verdict
    with pytest.raises(Indefinite):
        found.standard_errors()


def test_what_would_not_fit_names_the_low_rank_way(several):
    problem, theta = several
    with mock.patch.object(memory, "available", lambda: 1000):
        with pytest.raises(MemoryError, match="take rank='auto'"):
            problem.posterior(theta)
        with pytest.raises(MemoryError, match="take a smaller rank="):
            problem.posterior(theta, rank=5)


def test_bad_input_is_refused(several):
    problem, theta = several
    with pytest.raises(ValueError, match="needs a prior to tell from the data"):
        pcl.Problem.from_residuals(lambda t: t["x"], {"x": np.ones(2)}).posterior(np.ones(2), rank=1)
    with pytest.raises(ValueError, match="method"):
        problem.posterior(theta, rank=1, method="power")
    with pytest.raises(ValueError, match="with rank= the noise is that of the problem"):
        problem.posterior(theta, rank=1, sigma=2.0)
    with pytest.raises((TypeError, ValueError), match="rank"):
        problem.posterior(theta, rank=0)
