"""Priors of numbers and of functions against SciPy's densities, with their derivatives and draws."""
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from tensorflow_probability import bijectors as tfb, distributions as tfd

import pcl
from pcl.uncertainty import noise, prior

X = np.linspace(0.0, 2.0, 7)
ONE = np.float64(1.0)
COVARIANCE = np.array([[2.0, 0.5], [0.5, 1.0]])


def stated(priors, blocks, predict=None, y=np.zeros(2)):
    """A problem of two readings of 0, and these priors."""
    def total(t):
        return tf.stack([tf.reduce_sum(x) for x in t.values()][:1] * 2)
    return pcl.Problem.from_data(predict or total, y, noise.Gaussian(1.0), blocks, priors)


START = np.array([0.5, 1.5])
DISTRIBUTIONS = {
    "Gamma": (tfd.Gamma(2.0 * ONE, 3.0 * ONE), lambda x: stats.gamma(2, scale=1 / 3).logpdf(x).sum()),
    "LogNormal": (tfd.LogNormal(np.zeros(2), ONE), lambda x: stats.lognorm(1.0).logpdf(x).sum()),
    "StudentT": (tfd.StudentT(4.0 * ONE, ONE, ONE), lambda x: stats.t(4, 1.0).logpdf(x).sum()),
    "Normal": (tfd.Normal(np.array([1.0, 2.0]), 0.5 * ONE),
               lambda x: stats.norm([1, 2], 0.5).logpdf(x).sum()),
    "MultivariateNormal": (tfd.MultivariateNormalTriL(np.ones(2), np.linalg.cholesky(COVARIANCE)),
                           lambda x: stats.multivariate_normal(np.ones(2), COVARIANCE).logpdf(x)),
    "Gamma of exp": (tfd.TransformedDistribution(tfd.Gamma(2 * ONE, 3 * ONE), tfb.Invert(tfb.Exp())),
                     lambda x: (stats.gamma(2, scale=1 / 3).logpdf(np.exp(x)) + x).sum()),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution_is_the_prior_of_a_block(name):
    distribution, density = DISTRIBUTIONS[name]
    model = prior.Distribution(distribution)
    model.check("x", START)
    assert model.log_density(tf.constant(START)).numpy() == pytest.approx(density(START), rel=1e-12)
    assert model.has_residuals == (name in ("Normal", "MultivariateNormal"))
    if model.has_residuals:
        r = model.residuals(tf.constant(START)).numpy()
        assert model.constant((2,)) - 0.5 * r @ r == pytest.approx(density(START), rel=1e-12)
        variances = np.broadcast_to(distribution.variance().numpy(), 2)
        np.testing.assert_allclose(model.gaussian((2,)).variances(), variances)
    drawn = model.draws(20_000, 0, (2,))
    assert drawn.shape == (20_000, 2) and np.array_equal(drawn, model.draws(20_000, 0, (2,)))
    spread = distribution.stddev().numpy() if name != "Gamma of exp" else np.sqrt(0.6449)    # ψ'(2)
    np.testing.assert_allclose(drawn.std(axis=0), np.broadcast_to(spread, 2), rtol=0.1)


def test_rows_of_a_block_are_independent_under_a_multivariate_distribution():
    rows = np.array([START, START + 1.0, START - 2.0])
    model = prior.Distribution(DISTRIBUTIONS["MultivariateNormal"][0])
    model.check("x", rows)
    expected = sum(DISTRIBUTIONS["MultivariateNormal"][1](row) for row in rows)
    r = model.residuals(tf.constant(rows)).numpy()
    assert model.constant((3, 2)) - 0.5 * r @ r == pytest.approx(expected)
    assert model.gaussian((3, 2)) is None and model.draws(5, 0, (3, 2)).shape == (5, 3, 2)


def test_derivatives_of_distributions_are_exact():
    names = ("Gamma", "Gamma of exp")
    blocks = dict.fromkeys(names, START)
    priors = {name: prior.Distribution(DISTRIBUTIONS[name][0]) for name in names}
    problem = stated(priors, blocks, lambda t: tf.add_n(list(t.values())))
    assert not problem.has_residuals
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok
    data = stats.norm(2 * START).logpdf(0.0).sum()
    density = sum(DISTRIBUTIONS[name][1](START) for name in names)
    assert problem.log_density(problem.theta0) - data == pytest.approx(density, rel=1e-12)


def test_outside_its_support_a_distribution_is_impossible():
    for d in (tfd.Exponential(ONE), tfd.Uniform(0.0 * ONE, 2.0 * ONE), tfd.Beta(ONE, ONE)):
        assert prior.Distribution(d).log_density(tf.constant([-0.5], tf.float64)).numpy() == -np.inf


@pytest.mark.parametrize("make, error, said", [
    (lambda: prior.Distribution(tfd.Gamma(2.0, 1.0)), TypeError, "Gamma of float32; expected float64"),
    (lambda: prior.Distribution(stats.norm()), TypeError, "expected a distribution of TensorFlow"),
    (lambda: stated({"x": prior.Distribution(tfd.Gamma(ONE, ONE))}, {"x": -START}), ValueError,
     "block 'x' starts at -0.5, -1.5, where its prior, a Gamma, has no finite log density"),
    (lambda: stated({"x": prior.Distribution(tfd.Normal(np.zeros(3), ONE))}, {"x": START}), ValueError,
     r"a Normal, has shape \(3,\); the block has \(2,\)"),
    (lambda: prior.Process(None, X, 0.0, 1.0), ValueError, "length is 0"),
    (lambda: prior.Process(None, X, 1.0, 1.0, kernel="periodic"), ValueError,
     "kernel is 'periodic'; known"),
    (lambda: prior.Process(None, X, 1.0, 1.0, mean=np.ones(3)), ValueError, r"mean has shape \(3,\)"),
    (lambda: stated({"f": prior.Process(None, X, 1.0, 1.0)}, {"f": START}), ValueError,
     "block 'f' has 2 numbers and points 7 rows"),
    (lambda: stated({"g": prior.Process(None, X, 1.0, 1.0)}, {"f": START}), ValueError,
     "prior names 'g'; without a law"),
    (lambda: stated({"g": prior.Process(lambda t: t["f"], X, 1.0, 1.0)}, {"f": START}), ValueError,
     r"the law of prior 'g' gives \(2,\); expected a float64 tensor \(7,\)"),
    (lambda: prior.Monotone(lambda t: t["f"], X[::-1], 1.0), ValueError,
     "points is not ascending: 6 of 6"),
    (lambda: prior.Smooth(lambda t: t["f"], X[:2], 1.0), ValueError, "at least 3 on a line"),
    (lambda: prior.Positive(None, X, 1.0), TypeError, "law is a NoneType"),
    (lambda: prior.Positive(lambda t: t["f"], X, -1.0), ValueError, "scale is -1")])
def test_bad_input_is_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()


# --- functions -----------------------------------------------------------------------------------------
KERNELS = {"matern32": lambda d: (1 + 3 ** 0.5 * d) * np.exp(-3 ** 0.5 * d),
           "matern52": lambda d: (1 + 5 ** 0.5 * d + 5 / 3 * d ** 2) * np.exp(-5 ** 0.5 * d),
           "squared exponential": lambda d: np.exp(-d ** 2 / 2)}


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_process_is_the_multivariate_normal_of_its_kernel(kernel):
    model = prior.Process(None, X, 0.7, 2.0, mean=1.0, kernel=kernel)
    d = np.abs(X[:, None] - X) / 0.7
    K = 4.0 * (KERNELS[kernel](d) + 1e-8 * np.eye(7))
    f = np.cos(X)
    expected = stats.multivariate_normal(np.ones(7), K).logpdf(f)
    assert model.log_density(tf.constant(f)).numpy() == pytest.approx(expected, rel=1e-6)
    assert model.proper
    np.testing.assert_allclose(np.cov(model.draws(40_000, seed=2).T), K, atol=0.12)


def test_values_under_a_process_have_its_posterior_and_evidence():
    """Kriging in closed form: three readings of seven values."""
    model = prior.Process(None, X, 0.8, 1.5)
    K, seen, y = model.factor @ model.factor.T, [0, 3, 6], np.array([1.0, -0.5, 0.3])
    problem = pcl.Problem.from_data(lambda t: tf.gather(t["f"], seen), y, noise.Gaussian(0.1),
                                    {"f": np.zeros(7)}, {"f": model})
    found = pcl.minimize(problem, "levenberg-marquardt", progress=False).posterior()
    S = K[np.ix_(seen, seen)] + 0.01 * np.eye(3)
    gain = np.linalg.solve(S, K[seen]).T
    np.testing.assert_allclose(found.theta, gain @ y, atol=1e-7)
    np.testing.assert_allclose(found.covariance(), K - gain @ K[seen], atol=1e-7)
    evidence = stats.multivariate_normal(np.zeros(3), S).logpdf(y)
    assert found.log_evidence == pytest.approx(evidence, abs=1e-6)


def test_a_process_is_carried_to_weights_through_their_jacobian():
    """A law linear in its weights: the covariance of the weights is (P₀ + Bᵀ K⁻¹ B)⁻¹."""
    B = np.stack([np.ones(7), X, X ** 2, np.sin(3 * X)], axis=1)

    def law(t):
        return tf.linalg.matvec(tf.constant(B), t["w"])
    model = prior.Process(law, X, 1.0, 0.5, mean=2.0)
    problem = pcl.Problem.from_data(lambda t: law(t)[:2], np.array([2.0, 2.5]), noise.Gaussian(0.2),
                                    {"w": np.zeros(4)}, {"w": prior.Normal(0.0, 10.0), "law": model})
    found = pcl.minimize(problem, "levenberg-marquardt", progress=False).posterior()
    K = model.factor @ model.factor.T
    P = np.eye(4) / 100 + B.T @ np.linalg.solve(K, B) + B[:2].T @ B[:2] / 0.04
    np.testing.assert_allclose(found.covariance(), np.linalg.inv(P), rtol=1e-6)
    assert problem.statement.rows["prior"] == {"w": slice(2, 6), "law": slice(6, 13)}
    with pytest.raises(ValueError, match="one is improper"):
        found.log_evidence


def test_a_network_under_a_process_has_the_band_of_kriging():
    x, seen, y = np.linspace(0.0, 1.0, 12)[:, None], [2, 3, 4], np.array([1.2, 1.3, 1.1])
    net = pcl.MLP([1, 10, 1])

    def law(t):
        return net(t["net"], x)[:, 0]
    model = prior.Process(law, x, 0.4, 0.5, mean=1.0)
    problem = pcl.Problem.from_data(lambda t: tf.gather(law(t), seen), y, noise.Gaussian(0.05),
                                    {"net": net.init(seed=1)},
                                    {"net": prior.Normal(0.0, 30.0), "law": model})
    found = pcl.minimize(problem, "levenberg-marquardt", progress=False).posterior().band(law, x)
    K = model.factor @ model.factor.T
    gain = np.linalg.solve(K[np.ix_(seen, seen)] + 0.0025 * np.eye(3), K[seen]).T
    np.testing.assert_allclose(found.value, 1.0 + gain @ (y - 1.0), atol=0.02 * 0.5)
    deviation = np.sqrt(np.diag(K - gain @ K[seen]))
    np.testing.assert_allclose(found.deviation, deviation, rtol=0.06)


# --- shapes --------------------------------------------------------------------------------------------
def identity(t):
    return t["f"]


def test_smooth_is_the_mean_square_of_the_curvature_however_many_points():
    for q in (20, 200):
        x = np.linspace(0.0, 2.0, q) ** 1.5
        model = prior.Smooth(identity, x, 3.0)
        curved = model.quantity({"f": tf.constant(3.0 * x ** 2 + x - 1.0)}, "f").numpy()    # f'' = 6
        assert curved @ curved == pytest.approx(4.0, rel=1e-9)
        straight = model.quantity({"f": tf.constant(5.0 * x - 1.0)}, "f").numpy()
        np.testing.assert_allclose(straight, 0.0, atol=1e-8)


SHAPES = {"positive": (lambda s: prior.Positive(identity, X, s), lambda f: f),
          "increasing": (lambda s: prior.Monotone(identity, X, s), lambda f: np.diff(f) * 3),
          "decreasing": (lambda s: prior.Monotone(identity, X, s, increasing=False),
                         lambda f: -np.diff(f) * 3),
          "convex": (lambda s: prior.Convex(identity, X, s), lambda f: np.diff(f, 2) * 9),
          "concave": (lambda s: prior.Convex(identity, X, s, concave=True), lambda f: -np.diff(f, 2) * 9)}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_cost_a_smooth_squared_hinge(name):
    make, quantity = SHAPES[name]
    f = np.sin(4.0 * X)
    model = make(0.1)
    r = model.residuals(model.quantity({"f": tf.constant(f)}, "f")).numpy()
    np.testing.assert_allclose(r, np.logaddexp(0.0, -quantity(f) / 0.1), rtol=1e-10, atol=1e-14)
    with pytest.raises(NotImplementedError, match="no draws of its own"):
        model.draws(1, 0)


def test_a_shape_holds_back_what_noise_would_have():
    rng = np.random.default_rng(4)
    y = X + rng.normal(0.0, 0.5, size=7)

    def fitted(priors):
        problem = pcl.Problem.from_data(identity, y, noise.Gaussian(0.5), {"f": np.zeros(7)}, priors)
        return problem, pcl.minimize(problem, "levenberg-marquardt", progress=False).x
    assert np.diff(fitted({})[1]).min() < -0.5
    problem, f = fitted({"up": prior.Monotone(identity, X, 0.05)})
    assert np.diff(f).min() > -0.03
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok
