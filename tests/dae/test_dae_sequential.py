"""Training in reduced space: the trajectories are solved for, derivatives by the implicit rule."""

import dae_programs as cases
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pcl
from benchmarks.dae_cases import CASES, set_up
from pcl import interior_point
from pcl.dae import Model, Trajectory
from pcl.dae.kkt.reduced import ReducedKKT
from pcl.dae.program.pointwise import Pointwise
from pcl.dae.program.setting import Setting
from pcl.dae.result.curve import curves
from pcl.dae.sequential import Sequential, marched, trajectories
from pcl.dae.stages.guess import first_guess
from pcl.errors import NotConverged, TrialFailure

NAMES = [name for name in cases.SHAPES if not name.startswith("one element, G")]


def _problem(name):
    x, _ = cases.point(name, 3)
    return Sequential(cases.program(name), 0.4 * x if name != "no network" else np.abs(x))


@pytest.mark.parametrize("name", NAMES)
def test_gradient_and_hessian_pass_the_taylor_checks(name):
    problem = _problem(name)
    assert pcl.check_gradient(problem).ok
    assert pcl.check_hessian(problem).ok


@pytest.mark.parametrize("name", NAMES)
def test_the_equations_hold_at_the_solution_and_q_is_kept(name):
    problem, program = _problem(name), cases.program(name)
    q = problem.theta0 + 0.05
    x = problem.solution(q)
    equal = np.isfinite(program.c_lower)
    assert np.abs(program.constraints(x)[equal]).max() < 1e-11
    np.testing.assert_array_equal(x[problem.places], q)
    assert problem.value(q) == pytest.approx(program.objective(x), rel=1e-15)


@pytest.mark.parametrize("name", ["wide, Radau", "no algebraic variables", "no network"])
def test_hessian_is_that_of_the_reduced_kkt_system(name):
    """K [dx; λ] = [e_q; 0] with d = δ on q alone: the part of dx on q is (H + δ)⁻¹ e, H the Hessian here.

    The rows of paths are free."""
    problem, program = _problem(name), cases.program(name)
    q = problem.theta0
    point = problem._at(q)
    H = problem.hessian(q)
    delta = 2.0 * np.abs(np.linalg.eigvalsh(H)).max()
    d_x, d_c = np.zeros(program.n), np.where(np.isinf(program.c_lower), 1e20, 0.0)
    d_x[problem.places] = delta
    factor = ReducedKKT(adapt=False).factor(point.curvature(), point.J, d_x, d_c)
    assert factor.right_inertia
    for i in range(0, problem.size, 7):
        r = np.zeros(program.n)
        r[problem.places[i]] = 1.0
        dx, _ = factor.solve(r, np.zeros(program.m))
        e = np.linalg.solve(H + delta * np.eye(problem.size), np.eye(problem.size)[i])
        np.testing.assert_allclose(dx[problem.places], e, atol=1e-9 * np.abs(e).max())


def test_trajectories_far_from_the_start_are_found_element_by_element():
    """From zeros the fed-batch trajectories are the same as from the guess."""
    made = set_up(CASES["fed-batch"], 0, width=3, elements=10)
    program, x = made.program, made.x0.copy()
    q = Sequential(program, x).theta0
    expected = Sequential(program, x).solution(q)
    x[:program.elements.n] = 0.3
    np.testing.assert_allclose(Sequential(program, x).solution(q), expected, atol=1e-8)


def test_weights_without_a_trajectory_are_a_trial_failure():
    made = set_up(CASES["fed-batch"], 0, width=3, elements=4)
    problem = Sequential(made.program, made.x0)
    with pytest.raises(TrialFailure):
        problem.value(problem.theta0 * 1e6 * np.sign(np.random.default_rng(0).normal(size=problem.size)))


def test_the_minimiser_is_that_of_the_simultaneous_solve_where_no_bound_is_active():
    """Both stop at a gradient of 1e-8; the curvature is at least the decay of the weights, 0.01."""
    made = set_up(CASES["fed-batch"], 1, width=3, elements=8, trajectories=2)
    program = made.program
    program.x_lower[:] = -np.inf
    result = interior_point.solve(program, made.x0, kkt=ReducedKKT(), tol=1e-9)
    assert result.success
    problem = Sequential(program, result.x + 0.02 * np.random.default_rng(0).normal(size=program.n))
    found = pcl.minimize(problem, progress=False)
    assert found.success
    np.testing.assert_allclose(found.fun, result.fun, rtol=1e-9)
    np.testing.assert_allclose(found.x, result.x[problem.places], atol=1e-5)


def test_a_solution_found_before_comes_back_after_other_points_and_failures(monkeypatch):
    problem = _problem("wide, Radau")
    q = problem.theta0
    first = problem.solution(q)
    problem.solution(q + 1e-3)

    def fails(*arguments):
        raise NotConverged("no trajectories here")
    monkeypatch.setattr(trajectories, "found", fails)
    with pytest.raises(NotConverged):
        problem.solution(q + 1.0)
    np.testing.assert_array_equal(problem.solution(q), first)


# --- element by element ------------------------------------------------------------------------------
def points_of_a_march(monkeypatch, elements):
    """(points at which equations are evaluated, the trajectories), van der Pol from a guess far away."""
    model = Model(states=("x", "y"), parameters=("mu",),
                  rates=lambda v: {"x": v.y, "y": v.mu * (1.0 - v.x**2) * v.y - v.x})
    t = np.linspace(0.0, 20.0, 11)
    data = [Trajectory(t[:n], {"x": np.cos(t[:n])}, {"x": 2.0, "y": 0.0}, span=(0.0, t[n - 1]),
                       name=str(n)) for n in (11, 6)]
    setting = Setting.of(model, data, [elements, elements // 2])
    program, counted = setting.transcription([], []), []
    for name in ("residual", "jacobian"):
        plain = getattr(Pointwise, name)
        monkeypatch.setattr(Pointwise, name, lambda self, a, *more, plain=plain: (
            counted.append(len(a)), plain(self, a, *more))[1])
    found = marched(program, first_guess(setting, {"mu": 3.0}))
    monkeypatch.undo()
    return sum(counted), curves(setting, found)


def test_a_march_costs_as_many_evaluations_as_there_are_elements_and_is_that_of_scipy(monkeypatch):
    few, _ = points_of_a_march(monkeypatch, 100)
    many, found = points_of_a_march(monkeypatch, 400)
    assert many < 5.0 * few                     # 16 times, if each element evaluated all
    t = np.linspace(0.0, 20.0, 41)
    truth = solve_ivp(lambda _, s: [s[1], 3.0 * (1.0 - s[0]**2) * s[1] - s[0]], (0.0, 20.0), [2.0, 0.0],
                      t_eval=t, rtol=1e-11, atol=1e-12).y
    np.testing.assert_allclose(found["11"](t)["x"], truth[0], atol=1e-4)
    np.testing.assert_allclose(found["6"](t[:21])["x"], truth[0, :21], atol=1e-4)
