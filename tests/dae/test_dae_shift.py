"""The shift of a fit by finer elements: against fits on twice as many; automatic elements."""

import functools
import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

from pcl import MLP
from pcl.dae import Model, Trajectory, fit
from pcl.dae.kkt.reduced import ReducedKKT
from pcl.dae.result.shift import shift
from pcl.dae.result.uncertainty import Uncertainty

TRUTH = {"s": 10.0, "r": 15.0, "b": 8.0 / 3.0}
TIMES = np.linspace(0.0, 3.0, 200)
START = {"x": -8.0, "y": 7.0, "z": 27.0}
LORENZ = Model(states=("x", "y", "z"), parameters=("s", "r", "b"), inputs=("u",),
               rates=lambda v: {"x": v.s * (v.y - v.x), "y": v.x * (v.r - v.z) - v.y,
                                "z": v.x * v.y - v.b * v.z + v.u})
GROWTH = Model(states=("x",), outputs=("r",), rates=lambda v: {"x": v.r}, bounds={"x": (0.0, None)})


def forcing(t):
    return 10.0 * np.sin(2.0 * np.pi * t)


@functools.cache
def states():
    def slope(t, w):
        x, y, z = w
        return [10.0 * (y - x), x * (15.0 - z) - y, x * y - 8.0 / 3.0 * z + forcing(t)]
    return solve_ivp(slope, (0.0, 3.0), list(START.values()), t_eval=TIMES, rtol=1e-11, atol=1e-11).y


def forced(noise, seed=0):
    w = states()
    w = w + noise * w.std(axis=1, keepdims=True) * np.random.RandomState(seed).randn(*w.shape)
    return Trajectory(TIMES, dict(zip("xyz", w)), START, inputs={"u": forcing})


def fitted(noise, seed=0, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(LORENZ, forced(noise, seed), **options)


@pytest.mark.parametrize("elements, rel", [(20, 0.05), (40, 0.01)])
def test_the_shift_is_that_of_a_fit_on_twice_as_many_elements(elements, rel):
    """Newton's step is of first order; the shift of 20 elements is 5 to 12 standard errors."""
    coarse, fine = fitted(0.01, elements=elements), fitted(0.01, elements=2 * elements)
    errors = fine.standard_errors()
    for name, moved in coarse.shift.parameters.items():
        found = (fine.parameters[name] - coarse.parameters[name]) / errors[name]
        assert moved == pytest.approx(found, rel=rel)


def test_the_shift_of_a_law_is_that_of_a_fit_on_twice_as_many_elements():
    t = np.linspace(0.0, 6.0, 30)
    x = 0.05 / (0.05 + 0.95 * np.exp(-1.5 * t)) + 0.01 * np.random.RandomState(2).randn(30)
    data = Trajectory(t, {"x": x}, {"x": 0.05})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coarse = fit(GROWTH, data, MLP((1, 3, 1)), elements=3, smoothing=1e-2, weight_decay=3e-2)
        a, moved = coarse.shift.laws["r"]
        fine = fit(GROWTH, data, elements=6, network=MLP((1, 3, 1)), smoothing=1e-2, weight_decay=3e-2,
                   start=coarse)
    found = fine.laws[0](a)[:, 0] - coarse.laws[0](a)[:, 0]
    expected = found / fine.band("r", a).error
    largest = np.abs(expected).max()
    assert largest > 0.2                                    # there is something to be found
    np.testing.assert_allclose(moved, expected, atol=0.15 * largest)


def test_automatic_elements_end_where_the_bias_is_a_tenth_of_a_standard_error():
    """20 elements leave 5 to 12 standard errors (above); 4 draws have a mean within 1.5 = 3/√4."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fits = [fit(LORENZ, forced(0.01, seed)) for seed in range(4)]
    scores = []
    for found in fits:
        assert found.success and found.shift.worst < 0.1 and 20 < found.setting.elements.E < 200
        errors = found.standard_errors()
        scores.append([(found.parameters[k] - v) / errors[k] for k, v in TRUTH.items()])
    assert np.abs(np.mean(scores, axis=0)).max() < 1.5
    assert "shift 0" in str(found) or "shift -0" in str(found)
    assert "without the shift by the elements" in str(found)


def test_given_elements_stay_and_a_large_shift_is_said():
    with pytest.warns(UserWarning, match="elements bias the fit: 20 elements; .* give more elements"):
        found = fit(LORENZ, forced(0.01), elements=20)
    assert found.setting.elements.E == 20 and found.shift.worst > 5.0


def test_exact_data_are_not_refined_without_end():
    """Misfit and shift fall together: what is judged is a noise of 1e-4 of the data's spread."""
    found = fitted(0.0)
    assert found.shift.exact and found.shift.worst < 0.1 and found.setting.elements.E < 320
    for name, value in TRUTH.items():
        assert found.parameters[name] == pytest.approx(value, rel=1e-5)


def test_elements_that_suffice_stay():
    t = np.linspace(0.0, 4.0, 15)
    x = 0.5 * t + 0.02 * np.random.RandomState(0).randn(15)
    growth = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": v.k})    # solved exactly
    found = fit(growth, Trajectory(t, {"x": x}, {"x": 0.0}))
    assert found.setting.elements.E == 20 and found.shift.worst < 1e-6


def test_without_laws_digits_are_those_of_the_equations():
    """x' = −k x, x(0) = 1, against least squares of exp(−k t); 20 elements leave their own error."""
    t = np.linspace(0.0, 4.0, 15)
    x = np.exp(-8.0 * t) + 0.02 * np.random.RandomState(0).randn(15)
    decay = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x},
                  bounds={"k": (0.0, 50.0)})
    least = minimize_scalar(lambda k: ((np.exp(-k * t) - x) ** 2).sum(), bounds=(4.0, 16.0),
                            options={"xatol": 1e-10})
    found, coarse = (fit(decay, Trajectory(t, {"x": x}, {"x": 1.0}), elements=elements)
                     for elements in ("auto", 20))
    assert found.shift.worst < 1e-5 and 20 < found.setting.elements.E <= 160
    error, rough = (abs(each.misfit / least.fun - 1.0) for each in (found, coarse))
    assert error < 1e-6 and rough > 10.0 * error
    assert abs(found.parameters["k"] / least.x - 1.0) < 1e-6


def test_without_standard_errors_there_is_no_shift_and_a_reason():
    twice = Model(states=("x",), parameters=("p", "q"), rates=lambda v: {"x": v.p + v.q})
    t = np.linspace(0.0, 1.0, 5)
    found = fit(twice, Trajectory(t, {"x": 2.0 * t + 0.01 * np.sin(9.0 * t)}), elements=4, maxiter=50)
    moves = shift(found.setting, found.program, found.result)
    assert "not positive definite" in moves.why and "not estimated" in str(moves)
    assert np.isnan(moves.worst)


def test_leverage_by_unknowns_is_leverage_by_observations():
    t = np.linspace(0.0, 6.0, 60)
    x = 0.05 / (0.05 + 0.95 * np.exp(-1.5 * t)) + 0.01 * np.random.RandomState(2).randn(60)
    found = fit(GROWTH, Trajectory(t, {"x": x}), MLP((1, 4, 1)), elements=12, smoothing=1e-2,
                weight_decay=1e-2)
    one = Uncertainty(found.program, found.result, False)
    assert one.leverage == pytest.approx(one._leverage_of_observations(), rel=1e-6)


def test_the_systems_of_the_shift_serve_the_standard_errors_too(monkeypatch):
    """One factorisation of the fit and one of the halved elements."""
    counted, plain = [], ReducedKKT.factor
    monkeypatch.setattr("pcl.dae.result.uncertainty.ReducedKKT", type("Counted", (ReducedKKT,), {
        "factor": lambda self, *blocks: (counted.append(1), plain(self, *blocks))[1]}))
    t = np.linspace(0.0, 3.0, 20)
    x = np.exp(-t) + 0.01 * np.random.default_rng(0).standard_normal(20)
    model = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x})
    found = fit(model, Trajectory(t, {"x": x}), elements=8)
    found.standard_errors()
    assert len(counted) == 2
