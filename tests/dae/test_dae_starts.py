"""Starts that follow from parameters: functions of them, shared ones, states of rest."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from pcl.dae import Model, Trajectory, fit

EACH = pytest.mark.parametrize("approach", ["simultaneous", "sequential"])
BOLUS = Model(states="c", parameters=("k", "V"), inputs="dose", rates=lambda v: {"c": -v.k * v.c},
              bounds={"k": (0.0, 10.0), "V": (0.1, 1000.0)})


def judged(residuals, start, scale=1.0):
    """(parameters, standard errors) of weighted residuals by SciPy."""
    exact = least_squares(residuals, start, xtol=1e-12, ftol=1e-12)
    return exact.x, np.sqrt(np.diag(np.linalg.inv(exact.jac.T @ exact.jac)))


@EACH
def test_starts_of_dose_over_volume_are_fitted_as_in_closed_form(approach):
    t, rng = np.linspace(0.2, 5.0, 30), np.random.default_rng(0)
    seen = {dose: dose / 8.0 * np.exp(-0.4 * t) + 0.05 * rng.standard_normal(t.size)
            for dose in (20.0, 50.0)}
    data = [Trajectory(t, {"c": y}, {"c": lambda p: p.dose / p.V}, {"dose": dose}, weights=400.0,
                       span=(0.0, 5.0)) for dose, y in seen.items()]
    exact, error = judged(lambda q: np.concatenate([
        (dose / q[1] * np.exp(-q[0] * t) - y) / 0.05 for dose, y in seen.items()]), [0.4, 8.0])
    found = fit(BOLUS, data, approach=approach, elements=8)
    assert found.success and BOLUS.log == ("V",)       # the start sees the parameter, not its logarithm
    assert list(found.parameters.values()) == pytest.approx(exact, rel=1e-4)
    assert list(found.standard_errors().values()) == pytest.approx(error, rel=0.02)
    told = found.predict({"c": lambda p: p.dose / p.V}, {"dose": 30.0}, [0.0, 1.0])
    assert told["c"][0] == pytest.approx(30.0 / exact[1], rel=1e-4)


def test_one_parameter_is_a_start_that_experiments_share():
    model = Model(states="x", parameters=("k", "x0"), inputs="u", rates=lambda v: {"x": v.u - v.k * v.x})
    t, rng = np.linspace(0.5, 4.0, 20), np.random.default_rng(1)

    def exact(u, k, x0):
        return u / k + (x0 - u / k) * np.exp(-k * t)
    seen = {u: exact(u, 0.7, 2.0) + 0.02 * rng.standard_normal(t.size) for u in (0.0, 1.0, 3.0)}
    data = [Trajectory(t, {"x": y}, {"x": lambda p: p.x0}, {"u": u}, weights=2500.0, span=(0.0, 4.0))
            for u, y in seen.items()]
    best, error = judged(lambda q: np.concatenate([(exact(u, *q) - y) / 0.02 for u, y in seen.items()]),
                         [0.7, 2.0])
    found = fit(model, data)
    assert list(found.parameters.values()) == pytest.approx(best, rel=1e-4)
    assert list(found.standard_errors().values()) == pytest.approx(error, rel=0.02)


# --- at rest -----------------------------------------------------------------------------------
# Turnover with feedback: at rest a = k / b, b = 2 + s a²; then the input s steps from 1 to 3.
FEEDBACK = Model(states=("a", "b", "c"), algebraic="y", parameters=("k", "m"), inputs="s",
                 rates=lambda v: {"a": v.k - v.a * v.b, "b": v.y - v.b, "c": v.a - v.m * v.c},
                 equations=lambda v: {"y": v.y - 2.0 - v.s * v.a ** 2},
                 bounds={name: (0.0, None) for name in "abckm"})
STEP = ([0.0, 1.0, 6.0], [1.0, 3.0, 3.0], "constant")


def fed(t, k, m):
    """(a, c) from rest, by an integrator and a root finder."""
    a = max(r.real for r in np.roots([1.0, 0.0, 2.0, -k]) if abs(r.imag) < 1e-9)    # a (2 + a²) = k
    rest = [a, 2.0 + a ** 2, a / m]
    done = solve_ivp(lambda t, x: [k - x[0] * x[1], 2.0 + 3.0 * x[0] ** 2 - x[1], x[0] - m * x[2]],
                     (1.0, 6.0), rest, rtol=1e-10, atol=1e-12, dense_output=True, method="LSODA")
    x = np.where(t <= 1.0, np.array(rest)[:, None], done.sol(np.maximum(t, 1.0)))
    return x[[0, 2]]


@EACH
def test_a_start_at_rest_is_fitted_as_by_an_integrator_from_the_root(approach):
    t = np.linspace(0.5, 6.0, 23)
    seen = fed(t, 5.0, 0.5) + 0.02 * np.random.default_rng(3).standard_normal((2, t.size))
    best, error = judged(lambda q: ((fed(t, *q) - seen) / 0.02).ravel(), [5.0, 0.5])
    data = Trajectory(t, {"a": seen[0], "c": seen[1]}, dict.fromkeys("abc", "steady"), {"s": STEP},
                      weights=2500.0, span=(0.0, 6.0))
    model = FEEDBACK
    if approach == "sequential":
        model = Model(FEEDBACK.states, "y", (), ("k", "m"), "s", FEEDBACK.rates, FEEDBACK.equations)
    found = fit(model, data, approach=approach, start={"k": 3.0, "m": 1.0})
    assert found.success
    assert np.abs((list(found.parameters.values()) - best) / error).max() < 0.1         # of the elements
    assert list(found.standard_errors().values()) == pytest.approx(error, rel=0.02)
    curve = found.trajectories["0"]
    assert np.ptp(curve(np.linspace(0.0, 1.0, 9), "b")) < 1e-9       # nothing moves before the step
    b = curve(0.0, "b")[0]
    assert found.parameters["k"] == pytest.approx(curve(0.0, "a")[0] * b, rel=1e-8)


def test_curvature_of_a_state_of_rest_is_that_of_its_closed_form():
    """At rest a (2 + s a²) = k with c fixed as k m: the derivatives against differences of the root."""
    from pcl.dae.program.steady import Steady
    rest = Steady(FEEDBACK, ("a", "b"), {}, {"c": lambda p: p.k * p.m ** 2}, 6.0)
    a, u, t = np.ones((1, 9)), np.ones((1, 1)), np.zeros(1)
    lam = np.array([[0.7, -0.3, 0.2]])

    def value(k, m):
        root = max(r.real for r in np.roots([1.0, 0.0, 2.0, -k]) if abs(r.imag) < 1e-9)
        return lam[0] @ [root, 2.0 + root ** 2, k * m ** 2]
    a[0, 7:] = k, m = 5.0, 0.5
    h = 1e-3
    second = np.array([[(value(k + h, m) - 2 * value(k, m) + value(k - h, m)),
                        (value(k + h, m + h) - value(k + h, m - h) - value(k - h, m + h)
                         + value(k - h, m - h)) / 4],
                       [0.0, value(k, m + h) - 2 * value(k, m) + value(k, m - h)]]) / h ** 2
    second[1, 0] = second[0, 1]
    first = [(value(k + h, m) - value(k - h, m)) / (2 * h), (value(k, m + h) - value(k, m - h)) / (2 * h)]
    assert (lam[0] @ rest.jacobian(a, u, t)[0])[7:] == pytest.approx(first, rel=1e-5)
    assert rest.hessian(a, u, t, lam)[0][7:, 7:] == pytest.approx(second, rel=1e-4, abs=1e-6)


def test_a_state_of_rest_that_a_total_leaves_open_is_refused_in_words():
    pair = Model(states=("a", "b"), parameters="k",
                 rates=lambda v: {"a": v.b - v.k * v.a, "b": v.k * v.a - v.b})
    t = np.linspace(0.0, 1.0, 5)
    with pytest.raises(ValueError, match="trajectory '0'.*rest is not determined"):
        fit(pair, Trajectory(t, {"a": np.ones(5)}, {"a": "steady", "b": "steady"}))


@pytest.mark.parametrize("model, initial, words", [
    (Model(states=("x", "w"), parameters="k", rates=lambda v: {"x": v.k - v.x, "w": -v.w}),
     {"x": "steady"}, "w starts free"),
    (Model(states="x", parameters="k", rates=lambda v: {"x": v.k - v.x}), {"q": lambda p: p.k}, "'q'"),
    (Model(states="x", parameters="k", rates=lambda v: {"x": v.k - v.x}), {"x": lambda p: p.x}, "'x'"),
])
def test_starts_that_cannot_follow_are_refused(model, initial, words):
    with pytest.raises((ValueError, AttributeError), match=words):
        fit(model, Trajectory([0.0, 1.0], {"x": [1.0, 2.0]}, initial))


def test_predictions_from_rest_begin_at_the_root():
    t = np.linspace(0.5, 6.0, 12)
    seen = fed(t, 5.0, 0.5)
    found = fit(FEEDBACK, Trajectory(t, {"a": seen[0], "c": seen[1]}, dict.fromkeys("abc", "steady"),
                                     {"s": STEP}, weights=100.0, span=(0.0, 6.0)), elements=20)
    told = found.simulate({"a": "steady", "b": "steady", "c": 1.0}, {"s": 0.0}, [0.0, 1.0])
    k = found.parameters["k"]
    assert [told[name][0] for name in "abc"] == pytest.approx([k / 2.0, 2.0, 1.0], rel=1e-9)


def test_draws_of_a_posterior_know_doses_and_starts():
    """c = (D/V) e^(−kt) and a second dose D at 2: at the peak the forward model is the curve."""
    t = np.linspace(0.2, 5.0, 20)
    exact = 20.0 / 8.0 * (np.exp(-0.4 * t) + np.where(t > 2.0, np.exp(-0.4 * (t - 2.0)), 0.0))
    seen = exact + 0.05 * np.random.default_rng(4).standard_normal(t.size)
    data = Trajectory(t, {"c": seen}, {"c": lambda p: p.dose / p.V}, {"dose": 20.0}, weights=400.0,
                      span=(0.0, 5.0), doses=[(2.0, "c", 2.5)])
    found = fit(BOLUS, data, elements=20)
    band = found.posterior().band("c", t, trajectory="0")
    assert np.abs(band.value - exact).max() < 0.1
    assert band.failed == 0 and band.nonlinearity < 0.5     # without the dose draws would miss by 100
