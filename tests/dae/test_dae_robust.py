"""Fits and predictions that must not depend on units, on the first guess or on how noisy it is."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import solve_ivp

from pcl import MLP
from pcl.dae import Law, Model, Trained, TrainedLaw, Trajectory, fit, solver
from pcl.dae.laws.free_outputs import FreeOutputs
from pcl.dae.program import scaled
from pcl.dae.program.setting import Setting
from pcl.dae.result.prediction import Status
from pcl.dae.stages.guess import first_guess
from pcl.dae.stages.relaxed import relaxed
from pcl.dae.stages.smooth import _knots, roughness
from pcl.interior_point import Status as Solved

LINE = MLP((1, 1))                          # z = w a + b
T = np.linspace(0.0, 4.0, 21)
DECAY = 2e-3        # 2 × noise²/variance: a standard normal prior, under which the minimum is one


def decay(unit=1.0, second=1.0, **options):
    """x' = r, r = −x, with x in units of `unit` and times of `second`."""
    model = Model(states=("x",), outputs=("r",), rates=lambda v: {"x": v.r}, **options)
    noise = 0.01 * np.random.default_rng(0).standard_normal((2, T.size))
    data = [Trajectory(second * T, {"x": unit * (x0 * np.exp(-T) + e)})
            for x0, e in zip((1.0, 0.5), noise)]
    return model, data


# --- units ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("unit, second", [(1e-6, 1.0), (1e6, 1e5), (1.0, 1e-4)])
def test_the_law_does_not_depend_on_units(unit, second):
    x = np.linspace(0.05, 0.9, 10)
    law, other = (fit(*decay(*units), MLP((1, 4, 1)), elements=8, weight_decay=DECAY).laws[0]
                  for units in ((1.0, 1.0), (unit, second)))
    np.testing.assert_allclose(other(unit * x) * second / unit, law(x), atol=5e-3)


def test_the_law_does_not_depend_on_the_unit_of_the_weights():
    """Weights 1/σ² with a tiny σ: pre-training has a ridge of its own."""
    model, data = decay()
    seen = [Trajectory(T, {"x": item.observed["x"].values}, weights=omega)
            for omega in (2.0, 2e8) for item in data]
    x = np.linspace(0.05, 0.9, 10)
    one, other = (fit(model, pair, MLP((1, 4, 1)), elements=8, weight_decay=rho).laws[0](x)
                  for pair, rho in ((seen[:2], 4e-4), (seen[2:], 4e4)))      # 2 ω 0.01²
    np.testing.assert_allclose(other, one, atol=2e-3)
    np.testing.assert_allclose(one[:, 0], -x, atol=0.1)         # noise of 1 %, largest at the ends


def path_setting():
    model = Model(states=("x", "y"), algebraic=("w",), outputs=("r",), parameters=("k",),
                  rates=lambda v: {"x": 1e6 * v.r, "y": -v.k * v.w},
                  equations=lambda v: {"sum": v.x * v.y - 1e3 * v.w}, path=lambda v: {"cap": v.x - 5e6})
    data = Trajectory(T, {"x": 1e6 * np.exp(-T), "y": 1e-3 * np.exp(-T)}, {"x": 1e6})
    return Setting.of(model, data, 4)


def test_scaled_derivatives_are_those_of_the_program_between_diagonal_matrices():
    setting, law = path_setting(), Law(MLP((1, 3, 1)), "x", "r", 0.0, 1e6)
    program = setting.transcription([law], [0.1])
    x = np.concatenate([first_guess(setting), law.init(0)])
    found, random = scaled.Scaled(program, x), np.random.default_rng(1)
    lam, q = random.standard_normal(program.m), x / found.d
    J, W = program.jacobian(x).tocsc().toarray(), program.hessian(
        x, found.r * lam, 0.7 / found.s).tocsc().toarray()
    np.testing.assert_allclose(found.jacobian(q).tocsc().toarray(), found.r[:, None] * J * found.d,
                               rtol=1e-12)
    np.testing.assert_allclose(found.hessian(q, lam, 0.7).tocsc().toarray(),
                               found.d[:, None] * W * found.d, rtol=1e-12)
    np.testing.assert_allclose(found.constraints(q), found.r * program.constraints(x), rtol=1e-12)
    assert np.abs(found.jacobian(q).local).max() < 100.0 < np.abs(program.jacobian(x).local).max()
    np.testing.assert_allclose(found.gradient(q), found.d * program.gradient(x) / found.s, rtol=1e-12)
    assert all((np.log2(size) % 1.0 == 0.0).all() for size in (found.d, found.r, found.s))


def test_multipliers_of_a_scaled_solve_satisfy_the_conditions_of_the_program():
    setting = path_setting()
    law = FreeOutputs(12, ("r",), scale=0.5)
    program = setting.transcription([law], [1e-2])
    found = solver.solve(program, np.concatenate([first_guess(setting), np.zeros(12)]), tol=1e-8)
    assert found.success
    g, d = program.gradient(found.x), scaled.Scaled(program, found.x).d
    slope = g + program.jacobian(found.x).T @ found.lam - found.z_lower + found.z_upper
    np.testing.assert_allclose(d * slope, 0.0, atol=1e-7 * np.abs(d * g).max())     # tol × size of ∇f


# --- first guesses --------------------------------------------------------------------------------
def pendulum(seed):
    """Index 1, x and y observed; velocities, force, angular velocity and friction are not."""
    def truth(s):
        return 0.3 * np.tanh(4.0 * s) + 0.1 * s
    model = Model(states=("x", "y", "u", "w"), algebraic=("lam", "s"), outputs=("f",),
                  rates=lambda v: {"x": v.u, "y": v.w, "u": -v.lam * v.x + v.f * v.y,
                                   "w": -v.lam * v.y - 9.81 - v.f * v.x},
                  equations=lambda v: {"rod": v.u**2 + v.w**2 - v.lam * (v.x**2 + v.y**2) - 9.81 * v.y,
                                       "turning": v.s - v.x * v.w + v.y * v.u})
    t = np.linspace(0.0, 4.0, 61)[1:]
    done = solve_ivp(lambda _, a: [a[1], -9.81 * np.sin(a[0]) - truth(a[1])], (0.0, 4.0),
                     [np.arctan2(0.8, -0.6), 0.0], t_eval=t, rtol=1e-9)
    seen = np.stack([np.sin(done.y[0]), -np.cos(done.y[0])])
    seen += 0.002 * np.random.default_rng(seed).standard_normal(seen.shape)
    start = {"x": 0.8, "y": 0.6, "u": 0.0, "w": 0.0}
    return model, Trajectory(t, dict(zip("xy", seen)), start, span=(0.0, 4.0)), truth


@pytest.mark.parametrize("seed", [1, 2])
def test_a_pendulum_of_index_1_is_fitted_from_its_positions(seed):
    model, data, truth = pendulum(seed)
    found = fit(model, data, Law(MLP((1, 6, 1)), "s", "f"), elements=25, seed=seed)
    assert found.success and found.misfit < 1e-3 * found.setting.spread
    s = np.linspace(-4.0, 4.0, 41)
    assert np.sqrt(np.mean((found.laws[0](s)[:, 0] - truth(s))**2)) < 0.25 * truth(4.0)


def test_the_relaxed_guess_nearly_solves_the_equations():
    model, data, _ = pendulum(0)
    setting = Setting.of(model, data, 25, scaling="variance")
    program = setting.transcription([FreeOutputs(75, ("f",), np.zeros((75, 0)))], [0.0])
    rows, x = 75 * 7, first_guess(setting)
    better = relaxed(setting, x)

    def violation(x):
        c = program.constraints(x)
        return np.abs(np.delete(c[:rows].reshape(75, 7), 6, axis=1)).max()       # without z = law
    assert violation(better) < 1e-2 < 1.0 < violation(x)
    assert setting.misfit.value(setting.elements.local(better)) < 1e-3 * setting.spread


def test_roughness_is_the_integral_of_the_squared_slope():
    t = np.array([0.0, 1.0, 3.0, 0.0, 2.0])
    z = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 0.0], [1.0, 1.0], [2.0, 0.0]])
    P = roughness(t, np.array([0, 0, 0, 1, 1]), 2)
    slopes = 4.0 / 1.0 + 4.0 / 2.0 + 1.0 / 2.0 + 1.0 / 2.0 + 1.0 / 2.0
    assert z.ravel() @ P @ z.ravel() == pytest.approx(slopes, rel=1e-14)


def test_many_nodes_share_knots():
    model, data = decay()
    setting = Setting.of(model, data, 400)
    elements = setting.elements
    knots, basis = _knots(elements, setting.pieces)
    assert basis.shape == (2400, len(knots)) and len(knots) <= 400
    line = 2.0 * elements.times.ravel() + 1.0
    np.testing.assert_allclose(basis @ line[knots], line, rtol=1e-12)


def test_a_thousand_elements_are_fitted():
    model, data = decay()
    found = fit(model, data[0], MLP((1, 4, 1)), elements=1000, smoothing=1.0, weight_decay=DECAY)
    x = np.linspace(0.1, 0.6, 5)
    assert found.success
    np.testing.assert_allclose(found.laws[0](x)[:, 0], -x, atol=0.05)


# --- restarts, refinement ---------------------------------------------------------------------------
def test_a_main_solve_that_fails_is_started_again_and_the_report_says_so(monkeypatch):
    true, calls = solver.solve, []

    def first_fails(program, x, *args, **options):
        result = true(program, x, *args, **options)
        if options.get("tol") == 1e-6:
            calls.append(result)
            if len(calls) == 1:
                result.update(success=False, status=Solved.RESTORATION_FAILED)
        return result
    monkeypatch.setattr(solver, "solve", first_fails)
    found = fit(*decay(), MLP((1, 4, 1)), elements=6)
    assert found.success and len(calls) >= 2 and "again, from another smoothing" in str(found)


def test_a_limit_that_was_asked_for_is_not_followed_by_another_solve():
    found = fit(*decay(), MLP((1, 4, 1)), elements=6, maxiter=2)
    assert not found.success and [stage.name for stage in found.stages].count("main") == 1


def test_refinement_that_misses_its_tolerance_says_so():
    model, data = decay()
    found = fit(model, data[0], MLP((1, 3, 1)), elements=3, smoothing=1.0, refine=1e-15)
    assert not found.success and found.result.success
    assert "not met" in found.status and "not met" in found.stages[-1].words
    assert "met." in fit(model, data[0], MLP((1, 3, 1)), elements=4, smoothing=1.0,
                         refine=1e-2).stages[-1].words


# --- doors ------------------------------------------------------------------------------------------
NET = MLP((1, 3, 1))


@pytest.mark.parametrize("network, options, error, words", [
    (Law(NET, "x", "q"), {}, ValueError, "network has 'q' among its outputs; expected .* r"),
    (Law(NET, "w", "r"), {}, ValueError, "network has 'w' among its inputs; expected .* x, t"),
    ([NET], {}, TypeError, r"network\[0\] is a MLP; expected a Law"),
    (NET, {"smoothing": -1.0}, ValueError, "smoothing is -1"),
    (NET, {"smoothing": "best"}, TypeError, "smoothing is 'best'"),
    (NET, {"weight_decay": -1.0}, ValueError, "weight_decay is -1"),
    (NET, {"start": {"x": np.nan}}, ValueError, "start of 'x'")])
def test_choices_that_do_not_fit_are_named(network, options, error, words):
    with pytest.raises(error, match=words):
        fit(*decay(), network, elements=2, **options)


def test_starts_outside_bounds_and_data_of_another_kind_are_refused():
    model, data = decay(bounds={"x": (0.0, None)})
    with pytest.raises(ValueError, match="'x' in trajectory '0' is -1, outside its bounds"):
        fit(model, Trajectory(T, {"x": np.exp(-T)}, {"x": -1.0}), NET)
    with pytest.raises(TypeError, match="data is a NoneType"):
        fit(model, None, NET)


def test_an_equation_that_can_nowhere_be_evaluated_is_named():
    bad = Model(states=("x",), outputs=("r",), rates=lambda v: {"x": v.r + tf.sqrt(v.x - 5.0)})
    with pytest.raises(ValueError, match="Equation 'x'.* cannot be evaluated"):
        fit(bad, Trajectory(T, {"x": np.exp(-T)}), NET, elements=2)


# --- prediction -------------------------------------------------------------------------------------
def trained(model, theta, inputs, outputs, sizes=None):
    names = (*model.states, *model.algebraic, *model.outputs)
    sizes = {**dict.fromkeys(names, 1.0), **(sizes or {})}
    law = TrainedLaw(Law(LINE, inputs, outputs), np.array(theta))
    return Trained(model, (law,), {}, ("radau", 3), 0.5, sizes, sizes)


def test_a_prediction_begins_on_the_mesh_of_the_simulation():
    """x' = −200 x: short steps at first, long ones later."""
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": 200.0 * v.z})
    found = trained(model, [-1.0, 0.0], "x", "z").predict({"x": 1.0}, t=T)
    assert found.status is Status.SIMULATED and np.ptp(np.log(found.curve.mesh.lengths)) > 3.0
    np.testing.assert_allclose(found["x"], np.exp(-200.0 * T), atol=1e-4)


def test_where_the_equations_cannot_be_evaluated_the_prediction_says_where():
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z * tf.sqrt(v.x)})
    law = trained(model, [0.0, -1.0], "x", "z")
    found = law.predict({"x": -1.0}, t=T)
    assert found.status is Status.STOPPED and found.t.size == 1
    assert "Equation 'x' is nan at t = 0, x = -1" in found.message


def test_predictions_do_not_depend_on_units():
    """C v' = −g(u), u = v, with g = 1e-6 u in ampere, C = 1e-9 farad: v = exp(−1000 t)."""
    model = Model(states=("v",), algebraic=("u", "i"), outputs=("g",), rates=lambda v: {"v": -1e9 * v.i},
                  equations=lambda v: {"loop": v.u - v.v, "resistor": v.i - v.g})
    law = trained(model, [1e-6, 0.0], "u", "g", {"i": 1e-6, "g": 1e-6})
    t = 1e-3 * T
    for found in (law.predict({"v": 0.5}, t=t), law.simulate({"v": 0.5}, t=t)):
        assert found.status is Status.SIMULATED
        np.testing.assert_allclose(found["v"], 0.5 * np.exp(-T), atol=1e-4)


def test_paths_that_cannot_be_evaluated_raise_no_numpy_warnings():
    model = Model(states=("x",), outputs=("z",), rates=lambda v: {"x": v.z},
                  path=lambda v: {"log": tf.math.log(v.x) - 5.0, "root": 0.0 / v.x - 1.0})
    law = trained(model, [0.0, -0.5], "x", "z")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        law.simulate({"x": 1.0}, t=T)                       # x(4) = −1


def test_an_unknown_backend_is_refused_before_anything_is_solved():
    t = np.linspace(0.1, 1.0, 4)
    model = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x})
    with pytest.raises(ValueError, match="kkt.*reduced"):
        fit(model, Trajectory(t, {"x": np.exp(-t)}, {"x": 1.0}), kkt="fast")


def test_elements_that_are_too_long_are_said():
    t = np.linspace(0.5, 20.0, 40)
    data = Trajectory(t, {"x": np.sin(t)}, {"x": 0.0, "v": 1.0}, span=(0.0, 20.0))
    model = Model(states=("x", "v"), parameters=("k",),
                  rates=lambda v: {"x": v.v, "v": -v.k * v.x}, bounds={"k": (0.1, 10.0)})
    with pytest.warns(UserWarning, match="elements are too long"):
        coarse = fit(model, data, elements=6, start={"k": 1.2})
    assert "estimated error of collocation" in str(coarse)
    assert "t from 0 to 20, x = 0, v = 1 given at 0" in str(coarse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fine = fit(model, data, elements=60, start={"k": 1.2})
    assert fine.parameters["k"] == pytest.approx(1.0, abs=1e-5)


def test_a_path_constraint_is_kept_at_every_collocation_point_not_only_to_a_tolerance():
    """x falls, the noise does not know it: V' ≤ 0 is active, also in units of 1e6."""
    t, rng = np.linspace(0.0, 4.0, 21), np.random.default_rng(3)
    for unit in (1.0, 1e6):
        model = Model(states=("x",), outputs=("r",), rates=lambda v: {"x": v.r},
                      path=lambda v: {"falls": v.d("x")})
        seen = unit * (np.exp(-4.0 * t) + 0.05 * rng.standard_normal(t.size))
        found = fit(model, Trajectory(t, {"x": seen}, {"x": unit}), MLP((1, 4, 1)), elements=20,
                    weight_decay=0.1)           # stiff enough a law for the constraint to be felt
        slopes = found.program.constraints(found.result.x)[np.isinf(found.program.c_lower)]
        assert found.success and slopes.max() <= 0.0
        assert slopes.max() > -1e-5 * unit      # the constraint holds x back
        asked = scaled.Scaled(found.program, found.result.x).c_upper
        assert asked[np.isinf(found.program.c_lower)].max() < -scaled.CONSTRAINT_TOL
