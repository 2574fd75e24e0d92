"""The default scheme, readings between steps, pairs of time and place, times chosen by their error."""
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import skfem
import tensorflow as tf
from oracles import differences

import fem
import pcl
from pcl import FirstOrder, march
from pcl.evolution.schemes import SDIRK2

RANDOM = np.r_[0.0, np.cumsum(np.random.default_rng(3).dirichlet(np.full(8, 4.0)))]
GRIDS = {"equal": lambda n: np.linspace(0, 1, n + 1),
         "geometric": lambda n: pcl.geometric_times(0.0, 1.0, n, 0.05 / n),
         "random": lambda n: np.interp(np.linspace(0, 8, n + 1), np.arange(9), RANDOM)}
V = fem.Space(skfem.MeshLine(np.linspace(0, 1, 11)), "P2")
X = V.dof_points[:, 0]
HEAT = FirstOrder(V.mass(), 0.1 * V.laplace())


def orders(errors):
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


def forced(scheme, times, **options):
    """u' + u = cos t + sin t, u = sin t."""
    system = FirstOrder(None, pcl.SparseMatrix.from_entries([0], [0], [1.0], (1, 1)),
                        load=lambda t: tf.stack([tf.cos(t) + tf.sin(t)]))
    return march(system, [0.0], times, scheme, **options)[0].numpy()


# --- the default scheme ----------------------------------------------------------------------------
@pytest.mark.parametrize("grid", GRIDS)
def test_the_default_is_of_second_order_at_its_times_and_between_them(grid):
    at = np.random.default_rng(0).uniform(0, 1, 50)
    at_steps, between = ([np.abs(forced(None, GRIDS[grid](n), at=t) - np.sin(t)).max()
                          for n in (16, 32, 64)] for t in ([1.0], at))
    assert np.all(orders(at_steps) > 1.8) and np.all(orders(between) > 1.7), (at_steps, between)


@pytest.mark.parametrize("scheme", ["sdirk2", "crank-nicolson", "bdf2"])
def test_a_reading_between_steps_is_as_exact_as_one_on_a_step(scheme):
    times = np.linspace(0, 1, 41)
    between = 0.5 * (times[1:] + times[:-1])
    middle = forced(scheme, times, at=between) - np.sin(between)
    assert np.abs(middle).max() < 1.5 * np.abs(forced(scheme, times) - np.sin(times)).max()


def test_the_second_derivative_costs_no_reading_between_steps_its_order():
    """u = 1 + t + t² is exact on the steps and between them for each scheme of second order."""
    system = FirstOrder(load=lambda t: tf.stack([1.0 + 2.0 * t]))
    at = np.linspace(0, 1, 23)
    for scheme in ("sdirk2", "crank-nicolson", "bdf2"):
        u = march(system, [1.0], [0.0, 0.2, 0.5, 0.6, 1.0], scheme, at=at)[0]
        np.testing.assert_allclose(u, 1 + at + at ** 2, rtol=0, atol=1e-14, err_msg=scheme)


def test_a_kink_at_a_step_does_not_spoil_the_readings_of_its_neighbours():
    """u' = [t > ½], switched at a step; stages lie inside the steps."""
    system = FirstOrder(load=lambda t: tf.stack([tf.cast(t > 0.5 + 1e-9, tf.float64)]))
    at = np.linspace(0.13, 1, 30)
    u = march(system, [0.0], np.linspace(0, 1, 9), at=at)[0]
    np.testing.assert_allclose(u, np.maximum(at - 0.5, 0.0), atol=1e-14)


def test_after_one_step_the_stability_function_is_that_of_the_method_and_vanishes_at_infinity():
    gamma, z = SDIRK2.gamma, -np.array([0.1, 1.0, 10.0, 1e3, 1e8])
    system = FirstOrder(None, pcl.SparseMatrix.from_scipy(sp.diags_array(-z).tocsr()))
    u = march(system, np.ones(5), [0.0, 1.0])[:, -1]
    np.testing.assert_allclose(u, (1 + (1 - 2 * gamma) * z) / (1 - gamma * z) ** 2, rtol=1e-13)
    assert np.min(u) > -0.21 and abs(u[-1]) < 1e-7


@pytest.mark.parametrize("step", [1e-8, 1e-3, 1.0, 1e6])
def test_a_start_that_contradicts_the_boundary_leaves_no_oscillation_after_a_step(step):
    with pytest.warns(RuntimeWarning, match="contradicts"):
        u = fem.march(V, HEAT, 1.0, step * np.arange(12.0), dirichlet=0.0).numpy()
    assert u.min() > -0.05 and np.abs(u[:, 4:]).min() >= 0.0 and u[:, 4:].min() > -1e-3
    assert np.abs(u[V.boundary_dofs(), 1:]).max() == 0.0
    with pytest.warns(RuntimeWarning, match="contradicts"):
        between = fem.march(V, HEAT, 1.0, step * np.arange(12.0), dirichlet=0.0,
                            at=step * np.linspace(0, 1, 9))
    assert np.min(between) > -0.05


def test_a_singular_mass_matrix_marches_with_its_constraint_fulfilled():
    """u₁' = −u₂, 0 = u₂ − u₁: u₁ = e^{−t}, from an inconsistent u₂."""
    mass, K = (pcl.SparseMatrix.from_scipy(sp.csr_array(np.array(A, float)))
               for A in ([[1, 0], [0, 0]], [[0, 1], [-1, 1]]))
    errors = []
    for n in (20, 40, 80):
        u = march(FirstOrder(mass, K), [1.0, 7.0], np.linspace(0, 1, n + 1)).numpy()[:, -1]
        assert abs(u[0] - u[1]) < 1e-13
        errors.append(abs(u[0] - np.exp(-1)))
    assert np.all(np.abs(orders(errors) - 2) < 0.1)


def test_equal_steps_of_the_default_share_one_factorisation_also_in_groups():
    def problem(times):
        return pcl.Problem(lambda th: tf.reduce_sum(fem.march(V, FirstOrder(
            V.mass(), th["k"] * V.laplace()), np.sin(np.pi * X), times, dirichlet=0.0) ** 2), {"k": 0.1})
    for times, groups in ((np.linspace(0, 1, 31), 1), (np.r_[np.arange(8) / 64, np.arange(1, 9) / 8], 2)):
        p = problem(times)
        p.gradient(p.theta0)
        assert p.counts.factorisations == groups


def test_bdf2_refuses_steps_chosen_for_it_and_says_where_growing_ones_make_it_unstable():
    with pytest.raises(ValueError, match="bdf2.*sdirk2"):
        march(FirstOrder(load=np.ones(1)), [0.0], pcl.AdaptiveTimes(0, 1), "bdf2")
    with pytest.warns(RuntimeWarning, match="bdf2 is stable up to 2.414"):
        march(FirstOrder(load=np.ones(1)), [0.0], pcl.geometric_times(0, 1, 8, 1e-4), "bdf2")


# --- derivatives -----------------------------------------------------------------------------------
@pytest.mark.parametrize("scheme", ["sdirk2", "crank-nicolson", "bdf2"])
def test_readings_between_steps_have_exact_derivatives(scheme):
    W = fem.Space(skfem.MeshLine(np.linspace(0, 1, 4)), "P2")
    points, at = W.observe([[0.3], [0.55]]), [0.013, 0.21, 0.77]

    def residuals(theta):
        def residual(u, t):
            return theta["k"] * (W.laplace() @ u) + W.mass() @ u ** 3
        u = fem.march(W, FirstOrder(W.mass(), residual=residual),
                      theta["a"] * np.sin(np.pi * W.dof_points[:, 0]),
                      [0.0, 0.2, 0.5, 1.0], scheme, dirichlet=0.0, at=at)
        return points @ u - 0.3
    problem = pcl.Problem.from_residuals(residuals, {"k": 0.1, "a": 1.0})
    for slope, f in ((problem.jacobian, problem.residuals), (problem.hessian, problem.gradient)):
        exact = slope(problem.theta0)
        assert np.abs(exact - differences(f, problem.theta0)).max() < 1e-6 * np.abs(exact).max()
    H = problem.hessian(problem.theta0, mode="forward")
    np.testing.assert_allclose(problem.hessian(problem.theta0, mode="backward"), H, rtol=1e-10)


# --- (time, place) pairs ---------------------------------------------------------------------------
@pytest.mark.parametrize("space", [V, fem.Grid.uniform(21)], ids=["cells", "grid"])
def test_pairs_of_time_and_place_are_the_diagonal_of_all_places_at_all_times(space):
    rng = np.random.default_rng(1)
    points, times = rng.uniform(0, 1, (6, 1)), np.r_[0.5, 0.5, rng.uniform(0, 1, 4)]
    system = FirstOrder(space.mass(), space.laplace(0.1))
    start = np.sin(np.pi * space.dof_points[:, 0])
    for u0 in (start, np.stack([start, 2 * start], axis=1)):
        pairs = fem.march(space, system, u0, np.linspace(0, 1, 9), dirichlet=0.0,
                          readings=(points, times))
        u = fem.march(space, system, u0, np.linspace(0, 1, 9), dirichlet=0.0, at=times).numpy()
        rows = space.observe(points).matrix @ u.reshape(space.n, -1)
        expected = np.stack([r.reshape(u.shape[1:])[..., i] for i, r in enumerate(rows)])
        np.testing.assert_allclose(pairs, expected, rtol=1e-13)


def test_pairs_of_wrong_lengths_or_outside_are_refused():
    def call(points, times, **options):
        return fem.march(V, HEAT, 0.0, [0.0, 1.0], readings=(points, times), **options)
    for words, arguments, options in (("times of readings has shape", ([[0.5]], [0.1, 0.2]), {}),
                                      ("outside of the march", ([[0.5]], [1.2]), {}),
                                      ("outside the mesh", ([[1.5]], [0.2]), {}),
                                      ("both given", ([[0.5]], [0.2]), {"at": [0.1]})):
        with pytest.raises(ValueError, match=words):
            call(*arguments, **options)


# --- callbacks -------------------------------------------------------------------------------------
def test_every_function_of_time_is_given_a_float64_scalar_tensor():
    seen = []

    def at(value):
        def function(*arguments):
            t = arguments[-1]
            assert tf.is_tensor(t) and t.dtype == tf.float64 and t.shape == ()
            seen.append(value)
            return value(tf.exp(-t))
        return function
    for scheme in ("sdirk2", "backward-euler", "crank-nicolson", "bdf2"):
        system = FirstOrder(V.mass(), at(lambda e: e * V.laplace()), at(lambda e: e * np.ones(V.n)),
                            at(lambda e: e * V.load(1.0)))
        fem.march(V, system, 1.0, [0.0, 0.1, 0.2], scheme, dirichlet_at=at(lambda e: e))
    second = pcl.SecondOrder(V.mass(), at(lambda e: e * V.laplace()), at(lambda e: e * V.mass()),
                             at(lambda e: e * np.ones(V.n)), at(lambda e: e * V.load(1.0)))
    fem.march(V, second, 1.0, [0.0, 0.1, 0.2], dirichlet_at=at(lambda e: e))
    assert len(set(seen)) == 21


# --- times -----------------------------------------------------------------------------------------
def test_geometric_times_have_the_first_step_and_one_factor():
    for first in (1e-6, 0.1, 0.5):
        steps = np.diff(pcl.geometric_times(2.0, 4.0, 12, first))
        assert steps[0] == pytest.approx(first, rel=1e-9) and steps.sum() == pytest.approx(2.0, rel=1e-14)
        np.testing.assert_allclose(steps[1:] / steps[:-1], steps[1] / steps[0], rtol=1e-8)
    np.testing.assert_allclose(np.diff(pcl.uniform_times(1.0, 3.0, 4)), 0.5)


@pytest.mark.parametrize("call, words", [
    (lambda: pcl.uniform_times(1, 0, 3), "end is 0"), (lambda: pcl.uniform_times(0, 1, 0), "steps"),
    (lambda: pcl.geometric_times(0, 1, 5, 1.0), "first"),
    (lambda: pcl.geometric_times(0, 1, 5, -0.1), "first"),
    (lambda: pcl.AdaptiveTimes(0, np.nan), "end"), (lambda: pcl.AdaptiveTimes(0, 1, rtol=0.0), "rtol"),
    (lambda: pcl.AdaptiveTimes(0, 1).times, "not chosen yet|no times yet")])
def test_spans_and_steps_that_make_no_march_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("scheme", ["sdirk2", "backward-euler"])
def test_chosen_times_reach_their_tolerance_and_tell_the_error(scheme):
    """sin t², faster and faster."""
    system = FirstOrder(load=lambda t: tf.stack([2 * t * tf.cos(t * t)]))
    rtol = 5e-2 if scheme == "backward-euler" else 1e-3
    times = pcl.AdaptiveTimes(0.0, 4.0, rtol=rtol)
    u = march(system, [0.0], times, scheme)[0].numpy()
    error = np.abs(u - np.sin(times.times ** 2)).max()
    assert error < 1.3 * rtol and error == pytest.approx(times.error, rel=0.3)
    steps = np.diff(times.times)
    assert steps[-1] <= 0.5 * steps[0]  # steps are halved


def test_chosen_times_resolve_a_jump_at_the_start():
    times = pcl.AdaptiveTimes(0.0, 1.5, rtol=5e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        u = fem.march(V, HEAT, 1.0, times, dirichlet=0.0)
        fine = np.union1d(pcl.geometric_times(0.0, 1.5, 300, 1e-5), times.times)
        exact = fem.march(V, HEAT, 1.0, fine, dirichlet=0.0, at=times.times)
    assert np.abs(u - exact).max() < 7e-3 and len(times.times) < 120


def test_a_limit_of_steps_is_a_warning_with_the_error_reached():
    with pytest.warns(RuntimeWarning, match="ends at .* steps with an estimated error"):
        times = pcl.AdaptiveTimes(0.0, 1.0, rtol=1e-12, max_steps=20)
        march(FirstOrder(load=lambda t: tf.stack([tf.exp(t)])), [0.0], times)


def heat_problem(times, scheme=None, seed=0):
    """ln k from 30 readings with 1 % noise of exp(−π² k t), k = 0.1."""
    at = np.linspace(0, 1.5, 31)[1:]
    data = np.exp(-np.pi ** 2 * 0.1 * at) + 0.01 * np.random.RandomState(seed).randn(30)
    middle = V.observe([[0.5]])

    def residuals(theta):
        system = FirstOrder(V.mass(), tf.exp(theta["ln k"]) * V.laplace())
        u = fem.march(V, system, np.sin(np.pi * X), times, scheme, dirichlet=0.0, at=at)
        return (middle @ u)[0] - data
    return pcl.Problem.from_residuals(residuals, {"ln k": np.log(0.2)})


def test_inside_a_problem_times_are_chosen_at_its_start_and_stay():
    times = pcl.AdaptiveTimes(0.0, 1.5, rtol=1e-3)
    problem = heat_problem(times)
    chosen = times.times
    result = pcl.minimize(problem, "levenberg-marquardt", progress=False)
    assert result.success and np.array_equal(times.times, chosen) and times.error < 1e-3
    fixed = heat_problem(chosen)
    assert fixed.value(result.x) == problem.value(result.x)
    assert pcl.check_gradient(problem, directions=1).ok and pcl.check_hessian(problem, directions=1).ok


# --- the error in time of a fit --------------------------------------------------------------------
@pytest.mark.parametrize("scheme", ["backward-euler", "sdirk2"])
def test_the_time_error_is_the_shift_of_the_minimum(scheme):
    """Against the minimum found with many steps; backward Euler is off by standard errors."""
    problem, exact = heat_problem(np.linspace(0, 1.5, 31), scheme), heat_problem(np.linspace(0, 1.5, 151))
    x, best = (pcl.minimize(p, "levenberg-marquardt", progress=False).x for p in (problem, exact))
    error = pcl.time_error(problem, x)
    assert error.shift[0] == pytest.approx(best[0] - x[0], rel=0.15)
    assert error.ok == (scheme == "sdirk2") and ("take more" in str(error)) != error.ok
    J = problem.jacobian(x)[:, 0]
    assert error.standard_errors[0] == pytest.approx(np.sqrt(problem.value(x) / 29 / (J @ J)), rel=1e-12)


def test_halved_steps_return_the_same_times_and_tell_the_error():
    times = GRIDS["random"](16)
    coarse = forced("sdirk2", times)
    with pcl.halved_steps() as made:
        fine = forced("sdirk2", times)
    assert made == [2] and fine.shape == coarse.shape
    np.testing.assert_allclose(4 / 3 * (fine - coarse)[-1], (np.sin(times) - coarse)[-1], rtol=0.2)


def test_a_problem_without_a_march_has_no_time_error():
    problem = pcl.Problem.from_residuals(lambda th: th["a"] - np.ones(3), {"a": 0.0})
    with pytest.raises(ValueError, match="no march"):
        pcl.time_error(problem, problem.theta0)
