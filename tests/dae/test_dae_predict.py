"""Prediction with trained laws: bounds and paths kept where simulation violates them, starts checked."""

import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pcl import MLP
from pcl.dae import InconsistentStart, Law, Model, Trained, TrainedLaw, radau
from pcl.dae.result.prediction import Status


LINE = MLP((1, 1))                                  # without hidden layers: z = w a + b
CONSTANT, LINEAR = [0.0, -0.5], [-1.0, 0.0]         # z = −0.5, z = −a


def trained(model, theta, inputs, outputs, parameters=None):
    names = (*model.states, *model.algebraic, *model.outputs)
    law = TrainedLaw(Law(LINE, inputs, outputs), np.array(theta))
    return Trained(model, (law,), parameters or {}, ("radau", 3), 0.5, dict.fromkeys(names, 1.0),
                   dict.fromkeys(names, 1.0))


def tank(**bounds):
    """x' = z with z = −0.5: empty at t = 2, negative after."""
    return trained(Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z}, bounds=bounds),
                   CONSTANT, "x", "z")


T = np.linspace(0.0, 4.0, 17)


def test_without_bounds_the_prediction_is_the_solution():
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z})
    found = trained(model, LINEAR, "x", "z").predict({"x": 1.0}, t=T, tolerance=1e-6)
    assert found.status is Status.SIMULATED and found.error <= 1e-6
    np.testing.assert_allclose(found["x"], np.exp(-T), atol=1e-6)      # states: one order better
    np.testing.assert_allclose(found["z"], -np.exp(-T), atol=1e-5)


def test_elements_are_split_until_the_tolerance():
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z})
    rough, fine = (trained(model, LINEAR, "x", "z").predict({"x": 1.0}, t=T, tolerance=tol)
                   for tol in (1e-2, 1e-6))
    assert fine.curve.mesh.elements > 2 * rough.curve.mesh.elements
    errors = [np.abs(found["x"] - np.exp(-T)).max() for found in (rough, fine)]
    assert errors[1] < 1e-5 < 1e-2 and errors[1] <= errors[0]


def test_a_simulation_violates_the_bound_and_says_so():
    found = tank(x=(0.0, None)).simulate({"x": 1.0}, t=T)
    assert found.status is Status.VIOLATED and found.violations["x"] == pytest.approx(1.0, rel=1e-6)
    np.testing.assert_allclose(found["x"], 1.0 - 0.5 * T, atol=1e-6)


def test_a_law_that_contradicts_a_bound_is_named():
    found = tank(x=(0.0, None)).predict({"x": 1.0}, t=T)
    assert found.status is Status.CONTRADICTION and not found.success
    assert "slack=True" in found.message and "Worst rows" in found.message


def test_with_slack_the_bound_holds_with_the_least_shift():
    """minimise ∫ s² subject to x(4) = 1 − 2 + ∫ s ≥ 0: s = 1/4 everywhere, x = 1 − t/4."""
    found = tank(x=(0.0, None)).predict({"x": 1.0}, t=T, slack=True)
    assert found.status is Status.SHIFTED and found.success and not found.violations
    assert found["x"].min() >= -1e-7
    np.testing.assert_allclose(found.slack["z"], 0.25, atol=1e-5)
    np.testing.assert_allclose(found["x"], 1.0 - T / 4.0, atol=1e-5)


def test_a_bound_on_an_output_is_kept_by_slack():
    found = tank(z=(-0.2, None)).predict({"x": 1.0}, t=T, slack=True)
    np.testing.assert_allclose(found["z"], -0.2, atol=1e-5)


def test_a_path_constraint_is_kept_by_slack():
    """x' = −x + s with x' ≥ −0.3: s = max(0, x − 0.3)."""
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z},
                  path=lambda v: {"slow": -0.3 - v.d("x")})
    law = trained(model, LINEAR, "x", "z")
    assert law.simulate({"x": 1.0}, t=T).violations == {"slow": pytest.approx(0.7, rel=0.05)}
    found = law.predict({"x": 1.0}, t=T, slack=True, tolerance=1e-2)
    assert found.status is Status.SHIFTED
    assert found.curve.derivatives.min() >= -0.3 - 1e-6


def test_parameters_inputs_and_algebraic_variables_take_part():
    """x' = −k y + u(t), y³ + y = x with the law z = −x unused but for an offset."""
    model = Model(states=("x",), algebraic=("y",), outputs=("z",), parameters=("k",), inputs=("u",),
                  rates=lambda v: {"x": -v.k * v.y + v.u + v.z},
                  equations=lambda v: {"cubic": v.y**3 + v.y - v.x}, bounds={"x": (None, 5.0)})
    law = trained(model, LINEAR, "x", "z", {"k": 2.0})

    def rate(t, x):
        y = np.roots([1.0, 0.0, 1.0, -x[0]])
        return [-2.0 * y[np.abs(y.imag).argmin()].real + np.sin(t) - x[0]]
    truth = solve_ivp(rate, (0.0, 4.0), [1.0], t_eval=T, rtol=1e-10, atol=1e-12).y[0]
    for found in (law.predict({"x": 1.0}, {"u": np.sin}, T, tolerance=1e-5),
                  law.simulate({"x": 1.0}, {"u": np.sin}, T, rtol=1e-6)):
        assert found.success
        np.testing.assert_allclose(found["x"], truth, atol=2e-5)
        np.testing.assert_allclose(found["y"]**3 + found["y"], found["x"], atol=2e-3)


def test_a_parameter_stays_fixed_under_bounds():
    model = Model(states=("x",), outputs=("z",), parameters=("k",), rates=lambda v: {"x": v.k * v.z},
                  bounds={"x": (0.0, None)})
    found = trained(model, CONSTANT, "x", "z", {"k": 2.0}).predict({"x": 1.0}, t=T, slack=True)
    assert found.status is Status.SHIFTED       # x(4) = 1 + 2 (−2 + 4 s) ≥ 0: s = 3/8
    np.testing.assert_allclose(found.slack["z"], 0.375, atol=1e-5)


def test_a_simulation_that_cannot_go_on_gives_the_time_reached():
    """x' = −0.5 and y² = x has no y after t = 2."""
    model = Model(states=("x",), algebraic=("y",), outputs=("z",), rates=lambda v: {"x": v.z},
                  equations=lambda v: {"root": v.y**2 - v.x})
    found = trained(model, CONSTANT, "x", "z").simulate({"x": 1.0}, t=T)
    assert found.status is Status.STOPPED and found.t[-1] <= 2.0 and found.t.size == found["y"].size
    assert "t = " in found.message


@pytest.mark.parametrize("initial, inputs, t, words", [
    ({}, None, T, "each state"), ({"x": 1.0, "q": 0.0}, None, T, "each state"),
    ({"x": -1.0}, None, T, "outside its bounds"), ({"x": 1.0}, {"u": 1.0}, T, "inputs"),
    ({"x": 1.0}, None, [0.0], "two increasing"), ({"x": 1.0}, None, [0.0, 0.0], "two increasing"),
    ({"x": 1.0}, None, None, "t is None"), ({"x": np.nan}, None, T, "x")])
def test_arguments_that_do_not_fit_are_refused(initial, inputs, t, words):
    with pytest.raises(ValueError, match=words):
        tank(x=(0.0, None)).predict(initial, inputs, t)


def test_a_start_off_a_constraint_is_refused_with_its_name():
    model = Model(states=("a", "b"), algebraic=("w",), outputs=("z",),
                  rates=lambda v: {"a": v.w, "b": v.z - v.w}, equations=lambda v: {"levels": v.a - v.b})
    law = trained(model, LINEAR, "a", "z")
    with pytest.raises(InconsistentStart, match="levels"):
        law.predict({"a": 1.0, "b": 1.1}, t=T)
    found = law.predict({"a": 1.0, "b": 1.0}, t=T, tolerance=1e-5)      # index 2: a = exp(−t/2)
    np.testing.assert_allclose(found["a"], np.exp(-T / 2.0), atol=1e-5)


def test_points_of_a_law_are_rows():
    law = TrainedLaw(Law(MLP((2, 3, 1)), ("a", "b"), "z"), MLP((2, 3, 1)).init(0))
    assert law([[1.0, 2.0], [3.0, 4.0]]).shape == (2, 1) and law([1.0, 2.0]).shape == (1, 1)
    with pytest.raises(ValueError, match="shape"):
        law(np.ones((4, 3)))


def test_the_scheme_is_that_of_the_training():
    assert tank().collocation is radau(3)


def test_a_contradiction_carries_the_simulation_and_says_where_it_violates_the_bound():
    """x = 1 − t/2 is zero at t = 2 and −1 at t = 4."""
    found = tank(x=(0.0, None)).predict({"x": 1.0}, t=T)
    assert found.status is Status.CONTRADICTION and found.simulation.status is Status.VIOLATED
    np.testing.assert_allclose(found["x"], 1.0 - 0.5 * T, atol=1e-6)
    assert found.violations["x"] == pytest.approx(1.0, rel=1e-6)
    assert "x by up to 1 at t = 4 (first at t = 2" in found.message


def test_a_contradiction_names_equation_and_size_of_what_is_left():
    """x' = z, z = −1/2 against x ≥ 0: the law of z, or x' = z, cannot hold."""
    message = tank(x=(0.0, None)).predict({"x": 1.0}, t=T).message
    found = re.search(r"most is (.+), by (\S+) of its size, (\S+) in the units", message)
    name, relative, absolute = found.groups()
    assert "x" in name or "z" in name
    assert 0.0 < float(relative) < 3.0 and 0.0 < float(absolute) < 3.0
    assert "violated by" in message


def test_a_pulse_in_a_table_is_seen_by_predictions_and_simulations():
    """x' = −x/10 + u with u = 1000 for a hundredth, and the same with corners instead of jumps."""
    model = Model(states=("x",), outputs=("z",), inputs=("u",), rates=lambda v: {"x": 0.1 * v.z + v.u})
    law = trained(model, LINEAR, "x", "z")
    jumps = ([0.0, 3.0, 3.01], [0.0, 1000.0, 0.0], "constant")
    bends = ([0.0, 3.0, 3.005, 3.01, 6.0], [0.0, 0.0, 2000.0, 0.0, 0.0])
    t, area = np.array([0.0, 2.0, 6.0]), 10.0 * np.exp(-0.1 * (6.0 - 3.005))
    for table in (jumps, bends):
        for found in (law.predict({"x": 0.0}, {"u": table}, t, tolerance=1e-5),
                      law.simulate({"x": 0.0}, {"u": table}, t)):
            assert found.success
            np.testing.assert_allclose(found["x"], [0.0, 0.0, area], rtol=1e-6, atol=1e-9)
    hidden = law.simulate({"x": 0.0}, {"u": lambda t: 1000.0 * ((t > 3.0) & (t <= 3.01))}, t,
                          breaks=[3.0, 3.01])
    np.testing.assert_allclose(hidden["x"][-1], area, rtol=1e-6)


def test_a_measured_table_of_thousands_of_rows_costs_elements_where_it_steps_not_one_a_row():
    """x' = −x + u with u a ramp from 1 to 0 in 0.02 at t = 2, read 3,001 times to 0.001."""
    model = Model(states=("x",), outputs=("z",), inputs=("u",), rates=lambda v: {"x": v.z + v.u})
    law, rows = trained(model, LINEAR, "x", "z"), np.linspace(0.0, 6.0, 3001)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(rows.size)
    u = np.clip((2.02 - rows) / 0.02, 0.0, 1.0) + noise
    t = np.array([0.0, 2.0, 2.1, 6.0])
    truth = solve_ivp(lambda t, x: np.interp(t, rows, u) - x, (0.0, 6.0), [0.0], t_eval=t, max_step=2e-3,
                      rtol=1e-8).y[0]
    for ask, options in ((law.predict, {}), (law.simulate, {"rtol": 1e-3})):
        found = ask({"x": 0.0}, {"u": (rows, u)}, t, **options)
        assert found.success and found.curve.mesh.elements < 600
        np.testing.assert_allclose(found["x"], truth, atol=1e-3)        # the error of the readings


def test_what_a_bound_does_between_the_nodes_is_said_with_its_extremum():
    """x = (t − 1.3)² is solved exactly; x ≥ 0.01 is violated by 0.01 at t = 1.3, between nodes."""
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": 2.0 * (v.t - 1.3) + 0.0 * v.z},
                  bounds={"x": (0.01, None)})
    found = trained(model, LINEAR, "x", "z").simulate({"x": 1.69}, t=T)
    assert found.status is Status.VIOLATED and found.violations.get("x", 0.0) < 0.0099
    assert found.between["x"].size == pytest.approx(0.01, rel=1e-6)
    assert found.between["x"].time == pytest.approx(1.3, abs=1e-4) and "at t = 1.3" in found.message


def test_messages_are_in_the_units_of_the_model():
    """x in units of 1e-6: the state named where a simulation stops is not relative to its size."""
    model = Model(states=("x",), algebraic=("y",), outputs=("z",), rates=lambda v: {"x": 1e-6 * v.z},
                  equations=lambda v: {"root": v.y**2 - 1e6 * v.x})
    names = {"x": 1e-6, "y": 1.0, "z": 1.0}
    law = TrainedLaw(Law(LINE, "x", "z"), np.array(CONSTANT))
    small = Trained(model, (law,), {}, ("radau", 3), 0.5, names, {"x": 1e-6, "y": 1.0, "z": 1.0})
    found = small.simulate({"x": 2e-6}, t=2.0 * T)
    assert found.status is Status.STOPPED and found.t[-1] <= 4.0 + 1e-6
    value = float(found.message.split("x = ")[1].split(",")[0])
    assert abs(value) < 1e-8
