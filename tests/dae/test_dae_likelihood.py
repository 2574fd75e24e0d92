"""Fits with noise models against the likelihood of the closed solution, minimised by SciPy."""

import numpy as np
import pytest
import tensorflow as tf
from oracles import slope_of_order_six
from scipy.optimize import approx_fprime, minimize
from scipy.stats import norm, t as t_distribution

from pcl import MLP
from pcl.dae import Model, Trajectory, fit, load
from pcl.dae.program.density import Density
from pcl.dae.program.setting import Setting
from pcl.dae.stages.densities import as_squares, densities_of, likely
from pcl.uncertainty import noise

T = np.linspace(0.0, 4.0, 31)
RNG = np.random.default_rng(5)
X = 2.0 * np.exp(-0.7 * T)
FIRST = X + 0.03 * RNG.standard_normal(T.size)
SECOND = 5.0 * X / (1.0 + X) + 0.2 * RNG.standard_normal(T.size)
MODEL = Model(states="x", parameters=("k", "s"), rates=lambda v: {"x": -v.k * v.x},
              bounds={"k": (0.0, 10.0)}, observed={"seen": lambda v: v.s * v.x / (1.0 + v.x)})
NAMES = ("k", "s", "x0")


class Oracle:
    """Minimum of a function −2 ln L(x(T), s, q) over (k, s, x(0), q), and 2 H⁻¹ by differences."""

    def __init__(self, cost, q):
        def total(p):
            return cost(p[2] * np.exp(-p[0] * T), p[1], p[3:])
        p = minimize(total, [0.7, 5.0, 2.0, *q], method="Nelder-Mead",
                     options={"maxiter": 20000, "maxfev": 20000, "xatol": 1e-9, "fatol": 1e-11}).x
        self.p, self.deviance = p, total(p)
        H = approx_fprime(p, lambda p: approx_fprime(p, total, 1e-5), 1e-4)
        self.errors = np.sqrt(np.diag(2.0 * np.linalg.inv(0.5 * (H + H.T))))


def agree(found, oracle, q):
    """Parameters, starts, unknown numbers q [(name, number), …], their errors and −2 ln L."""
    assert found.success and found.likelihood.deviance == pytest.approx(oracle.deviance, abs=1e-4)
    start = found.band("x", [0.0], trajectory="0")
    values = [*found.parameters.values(), start.value[0], *(found.noise[a][b] for a, b in q)]
    errors = [*found.standard_errors().values(), start.error[0],
              *(found.noise_errors()[a][b] / found.noise[a][b] for a, b in q)]
    expected = [*oracle.p[:3], *np.exp(oracle.p[3:])]
    scale = oracle.errors * [*np.ones(3), *np.exp(oracle.p[3:])]
    np.testing.assert_allclose(np.subtract(values, expected) / scale, 0.0, atol=5e-3)
    np.testing.assert_allclose(errors, oracle.errors, rtol=0.01)


def normal(y, f, sigma):
    return -2.0 * norm.logpdf(y, f, sigma).sum()


def test_two_unknown_sigmas_are_estimated_with_the_rest():
    oracle = Oracle(lambda x, s, q: normal(FIRST, x, np.exp(q[0]))
                    + normal(SECOND, s * x / (1.0 + x), np.exp(q[1])), np.log([0.03, 0.2]))
    found = fit(MODEL, Trajectory(T, {"x": FIRST, "seen": SECOND}), elements=20,
                noise={"seen": noise.Gaussian(), "x": noise.Gaussian()})
    agree(found, oracle, [("x", "sigma"), ("seen", "sigma")])
    assert found.likelihood.free == 5 and found.likelihood.counts == {"x": 31, "seen": 31}
    assert found.likelihood.aic == pytest.approx(oracle.deviance + 10.0, abs=1e-4)
    assert found.likelihood.bic == pytest.approx(oracle.deviance + 5.0 * np.log(62.0), abs=1e-4)
    sigma = found.noise["x"]["sigma"]
    assert found.likelihood.parts["x"] == pytest.approx(
        normal(FIRST, found.trajectories["0"](T, "x"), sigma), rel=1e-12)
    assert f"sigma of x = {sigma:.6g}" in str(found) and "AIC" in str(found)


def proportional(y, f, q):
    return normal(y, f, np.hypot(np.exp(q[0]), np.exp(q[1]) * f))


def student(y, f, q):
    return -2.0 * t_distribution.logpdf(y, 4.0, f, np.exp(q[0])).sum()


def censored(y, f, q):
    below, sigma = y <= LIMIT, np.exp(q[0])
    return normal(y[~below], f[~below], sigma) - 2.0 * norm.logcdf(LIMIT, f[below], sigma).sum()


LIMIT = 1.0         # of quantification: a quarter of the readings are below
OUTLIERS = SECOND + np.where(np.arange(T.size) % 10 == 3, 3.0, 0.0)
GROWING = 5.0 * X / (1.0 + X) + RNG.standard_normal(T.size) * np.hypot(0.05, 0.25 * X / (1.0 + X))


@pytest.mark.parametrize("name, readings, model, cost, q", [
    ("seen", GROWING, noise.Proportional(), proportional, {"constant": 0.05, "relative": 0.05}),
    ("seen", OUTLIERS, noise.StudentT(), student, {"sigma": 0.2}),
    ("seen", np.maximum(SECOND, LIMIT), noise.Censored(noise.Gaussian(), below=LIMIT), censored,
     {"sigma": 0.2})], ids=["proportional plus constant", "Student's t", "censored"])
def test_other_noises_of_an_observable_are_maximum_likelihood(name, readings, model, cost, q):
    oracle = Oracle(lambda x, s, p: normal(FIRST, x, 0.03) + cost(readings, s * x / (1.0 + x), p),
                    np.log(list(q.values())))
    found = fit(MODEL, Trajectory(T, {"x": FIRST, name: readings}, sigma={"x": 0.03}), elements=20,
                noise={name: model})
    agree(found, oracle, [(name, number) for number in q])


def test_a_name_without_noise_has_an_unknown_sigma_and_one_with_sigma_keeps_it():
    oracle = Oracle(lambda x, s, q: normal(FIRST, x, 0.03)
                    + normal(SECOND, s * x / (1.0 + x), np.exp(q[0])), [np.log(0.2)])
    data = Trajectory(T, {"x": FIRST, "seen": SECOND}, sigma={"x": 0.03})
    found = fit(MODEL, data, elements=20, noise={})
    agree(found, oracle, [("seen", "sigma")])


def test_known_sigma_as_noise_and_as_sigma_of_readings_are_one_fit():
    data = {"x": FIRST, "seen": SECOND}
    known = fit(MODEL, Trajectory(T, data, sigma={"x": 0.03, "seen": 0.2}), elements=20)
    found = fit(MODEL, Trajectory(T, data), elements=20,
                noise={"x": noise.Gaussian(0.03), "seen": noise.Gaussian(np.full(T.size, 0.2))})
    assert found.noise == {} and found.success
    assert found.likelihood.deviance == pytest.approx(known.likelihood.deviance, rel=1e-9)
    for name in MODEL.parameters:
        error = known.standard_errors()[name]
        assert found.parameters[name] == pytest.approx(known.parameters[name], abs=1e-4 * error)
        assert found.standard_errors()[name] == pytest.approx(error, rel=1e-5)
    constant = np.log(2.0 * np.pi) * 2 * T.size + 2.0 * T.size * np.log(0.03 * 0.2)
    assert known.likelihood.deviance == pytest.approx(known.misfit + constant, rel=1e-12)
    assert found.misfit == pytest.approx(found.likelihood.deviance, rel=1e-12)


def test_relative_weights_have_one_common_variance_in_the_likelihood():
    model = Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x})
    found = fit(model, Trajectory(T, {"x": FIRST}), elements=20)
    r = found.trajectories["0"](T, "x") - FIRST
    best = normal(FIRST, FIRST + r, np.sqrt(np.mean(r ** 2)))
    assert found.likelihood.deviance == pytest.approx(best, rel=1e-12)
    assert found.likelihood.common and found.likelihood.free == 3     # k, x(0) and the variance


NOISES = {"Gaussian": noise.Gaussian(), "proportional plus constant": noise.Proportional(),
          "Student's t": noise.StudentT(), "log-normal": noise.LogNormal(0.1),
          "censored": noise.Censored(noise.Gaussian(), below=1.5, above=3.0)}


@pytest.mark.parametrize("name", NOISES)
def test_derivatives_of_the_density_are_exact_in_predictions_and_unknown_numbers(name):
    y = RNG.uniform(1.0, 4.0, 6)
    density = Density(NOISES[name], y)
    h, q = y * RNG.uniform(0.8, 1.2, 6), np.array(list(density.start.values()))
    dh, dq = RNG.normal(size=6), RNG.normal(size=q.size)
    cost = density.at(h, q)
    assert cost.value == -2.0 * float(NOISES[name].log_density(h, y, dict(zip(density.unknowns, q))))
    slope = slope_of_order_six(lambda s: density.at(h + s * dh, q + s * dq).value, 0.0, 1.0)
    assert cost.slope @ dh + cost.own_slope @ dq == pytest.approx(float(slope), rel=1e-8)
    np.testing.assert_allclose(
        cost.curvature * dh + cost.mixed @ dq,
        slope_of_order_six(lambda s: density.at(h + s * dh, q + s * dq).slope, 0.0, 1.0), rtol=1e-7)
    np.testing.assert_allclose(
        cost.mixed.T @ dh + cost.own_curvature @ dq,
        slope_of_order_six(lambda s: density.at(h + s * dh, q + s * dq).own_slope, 0.0, 1.0), rtol=1e-7)


def test_gradient_and_hessian_of_the_likelihood_are_exact_in_all_unknowns():
    data = [Trajectory(T, {"x": FIRST, "seen": SECOND}),
            Trajectory(T[:4], {"seen": SECOND[:4]}, span=(0.0, 1.0))]
    setting = Setting.of(MODEL, data, 3)
    densities = densities_of(setting.data, {"seen": noise.Proportional()})
    setting = likely(setting, setting.data, densities)
    assert setting.model.parameters == ("k", "s", "sigma_of_x", "constant_of_seen", "relative_of_seen")
    program = setting.transcription([], [])
    x, d = RNG.uniform(0.5, 1.0, program.n), RNG.normal(size=program.n)
    slope = slope_of_order_six(program.objective, x, d)
    assert program.gradient(x) @ d == pytest.approx(float(slope), rel=1e-8)
    expected = slope_of_order_six(program.gradient, x, d)
    found = program.hessian(x, np.zeros(program.m), 1.0) @ d
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * np.abs(expected).max())


def test_weights_that_stand_for_a_density_are_half_its_curvature_at_the_readings():
    data = Setting.of(MODEL, Trajectory(T, {"x": FIRST, "seen": SECOND}), 3).data
    squares = as_squares(data, densities_of(data, {"x": noise.Gaussian(0.1)}))[0]
    np.testing.assert_allclose(squares.observed["x"].weights, 100.0)
    np.testing.assert_allclose(squares.observed["seen"].weights, 1.0 / np.var(SECOND))
    np.testing.assert_array_equal(squares.observed["seen"].values, SECOND)


def test_exact_readings_leave_an_unknown_sigma_at_its_least_and_the_report_says_so():
    model = Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x})
    found = fit(model, Trajectory(T, {"x": X}, {"x": 2.0}), elements=20, noise={"x": noise.Gaussian()})
    assert found.success and found.parameters["k"] == pytest.approx(0.7, rel=1e-6)
    assert found.noise["x"]["sigma"] == pytest.approx(1e-4 * np.std(X), rel=1e-3)
    assert "the readings do not tell them from 0" in str(found)


def test_sequential_and_simultaneous_fits_meet_at_the_maximum_of_the_likelihood():
    data = Trajectory(T, {"x": FIRST, "seen": SECOND}, {"x": 2.0})
    one, other = (fit(MODEL, data, elements=15, noise={}, approach=approach)
                  for approach in ("simultaneous", "sequential"))
    assert one.success and other.success
    assert one.objective == pytest.approx(other.objective, abs=1e-6)
    for name, error in one.standard_errors().items():
        assert one.parameters[name] == pytest.approx(other.parameters[name], abs=1e-3 * error)
    assert one.noise_errors()["seen"]["sigma"] == pytest.approx(other.noise_errors()["seen"]["sigma"],
                                                                rel=1e-3)


def test_a_law_is_found_through_an_observable_with_unknown_noise():
    """Logistic growth r(x) = x (1 − x), of which only s ln(1 + x) is read, s unknown."""
    model = Model(states="x", outputs="r", parameters="s", rates=lambda v: {"x": v.r},
                  bounds={"x": (0.0, None)},
                  observed={"density": lambda v: v.s * tf.math.log(1.0 + v.x)})
    t, random = np.linspace(0.0, 6.0, 25), np.random.default_rng(1)
    x = [x0 / (x0 + (1.0 - x0) * np.exp(-t)) for x0 in (0.05, 0.3, 1.5)]
    data = [Trajectory(t, {"density": 2.0 * np.log(1.0 + each) + 0.02 * random.standard_normal(25)},
                       {"x": each[0]}) for each in x]
    found = fit(model, data, MLP((1, 6, 1)), elements=15, smoothing=0.05,
                noise={"density": noise.Gaussian()})
    value, error = found.band("r", np.array([0.2, 0.5, 0.8]))
    assert found.success and error.max() < 0.03
    assert (np.abs(value - [0.16, 0.25, 0.16]) < 3.0 * error).all()
    assert abs(found.noise["density"]["sigma"] - 0.02) < 3.0 * found.noise_errors()["density"]["sigma"]
    assert 8.0 < found.likelihood.free < 21.0       # of 19 weights, the scale, and σ


@pytest.mark.parametrize("given, options, error, words", [
    ({"y": noise.Gaussian()}, {}, ValueError, "noise has 'y'; expected some of what is observed"),
    ({"x": 0.1}, {}, TypeError, "noise of 'x' is a float"),
    (noise.Gaussian(), {}, TypeError, "noise is a Gaussian; expected a dict"),
    ({"x": noise.Gaussian(covariance=np.eye(31) + 0.1)}, {}, ValueError, "correlates readings"),
    ({"x": noise.Gaussian(np.ones(7))}, {}, ValueError, "shape"),
    ({"seen": noise.Gaussian()}, {}, ValueError, "'seen' has a noise model and weights or sigma"),
    ({"x": noise.Gaussian()}, {"scaling": "variance"}, ValueError, "scaling is 'variance'")])
def test_noise_that_does_not_fit_is_refused_before_anything_is_solved(given, options, error, words):
    data = Trajectory(T, {"x": FIRST, "seen": SECOND}, sigma={"seen": 0.2})
    with pytest.raises(error, match=words):
        fit(MODEL, data, noise=given, **options)


def test_a_likelihood_has_no_variance_to_be_taken_from_residuals():
    found = fit(MODEL, Trajectory(T, {"x": FIRST, "seen": SECOND}, {"x": 2.0}), elements=15, noise={})
    with pytest.raises(ValueError, match="known_variance is False, but noise was given"):
        found.standard_errors(known_variance=False)
    assert found.verdict.fits and found.verdict.chi2 is None


def test_posterior_and_file_have_the_unknown_numbers_of_the_noise(tmp_path):
    found = fit(MODEL, Trajectory(T, {"x": FIRST, "seen": SECOND}), elements=15, noise={})
    found.save(tmp_path / "fit.npz")
    assert load(tmp_path / "fit.npz", MODEL).noise == found.noise
    posterior = found.posterior()
    for name in ("x", "seen"):
        band = posterior.band(f"sigma of {name}")
        assert band.value == pytest.approx(found.noise[name]["sigma"])
        assert band.deviation == pytest.approx(found.noise_errors()[name]["sigma"], rel=1e-6)
    times = np.array([0.3, 2.0])
    value, error = found.band("seen", times, trajectory="0")
    band = posterior.band("seen", times, trajectory="0", check=5)
    np.testing.assert_allclose(band.value, value, rtol=1e-12)
    np.testing.assert_allclose(band.deviation, error, rtol=1e-6)


def test_a_fit_that_is_ended_before_its_likelihood_says_so():
    found = fit(MODEL, Trajectory(T, {"x": FIRST, "seen": SECOND}), elements=15, noise={}, maxiter=2)
    assert not found.success and "The noise models are not taken into account" in found.status
    assert found.noise == {} and found.verdict.chi2 is None     # weights that stand in are no 1/σ²
