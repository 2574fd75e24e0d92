"""Fits of small systems: against closed forms of linear least squares, known truths and finite
differences."""

import io

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import least_squares

from pcl import MLP
from pcl.dae import (Data, Fit, InconsistentStart, Law, Model, ProgressLog, StructureError, Trajectory,
                     Undetermined, fit, load, radau)
from pcl.training.checkpoint import CheckpointError

RATES = np.array([0.6, 0.3, 0.15])


def kinetics():
    """A → B, A → C, B → C with unknown rates."""
    return Model(states=("A", "B", "C"), parameters=("k1", "k2", "k3"),
                 rates=lambda v: {"A": -(v.k1 + v.k2) * v.A, "B": v.k1 * v.A - v.k3 * v.B,
                                  "C": v.k2 * v.A + v.k3 * v.B},
                 bounds={k: (0.0, 10.0) for k in ("k1", "k2", "k3")})


def concentrations(k, times):
    M = np.array([[-(k[0] + k[1]), 0, 0], [k[0], -k[2], 0], [k[1], k[2], 0]])
    return np.array([expm(M * t)[:, 0] for t in times])


TIMES = np.linspace(0.5, 8.0, 9)
SIGMA = 0.01


@pytest.fixture(scope="module")
def measured():
    return concentrations(RATES, TIMES) + SIGMA * np.random.default_rng(0).standard_normal((9, 3))


def kinetic_data(values, weights=1.0):
    return Trajectory(TIMES, dict(zip("ABC", values.T)), {"A": 1.0, "B": 0.0, "C": 0.0}, weights=weights,
                      span=(0.0, 8.0))


@pytest.fixture(scope="module")
def kinetic_fit(measured):
    return fit(kinetics(), kinetic_data(measured), elements=20)


@pytest.fixture(scope="module")
def oracle(measured):
    """Gauss–Newton on the matrix exponential, no collocation."""
    return least_squares(lambda k: (concentrations(k, TIMES) - measured).ravel(), [1.0, 1.0, 1.0],
                         xtol=1e-14, ftol=1e-14, gtol=1e-14)


def test_parameters_of_linear_kinetics_are_those_of_least_squares_on_the_matrix_exponential(kinetic_fit,
                                                                                            oracle):
    assert kinetic_fit.success
    # between the nodes the cubic is off by about ((k₁ + k₂) h)⁴ / 4!/16 = 4e-5 · A in the first elements
    np.testing.assert_allclose(list(kinetic_fit.parameters.values()), oracle.x, rtol=5e-5)
    assert kinetic_fit.misfit == pytest.approx(2.0 * oracle.cost, rel=1e-4)


def test_standard_errors_agree_with_those_of_the_matrix_exponential(kinetic_fit, oracle, measured):
    """Residuals are small, so that Gauss–Newton's JᵀJ is the Hessian up to a few per cent."""
    s2 = 2.0 * oracle.cost / (measured.size - 3)
    expected = np.sqrt(s2 * np.diag(np.linalg.inv(oracle.jac.T @ oracle.jac)))
    np.testing.assert_allclose(list(kinetic_fit.standard_errors().values()), expected, rtol=0.05)


def test_with_known_variances_the_errors_do_not_depend_on_the_residuals(measured, oracle):
    found = fit(kinetics(), kinetic_data(measured, 1.0 / SIGMA**2), elements=10)
    expected = SIGMA * np.sqrt(np.diag(np.linalg.inv(oracle.jac.T @ oracle.jac)))
    np.testing.assert_allclose(list(found.standard_errors().values()), expected, rtol=0.05)
    assert found.standard_errors(known_variance=False) != found.standard_errors()


def test_covariance_of_a_linear_model_is_the_closed_form():
    """x' = p with free start: x = a + p t, a straight line."""
    t = np.linspace(0.0, 2.0, 7)
    y = 0.3 + 1.5 * t + 0.1 * np.random.default_rng(1).standard_normal(7)
    line = fit(Model(states=("x",), parameters=("p",), rates=lambda v: {"x": v.p}),
               Trajectory(t, {"x": y}),
               elements=3)
    A = np.stack([np.ones(7), t], axis=1)
    solution, left = np.linalg.lstsq(A, y, rcond=None)[:2]
    covariance = left[0] / (7 - 2) * np.linalg.inv(A.T @ A)
    assert line.parameters["p"] == pytest.approx(solution[1], rel=1e-8)
    assert line.standard_errors()["p"] == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-7)
    at = np.array([0.0, 0.77, 2.0])
    band = line.band("x", at, trajectory="0")
    rows = np.stack([np.ones(3), at], axis=1)
    np.testing.assert_allclose(band.value, rows @ solution, rtol=1e-8)
    np.testing.assert_allclose(band.error, np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows)),
                               rtol=1e-7)


def test_a_parameter_that_the_data_do_not_see_has_no_standard_error():
    twice = Model(states=("x",), parameters=("p", "q"), rates=lambda v: {"x": v.p + v.q})
    t = np.linspace(0.0, 1.0, 5)
    found = fit(twice, Trajectory(t, {"x": 2.0 * t + 0.01 * np.sin(9.0 * t)}), elements=2, maxiter=50)
    with pytest.raises(Undetermined, match="not positive definite"):
        found.standard_errors()


def test_the_unit_of_time_does_not_matter_to_least_squares(measured, kinetic_fit):
    """Rates of 1e-4 instead of 1: parameters and standard errors scale with the unit."""
    slow = Trajectory(1e4 * TIMES, dict(zip("ABC", measured.T)), {"A": 1.0, "B": 0.0, "C": 0.0},
                      span=(0.0, 8e4))
    found = fit(kinetics(), slow, elements=20)
    for name, value in kinetic_fit.parameters.items():
        assert 1e4 * found.parameters[name] == pytest.approx(value, rel=1e-5)
        assert 1e4 * found.standard_errors()[name] == pytest.approx(kinetic_fit.standard_errors()[name],
                                                                    rel=1e-4)


# --- one unknown rate -----------------------------------------------------------------------------
def growth():
    return Model(states=("x",), outputs=("r",), rates=lambda v: {"x": v.r}, bounds={"x": (0.0, None)})


def logistic(x0, t):
    return solve_ivp(lambda t, x: x * (1.0 - x), (0.0, 6.0), [x0], t_eval=t, rtol=1e-10, atol=1e-12).y[0]


@pytest.fixture(scope="module")
def growth_fit():
    t, rng = np.linspace(0.0, 6.0, 25), np.random.default_rng(0)
    return fit(growth(),
               [Trajectory(t, {"x": logistic(x0, t) + 0.005 * rng.standard_normal(25)}, {"x": x0})
                for x0 in (0.05, 0.3, 1.5)],
               MLP((1, 6, 1)), elements=8)


def test_an_unknown_rate_is_recovered(growth_fit):
    assert growth_fit.success
    x = np.linspace(0.1, 1.4, 30)
    r, error = growth_fit.band("r", x)
    assert (np.abs(r - x * (1.0 - x)) < np.maximum(0.03, 3.0 * error)).all()


def test_the_band_of_a_law_covers_the_truth(growth_fit):
    x = np.linspace(0.1, 1.4, 30)
    value, error = growth_fit.band("r", x)
    assert (error > 0.0).all() and (error < 0.1).all()      # least objectives 1 % apart: 0.05 and 0.07
    assert np.mean(np.abs(value - x * (1.0 - x)) < 3.0 * error) > 0.8


def test_a_held_out_trajectory_without_noise_is_predicted(growth_fit):
    t = np.linspace(0.0, 6.0, 31)
    found = growth_fit.predict({"x": 0.7}, t=t)
    assert found.success
    np.testing.assert_allclose(found["x"], logistic(0.7, t), atol=0.01)


def test_the_report_names_every_choice(growth_fit):
    text = str(growth_fit)
    for word in ("smoothing", "weight decay", "1/variance", "radau with 3 points", "exact Hessian",
                 "Solved"):
        assert word in text


def test_trajectories_interpolate_their_nodes(growth_fit):
    curve = growth_fit.trajectories["0"]
    np.testing.assert_allclose(curve(curve.times, "x"), curve.values["x"], rtol=1e-12, atol=1e-14)
    h = 1e-6        # x' = r along the polynomial, at the nodes
    slope = (curve(curve.times[:-1] + h, "x") - curve(curve.times[:-1] - h, "x")) / (2 * h)
    inside = ~np.isin(curve.times[:-1], curve.mesh.times)
    np.testing.assert_allclose(slope[inside], curve.values["r"][:-1][inside], atol=1e-6)


def test_refinement_meets_the_tolerance():
    t = np.linspace(0.0, 6.0, 25)
    fine = fit(growth(), Trajectory(t, {"x": logistic(0.05, t)}, {"x": 0.05}), MLP((1, 4, 1)), elements=3,
               smoothing=0.1, refine=1e-3)
    assert any(stage.name == "refinement" for stage in fine.stages)
    curve = fine.trajectories["0"]
    assert curve.mesh.elements > 3
    again = solve_ivp(lambda t, x: fine.laws[0](x)[:, 0], (0.0, 6.0), [0.05], t_eval=t, rtol=1e-9,
                      atol=1e-11)
    np.testing.assert_allclose(curve(t, "x"), again.y[0], atol=5e-3)


def test_saved_laws_come_back_bit_for_bit(growth_fit, tmp_path):
    path = tmp_path / "growth.npz"
    growth_fit.save(path)
    again = load(path, growth())
    x = np.linspace(0.0, 2.0, 50)
    assert np.array_equal(again.laws[0](x), growth_fit.laws[0](x))
    assert np.array_equal(again.simulate({"x": 0.4}, t=x)["x"], growth_fit.simulate({"x": 0.4}, t=x)["x"])


def test_saved_parameters_are_refused_by_another_model(kinetic_fit, tmp_path):
    path = tmp_path / "kinetics.npz"
    kinetic_fit.save(path)
    assert load(path, kinetics()).parameters == kinetic_fit.parameters
    other = Model(states=("A", "B", "C"), parameters=("k1", "k2", "k3"), bounds=kinetics().bounds,
                  rates=lambda v: {"A": -v.k1 * v.A, "B": v.k1 * v.A - v.k3 * v.B,
                                   "C": v.k2 * v.A + v.k3 * v.B})
    with pytest.raises(CheckpointError, match="other equations.*A"):
        load(path, other)
    with pytest.raises(CheckpointError, match="states"):
        load(path, growth())


def test_progress_has_one_line_an_iteration(measured):
    stream = io.StringIO()
    found = fit(kinetics(), kinetic_data(measured), elements=4, callback=ProgressLog(stream))
    lines = stream.getvalue().splitlines()
    heads = [k for k, line in enumerate(lines) if "objective" in line]
    assert heads[0] == 0        # a headed list a solve, from iteration 0 on
    assert len(lines) == sum(stage.iterations for stage in found.stages) + 2 * len(heads)
    assert float(lines[-1].split()[1]) == pytest.approx(found.objective, rel=1e-6)


# --- doors ----------------------------------------------------------------------------------------
def test_an_undetermined_system_is_refused_in_words():
    bad = Model(states=("x",), algebraic=("y",), rates=lambda v: {"x": -v.x},
                equations=lambda v: {"balance": v.x - 1.0})
    with pytest.raises(StructureError, match="'y'"):
        fit(bad, Trajectory([0.0, 1.0], {"x": [1.0, 0.5]}), elements=2)


def test_a_start_that_violates_a_constraint_is_refused_with_its_name():
    two = Model(states=("a", "b"), algebraic=("w",), rates=lambda v: {"a": v.w, "b": 1.0 - v.w},
                equations=lambda v: {"levels": v.a - v.b})
    with pytest.raises(InconsistentStart, match="run 1.*levels"):
        fit(two, Trajectory([0.0, 1.0], {"a": [1.0, 1.5]}, {"a": 1.0, "b": 1.2}, name="run 1"),
            elements=2)


@pytest.mark.parametrize("options, words", [
    ({"elements": 0}, "elements"), ({"scaling": "best"}, "scaling"), ({"refine": -1.0}, "refine"),
    ({"start": {"q": 1.0}}, "start"), ({"network": MLP((1, 2, 1))}, "network")])
def test_arguments_that_do_not_fit_are_refused(measured, options, words):
    with pytest.raises(ValueError, match=words):
        fit(kinetics(), Data(kinetic_data(measured)), **options)


def test_scheme_and_law_are_those_asked_for():
    t = np.linspace(0.0, 6.0, 13)
    made = fit(growth(), Trajectory(t, {"x": logistic(0.3, t)}, {"x": 0.3}),
               Law(MLP((1, 3, 1)), "x", "r"),
               elements=[np.array([0.0, 1.0, 2.0, 4.0, 6.0])], scheme=radau(2), smoothing=1.0,
               weight_decay=1e-3)
    assert isinstance(made, Fit) and made.trajectories["0"].mesh.elements == 4
    assert made.program.penalties[0][0] == 1e-3 and "smoothing 1 (given)" in str(made)


@pytest.mark.parametrize("kkt", ["superlu", "dense"])
def test_backends_of_the_whole_matrix_find_the_same(measured, kinetic_fit, kkt):
    whole = fit(kinetics(), kinetic_data(measured), elements=20, kkt=kkt)
    assert whole.success and whole.result.nit == kinetic_fit.result.nit
    np.testing.assert_allclose(list(whole.parameters.values()), list(kinetic_fit.parameters.values()),
                               rtol=1e-6)       # where both stop


def test_equations_hold_to_1e_8_whatever_the_tolerance_of_optimality(measured):
    loose = fit(kinetics(), kinetic_data(measured), elements=20, tol=1e-2)
    program = loose.program
    assert loose.success and np.abs(program.constraints(loose.result.x)).max() <= 1e-8
