"""`fit(approach="sequential")`: the minimum of the simultaneous way, by points on the equations."""

import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Model, Trajectory, fit
from pcl.dae.program.setting import Setting
from pcl.dae.sequential import Sequential
from pcl.dae.sequential.solve import solve
from pcl.dae.stages.guess import first_guess
from pcl.interior_point.status import Status

TIMES = np.linspace(0.5, 8.0, 9)
DECAY = Model(states=("A", "B"), parameters=("k1", "k2"), bounds={"k1": (0.0, 10.0), "k2": (0.0, 10.0)},
              rates=lambda v: {"A": -v.k1 * v.A, "B": v.k1 * v.A - v.k2 * v.B})
GROWTH = Model(states="x", outputs="r", rates=lambda v: {"x": v.r})


def decay(unit=1.0, noise=0.01):
    A = np.exp(-0.6 * TIMES)
    B = 1.5 * (np.exp(-0.2 * TIMES) - A)
    e = noise * np.random.default_rng(1).standard_normal((2, 9))
    return Trajectory(TIMES, {"A": unit * (A + e[0]), "B": unit * (B + e[1])}, {"A": unit},
                      span=(0.0, 8.0), weights=unit**-2)


def growth():
    t = np.linspace(0.0, 6.0, 13)
    e = 0.01 * np.random.default_rng(0).standard_normal((2, 13))
    return [Trajectory(t, {"x": x0 / (x0 + (1 - x0) * np.exp(-t)) + row}, {"x": x0})
            for x0, row in zip((0.05, 1.5), e)]


def test_parameters_free_start_and_their_errors_are_those_of_the_simultaneous_way():
    """B starts free. Both stop at 1e-6 of the scaled gradient."""
    one, other = (fit(DECAY, decay(), elements=8, approach=way) for way in ("simultaneous", "sequential"))
    assert other.success
    np.testing.assert_allclose(list(other.parameters.values()), list(one.parameters.values()), rtol=1e-6)
    np.testing.assert_allclose(other.trajectories["0"]([0.0], "B"), one.trajectories["0"]([0.0], "B"),
                               atol=1e-6)
    np.testing.assert_allclose(list(other.standard_errors().values()),
                               list(one.standard_errors().values()), rtol=1e-4)
    assert "sequential" in str(other) and "sequential" not in str(one)


def test_a_law_is_that_of_the_simultaneous_way():
    """A weight decay that leaves one minimum."""
    one, other = (fit(GROWTH, growth(), MLP((1, 4, 1)), elements=8, weight_decay=0.1, smoothing=0.1,
                      approach=way) for way in ("simultaneous", "sequential"))
    assert other.success
    assert other.objective == pytest.approx(one.objective, rel=1e-8)
    x = np.linspace(0.1, 1.4, 14)
    np.testing.assert_allclose(other.laws[0](x), one.laws[0](x), atol=1e-5)


@pytest.mark.parametrize("changes, words", [
    ({"bounds": {"B": (0.0, None)}}, "bounds of states.*B"),
    ({"path": lambda v: [v.A - 2.0]}, "path constraints"),
], ids=["a bound of a state", "a path constraint"])
def test_models_that_need_the_simultaneous_way_are_refused(changes, words):
    model = Model(states=("A", "B"), parameters=("k1", "k2"), rates=DECAY.rates, **changes)
    with pytest.raises(ValueError, match=f"approach is 'sequential', which keeps no {words}"):
        fit(model, decay(), elements=4, approach="sequential")


@pytest.mark.parametrize("option", [{"hessian": "limited-memory"}, {"hessian": ("gauss-newton", "exact")},
                                    {"kkt": "sparse"}], ids=str)
def test_options_of_the_simultaneous_way_are_refused(option):
    with pytest.raises(ValueError, match=f"approach is 'sequential'.*{next(iter(option))}"):
        fit(DECAY, decay(), elements=4, approach="sequential", **option)


def test_an_approach_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="approach is 'alternating'; .*sequential, simultaneous"):
        fit(DECAY, decay(), elements=4, approach="alternating")


def test_a_bound_of_a_parameter_holds_and_its_multiplier_is_the_slope_of_the_objective():
    model = Model(states=("A", "B"), parameters=("k1", "k2"), rates=DECAY.rates,
                  bounds={"k1": (0.0, 0.4)})
    found = fit(model, decay(), elements=8, approach="sequential")
    assert found.parameters["k1"] == pytest.approx(0.4, abs=1e-7)
    problem = Sequential(found.program, found.result.x)
    q = found.result.x[problem.places]
    place = problem.slices["parameters"].start
    slope = problem.gradient(q)[place]
    assert slope < -1e-3
    assert found.result.z_upper[problem.places[place]] == pytest.approx(-slope, rel=1e-4)


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**30])
def test_units_of_the_states_change_neither_parameters_nor_iterations(unit):
    one, other = (fit(DECAY, decay(u), elements=8, approach="sequential") for u in (1.0, unit))
    np.testing.assert_allclose(list(other.parameters.values()), list(one.parameters.values()), rtol=1e-8)
    assert [s.iterations for s in other.stages] == [s.iterations for s in one.stages]


@pytest.mark.parametrize("unit", [1e-14, 1.0, 1e9])
def test_trajectories_are_solved_to_rounding_of_their_own_size_beside_others(unit):
    """x' = −k x²/x₀: x = x₀/(1 + k t), collocated with an error of 1e-6; from a guess of all x₀; and
    beside it y' = −k y from 1, which Newton's method has in one step."""
    model = Model(states=("x", "y"), parameters="k",
                  rates=lambda v: {"x": -v.k * v.x**2 / unit, "y": -v.k * v.y})
    data = Trajectory([1.0, 4.0], {"x": unit * np.array([0.5, 0.2])}, {"x": unit, "y": 1.0},
                      span=(0.0, 4.0))
    setting = Setting.of(model, data, 12)
    program, x = setting.transcription([], []), first_guess(setting, {"k": 1.0})
    x0, w, _ = program.elements.split(x)
    x0[:], w[:] = (unit, 1.0), (unit, 1.0)
    u = Sequential(program, x).solution([1.0])
    c = program.constraints(u)[:12 * 3 * 2].reshape(-1, 2)
    assert (np.abs(c).max(axis=0) <= [1e-13 * unit, 1e-13]).all()
    ends = program.elements.split(u)[1][:, -1]
    t = setting.meshes[0].times[1:]
    np.testing.assert_allclose(ends / [unit, 1.0], np.stack([1.0 / (1.0 + t), np.exp(-t)], 1), rtol=3e-6)


def test_an_iteration_limit_reaches_the_caller():
    found = fit(DECAY, decay(), elements=8, approach="sequential", maxiter=2)
    assert not found.success and found.result.status is Status.ITERATION_LIMIT


def test_a_start_without_trajectories_is_said_with_what_newtons_method_reports():
    """x' = k x² from 1 with k = 2 is infinite at t = ½."""
    model = Model(states="x", parameters="k", rates=lambda v: {"x": v.k * v.x**2})
    data = Trajectory([0.5, 1.0], {"x": [1.1, 1.2]}, {"x": 1.0}, span=(0.0, 1.0))
    setting = Setting.of(model, data, 10)
    found = solve(setting.transcription([], []), first_guess(setting, {"k": 2.0}))
    assert not found.success and found.status is Status.START_FAILED
    assert "Newton" in found.message and "load_steps" not in found.message
    assert "begin from other weights" in found.message


def test_steps_to_parameters_without_trajectories_are_shortened():
    """The same with data of k = ½: wide of the pole, from a start beside it."""
    model = Model(states="x", parameters="k", rates=lambda v: {"x": v.k * v.x**2})
    t = np.linspace(0.1, 1.0, 10)
    data = Trajectory(t, {"x": 1.0 / (1.0 - 0.5 * t)}, {"x": 1.0}, span=(0.0, 1.0))
    found = fit(model, data, elements=10, start={"k": 0.98}, approach="sequential")
    assert found.success
    assert found.parameters["k"] == pytest.approx(0.5, abs=1e-5)


def test_the_callback_sees_trajectories_that_fulfil_the_equations():
    seen = []
    found = fit(DECAY, decay(), elements=8, approach="sequential", callback=seen.append)
    c = [np.abs(found.program.constraints(s.x)).max() for s in seen if s.x.size == found.program.n]
    assert len(c) > 3 and max(c) < 1e-10
