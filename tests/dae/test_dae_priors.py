"""Parameters of each experiment, and priors: against SciPy's least squares and Gaussian algebra."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from pcl.dae import LogNormalPrior, Model, NormalPrior, Trajectory, fit, fit_spreads, load

T = np.linspace(0.25, 4.0, 16)
SIGMA = 0.02
K = {"a": 0.5, "b": 0.8, "c": 1.1}


def decay(k, scale):
    return scale * np.exp(-k * T)


def model(**options):
    return Model(states="x", parameters=("k", "scale", "mean"), local="k",
                 rates=lambda v: {"x": -v.k * v.x},
                 bounds={"k": (1e-3, 10.0), "scale": (0.0, 10.0)}, **options)


def data(seen, **options):
    return [Trajectory(T, {"x": y}, {"x": lambda p: p.scale}, weights=1 / SIGMA**2,
                       span=(0.0, 4.0), name=name, **options) for name, y in seen.items()]


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(5)
    return {name: decay(k, 2.0) + SIGMA * rng.standard_normal(T.size) for name, k in K.items()}


def best(seen, prior):
    """(k_a, k_b, k_c, scale, mean) and their standard errors; prior(q) are its residuals."""
    def residuals(q):
        misfit = [(decay(k, q[3]) - y) / SIGMA for k, y in zip(q, seen.values())]
        return np.concatenate([*misfit, prior(q)])
    found = least_squares(residuals, [0.5, 0.8, 1.1, 2.0, 0.8], xtol=1e-12, ftol=1e-12)
    return found.x, np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))


COMMON = {"k": NormalPrior("mean", 0.03), "mean": NormalPrior(0.6, 0.2)}
CASES = {"common": (COMMON, lambda q: [*(q[:3] - q[4]) / 0.03, (q[4] - 0.6) / 0.2]),
         "logarithms": ({"k": LogNormalPrior("mean", 0.05), "mean": LogNormalPrior(0.6, 0.1)},
                        lambda q: [*np.log(q[:3] / q[4]) / 0.05, np.log(q[4] / 0.6) / 0.1])}


@pytest.mark.parametrize("case, approach", [("common", "simultaneous"), ("logarithms", "sequential")])
def test_parameters_drawn_from_a_common_distribution_are_those_of_penalised_least_squares(
        case, approach, seen):
    priors, prior = CASES[case]
    exact, error = best(seen, prior)
    found = fit(model(priors=priors), data(seen), approach=approach, elements=10)
    assert found.success
    assert list(found.parameters) == ["k[a]", "k[b]", "k[c]", "scale", "mean"]
    assert list(found.parameters.values()) == pytest.approx(exact, rel=2e-4)
    assert list(found.standard_errors().values()) == pytest.approx(error, rel=0.03)
    assert exact[0] > best(seen, lambda q: [q[4] - 1.0])[0][0] + 1e-3      # drawn towards the mean


def test_the_objective_is_misfit_and_prior(seen):
    _, prior = CASES["common"]
    found = fit(model(priors=COMMON), data(seen), elements=10)
    q = np.array(list(found.parameters.values()))
    assert found.objective - found.misfit == pytest.approx((np.array(prior(q)) ** 2).sum(), rel=1e-9)


def test_the_hessian_of_gauss_and_newton_knows_priors(seen):
    exact, _ = best(seen, CASES["logarithms"][1])
    found = fit(model(priors=CASES["logarithms"][0]), data(seen), elements=10,
                hessian="gauss-newton", tol=1e-5)
    assert list(found.parameters.values()) == pytest.approx(exact, rel=1e-3)


def test_a_local_parameter_by_its_logarithm_is_the_same(seen):
    exact, _ = best(seen, CASES["common"][1])
    found = fit(model(priors=COMMON, log=("k", "scale")), data(seen), elements=10)
    assert list(found.parameters.values()) == pytest.approx(exact, rel=2e-4)


def test_predictions_take_the_parameters_of_one_experiment(seen, tmp_path):
    found = fit(model(priors=COMMON), data(seen), elements=10)
    with pytest.raises(ValueError, match="every experiment has k for itself"):
        found.predict({"x": 2.0}, t=[0.0, 1.0])
    own = found.parameters_of("b")
    found.save(tmp_path / "decay.npz")
    for each in (found, load(tmp_path / "decay.npz", model(priors=COMMON))):
        told = each.predict({"x": 2.0}, t=[0.0, 1.0], parameters=own)
        assert told["x"][-1] == pytest.approx(2.0 * np.exp(-own["k"]), rel=1e-4)


@pytest.mark.parametrize("priors, words", [
    ({"q": NormalPrior(0.0, 1.0)}, "'q'"), ({"k": 1.0}, "float"),
    ({"k": NormalPrior("k", 1.0)}, "about 'k'"),
    ({"scale": NormalPrior("k", 1.0)}, "about 'k'")])
def test_priors_of_what_is_no_parameter_or_about_one_of_each_experiment_are_refused(priors, words):
    with pytest.raises((ValueError, TypeError), match=words):
        model(priors=priors)


def test_a_spread_that_would_be_estimated_with_its_values_is_refused():
    with pytest.raises(ValueError, match="grows beyond all bounds"):
        NormalPrior("mean", "omega")
    with pytest.raises(ValueError, match="deviation"):
        NormalPrior(0.0, 0.0)


@pytest.mark.parametrize("spread", [0.3, 0.05])
def test_a_spread_is_that_of_restricted_maximum_likelihood(spread):
    """x = k_i t: slopes by least squares are N(mean, s² + σ²/Σt²), so s² = their variance − σ²/Σt²."""
    t, rng = np.linspace(0.5, 2.0, 4), np.random.default_rng(7)
    slopes = 1.0 + 0.15 * rng.standard_normal(8)
    seen = slopes[:, None] * t + 0.1 * rng.standard_normal((8, 4))
    line = Model(states="x", parameters=("k", "mean"), local="k", rates=lambda v: {"x": v.k + 0.0 * v.x},
                 priors={"k": NormalPrior("mean", spread)})
    each = [Trajectory(t, {"x": y}, {"x": 0.0}, weights=100.0, span=(0.0, 2.0)) for y in seen]
    found = fit_spreads(line, each, elements=2)
    least = seen @ t / (t @ t)
    exact = np.sqrt(np.var(least, ddof=1) - 0.01 / (t @ t))
    assert found.model.priors["k"].deviation == pytest.approx(exact, rel=5e-3)
    assert found.parameters["mean"] == pytest.approx(least.mean(), rel=1e-4)
    shrunk = exact ** 2 / (exact ** 2 + 0.01 / (t @ t))
    assert found.parameters["k[0]"] == pytest.approx(least.mean() + shrunk * (least[0] - least.mean()),
                                                     rel=2e-3)


def test_without_a_local_prior_there_is_no_spread_to_estimate(seen):
    with pytest.raises(ValueError, match="no spread to estimate"):
        fit_spreads(model(priors={"scale": NormalPrior(2.0, 1.0)}), data(seen))
