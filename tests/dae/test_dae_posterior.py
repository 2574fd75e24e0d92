"""The posterior of a fit: the closed form of linear models, and the numbers of the fit itself."""
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import multivariate_normal

import pcl
from pcl.dae import Law, Model, Trajectory, Undetermined, fit
from pcl.dae.result.forward import laws_of
from pcl.dae.result.posterior import Root

SIGMA, DECAY = 0.1, 2.0


def straight_line(weights=1.0):
    """x' = p with free start: x = a + p t."""
    t = np.linspace(0.0, 2.0, 7)
    y = 0.3 + 1.5 * t + SIGMA * np.random.default_rng(1).standard_normal(7)
    model = Model(states=("x",), parameters=("p",), rates=lambda v: {"x": v.p})
    return np.stack([np.ones(7), t], axis=1), y, fit(model, Trajectory(t, {"x": y}, weights=weights),
                                                     elements=3)


def test_of_a_linear_model_it_is_the_closed_form():
    A, y, line = straight_line(1.0 / SIGMA ** 2)
    found, C = line.posterior(), SIGMA ** 2 * np.linalg.inv(A.T @ A)
    assert list(found.problem.slices) == ["x at the start of 0", "p"]
    np.testing.assert_allclose(found.theta, np.linalg.lstsq(A, y, rcond=None)[0], rtol=1e-8)
    np.testing.assert_allclose(found.covariance(), C, rtol=1e-8)
    rows = np.stack([np.ones(3), [0.0, 0.77, 2.0]], axis=1)
    band = found.band("x", rows[:, 1], trajectory="0", draws=0)
    np.testing.assert_allclose(band.value, rows @ found.theta, rtol=1e-8)
    deviation = np.sqrt(np.einsum("qi,ij,qj->q", rows, C, rows))
    np.testing.assert_allclose(band.deviation, deviation, rtol=1e-8)
    np.testing.assert_allclose(band.determined, 1.0)
    assert band.linear and band.nonlinearity < 1e-5 and not found.verdict
    with pytest.raises(ValueError, match="without one are x at the start of 0, p"):
        found.log_evidence


class LinearLaw:
    """x' = z, z = w₁ s + w₀ with s = (t − shift)/scale, weights with a normal prior, x(0) = 0."""

    def __init__(self):
        self.t, rng = np.linspace(0.25, 2.0, 8), np.random.default_rng(2)
        self.y = 0.4 * self.t + 0.3 * self.t ** 2 + SIGMA * rng.standard_normal(8)
        model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z})
        self.fit = fit(model, Trajectory(self.t, {"x": self.y}, {"x": 0.0}, weights=SIGMA ** -2,
                                         span=(0.0, 2.0)),
                       Law(pcl.MLP((1, 1)), "t", "z"), elements=2, weight_decay=DECAY, tol=1e-10)
        self.A = np.stack([self.of(1, 0), self.of(0, 1)], axis=1)
        self.before = np.full(2, 2.0 / DECAY)
        P = self.A.T @ self.A / SIGMA ** 2 + np.diag(1.0 / self.before)
        self.C = np.linalg.inv(P)
        self.mean = self.C @ (self.A.T @ (self.y - self.of(0, 0)) / SIGMA ** 2)
        S = (self.A * self.before) @ self.A.T + SIGMA ** 2 * np.eye(8)
        self.log_evidence = multivariate_normal(self.of(0, 0), S).logpdf(self.y)

    def law(self, w, b, t):
        """z at times t, of weights (w, b), as the law scales it; its constant part without them."""
        law = self.fit.laws[0].law
        s = (t - law.input_shift[0]) / law.input_scale[0]
        return law.output_shift[0] + law.output_scale[0] * (w * s + b)

    def of(self, w, b):
        """x at the data, the integral of a law linear in t; its constant part at (0, 0), else without."""
        def x(w, b):
            return self.t * self.law(w, b, 0.5 * self.t)
        return x(w, b) if (w, b) == (0, 0) else x(w, b) - x(0, 0)


@pytest.fixture(scope="module")
def linear():
    return LinearLaw()


def test_of_a_linear_law_mean_covariance_and_evidence_are_the_closed_form(linear):
    found = linear.fit.posterior()
    np.testing.assert_allclose(found.theta, linear.mean, rtol=1e-8)
    np.testing.assert_allclose(found.covariance(["law of z"]), linear.C, rtol=1e-8)
    assert found.log_evidence == pytest.approx(linear.log_evidence, abs=1e-8)
    at = np.array([0.5, 1.7, 4.0])
    J = np.stack([linear.law(1, 0, at), linear.law(0, 1, at)]) - linear.law(0, 0, at)
    variance = np.einsum("iq,ij,jq->q", J, linear.C, J)
    band = found.band("z", at)
    np.testing.assert_allclose(band.deviation, np.sqrt(variance), rtol=1e-8)
    before = np.einsum("iq,i,iq->q", J, linear.before, J)
    np.testing.assert_allclose(band.determined, 1.0 - variance / before, rtol=1e-8)


def test_an_evidence_needs_known_variances(linear):
    with pytest.raises(ValueError, match="give weights 1/σ²"):
        linear.fit.posterior(known_variance=False).log_evidence


# --- a law that bends, numbers by their logarithm, several variables -------------------------------
def batch(seed=0):
    """X' = μ X, S' = −μ X/Y; μ is a law of S, Y a number over decades."""
    def motion(t, v):
        mu = 0.5 * v[1] / (0.3 + v[1])
        return mu * v[0], -mu * v[0] / 0.5
    t, rng = np.linspace(0.0, 6.0, 25)[1:], np.random.default_rng(seed)
    model = Model(states=("X", "S"), parameters=("Y",), outputs=("mu",), log=("Y",),
                  bounds={"Y": (0.05, 5.0)}, rates=lambda v: {"X": v.mu * v.X, "S": -v.mu * v.X / v.Y})
    true = solve_ivp(motion, (0.0, 6.0), (0.1, 2.0), t_eval=t, rtol=1e-10, atol=1e-12).y
    seen = true + np.array([[0.01], [0.03]]) * rng.standard_normal(true.shape)
    return fit(model, Trajectory(t, dict(zip("XS", seen)), {"X": 0.1}, span=(0.0, 6.0)),
               Law(pcl.MLP((1, 4, 1)), "S", "mu"), elements=12)


@pytest.fixture(scope="module")
def fermentation():
    return batch()


AT, TIMES = np.array([0.3, 0.8, 1.6]), np.array([1.0, 3.5, 6.0])


@pytest.mark.parametrize("known", [True, False, None])
def test_it_has_the_numbers_of_the_fit(fermentation, known):
    found = fermentation.posterior(known)
    assert list(found.problem.slices) == ["S at the start of 0", "Y", "law of mu"]
    error = fermentation.standard_errors(known)["Y"]
    assert found.standard_errors()["Y"] == pytest.approx(error, rel=1e-7)
    np.testing.assert_allclose(found.covariance(["Y"]), fermentation.covariance(known), rtol=1e-7)
    for name, at, where in (("mu", AT, {}), ("X", TIMES, {"trajectory": "0"}),
                            ("mu", TIMES, {"trajectory": "0"})):
        band = found.band(name, at, check=0, **where)
        old = fermentation.band(name, at, **where, known_variance=known)
        np.testing.assert_allclose(band.value, old.value, rtol=1e-12)
        np.testing.assert_allclose(band.deviation, old.error, rtol=1e-6)


def test_numbers_by_their_logarithm_are_log_normal(fermentation):
    found = fermentation.posterior()
    band, relative = found.band("Y"), fermentation.standard_errors(log=True)["Y"]
    Y = fermentation.parameters["Y"]
    np.testing.assert_allclose([band.lower[0], band.upper[0]],
                               Y * np.exp(np.array([-1.6448536, 1.6448536]) * relative), rtol=1e-6)
    place = found.problem.slices["Y"]
    logs = np.log(found.draws(4000, seed=0)[:, place])
    assert logs.std() == pytest.approx(relative, rel=0.05)


def test_sampled_bands_run_the_model_at_draws(fermentation):
    found = fermentation.posterior()
    linear = found.band("X", TIMES[:2], trajectory="0", check=0)
    sampled = found.band("X", TIMES[:2], trajectory="0", draws=30, check=30)
    assert sampled.method == "sampled" and not sampled.failed and 1e-3 < sampled.nonlinearity < 2.0
    np.testing.assert_allclose(sampled.upper - sampled.lower, linear.upper - linear.lower, rtol=0.5)


def test_a_simulation_at_the_peak_is_the_fitted_trajectory(fermentation):
    """Up to what its elements leave."""
    found = fermentation.posterior()
    law = laws_of(found.problem, Root(found.problem.uncertainty), "X", TIMES, trajectory="0")
    np.testing.assert_allclose(law.at(found.theta), law.value, rtol=1e-3)
    step = 1e-2 * np.sqrt(np.diag(found.covariance())) * np.eye(found.theta.size)[0]      # of the start
    np.testing.assert_allclose(law.at(found.theta + step) - law.at(found.theta - step),
                               2.0 * law.sensitivity @ step, rtol=0.05, atol=1e-6)


def test_together_a_band_of_a_law_is_wider(fermentation):
    found = fermentation.posterior()
    each, together = (found.band("mu", AT, simultaneous=both) for both in (False, True))
    assert (together.upper > each.upper).all() and together.nonlinearity < 1e-10


def test_functions_of_the_blocks_are_traced(fermentation):
    found = fermentation.posterior()
    band = found.band(lambda theta: theta["Y"][None] ** 2)
    Y, error = fermentation.parameters["Y"], fermentation.standard_errors()["Y"]
    assert band.deviation[0] == pytest.approx(2.0 * Y * error, rel=1e-6)


def test_what_the_data_do_not_see_is_said_in_words():
    twice = Model(states=("x",), parameters=("p", "q"), rates=lambda v: {"x": v.p + v.q})
    t = np.linspace(0.0, 1.0, 5)
    found = fit(twice, Trajectory(t, {"x": 2.0 * t + 0.01 * np.sin(9.0 * t)}), elements=2, maxiter=50)
    with pytest.raises(Undetermined, match="not positive definite: the data do not determine all"):
        found.posterior()


def test_unknown_names_are_answered_with_the_known_ones(fermentation):
    found = fermentation.posterior()
    with pytest.raises(ValueError, match="name is 'nu'; expected one of mu"):
        found.band("nu", AT)
    with pytest.raises(ValueError, match="trajectory is '7'; expected one of 0"):
        found.band("X", AT, trajectory="7")
    with pytest.raises(ValueError, match="points is None; expected inputs S"):
        found.band("mu")
