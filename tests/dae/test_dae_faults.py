"""What cannot be solved as it stands is refused or named; what can be, is solved in any unit of time."""

import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pcl.dae import InconsistentStart, Model, StructureError, Trajectory, fit

T = np.linspace(0.0, 2.0, 11)


def decay(**options):
    return Model(**{"states": ("x",), "parameters": ("k",), "rates": lambda v: {"x": -v.k * v.x},
                    **options})


def exponential(span=2.0, **options):
    return Trajectory(span * T / 2.0, {"x": np.exp(-T)}, {"x": 1.0}, **options)


# --- starts ------------------------------------------------------------------------------------------
def test_algebraic_values_are_found_and_starts_without_any_are_refused_with_their_residual():
    """y² = x, of which y = √x is found; x = −5 has none."""
    model = decay(algebraic=("y",), rates=lambda v: {"x": -v.k * v.y**2},
                  equations=lambda v: {"square": v.y * v.y - v.x}, bounds={"y": (0.0, None)})
    found = fit(model, exponential(), elements=6, start={"y": 50.0})
    assert found.success and found.parameters["k"] == pytest.approx(1.0, rel=1e-5)
    assert found.simulate({"x": 4.0}, t=T)["y"][0] == pytest.approx(2.0, rel=1e-6)
    with pytest.raises(ValueError, match="has 'y'; the model knows x. Algebraic values follow"):
        fit(model, Trajectory(T, {"x": np.exp(-T)}, {"x": 1.0, "y": 7.0}))
    for refused in (lambda: fit(model, Trajectory(T, {"x": np.exp(-T)}, {"x": -5.0})),
                    lambda: found.simulate({"x": -5.0}, t=T), lambda: found.predict({"x": -5.0}, t=T)):
        with pytest.raises(InconsistentStart, match="`square` has the residual 5"):
            refused()


def pendulum(index):
    rod = {2: lambda v: {"rod": v.x * v.u + v.y * v.w}, 3: lambda v: {"rod": v.x**2 + v.y**2 - 1.0}}
    return Model(states=("x", "y", "u", "w"), algebraic=("lam",), parameters=("g",), equations=rod[index],
                 rates=lambda v: {"x": v.u, "y": v.w, "u": -v.lam * v.x, "w": -v.lam * v.y - v.g})


@pytest.mark.parametrize("index, words", [(2, "states of order 5, algebraic variables 3"),
                                          (3, "positions of order 5, velocities 3, multipliers 2")])
def test_a_higher_index_is_said_with_its_orders_and_hidden_constraints_of_starts_are_named(index, words):
    angle = solve_ivp(lambda _, a: [a[1], -9.81 * np.sin(a[0])], (0.0, 2.0), [1.0, 0.0], t_eval=T,
                      rtol=1e-10, atol=1e-12).y[0]
    seen = {"x": np.sin(angle), "y": -np.cos(angle)}
    start = {name: values[0] for name, values in seen.items()}
    at_rest, moving = {**start, "u": 0.0, "w": 0.0}, {**start, "u": 0.5, "w": 0.0}
    found = fit(pendulum(index), Trajectory(T, seen, at_rest), elements=24, start={"g": 9.0})
    assert found.success and found.parameters["g"] == pytest.approx(9.81, rel=1e-4)
    assert f"index {index} (Radau collocation has {words})" in str(found)
    hidden = "d/dt of equation `rod`" if index == 3 else "equation `rod`"
    for refused in (lambda: fit(pendulum(index), Trajectory(T, seen, moving), start={"g": 9.0}),
                    lambda: found.predict(moving, t=T)):
        with pytest.raises(InconsistentStart, match=f"{hidden} has the residual"):
            refused()


# --- times -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("span", [1e-12, 1e12])
def test_tiny_and_huge_spans_are_fitted_and_predicted(span):
    found = fit(decay(), exponential(span))
    assert found.success and found.parameters["k"] * span == pytest.approx(2.0, rel=1e-6)
    t = np.array([0.0, 0.5 * span])
    assert found.predict({"x": 1.0}, t=t)["x"][-1] == pytest.approx(np.exp(-1.0), rel=1e-4)


def test_a_stiff_law_of_kinetics_is_predicted_over_eleven_decades_of_time():
    """Robertson's reaction; its values at 1e11 as published by F. Mazzia and C. Magherini, Test Set for
    Initial Value Problem Solvers (2008)."""
    model = Model(states=("a", "b", "c"), parameters=("k",), bounds={"k": (0.04, 0.04)}, rates=lambda v: {
        "a": -v.k * v.a + 1e4 * v.b * v.c, "b": v.k * v.a - 1e4 * v.b * v.c - 3e7 * v.b**2,
        "c": 3e7 * v.b**2})
    start = {"a": 1.0, "b": 0.0, "c": 0.0}
    t = np.array([0.0, 0.4])
    with pytest.warns(UserWarning, match="elements are too long"):
        found = fit(model, Trajectory(t, {"a": [1.0, 0.98517]}, start),
                    elements=[[0.0, 1e-3, 1e-2, 0.1, 0.4]])
    late = np.array([0.0, 1e11])
    simulated = found.simulate(start, t=late, rtol=1e-8)
    assert simulated.success and simulated["a"][-1] == pytest.approx(2.0833401497e-8, rel=1e-4)
    assert simulated["b"][-1] == pytest.approx(8.3333360770e-14, rel=1e-4)
    predicted = found.predict(start, t=late)                # 1e13 elements of the length of those above
    assert predicted.curve.mesh.elements <= 1000


# --- counts ------------------------------------------------------------------------------------------
def test_wrong_numbers_of_equations_are_refused_with_both_counts():
    with pytest.raises(ValueError, match="2 equations .* for 1 variables"):
        fit(decay(equations=lambda v: {"more": v.x - 1.0}), exponential())
    with pytest.raises(ValueError, match="1 equations .* for 2 variables"):
        fit(decay(algebraic=("y",)), exponential())


def test_variables_and_parameters_that_appear_nowhere_are_named():
    with pytest.raises(StructureError, match="The variable 'y' appears nowhere"):
        fit(decay(algebraic=("y",), equations=lambda v: {"e": v.x - 1.0}), exponential())
    with pytest.warns(UserWarning, match="appear in no equation stay where they begin: q"):
        found = fit(decay(parameters=("k", "q")), exponential(), elements=4, start={"q": 3.0})
    assert found.parameters["k"] == pytest.approx(1.0, rel=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(decay(), exponential(), elements=8)


def test_no_elements_are_refused_and_data_that_determine_nothing_are_warned_of():
    with pytest.raises(ValueError, match="elements is 0"):
        fit(decay(), exponential(), elements=0)
    with pytest.warns(UserWarning, match="single observation: .* not determined by the data"):
        found = fit(decay(), Trajectory([1.0], {"x": [0.3]}, {"x": 1.0}, span=(0.0, 2.0)))
    assert found.parameters["k"] == pytest.approx(-np.log(0.3), rel=1e-5)
    with pytest.warns(UserWarning, match="at the start: .* not determined by the data"):
        fit(decay(), Trajectory([0.0], {"x": [1.0]}, span=(0.0, 2.0)))
