"""Noise models against SciPy's densities, their derivatives against differences, their draws by tests."""
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

import pcl
from pcl.uncertainty import noise, prior
from pcl.uncertainty.noise.unit import Normal, StudentT

T = np.linspace(0.0, 2.0, 6)
Y = np.array([2.2, 1.4, 1.3, 0.7, 0.9, 0.4])
COUNTS = np.array([9.0, 5.0, 4.0, 3.0, 0.0, 2.0])
SIZES = np.array([0.1, 0.2, 0.1, 0.3, 0.1, 0.2])
START = {"x": np.array([0.9, 0.7, 0.1])}


def tensors():
    return {"x": tf.constant(START["x"])}


def curve(t):
    return t["x"][0] ** 2 * 2.5 * tf.exp(-t["x"][1] * T) + tf.exp(t["x"][2]) * 0.2


# model, readings, SciPy's density given f
MODELS = {
    "t": (noise.StudentT(0.3), Y, lambda f: stats.t(4, f, 0.3)),
    "t of sizes": (noise.StudentT(SIZES, degrees_of_freedom=0.7), Y, lambda f: stats.t(0.7, f, SIZES)),
    "t, unknown": (noise.StudentT(degrees_of_freedom=7, start=0.4), Y, lambda f: stats.t(7, f, 0.4)),
    "Poisson": (noise.Poisson(), COUNTS, stats.poisson),
    "log-normal": (noise.LogNormal(SIZES), Y, lambda f: stats.lognorm(SIZES, scale=f)),
    "log-normal, unknown": (noise.LogNormal(start=0.2), Y, lambda f: stats.lognorm(0.2, scale=f)),
    "proportional": (noise.Proportional(0.1, 0.2), Y, lambda f: stats.norm(f, np.hypot(0.1, 0.2 * f))),
    "proportional, unknown": (noise.Proportional(start=(0.2, 0.3)), Y,
                              lambda f: stats.norm(f, np.hypot(0.2, 0.3 * f))),
    "constant": (noise.Proportional(SIZES, 0.0), Y, lambda f: stats.norm(f, SIZES)),
    "relative": (noise.Proportional(0.0, 0.3), Y, lambda f: stats.norm(f, 0.3 * f)),
    "normal, unknown": (noise.Gaussian(start=0.3), Y, lambda f: stats.norm(f, 0.3)),
}
UNITS = {"normal": (noise.Gaussian(0.1), lambda f: stats.norm(f, 0.1)),
         "normal, unknown": (noise.Gaussian(start=0.3), lambda f: stats.norm(f, 0.3)),
         "t": (noise.StudentT(0.1, degrees_of_freedom=5), lambda f: stats.t(5, f, 0.1)),
         "log-normal": (noise.LogNormal(0.2), lambda f: stats.lognorm(0.2, scale=f)),
         "proportional": (noise.Proportional(0.1, 0.1), lambda f: stats.norm(f, np.hypot(0.1, 0.1 * f)))}


def own(model, y):
    """The model's unknowns at their start."""
    return {block: tf.constant(start) for block, start in model.unknowns(y).items()}


@pytest.mark.parametrize("name", MODELS)
def test_the_density_is_normalised(name):
    model, y, of = MODELS[name]
    law, f = of(curve(tensors()).numpy()), curve(tensors())
    expected = (law.logpmf if name == "Poisson" else law.logpdf)(y).sum()
    assert model.log_density(f, y, own(model, y)).numpy() == pytest.approx(expected, rel=1e-13)
    assert model.has_residuals == (name in ("log-normal", "constant"))
    if model.has_residuals:
        r = model.residuals(f, y).numpy()
        assert model.constant(y) - 0.5 * r @ r == pytest.approx(expected, rel=1e-13)


def test_derivatives_of_all_models_are_exact():
    problem = pcl.Problem.from_data(
        lambda t: dict.fromkeys(MODELS, curve(t)), {name: y for name, (_, y, _) in MODELS.items()},
        {name: model for name, (model, *_) in MODELS.items()}, START)
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"t of sizes", "log-normal", "constant"}))
def test_draws_are_of_the_density(name):
    model, y, of = MODELS[name]
    f = np.repeat(curve(START).numpy()[:1], 4000)
    wide = of(f[0])
    unknown = {block: np.asarray(start) for block, start in model.unknowns(y).items()}
    drawn = model.draw(f, np.random.default_rng(3), unknown)
    if name == "Poisson":
        counts = np.bincount(drawn.astype(int), minlength=12)[:12]
        expected = 4000 * wide.pmf(np.arange(12))
        assert np.sum((counts - expected) ** 2 / expected) < stats.chi2(11).ppf(0.999)
    else:
        assert stats.kstest(drawn, wide.cdf).pvalue > 0.001


BELOW = np.array([2.3, 0.1, 0.1, 0.75, 0.1, 0.1])
ABOVE = np.array([np.inf, 1.35, np.inf, np.inf, np.inf, np.inf])


@pytest.mark.parametrize("name", UNITS)
def test_censored_readings_enter_by_their_tails(name):
    inner, of = UNITS[name]
    model, law = noise.Censored(inner, below=BELOW, above=ABOVE), of(curve(tensors()).numpy())
    lower, upper = Y <= BELOW, Y >= ABOVE
    expected = np.where(lower, law.logcdf(BELOW), np.where(upper, law.logsf(ABOVE), law.logpdf(Y)))
    assert lower.sum() == 2 and upper.sum() == 1
    found = model.log_density(curve(tensors()), Y, own(model, Y)).numpy()
    assert found == pytest.approx(expected.sum(), rel=1e-12)


def test_draws_of_a_censored_model_are_cut_off():
    model = noise.Censored(noise.Gaussian(1.0), below=-0.5, above=1.0)
    drawn = model.draw(np.zeros(20_000), np.random.default_rng(0), {})
    assert drawn.min() == -0.5 and drawn.max() == 1.0
    assert np.mean(drawn == -0.5) == pytest.approx(stats.norm.cdf(-0.5), abs=0.01)


def derivatives(function, z):
    """f, f', f'' at every z."""
    z = tf.constant(z)
    with tf.GradientTape() as outer:
        outer.watch(z)
        with tf.GradientTape() as inner:
            inner.watch(z)
            value = function(z)
        slope = inner.gradient(value, z)
    return [x.numpy() for x in (value, slope, outer.gradient(slope, z))]


def test_log_phi_has_exact_derivatives_far_into_both_tails():
    z = np.array([-1e4, -200.0, -25.001, -24.999, -8.0, -0.3, 0.0, 0.7, 6.0, 40.0])
    ratio = np.sqrt(2.0 / np.pi) / special.erfcx(-z / np.sqrt(2.0))        # φ/Φ
    with np.errstate(divide="ignore", invalid="ignore"):
        bend = np.where(z > -100.0, ratio * (z + ratio), 1.0 - z ** -2.0 + 6.0 * z ** -4.0)
    found = derivatives(Normal().log_below, z)
    np.testing.assert_allclose(found, [special.log_ndtr(z), ratio, -bend], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("nu", [0.6, 3.0, 80.0])
def test_the_cumulative_t_has_exact_derivatives_in_both_tails(nu):
    t = np.array([-1e6, -30.0, -2.0, -0.1001, -0.05, 0.0, 0.05, 0.1001, 1.0, 20.0, 1e6])
    law, unit = stats.t(nu), StudentT(nu)
    with np.errstate(divide="ignore"):
        below = law.logcdf(t)
    below[0] = law.logpdf(t[0]) + np.log(-t[0] / nu)        # F → u(t) |t|/ν (1 + O(1/t²))
    below[-2:] = np.log1p(-law.sf(t[-2:]))
    ratio = np.exp(law.logpdf(t) - below)
    slope = -(nu + 1.0) * t / (nu + t ** 2)                 # d ln u/dt
    found = derivatives(unit.log_below, t)
    np.testing.assert_allclose(found, [below, ratio, ratio * (slope - ratio)], rtol=1e-7, atol=1e-300)


def test_an_outlier_moves_student_t_less_than_normal_noise():
    y = np.array([1.0, 1.1, 0.9, 1.05, 9.0])
    means = [pcl.minimize(pcl.Problem.from_data(lambda t: t["m"] * tf.ones(5, tf.float64), y, model,
                                                {"m": np.array(1.0)}), progress=False).x[0]
             for model in (noise.StudentT(0.1), noise.Gaussian(0.1))]
    assert means[0] == pytest.approx(1.0125, abs=0.03) and means[1] == pytest.approx(y.mean())


def test_a_censored_fit_is_not_pulled_to_the_limits():
    y = np.random.default_rng(0).normal(0.0, 1.0, size=2000)
    y = np.clip(y, 0.3, 2.0)                        # 62 % below, 2 % above
    model = noise.Censored(noise.Gaussian(), below=0.3, above=2.0)
    problem = pcl.Problem.from_data(lambda t: t["m"] * tf.ones(2000, tf.float64), y, model,
                                    {"m": np.array(0.5)})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok
    result = pcl.minimize(problem, progress=False)
    errors = result.posterior().standard_errors()
    for name in ("m", "ln sigma"):
        assert abs(result.theta[name]) < 3 * errors[name]
    assert errors["m"] < 0.1


def test_unknown_sizes_take_priors():
    sizes = {"ln sigma": prior.Normal(-1.0, 0.5), "x": prior.Normal(0.0, 2.0)}
    problem = pcl.Problem.from_data(curve, Y, noise.Gaussian(start=0.3), START, sizes)
    found = problem.log_density(problem.theta0) - stats.norm(0.0, 2.0).logpdf(START["x"]).sum()
    data = stats.norm(curve(tensors()).numpy(), 0.3).logpdf(Y).sum()
    assert found == pytest.approx(data + stats.norm(-1.0, 0.5).logpdf(np.log(0.3)), rel=1e-12)
    assert problem.statement.proper


@pytest.mark.parametrize("make, said", [
    (lambda: noise.StudentT(0.0), "sigma has 1 of 1 entries ≤ 0"),
    (lambda: noise.StudentT(1.0, degrees_of_freedom=-1.0), "degrees_of_freedom is -1"),
    (lambda: noise.LogNormal(np.ones(2)).check("observed", Y), r"sigma has shape \(2,\).* observed"),
    (lambda: noise.LogNormal(0.1).check("observed", Y - 0.4), "1 of 6 entries ≤ 0.*Censored"),
    (lambda: noise.Poisson().check("observed", COUNTS - 1.0), "no counts, such as -1"),
    (lambda: noise.Poisson().check("observed", Y), "6 of 6 entries that are no counts, such as 2.2"),
    (lambda: noise.Proportional(-1.0, 0.1), "constant has 1 of 1 entries < 0"),
    (lambda: noise.Proportional(0.0, 0.0), "both 0"),
    (lambda: noise.Proportional(0.1, np.nan), "relative has 1 of 1 entries that are NaN"),
    (lambda: noise.Censored(noise.Gaussian(0.1)), "neither below nor above"),
    (lambda: noise.Censored(noise.Gaussian(0.1), below=1.0, above=1.0), "below is not less than above"),
    (lambda: noise.Censored(noise.Gaussian(0.1), below=np.nan), "below has 1 entries that are NaN"),
    (lambda: noise.Censored(noise.Gaussian(0.1), below=np.ones(2)).check("observed", Y),
     "below has shape"),
    (lambda: noise.Censored(noise.Gaussian(covariance=np.eye(6)), below=1.0),
     "covariance of all readings"),
    (lambda: pcl.Problem.from_data(curve, Y * np.nan, noise.LogNormal(0.1), START),
     "observed has 6 of 6")])
def test_bad_input_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_counts_are_not_censored():
    with pytest.raises(TypeError, match="noise is a Poisson; expected Gaussian"):
        noise.Censored(noise.Poisson(), below=1.0)
