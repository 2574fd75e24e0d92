"""Chains of fits: their density is that of the model at any θ, their moments those of closed forms."""
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import multivariate_normal, norm

import pcl
from pcl.dae import Law, Model, Trajectory, fit
from pcl.uncertainty import LogDensity, noise, sample

SIGMA, T = 0.1, np.linspace(0.0, 2.0, 7)
Y = 0.3 + 1.5 * T + SIGMA * np.random.default_rng(1).standard_normal(7)
A = np.stack([np.ones(7), T], axis=1)


@pytest.fixture(scope="module")
def line():
    """x' = p with free start: x = a + p t."""
    model = Model(states=("x",), parameters=("p",), rates=lambda v: {"x": v.p})
    return fit(model, Trajectory(T, {"x": Y}, sigma=SIGMA), elements=3).posterior()


@pytest.mark.parametrize("method, draws", [("nuts", 60), ("mala", 200)])
def test_of_a_linear_model_chains_have_the_moments_of_the_closed_form(line, method, draws):
    samples = sample(line.problem, line, method, chains=2, draws=draws, warmup=40)
    C = SIGMA ** 2 * np.linalg.inv(A.T @ A)
    effective = np.array([*samples.effective().values()])
    error = np.abs(np.array([*samples.mean().values()]) - np.linalg.lstsq(A, Y)[0])
    assert np.all(effective > 25) and np.all(error < 4.5 * np.sqrt(np.diag(C) / effective))
    ratio = np.diag(samples.covariance()) / np.diag(C)
    assert np.all(np.abs(ratio - 1.0) < 4.5 * np.sqrt(6.0 / effective)) and not samples.failed


def test_of_a_linear_model_the_density_is_normal_with_all_constants(line):
    for theta in (line.theta, line.theta + [0.2, -0.3]):
        expected = norm(A @ theta, SIGMA).logpdf(Y).sum()
        assert line.problem.log_density(theta) == pytest.approx(expected, abs=1e-8)


# --- a model that bends, numbers by their logarithm ------------------------------------------------
LATE = np.linspace(0.0, 4.0, 6)
SEEN = 1.9 * np.exp(-0.7 * LATE) + 0.25 * np.array([0.5, -1.2, 0.3, 0.8, -0.4, 0.6])


def decay(**options):
    """x' = −k x, k by its logarithm, with six rough readings: the posterior is skew."""
    model = Model(states=("x",), parameters=("k",), log=("k",), bounds={"k": (1e-3, 50.0)},
                  rates=lambda v: {"x": -v.k * v.x})
    data = Trajectory(LATE, {"x": SEEN}, **({} if "noise" in options else {"sigma": 0.25}))
    return fit(model, data, elements=6, **options)


def on_a_grid(theta):
    """log p of (x₀, k), flat in ln k, and its constants."""
    return norm(theta[0] * np.exp(-theta[1] * LATE), 0.25).logpdf(SEEN).sum() - np.log(theta[1])


@pytest.fixture(scope="module")
def skew():
    return decay().posterior()


def test_the_density_of_a_number_by_its_logarithm_is_flat_in_it(skew):
    for theta in ([1.9, 0.7], [2.5, 0.3], [1.0, 2.0]):
        expected = on_a_grid(theta)
        assert skew.problem.log_density(theta) == pytest.approx(expected, abs=0.02)     # of 6 elements
    assert skew.problem.log_density([1.0, -0.5]) == skew.problem.log_density([1.0, 60.0]) == -np.inf


def test_its_gradient_is_that_of_differences(skew):
    theta, step = np.array([2.2, 0.9]), 1e-5
    value, gradient = skew.problem.log_density_and_gradient(theta)
    central = [(skew.problem.log_density(theta + e) - skew.problem.log_density(theta - e)) / (2 * step)
               for e in step * np.eye(2)]
    assert value == skew.problem.log_density(theta)
    np.testing.assert_allclose(gradient, central, rtol=1e-6)


def test_chains_follow_a_skew_posterior_where_laplace_is_not(skew):
    """Against quadrature: mean and deviation of k, and the band of x at a time not read."""
    x0, k = np.meshgrid(np.linspace(0.2, 4.2, 161), np.exp(np.linspace(-5.0, 3.0, 321)), indexing="ij")
    f = x0[..., None] * np.exp(-k[..., None] * LATE)
    weight = np.exp(-0.5 * np.sum((f - SEEN) ** 2, axis=-1) / 0.25 ** 2)        # dx₀ d ln k
    weight /= weight.sum()
    mean = np.sum(weight * k)
    deviation = np.sqrt(np.sum(weight * (k - mean) ** 2))
    samples = sample(skew.problem, skew, chains=1, draws=120, warmup=30)
    error = deviation / np.sqrt(samples.effective()["k"])
    assert abs(samples.mean()["k"] - mean) < 4.5 * error
    assert samples.standard_errors()["k"] == pytest.approx(deviation, rel=0.35)
    assert np.all(samples.blocks["k"] > 0.0)
    band = samples.band("x", [1.3], trajectory="0", draws=100)
    late = x0 * np.exp(-1.3 * k)
    order = np.argsort(late, axis=None)
    ends = np.interp([0.05, 0.95], np.cumsum(weight.ravel()[order]), late.ravel()[order])
    np.testing.assert_allclose([band.lower[0], band.upper[0]], ends, atol=0.35 * np.ptp(ends))


def test_noise_with_an_unknown_sigma_is_sampled_with_the_rest():
    found = decay(noise={"x": noise.Gaussian()}).posterior()
    theta = found.theta * 1.1
    x0, k, sigma = theta
    expected = norm(x0 * np.exp(-k * LATE), sigma).logpdf(SEEN).sum() - np.log(k) - np.log(sigma)
    assert list(found.problem.slices) == ["x at the start of 0", "k", "sigma of x"]
    assert LogDensity(found.problem)(theta) == pytest.approx(expected, abs=1e-3)
    samples = sample(found.problem, found, "mala", chains=1, draws=30, warmup=20)
    assert np.all(samples.blocks["sigma of x"] > 0.0)


def test_a_fit_without_known_variances_is_refused():
    model = Model(states=("x",), parameters=("p",), rates=lambda v: {"x": v.p})
    found = fit(model, Trajectory(T, {"x": Y}), elements=3).posterior()
    with pytest.raises(ValueError, match="give weights 1/σ² .* noise=pcl.uncertainty.noise.Gaussian"):
        sample(found.problem, found)


def test_weights_of_a_law_are_sampled_with_their_prior():
    """x' = z(t), z linear in its weights: mean and covariance in closed form, evidence included."""
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z})
    t, y = np.linspace(0.25, 2.0, 8), 0.4 * np.linspace(0.25, 2.0, 8) ** 2
    found = fit(model, Trajectory(t, {"x": y}, {"x": 0.0}, sigma=SIGMA, span=(0.0, 2.0)),
                Law(pcl.MLP((1, 1)), "t", "z"), elements=2, weight_decay=2.0, tol=1e-10).posterior()
    C, density = found.covariance(), found.problem.log_density
    away = found.theta + [0.1, -0.2]
    expected = multivariate_normal(found.theta, C)
    assert density(away) - density(found.theta) == pytest.approx(
        expected.logpdf(away) - expected.logpdf(found.theta), rel=1e-6)
    samples = sample(found.problem, found, "hmc", chains=2, draws=60, warmup=30)
    effective = samples.effective()["law of z"]
    error = np.abs(samples.pooled.mean(axis=0) - found.theta)
    assert np.all(error < 4.5 * np.sqrt(np.diag(C) / effective))
    band, linear = samples.band("z", [0.5, 1.5]), found.band("z", [0.5, 1.5])
    np.testing.assert_allclose(band.deviation, linear.deviation, rtol=0.4)


def test_where_there_is_no_trajectory_the_chain_goes_on_and_counts():
    """x' = x²: with x₀ T ≥ 1 there is none."""
    t = np.linspace(0.0, 1.0, 6)
    model = Model(states=("x",), rates=lambda v: {"x": v.x ** 2})
    y = solve_ivp(lambda t, x: x ** 2, (0.0, 1.0), [0.6], t_eval=t, rtol=1e-10).y[0]
    found = fit(model, Trajectory(t, {"x": y}, sigma=2.0), elements=8).posterior()
    density = LogDensity(found.problem)
    assert density([0.55]) > density([3.0])
    samples = sample(found.problem, found, "mala", chains=1, draws=60, warmup=40)
    assert np.isfinite(samples.log_density).all()
