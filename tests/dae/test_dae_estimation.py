"""Parameters of systems that are partly seen, over decades or from poor starts: against known truths and
single shooting with SciPy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from pcl.dae import Model, Trajectory, fit, load, solver
from pcl.dae.program import scaled
from pcl.dae.program.setting import Setting
from pcl.dae.stages import attempts, relaxed

T = np.linspace(0.0, 5.0, 11)


def decay(**options):
    return Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x}, **options)


def noisy_decay():
    noise = 0.01 * np.random.default_rng(0).standard_normal(T.size)
    return Trajectory(T, {"x": np.exp(-0.3 * T) + noise}, {"x": 1.0})


def lorenz(t):
    def rates(_, s):
        return [10 * (s[1] - s[0]), s[0] * (15 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]
    return solve_ivp(rates, (t[0], t[-1]), [-8, 7, 27], t_eval=t, rtol=1e-11, atol=1e-12).y


def lorenz_model():
    return Model(states=("x", "y", "z"), parameters=("a", "b", "c"),
                 rates=lambda v: {"x": v.a * (v.y - v.x), "y": v.x * (v.b - v.z) - v.y,
                                  "z": v.x * v.y - v.c * v.z})


# --- several guesses --------------------------------------------------------------------------------
@pytest.mark.parametrize("seen", ["yz", "x"])
def test_parameters_of_lorenz_are_found_whatever_is_seen(seen):
    t = np.linspace(0.0, 3.0, 61)
    every = dict(zip("xyz", lorenz(t)))
    found = fit(lorenz_model(), Trajectory(t, {name: every[name] for name in seen}), elements=60,
                start={"a": 1.0, "b": 1.0, "c": 1.0})
    assert found.success and found.misfit < 1e-6 * found.setting.spread
    np.testing.assert_allclose(list(found.parameters.values()), [10.0, 15.0, 8.0 / 3.0], rtol=1e-3)


def repressilator(k, g, t):
    def rates(_, s):
        return [k / (1 + s[i - 1]**3) - g * s[i] for i in range(3)]
    return solve_ivp(rates, (0.0, t[-1]), [0.5, 1.5, 3.0], t_eval=t, rtol=1e-9, atol=1e-11).y[0]


def test_a_ring_of_three_repressors_is_found_from_one_of_them_and_a_start_far_away():
    """From the plain guess and from the first penalties the misfit is 22."""
    t = np.linspace(0.0, 20.0, 60)
    seen = repressilator(5.0, 1.0, t) + 0.05 * np.random.default_rng(0).standard_normal(t.size)
    model = Model(states=("x", "y", "z"), parameters=("k", "g"),
                  rates=lambda v: {s: v.k / (1 + v[b]**3) - v.g * v[s] for s, b in zip("xyz", "zxy")},
                  bounds={**dict.fromkeys("xyz", (0.0, None)), "k": (1e-3, 1e3), "g": (1e-3, 1e3)})
    found = fit(model, Trajectory(t, {"x": seen}), elements=50, start={"k": 0.1, "g": 0.1})
    truth = ((repressilator(5.0, 1.0, t) - seen)**2).sum()
    assert found.success and found.misfit < 1.01 * truth
    assert found.parameters["k"] == pytest.approx(5.0, rel=0.05)


def test_a_blow_up_just_after_the_data_is_fitted_from_parameters_that_blow_up_before():
    t = np.linspace(0.0, 3.0, 20)
    seen = 1.0 / (1.0 - 0.32 * t) + 0.05 * np.random.default_rng(0).standard_normal(20)
    model = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": v.k * v.x**2},
                  bounds={"k": (0.0, 1e3)})
    found = fit(model, Trajectory(t, {"x": seen}, {"x": 1.0}), start={"k": 1.0})
    best = least_squares(lambda k: 1.0 / (1.0 - k * t) - seen, 0.3, xtol=1e-14)
    assert found.success and found.parameters["k"] == pytest.approx(best.x[0], rel=1e-3)


# the data: A. S. Perelson and others, Science 271 (1996) 1582, logarithm of a sum of two states
DAYS = np.array([0, .105, .169, .282, .492, .757, 1.029, 1.253, 1.533, 1.75, 2.038, 3.013, 3.987, 4.968,
                 5.972, 6.973])
VIRUS = np.array([1029e3, 1087e3, 2158e3, 1860e3, 2195e3, 1567e3, 3208e3, 2293e3, 1342e3, 1197e3, 987100,
                  697300, 503800, 282200, 172700, 91618.242])
COUNTS = {"T": 15061.32075, "Vi": 1.86e6, "Vn": 0.0}


def virus_by_shooting(c, k):
    def rates(_, s):
        return [3.9e-7 * 11000 * s[1] - k * s[0], -c * s[1], 480 * k * s[0] - c * s[2]]
    s = solve_ivp(rates, (0.0, 7.0), list(COUNTS.values()), t_eval=DAYS, rtol=1e-9, atol=1e-3).y
    return np.log10(s[1] + s[2]) - np.log10(VIRUS)


def test_the_logarithm_of_a_sum_of_unseen_states_gives_the_misfit_of_single_shooting():
    model = Model(states=("T", "Vi", "Vn"), algebraic=("lV",), parameters=("c", "k"),
                  rates=lambda v: {"T": 3.9e-7 * 11000 * v.Vi - v.k * v.T, "Vi": -v.c * v.Vi,
                                   "Vn": 480 * v.k * v.T - v.c * v.Vn},
                  equations=lambda v: {"lV": v.lV - tf.math.log(v.Vi + v.Vn) / np.log(10.0)},
                  bounds={"c": (1e-5, 1e5), "k": (1e-5, 1e5), "T": (0, None), "Vi": (1.0, None),
                          "Vn": (0, None)})
    found = fit(model, Trajectory(DAYS, {"lV": np.log10(VIRUS)}, COUNTS), elements=28,
                start={"c": 2.0, "k": 0.5}, trajectories="simulate")
    best = least_squares(lambda p: virus_by_shooting(*p), [1.0, 1.0], xtol=1e-12)
    assert found.success and found.misfit == pytest.approx(2.0 * best.cost, rel=2e-3)
    np.testing.assert_allclose(list(found.parameters.values()), best.x, rtol=1e-3)


# --- no crash ---------------------------------------------------------------------------------------
def test_a_first_solve_that_fails_is_followed_by_others():
    t = np.linspace(0.0, 3.0, 20)
    model = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": v.k * v.x**2})
    found = fit(model, Trajectory(t, {"x": 1.0 / (1.0 - 0.3 * t)}, {"x": 1.0}), elements=5, tol=1e-300,
                maxiter=300)
    assert not found.success and found.parameters["k"] == pytest.approx(0.3, rel=1e-2)


@pytest.mark.parametrize("broken", [ValueError, ZeroDivisionError, IndexError, np.linalg.LinAlgError])
def test_failures_after_the_doors_end_in_a_result_that_says_what_failed(monkeypatch, broken):
    def fails(*_, **__):
        raise broken("nothing works")
    monkeypatch.setattr(solver, "solve", fails)
    found = fit(decay(), noisy_decay())
    assert not found.success and "nothing works" in found.status and "nothing works" in str(found)


def test_a_guess_that_fails_leaves_the_other_ones(monkeypatch):
    def fails(*_, **__):
        raise ValueError("no relaxation")
    monkeypatch.setattr(attempts, "relaxed", fails)
    found = fit(decay(), noisy_decay())
    assert found.success and "not possible: no relaxation" in str(found)


def test_errors_of_the_callback_reach_the_caller():
    def callback(snapshot):
        raise ValueError("mine")
    with pytest.raises(ValueError, match="mine"):
        fit(decay(), noisy_decay(), callback=callback)


# --- starts and logarithms --------------------------------------------------------------------------
@pytest.mark.parametrize("bounds", [(1e-5, 1e5), (0.0, 1e5), (0.3, 0.7), (None, None)])
def test_a_given_start_is_where_the_solver_begins(bounds):
    seen = []
    fit(decay(bounds={"k": bounds}), noisy_decay(), start={"k": 0.3},
        callback=lambda snapshot: seen.append(snapshot.x[-1]))
    assert seen[0] == pytest.approx(0.3, rel=1e-6)


def test_a_start_on_a_bound_is_moved_by_a_hair_and_the_report_says_so():
    found = fit(decay(bounds={"k": (0.5, 0.7)}), noisy_decay(), start={"k": 0.5})
    assert "start moved inside the bounds: k from 0.5 to 0.5" in str(found)


def test_parameters_over_decades_are_fitted_by_logarithms_and_told_in_their_own_units(tmp_path):
    plain = fit(decay(), noisy_decay())
    for model in (decay(bounds={"k": (1e-5, 1e5)}), decay(log="k")):
        found = fit(model, noisy_decay(), start={"k": 1e3})
        assert model.log == ("k",) and "by logarithms: k" in str(found)
        k, error = found.parameters["k"], found.standard_errors()["k"]
        assert k == pytest.approx(plain.parameters["k"], rel=1e-6)
        assert error == pytest.approx(plain.standard_errors()["k"], rel=2e-2)   # other curvature of ln k
        assert found.standard_errors(log=True)["k"] == pytest.approx(error / k, rel=1e-12)
        assert found.covariance()[0, 0] == pytest.approx(error**2, rel=1e-12)
        found.save(tmp_path / "decay.npz")
        again = load(tmp_path / "decay.npz", model)
        assert again.parameters == found.parameters
        np.testing.assert_allclose(again.simulate({"x": 1.0}, t=T)["x"], np.exp(-k * T), rtol=1e-5)


def test_narrow_bounds_zero_and_an_empty_list_leave_a_parameter_as_it_is():
    assert decay(bounds={"k": (1.0, 900.0)}).log == decay(bounds={"k": (0.0, 1e6)}).log == ()
    assert decay(bounds={"k": (1e-5, 1e5)}, log=()).log == ()


@pytest.mark.parametrize("options, words", [
    ({"log": ("q",)}, "log has 'q'"), ({"log": "k", "bounds": {"k": (-2.0, -1.0)}}, "may be positive")])
def test_logarithms_of_what_is_not_positive_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        decay(**options)


def test_a_start_of_a_logarithm_must_be_positive():
    with pytest.raises(ValueError, match="start of 'k' is -1"):
        fit(decay(log="k"), noisy_decay(), start={"k": -1.0})


# --- near a good start --------------------------------------------------------------------------------
def test_an_earlier_fit_is_a_start_that_is_not_left():
    first = fit(decay(), noisy_decay())
    for options in ({"start": first, "trajectories": None},
                    {"start": first.parameters, "trajectories": first.trajectories},
                    {"start": first.parameters, "trajectories": "simulate"}):
        again = fit(decay(), noisy_decay(), **options)
        assert again.success and "from the given trajectories" in str(again)
        if options["trajectories"] != "simulate":       # whose end is compared with other starts
            assert sum(stage.iterations for stage in again.stages) <= 4
        assert again.objective == pytest.approx(first.objective, rel=1e-6)


def test_trajectories_may_be_tables():
    found = fit(decay(), noisy_decay(), start={"k": 0.3},
                trajectories={"0": {"x": (T, np.exp(-0.3 * T))}})
    assert found.success and found.parameters["k"] == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("options, words", [
    ({"trajectories": "guess"}, "expected 'simulate'"), ({"trajectories": {"1": {}}}, "has '1'"),
    ({"trajectories": {"0": {"q": (T, T)}}}, "has 'q'"), ({"trajectories": {"0": {"x": T}}}, "tuple"),
    ({"start": 3.0}, "an earlier Fit")])
def test_starts_of_another_kind_are_refused(options, words):
    with pytest.raises((TypeError, ValueError), match=words):
        fit(decay(), noisy_decay(), **options)


def test_a_solve_that_ends_above_a_feasible_point_on_its_way_is_begun_again_there(monkeypatch):
    true, starts = solver.solve, []

    def ends_high(program, x, *args, **options):
        result = true(program, x, *args, **options)
        starts.append(x)
        if len(starts) == 1:
            result.update(fun=10.0, x=x)
        return result
    monkeypatch.setattr(solver, "solve", ends_high)
    found = fit(decay(), noisy_decay())
    assert starts[1][-1] == pytest.approx(0.3, rel=0.05)
    assert "Begun again from the lowest point on the way" in str(found) and found.objective < 1.0


# --- sizes --------------------------------------------------------------------------------------------
def test_a_state_that_moves_by_an_input_alone_has_the_size_of_its_motion():
    """V' = 0.05 F with V unobserved: the first guess stands still."""
    t = np.linspace(0.0, 2e4, 21)
    model = Model(states=("S", "V"), parameters=("k",), inputs=("F",),
                  rates=lambda v: {"S": -v.k * v.S - v.F / v.V * v.S, "V": 0.05 * v.F})
    seen = np.exp(-1e-4 * t) / (1 + 1.5e-4 * t)**20 + 0.01 * np.sin(t)
    found = fit(model, Trajectory(t, {"S": seen}, {"S": 1.0, "V": 1.0}, inputs={"F": 0.003}),
                start={"k": 3e-4})
    relative, absolute, _ = scaled.worst_row(found.program, found.result.x)
    assert found.success and relative < scaled.CONSTRAINT_TOL and absolute < 1e-12
    assert f"largest violation {relative:.1e} of its size" in str(found)
    assert found.trajectories["0"](2e4, "V")[0] == pytest.approx(1.0 + 1.5e-4 * 2e4, rel=1e-12)


def test_sizes_of_another_world_are_told_from_those_of_the_solution():
    found = fit(decay(), noisy_decay())
    x = found.result.x.copy()
    x[:found.setting.elements.n - 1] *= 1e-5
    assert scaled.resized(found.program, x, found.result.x)
    assert not scaled.resized(found.program, 10.0 * found.result.x, found.result.x)


def test_models_without_unknown_terms_can_be_relaxed():
    setting = Setting.of(decay(), noisy_decay(), 10)
    x = relaxed.relaxed(setting, np.ones(setting.elements.n))
    assert x[-1] == pytest.approx(0.3, rel=0.1)
