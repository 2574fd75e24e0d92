"""Doses and jumps of states at known times, against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares

from pcl import MLP
from pcl.dae import Data, Law, Model, Trained, Trajectory, fit, gauss, load, lobatto

SIGMA = 0.5
ORAL = Model(states=("D", "A"), parameters=("ka", "k"),
             rates=lambda v: {"D": -v.ka * v.D, "A": v.ka * v.D - v.k * v.A},
             bounds={"ka": (0.0, 10.0), "k": (0.0, 10.0)})
DOSES = [(0.0, "D", 100.0, 6.0, 5)]         # at 0, 6, … 24


def amount(t, ka, k):
    """A after these doses: a sum of the answers to each."""
    since = np.maximum(t[:, None] - 6.0 * np.arange(5), 0.0)
    return (100.0 * ka / (ka - k) * (np.exp(-k * since) - np.exp(-ka * since))).sum(axis=1)


def readings():
    t = np.linspace(0.5, 36.0, 40)
    return t, amount(t, 1.2, 0.3) + SIGMA * np.random.default_rng(0).standard_normal(t.size)


def trajectory(**options):
    t, seen = readings()
    return Trajectory(t, {"A": seen}, {"D": 0.0, "A": 0.0}, span=(0.0, 36.0),
                      weights=1.0 / SIGMA**2, **{"doses": DOSES, **options})


@pytest.fixture(scope="module", params=["simultaneous", "sequential"])
def found(request):
    return fit(ORAL, trajectory(), approach=request.param)


def test_parameters_and_errors_after_repeated_doses_are_those_of_superposed_exponentials(found):
    t, seen = readings()
    exact = least_squares(lambda p: (amount(t, *p) - seen) / SIGMA, [1.0, 0.5], xtol=1e-12)
    error = np.sqrt(np.diag(np.linalg.inv(exact.jac.T @ exact.jac)))
    assert found.success
    assert np.abs((list(found.parameters.values()) - exact.x) / error).max() < 0.1      # of the elements
    assert list(found.standard_errors().values()) == pytest.approx(error, rel=0.02)


def test_trajectories_of_a_fit_are_superposed_exponentials(found):
    t = np.linspace(0.0, 36.0, 361)
    exact = amount(t, *found.parameters.values())
    assert np.abs(found.trajectories["0"](t, "A") - exact).max() < 5e-3 * exact.max()


def test_at_a_dose_the_value_before_it_counts_and_right_after_it_the_dose_is_there(found):
    before, after = found.trajectories["0"](np.array([6.0, np.nextafter(6.0, 7.0)]), "D")
    assert after - before == pytest.approx(100.0, rel=1e-9)


@pytest.mark.parametrize("how", ["predict", "simulate"])
def test_predictions_with_doses_are_superposed_exponentials(found, how):
    t = np.linspace(0.0, 40.0, 201)
    told = getattr(found, how)({"D": 0.0, "A": 0.0}, t=t, doses=DOSES)
    assert told.success
    assert told["A"] == pytest.approx(amount(t, *found.parameters.values()), abs=2e-3 * 80.0)


@pytest.mark.parametrize("scheme", [gauss(2), lobatto(4)], ids=lambda s: s.name)
def test_other_schemes_and_experiments_with_doses_of_their_own_agree(scheme):
    t, _ = readings()
    each = [Trajectory(t, {"A": exact}, {"D": 0.0, "A": 0.0}, span=(0.0, 36.0), doses=doses, name=name,
                       weights=1.0)
            for name, exact, doses in (("a", amount(t, 1.2, 0.3), DOSES),
                                       ("b", 2.0 * amount(t, 1.2, 0.3), [(0.0, "D", 200.0, 6.0, 9)]),
                                       ("c", 0.5 * amount(t, 1.2, 0.3), [(6.0 * k, "D", 50.0) for k in
                                                                         range(5)]))]
    each[1] = each[1].part(lambda t: t <= 24.0, (0.0, 24.0))        # what comes later is not there
    found = fit(ORAL, each, elements=40, scheme=scheme)
    assert list(found.parameters.values()) == pytest.approx([1.2, 0.3], rel=2e-3)


def test_a_picture_shows_the_jump(found):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    t, values = found.plot(["D"]).axes[0].lines[0].get_data()
    assert np.diff(values)[np.diff(t) < 1e-9].max() > 90.0


def test_columns_repeated_rows_and_rows_are_one_table():
    columns = {"time": [0.0, 12.0], "state": ["D", "D"], "amount": [100.0, 100.0], "interval": [6.0, 6.0],
               "count": [2, 3]}
    single = [(6.0 * k, "D", 100.0) for k in range(5)]
    assert trajectory().doses == trajectory(doses=columns).doses == trajectory(doses=single[::-1]).doses


def test_a_reading_at_a_dose_is_before_it_whatever_rounding_says():
    model = Model(states="x", parameters="q", rates=lambda v: {"x": v.q + 0.0 * v.x})
    t = np.array([0.1, 0.1 + 0.2, 1.0])                             # 0.30000000000000004
    one = Trajectory(t, {"x": [0.0, 0.0, 1.0]}, {"x": 0.0}, span=(0.0, 1.0), doses=[(0.3, "x", 1.0)])
    assert fit(model, one, elements=3).misfit == pytest.approx(0.0, abs=1e-12)


# --- jump conditions ---------------------------------------------------------------------------
WASHED = Model(states="x", parameters=("k", "r"), rates=lambda v: {"x": -v.k * v.x},
               jumps={"wash": lambda v: {"x": v.r * v.x ** 2}}, bounds={"r": (0.0, 5.0)})
AT = (1.0, 2.5)


def washed(t, k, r):
    """x' = −k x, x⁺ = r x² at 1 and 2.5, x(0) = 2."""
    found, start = np.empty_like(t), 2.0
    for a, b in zip((0.0, *AT), (*AT, np.inf)):
        mine = (t > a) & (t <= b) if a else t <= b
        found[mine] = start * np.exp(-k * (t[mine] - a))
        start = r * (start * np.exp(-k * (b - a))) ** 2
    return found


@pytest.mark.parametrize("approach", ["simultaneous", "sequential"])
def test_a_nonlinear_jump_with_a_parameter_is_fitted_as_in_closed_form(approach):
    t = np.linspace(0.1, 4.0, 40)
    seen = washed(t, 0.4, 0.8) + 0.01 * np.random.default_rng(1).standard_normal(t.size)
    exact = least_squares(lambda p: (washed(t, *p) - seen) / 0.01, [0.4, 0.8], xtol=1e-12)
    error = np.sqrt(np.diag(np.linalg.inv(exact.jac.T @ exact.jac)))
    data = Trajectory(t, {"x": seen}, {"x": 2.0}, span=(0.0, 4.0), weights=1e4, jumps={"wash": AT})
    found = fit(WASHED, data, approach=approach)
    assert found.success
    assert np.abs((list(found.parameters.values()) - exact.x) / error).max() < 0.05
    # the reduced Hessian has the curvature, J'J has not: a noise of 0.01 bends by a few per cent
    assert list(found.standard_errors().values()) == pytest.approx(error, rel=0.1)
    assert abs(found.shift.worst) < 0.1
    told = found.predict({"x": 2.0}, t=np.linspace(0.0, 4.0, 81), jumps={"wash": AT})
    assert told["x"] == pytest.approx(washed(told.t, *found.parameters.values()), abs=1e-3)


def test_a_saved_fit_is_refused_by_a_model_with_another_jump(tmp_path):
    t = np.linspace(0.0, 4.0, 21)
    data = Trajectory(t, {"x": washed(t, 0.4, 0.8)}, {"x": 2.0}, jumps={"wash": AT})
    fit(WASHED, data, elements=12).save(tmp_path / "washed.npz")
    again = load(tmp_path / "washed.npz", WASHED).predict({"x": 2.0}, t=t, jumps={"wash": AT})
    assert again["x"][-1] == pytest.approx(washed(t, 0.4, 0.8)[-1], rel=1e-2)
    other = Model(states="x", parameters=("k", "r"), rates=lambda v: {"x": -v.k * v.x},
                  jumps={"wash": lambda v: {"x": v.r * v.x}}, bounds={"r": (0.0, 5.0)})
    with pytest.raises(ValueError, match="jump wash of x"):
        load(tmp_path / "washed.npz", other)


def test_a_law_of_a_dosed_state_is_found_although_it_jumps_with_it():
    """x' = −z(x), z = x / (1 + x), three doses: ln x + x falls with the time."""
    from scipy.special import lambertw

    def exact(t):
        found, start = np.empty_like(t), 2.0
        for a, b in ((0.0, 2.0), (2.0, 5.0), (5.0, np.inf)):
            mine = (t > a) & (t <= b) if a else t <= b
            found[mine] = lambertw(start * np.exp(start - (t[mine] - a))).real
            start = 1.5 + (lambertw(start * np.exp(start - (b - a))).real if b < np.inf else 0.0)
        return found
    t = np.linspace(0.0, 8.0, 49)
    seen = exact(t) + 0.005 * np.random.default_rng(2).standard_normal(t.size)
    model = Model(states="x", outputs="z", rates=lambda v: {"x": -v.z}, bounds={"x": (0.0, None)})
    data = Trajectory(t, {"x": seen}, {"x": 2.0}, weights=1 / 0.005**2,
                      doses=[(2.0, "x", 1.5), (5.0, "x", 1.5)])
    found = fit(model, data, Law(MLP((1, 4, 1)), "x", "z"), elements=20)
    x = np.linspace(0.8, 2.2, 12)
    value, error = found.band("z", x)
    assert found.success and error.max() < 0.03
    assert np.abs((value - x / (1.0 + x)) / error).max() < 4.0
    told = found.predict({"x": 1.0}, t=[0.0, 1.0, 1.5], doses=[(1.0, "x", 1.0)])
    assert told["x"][1] == pytest.approx(lambertw(1.0).real, abs=0.02)             # ln x + x = 1 − t
    # a bound that the second dose would break is kept by a law that is shifted, the dose itself is not
    low = Trained(replace(model, bounds={"x": (0.0, 2.2)}), **{
        name: getattr(found.trained, name)
        for name in ("laws", "parameters", "scheme", "element", "sizes", "typical")})
    kept = low.predict({"x": 2.1}, t=np.linspace(0.0, 2.0, 21), doses=[(1.0, "x", 0.9)], slack=True,
                       tolerance=0.1)
    before, after = kept.curve(np.array([1.0, np.nextafter(1.0, 2.0)]), "x")
    assert kept.success and kept.slack and kept["x"].max() <= 2.2 + 1e-5
    assert after - before == pytest.approx(0.9, rel=1e-6)


# --- what is refused ---------------------------------------------------------------------------
@pytest.mark.parametrize("options, words", [
    ({"doses": [(-1.0, "D", 1.0)]}, "before the span"),
    ({"doses": [(1.0, "D")]}, "has 2 entries"),
    ({"doses": [(1.0, "D", np.nan)]}, "NaN"),
    ({"doses": [(1.0, "D", 1.0, 0.0, 2)]}, "interval"),
    ({"doses": [(1.0, "D", 1.0, 1.0, 0)]}, "count"),
    ({"doses": {"time": [1.0], "state": ["D"]}}, "columns"),
    ({"jumps": {"mix": 0.0}}, "beginning of the span"),
])
def test_what_is_no_table_of_doses_or_jumps_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        trajectory(**options)


def test_a_dose_at_the_start_to_a_state_that_starts_free_is_refused():
    with pytest.raises(ValueError, match="is free; give initial="):
        Trajectory([0.0, 1.0], {"A": [0.0, 1.0]}, doses=[(0.0, "D", 1.0)])


@pytest.mark.parametrize("options, words", [({"doses": [(1.0, "E", 1.0)]}, "'E'"),
                                            ({"jumps": {"mix": 1.0}}, "'mix'")])
def test_doses_and_jumps_that_the_model_does_not_know_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Data(trajectory(**options)).require(ORAL)


def test_boundaries_without_that_of_a_dose_are_refused():
    with pytest.raises(ValueError, match="a state jumps at t = 6"):
        fit(ORAL, trajectory(), elements=[np.linspace(0.0, 36.0, 11)])


def test_two_conditions_on_one_state_at_one_time_are_refused():
    model = Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x},
                  jumps={"a": lambda v: {"x": v.x}, "b": lambda v: {"x": 2.0 * v.x}})
    data = Trajectory([0.0, 2.0], {"x": [1.0, 1.0]}, jumps={"a": 1.0, "b": 1.0})
    with pytest.raises(ValueError, match="'a' and 'b' both"):
        fit(model, data)


def test_a_part_after_a_time_has_the_doses_after_it_alone():
    before, after = Data(trajectory()).split(12.0)
    assert [dose.time for dose in after[0].doses] == [18.0, 24.0]
    assert before[0].events.tolist() == [6.0]
