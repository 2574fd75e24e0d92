"""Markov chains: their moments against closed forms, and what becomes of them in trouble."""
import pickle
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from linear_model import LinearModel
from numpy_density import Density
from scipy import integrate, special, stats

import pcl
from pcl.training.checkpoint import CheckpointError
from pcl.uncertainty import ChainStatus, LogDensity, noise, prior, sample
from pcl.uncertainty.sampling.diagnostics import effective_sizes, potential_scale_reduction

LINEAR = LinearModel()
QUICK = {"nuts": 100, "hmc": 200, "mala": 500, "pcn": 800}


def linear_problem():
    return LINEAR.problem()


@pytest.fixture(scope="module")
def posterior():
    return LINEAR.problem().posterior(LINEAR.mean)


def normal(x):
    return -0.5 * x @ x, -x


def assert_within_monte_carlo_error(samples, mean, covariance, deviations=4.5):
    """Means and variances differ from closed forms by what so many effective draws would."""
    effective, sd = samples.effective()["x"], np.sqrt(np.diag(covariance))
    assert np.all(effective > 120)
    assert np.all(np.abs(samples.mean()["x"] - mean) < deviations * sd / np.sqrt(effective))
    ratio = np.diag(samples.covariance()) / np.diag(covariance)
    assert np.all(np.abs(ratio - 1.0) < deviations * np.sqrt(2.0 / (effective / 3.0)))
    here, true = np.corrcoef(samples.pooled.T), covariance / np.outer(sd, sd)
    np.testing.assert_allclose(here, true, atol=deviations * np.sqrt(3.0 / effective.min()))


def closed_form(x):
    """log p and its gradient of the linear model."""
    slope = np.linalg.solve(LINEAR.covariance, LINEAR.mean - x)
    return -0.5 * (LINEAR.mean - x) @ slope, slope


@pytest.mark.parametrize("method", QUICK)
def test_chains_have_the_moments_of_a_linear_model(method):
    """From a reference that is neither at the peak nor of its size."""
    problem = Density(closed_form, 3)
    away = problem.around(LINEAR.mean + 0.02, 2.0 * LINEAR.covariance)
    samples = sample(problem, away, method, chains=2, draws=QUICK[method], warmup=60)
    assert_within_monte_carlo_error(samples, LINEAR.mean, LINEAR.covariance)
    assert samples.status is ChainStatus.COMPLETE and samples.failed == 0 and not samples.divergent.any()
    assert np.all(samples.r_hat()["x"] < 1.05)
    assert samples.blocks["x"].shape == (2, QUICK[method], 3)


def test_the_density_of_a_problem_is_sampled_as_it_is(posterior):
    """And where it is the reference itself, every step of Crank and Nicolson is accepted."""
    problem = posterior.problem
    samples = sample(problem, posterior, "hmc", chains=2, draws=60, warmup=30)
    values = [problem.log_density(theta) for theta in samples.theta[1, -3:]]
    np.testing.assert_allclose(samples.log_density[1, -3:], values, rtol=1e-12)
    error = np.sqrt(np.diag(LINEAR.covariance) / samples.effective()["x"])
    assert np.all(np.abs(samples.mean()["x"] - LINEAR.mean) < 4.5 * error)
    drawn = sample(problem, posterior, "pcn", chains=1, draws=60, warmup=30)
    assert drawn.acceptance.min() > 1 - 1e-9 and np.unique(drawn.theta[..., 0]).size == 60


def banana(x):
    """x₀ normal of deviation 1, x₁ normal around x₀²/2 of deviation 1/2."""
    bend = x[1] - 0.5 * x[0] ** 2
    return -0.5 * x[0] ** 2 - 2.0 * bend ** 2, np.array([-x[0] + 4.0 * x[0] * bend, -4.0 * bend])


@pytest.fixture(scope="module")
def bent():
    problem = Density(banana, 2)
    posterior = problem.around([0.0, 0.0], np.diag([1.0, 0.25]))
    return sample(problem, posterior, "hmc", chains=2, draws=500, warmup=100)


def test_a_bent_density_is_followed_where_laplace_is_not(bent):
    """Against quadrature: E x₁ = 1/2 and Var x₁ = 3/4, where Laplace says 0 and 1/4."""
    def moment(f):
        return integrate.dblquad(lambda y, x: f(x, y) * np.exp(banana(np.array([x, y]))[0]), -6, 6,
                                 lambda x: 0.5 * x ** 2 - 4, lambda x: 0.5 * x ** 2 + 4, epsabs=1e-6)[0]
    mass = moment(lambda x, y: 1.0)
    mean = moment(lambda x, y: y) / mass
    deviation = np.sqrt(moment(lambda x, y: (y - mean) ** 2) / mass)
    np.testing.assert_allclose([mean, deviation], [0.5, np.sqrt(0.75)], rtol=1e-4)
    effective = bent.effective()["x"][1]
    assert effective > 90
    assert abs(bent.mean()["x"][1] - mean) < 4.5 * deviation / np.sqrt(effective) < 0.45
    assert bent.standard_errors()["x"][1] == pytest.approx(deviation, rel=0.25)
    assert abs(bent.mean()["x"][0]) < 4.5 / np.sqrt(bent.effective()["x"][0])


@pytest.mark.parametrize("method", ["mala", "pcn"])
def test_a_chain_goes_on_where_the_model_has_no_value_and_counts(method):
    """A half normal density: its mean is √(2/π), its variance 1 − 2/π."""
    problem = Density(normal, 1, domain=lambda x: x[0] > 0.0)
    samples = sample(problem, problem.around([0.3], [[1.0]]), method, chains=2, draws=500, warmup=100)
    assert samples.theta.min() > 0.0 and samples.failed > 20
    effective = samples.effective()["x"][0]
    assert abs(samples.mean()["x"][0] - np.sqrt(2 / np.pi)) < 4.5 * 0.603 / np.sqrt(effective)
    assert f"{samples.failed} trials had no value and were rejected" in samples.verdict


def test_nan_and_infinity_are_trials_without_a_value():
    for value, counted in ((np.nan, 1), (np.inf, 1), (-np.inf, 0)):
        density = LogDensity(Density(lambda x: (value, -x), 2))
        found, gradient = density.value_and_gradient(np.ones(2))
        assert found == -np.inf and not gradient.any() and density.failed == counted
        assert density(np.ones(2)) == -np.inf


@pytest.mark.parametrize("method", ["hmc", "pcn"])
def test_the_seed_decides_and_an_interrupted_run_goes_on_bit_by_bit(method, tmp_path):
    problem = Density(banana, 2)
    posterior = problem.around([0.0, 0.0], np.diag([1.0, 0.5]))
    options = {"method": method, "chains": 2, "draws": 60, "warmup": 10, "seed": 3}
    whole = sample(problem, posterior, **options)
    calls, problem.calls, file = problem.calls, 0, tmp_path / "chains.npz"
    straight = problem.function

    def interrupted(x):
        if problem.calls == calls // 2:
            raise KeyboardInterrupt
        return straight(x)
    problem.function = interrupted
    part = sample(problem, posterior, checkpoint=file, **options)
    assert part.status is ChainStatus.INTERRUPTED and 0 < part.theta.shape[1] < 60
    np.testing.assert_array_equal(part.theta, whole.theta[:, :part.theta.shape[1]])
    assert "resume=True" in part.verdict
    problem.function = straight
    again = sample(problem, posterior, checkpoint=file, resume=True, **options)
    assert again.status is ChainStatus.COMPLETE
    for name in ("theta", "log_density", "acceptance", "divergent", "steps"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    other = sample(problem, posterior, **options | {"seed": 4})
    assert not np.isin(other.theta, whole.theta).any()


def test_a_finished_run_is_continued_and_files_of_others_are_refused(tmp_path):
    problem, file = Density(normal, 2), tmp_path / "chains.npz"
    posterior = problem.around([0.0, 0.0], np.eye(2))
    options = {"method": "pcn", "chains": 2, "warmup": 20}
    sample(problem, posterior, draws=30, checkpoint=file, **options)
    longer = sample(problem, posterior, draws=50, resume=file, **options)
    np.testing.assert_array_equal(longer.theta, sample(problem, posterior, draws=50, **options).theta)
    with np.load(file, allow_pickle=False) as entries:
        assert entries["0_z"].shape == (30, 2)
    with pytest.raises(CheckpointError, match="holds chains with seed=0; this run has 1"):
        sample(problem, posterior, draws=50, resume=file, seed=1, **options)
    with pytest.raises(CheckpointError, match="of another problem or posterior"):
        sample(problem, problem.around([0.1, 0.0], np.eye(2)), draws=50, resume=file, **options)
    with pytest.raises(ValueError, match="chains is 3, but .* holds 2"):
        sample(problem, posterior, draws=50, resume=file, **options | {"chains": 3})
    with pytest.raises(CheckpointError, match="not a checkpoint of pcl"):
        pcl.minimize(LINEAR.problem(), resume=file, progress=False)


def test_chains_in_processes_are_those_made_here(posterior):
    options = {"method": "pcn", "chains": 2, "draws": 20, "warmup": 10}
    here = sample(linear_problem, posterior, **options)
    there = sample(linear_problem, posterior, n_jobs=2, **options)
    np.testing.assert_allclose(there.theta, here.theta, rtol=1e-9)
    with pytest.raises(TypeError, match="cannot be sent to another process. Give a function"):
        sample(posterior.problem, posterior, n_jobs=2)


def test_an_error_that_is_no_failed_trial_comes_through():
    problem = Density(normal, 1)
    posterior = problem.around([0.0], [[1.0]])

    def broken(x):
        raise KeyError("no such thing")
    problem.function = lambda x: normal(x) if problem.calls < 30 else broken(x)
    with pytest.raises(KeyError, match="no such thing"):
        sample(problem, posterior, "hmc", chains=1, draws=30, warmup=10)


def test_a_band_has_the_quantiles_of_the_posterior(posterior):
    samples = sample(posterior.problem, posterior, "pcn", chains=2, draws=800, warmup=30)
    band = samples.band(lambda t: tf.stack([t["x"][0], tf.exp(t["x"][1])]), points=[0.0, 1.0], level=0.8,
                        draws=800)
    sd = np.sqrt(np.diag(LINEAR.covariance))
    assert band.upper[0] - band.lower[0] == pytest.approx(2 * 1.2816 * sd[0], rel=0.13)
    expected = np.exp(LINEAR.mean[1] + np.array([-1.2816, 0.0, 1.2816]) * sd[1])
    np.testing.assert_allclose([band.lower[1], band.value[1], band.upper[1]], expected, rtol=0.02)
    together = samples.band(lambda t: t["x"], simultaneous=True, level=0.8)
    assert np.all(together.upper - together.lower > 2 * 1.2816 * sd)
    with pytest.raises(ValueError, match="without their problem"):
        pickle.loads(pickle.dumps(samples)).band(lambda t: t["x"])


def test_directions_that_nothing_determines_are_refused():
    problem = pcl.Problem.from_data(lambda t: tf.stack([t["x"][0] + t["x"][1]] * 3), np.ones(3),
                                    noise.Gaussian(0.5), {"x": np.ones(2) / 2})
    with pytest.raises(ValueError, match="1 of 2 directions .* State a prior for every block"):
        sample(problem, problem.posterior(problem.theta0))


@pytest.mark.parametrize("options, said", [
    ({"method": "gibbs"}, "method is 'gibbs'; known are hmc, mala, nuts, pcn"),
    ({"draws": 0}, "draws is 0; expected a whole number"),
    ({"acceptance": 1.0}, "acceptance is 1; expected a probability"),
    ({"resume": True}, "resume=True goes on from checkpoint, which is None"),
    ({"draws": 10 ** 13}, "draws of 1 numbers needs .* take fewer draws")])
def test_bad_input_is_refused(options, said):
    problem = Density(normal, 1)
    with pytest.raises((ValueError, MemoryError), match=said):
        sample(problem, problem.around([0.0], [[1.0]]), **{"method": "pcn"} | options)


def test_no_start_is_said():
    problem = Density(normal, 1, domain=lambda x: x[0] == 0.0)
    with pytest.raises(ValueError, match="chain 0 finds no start"):
        sample(problem, problem.around([0.0], [[1.0]]), "pcn", draws=5)


# --- diagnostics -----------------------------------------------------------------------------------
def autoregressive(rho, chains, n, seed):
    """Chains (chains, n, 1) of stationary variance 1 with correlation ρ between neighbours."""
    steps = np.random.default_rng(seed).normal(size=(chains, n))
    found = steps.copy()
    for t in range(1, n):
        found[:, t] = rho * found[:, t - 1] + np.sqrt(1.0 - rho ** 2) * steps[:, t]
    return found[..., None]


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_effective_sizes_of_an_autoregression_are_known(chains, rho):
    draws = autoregressive(rho, chains, 8000 // chains, seed=1)
    assert effective_sizes(draws)[0] == pytest.approx(8000 * (1 - rho) / (1 + rho), rel=0.15)


def test_r_hat_sees_another_place_another_width_and_a_trend():
    draws = autoregressive(0.0, 4, 1000, seed=2)
    assert potential_scale_reduction(draws)[0] < 1.005
    one = np.arange(4)[:, None, None] == 0
    for wrong in (draws + one, draws * (1 + 2 * one), draws + np.linspace(-1, 1, 1000)[:, None]):
        assert potential_scale_reduction(wrong)[0] > 1.02
    assert potential_scale_reduction(np.zeros((2, 10, 1)))[0] == np.inf


def test_chains_in_two_peaks_are_said_not_to_agree():
    def peaks(x):
        right = special.expit(16.0 * x)
        value = np.logaddexp(-0.5 * (x[0] + 8.0) ** 2, -0.5 * (x[0] - 8.0) ** 2)
        return value, -(x + 8.0) * (1.0 - right) - (x - 8.0) * right
    problem = Density(peaks, 1)
    samples = sample(problem, problem.around([0.0], [[64.0]]), "mala", chains=4, draws=200, warmup=200)
    assert not samples.mixed and "The chains do not agree" in str(samples)


def test_draws_go_to_arviz_where_it_is_installed(monkeypatch, bent):
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(ImportError, match="pip install arviz"):
        bent.to_arviz()
    for version, given in (("0.17.1", lambda **groups: groups), ("1.0.0", lambda groups: groups)):
        stand_in = types.SimpleNamespace(__version__=version, from_dict=given)
        monkeypatch.setitem(sys.modules, "arviz", stand_in)
        found = bent.to_arviz()
        assert found["posterior"]["x"].shape == (2, 500, 2)
        np.testing.assert_array_equal(found["sample_stats"]["lp"], bent.log_density)


# --- other samplers --------------------------------------------------------------------------------
class RandomWalks:
    """A sampler that knows nothing of ours: so many walkers, log_prob_fn(θ) -> number."""

    def __init__(self, nwalkers, ndim, log_prob_fn):
        self._n, self._log_prob_fn = nwalkers, log_prob_fn
        self._scale = 2.4 / np.sqrt(ndim)

    def run_mcmc(self, start, steps, rng):
        """(steps, walkers, ndim), by Metropolis with steps drawn from the spread of the walkers."""
        x, value = start.copy(), np.array([self._log_prob_fn(each) for each in start])
        chain = np.empty((steps, *x.shape))
        root = self._scale * np.linalg.cholesky(np.cov(start.T))
        for found in chain:
            for k in range(self._n):
                trial = x[k] + root @ rng.normal(size=x.shape[1])
                there = self._log_prob_fn(trial)
                if np.log(rng.uniform()) < there - value[k]:
                    x[k], value[k] = trial, there
            found[:] = x
        return chain


def test_any_other_sampler_takes_the_log_density(posterior):
    density = LogDensity(posterior.problem)
    walkers = posterior.draws(8, seed=0)
    chain = RandomWalks(8, 3, density).run_mcmc(walkers, 150, np.random.default_rng(0))
    draws = np.swapaxes(chain[20:], 0, 1)
    error = np.sqrt(np.diag(LINEAR.covariance) / effective_sizes(draws))
    assert np.all(np.abs(draws.mean(axis=(0, 1)) - LINEAR.mean) < 4.5 * error)
    theta = LINEAR.mean + 0.1
    slope = stats.multivariate_normal(LINEAR.mean, LINEAR.covariance)
    assert density(theta) - density(LINEAR.mean) == pytest.approx(
        slope.logpdf(theta) - slope.logpdf(LINEAR.mean))
    gradient = np.linalg.solve(LINEAR.covariance, -0.1 * np.ones(3))
    np.testing.assert_allclose(density.gradient(theta), gradient)


def test_a_prior_alone_is_sampled_as_it_is():
    """Without information, draws are those of the prior; a block of one number has no shape."""
    problem = pcl.Problem.from_data(lambda t: 0.0 * tf.ones(1, tf.float64) * t["a"], np.zeros(1),
                                    noise.Gaussian(1.0), {"a": 0.0}, {"a": prior.Normal(2.0, 3.0)})
    samples = sample(problem, problem.posterior([2.0]), "pcn", chains=2, draws=300, warmup=20)
    assert abs(samples.mean()["a"] - 2.0) < 4.5 * 3.0 / np.sqrt(samples.effective()["a"])
    assert samples.standard_errors()["a"] == pytest.approx(3.0, rel=0.15)
    lower, upper = samples.interval(0.8)["a"]
    assert upper - lower == pytest.approx(2 * 1.2816 * 3.0, rel=0.2)
    assert samples.blocks["a"].shape == (2, 300) and "\na  " in str(samples)
    np.testing.assert_array_equal(samples.band("a", draws=600).value, [np.median(samples.pooled)])
