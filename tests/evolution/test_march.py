"""Time marches: orders of the schemes, exact derivatives, checkpoints, faults."""
import numpy as np
import pytest
import scipy.sparse as sp
import skfem
import tensorflow as tf
from scipy.linalg import expm

import fem
import pcl
from pcl import FirstOrder, SecondOrder, march

FIRST = {"sdirk2": 2, "backward-euler": 1, "crank-nicolson": 2, "bdf2": 2}
K = np.array([[3.0, -1.0, 0.0], [-1.0, 2.0, -0.5], [0.0, -0.7, 1.0]])
M = np.diag([1.0, 2.0, 0.5])
U0 = np.array([1.0, -0.5, 0.3])


def matrix(A):
    return pcl.SparseMatrix.from_scipy(sp.csr_array(A))


def graded(n, end=1.0):
    s = np.linspace(0.0, 1.0, n + 1)
    return end * (s + 0.3 * s * (1 - s))


def orders(errors):
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


# --- values --------------------------------------------------------------------------------------
def test_one_backward_euler_step_is_the_formula():
    u = march(FirstOrder(matrix(M), matrix(K), load=U0), U0, [0.0, 0.3], "backward-euler")
    expected = np.linalg.solve(M / 0.3 + K, M @ U0 / 0.3 + U0)
    np.testing.assert_allclose(u, np.stack([U0, expected], axis=1), rtol=1e-14)


@pytest.mark.parametrize("times", [lambda n: np.linspace(0, 1, n + 1), graded], ids=["equal", "graded"])
@pytest.mark.parametrize("scheme", FIRST)
def test_linear_system_converges_with_the_order_of_the_scheme(scheme, times):
    exact = expm(-np.linalg.solve(M, K)) @ U0
    errors = [np.abs(march(FirstOrder(matrix(M), matrix(K)), U0, times(n), scheme)[:, -1] - exact).max()
              for n in (20, 40, 80)]
    assert np.all(np.abs(orders(errors) - FIRST[scheme]) < 0.15), errors


@pytest.mark.parametrize("scheme", FIRST)
def test_nonlinear_residual_with_load_in_time_converges_with_the_order_of_the_scheme(scheme):
    # u' + u³ = cos t + sin³ t has the solution sin t
    system = FirstOrder(residual=lambda u, t: u ** 3,
                        load=lambda t: tf.stack([tf.cos(t) + tf.sin(t) ** 3]))
    errors = [abs(float(march(system, [0.0], graded(n), scheme)[0, -1]) - np.sin(1.0))
              for n in (20, 40, 80)]
    assert np.all(np.abs(orders(errors) - FIRST[scheme]) < 0.15), errors


@pytest.mark.parametrize("scheme", FIRST)
def test_stiffness_in_time_and_residual_together(scheme):
    # u' + (1 + t) u + u² − u² = 0
    def stiffness(t):
        return pcl.SparseMatrix.from_entries([0], [0], tf.reshape(1.0 + t, [1]), (1, 1))
    system = FirstOrder(stiffness=stiffness, residual=lambda u, t: 0.0 * u)
    errors = [abs(float(march(system, [1.0], graded(n), scheme)[0, -1]) - np.exp(-1.5)) for n in (40, 80)]
    assert abs(orders(errors)[0] - FIRST[scheme]) < 0.15


@pytest.mark.parametrize("radius", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("times", [lambda n: np.linspace(0, 1, n + 1), graded], ids=["equal", "graded"])
def test_generalised_alpha_is_of_second_order_in_state_and_rate(times, radius):
    # u'' + 0.2 u' + 4 u = f with u = sin 2t + t
    def load(t):
        return tf.stack([-4 * tf.sin(2 * t) + 0.2 * (2 * tf.cos(2 * t) + 1) + 4 * (tf.sin(2 * t) + t)])
    system = SecondOrder(None, matrix([[4.0]]), matrix([[0.2]]), load=load)
    errors = []
    for n in (20, 40, 80):
        u, v = march(system, [0.0], times(n), rate=[3.0], radius=radius, return_rate=True)
        errors.append([abs(float(u[0, -1]) - np.sin(2.0) - 1.0),
                       abs(float(v[0, -1]) - 2 * np.cos(2.0) - 1.0)])
    assert np.all(orders(errors) > 1.8), errors


def test_generalised_alpha_conserves_the_energy_of_a_linear_oscillator_at_radius_one():
    u, v = march(SecondOrder(None, matrix([[9.0]])), [1.0], np.linspace(0, 20, 201), radius=1.0,
                 return_rate=True)
    energy = 9.0 * np.square(u) + np.square(v)
    np.testing.assert_allclose(energy, 9.0, rtol=1e-12)


def test_pendulum_by_generalised_alpha_agrees_with_scipy():
    from scipy.integrate import solve_ivp
    system = SecondOrder(residual=lambda u, v, t: tf.sin(u) + 0.1 * v)
    exact = solve_ivp(lambda t, y: [y[1], -np.sin(y[0]) - 0.1 * y[1]], (0, 3), [1.0, 0.5], rtol=1e-11,
                      atol=1e-12).y[0, -1]
    errors = [abs(float(march(system, [1.0], np.linspace(0, 3, n + 1), rate=[0.5])[0, -1]) - exact)
              for n in (50, 100, 200)]
    assert np.all(np.abs(orders(errors) - 2) < 0.1), errors


@pytest.mark.parametrize("step", [1e-8, 1.0, 1e6])
def test_backward_euler_never_oscillates_on_the_heat_equation(step):
    V = fem.Space(fem.unit_square(8), "P1")
    fixed = V.boundary_dofs(), 0.0
    u0 = np.where(np.arange(V.n) % 2, 1.0, 0.2)
    u0[V.boundary_dofs()] = 0.0
    lumped = pcl.SparseMatrix.from_scipy(sp.diags_array(V.basis_integrals).tocsr())
    u = march(FirstOrder(lumped, V.laplace(1.0)), u0, step * np.arange(6.0), "backward-euler",
              fixed=fixed)
    assert np.min(u) >= -1e-14 and np.all(np.diff(np.max(u, axis=0)) <= 1e-14)


def test_backward_euler_is_read_linearly_between_steps_and_come_in_the_order_asked():
    times = np.linspace(0, 1, 5)
    u = np.asarray(march(FirstOrder(matrix(M), matrix(K)), U0, times, "backward-euler"))
    at = march(FirstOrder(matrix(M), matrix(K)), U0, times, "backward-euler",
               at=[0.75, 0.1, 1.0, 0.1, 0.0])
    expected = [u[:, 3], 0.6 * u[:, 0] + 0.4 * u[:, 1], u[:, 4], 0.6 * u[:, 0] + 0.4 * u[:, 1], u[:, 0]]
    np.testing.assert_allclose(at, np.stack(expected, axis=1), rtol=1e-13)


def test_several_columns_march_as_one_by_one():
    both = np.stack([U0, U0[::-1]], axis=1)
    u = march(FirstOrder(matrix(M), matrix(K)), both, np.linspace(0, 1, 4), "bdf2")
    for k in range(2):
        one = march(FirstOrder(matrix(M), matrix(K)), both[:, k], np.linspace(0, 1, 4), "bdf2")
        np.testing.assert_allclose(u[:, k], one, rtol=1e-13)


def test_moving_boundary_values_are_followed_with_the_order_of_the_scheme():
    # u_t = u_xx + f with u = (1 + x²) sin t, boundary values from u
    V = fem.Space(skfem.MeshLine(np.linspace(0, 1, 9)), "P2")
    x = V.quadrature_points[:, 0]
    ends = V.boundary_dofs()
    g = 1 + V.dof_points[ends, 0] ** 2

    def load(t):
        return V.load((1 + x ** 2) * tf.cos(t) - 2 * tf.sin(t))
    exact = (1 + V.dof_points[:, 0] ** 2) * np.sin(1.0)
    for scheme, order in FIRST.items():
        errors = []
        for n in (10, 20, 40):
            u = march(FirstOrder(V.mass(), V.laplace(1.0), load=load), np.zeros(V.n),
                      np.linspace(0, 1, n + 1), scheme, fixed=(ends, lambda t: g * tf.sin(t)))
            errors.append(np.abs(u[:, -1] - exact).max())
        assert np.all(np.abs(orders(errors) - order) < 0.2), (scheme, errors)


@pytest.mark.parametrize("space", [fem.Space(fem.unit_square(5), "P1"), fem.Grid.uniform((6, 5))],
                         ids=["cells", "grid"])
def test_dirichlet_conditions_enter_as_in_fem_solve(space):
    points = space.dof_points if isinstance(space, fem.Space) else space.points
    system = FirstOrder(space.mass(), space.laplace(1.0), load=space.load(1.0))
    g = np.sin(points[space.boundary_dofs()].sum(axis=1))
    times = np.linspace(0, 20, 11)
    with pytest.warns(RuntimeWarning, match="contradict"):
        u = fem.march(space, system, 0.0, times, dirichlet=g)
    steady = fem.solve(space.laplace(1.0), space.load(1.0), dirichlet=g)
    np.testing.assert_allclose(u[:, -1], steady, atol=1e-10)
    moving = fem.march(space, system, 0.0, times, dirichlet_at=lambda t: t / 20 * g)
    np.testing.assert_allclose(tf.gather(moving[:, 5], space.boundary_dofs()), 0.5 * g, rtol=1e-13)
    with pytest.raises(ValueError, match="both given"):
        fem.march(space, system, 0.0, times, dirichlet=0.0, dirichlet_at=lambda t: 0.0)


# --- derivatives ---------------------------------------------------------------------------------
def heat_problem(n_steps, scheme="backward-euler", mesh=6, graded_steps=False, **options):
    """Observations of a heat equation with κ(x) a network, as a Problem."""
    V = fem.Space(fem.unit_square(mesh), "P1")
    net = pcl.MLP([2, 5, 1], output=pcl.softplus(floor=0.1))
    x, y = V.dof_points.T
    u0 = np.sin(np.pi * x) * np.sin(np.pi * y)
    times = graded(n_steps, 0.2) if graded_steps else np.linspace(0, 0.2, n_steps + 1)
    at = times[[n_steps // 3, n_steps // 2, -1]]

    def loss(theta):
        kappa = net(theta["kappa"], V.quadrature_points)[:, 0]
        u = march(FirstOrder(V.mass(), V.laplace(kappa)), u0, times, scheme, at=at,
                  fixed=(V.boundary_dofs(), 0.0), **options)
        return tf.reduce_sum(tf.square(u - np.outer(u0, np.exp(-20 * at))))
    return pcl.Problem(loss, {"kappa": net.init(3)})


def second_order_agrees(problem, tolerance=1e-10):
    """Slopes, products, both directions."""
    theta = problem.theta0
    assert pcl.check_gradient(problem, directions=1).ok and pcl.check_hessian(problem, directions=1).ok
    H = problem.hessian(theta, mode="forward")
    size = np.abs(H).max()
    np.testing.assert_allclose(problem.hessian(theta, mode="backward"), H, atol=tolerance * size)
    v = np.random.default_rng(0).normal(size=problem.size)
    np.testing.assert_allclose(problem.hvp(theta, v), H @ v, atol=1e-10 * np.abs(H @ v).max())
    return H


@pytest.mark.parametrize("graded_steps", [False, True], ids=["equal", "graded"])
@pytest.mark.parametrize("scheme", FIRST)
def test_heat_march_of_ten_steps_has_exact_derivatives(scheme, graded_steps):
    second_order_agrees(heat_problem(10, scheme, graded_steps=graded_steps))


def test_heat_march_of_two_hundred_steps_has_exact_derivatives():
    problem = heat_problem(200)
    second_order_agrees(problem)
    before = problem.counts.factorisations
    problem.gradient(problem.theta0 + 1e-3)
    assert problem.counts.factorisations == before + 1


@pytest.mark.parametrize("scheme", FIRST)
def test_march_agrees_with_a_loop_of_solves_in_a_tape(scheme):
    """Nested tapes through the eager march, which knows nothing of our second order."""
    problem_in_two_numbers = dict(k=np.array([0.7]), s=np.array([0.4]))

    def loss(theta):
        system = FirstOrder(matrix(M), matrix(K) * theta["k"][0], load=U0 * theta["s"][0])
        u = march(system, U0 * theta["s"], [0, 0.2, 0.5, 0.6], scheme)
        return tf.reduce_sum(u ** 3)
    problem = pcl.Problem(loss, problem_in_two_numbers)
    theta = tf.constant([0.7, 0.4], tf.float64)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(theta)
        with tf.GradientTape() as inner:
            inner.watch(theta)
            value = loss({"k": theta[:1], "s": theta[1:]})
        gradient = inner.gradient(value, theta)
    hessian = outer.jacobian(gradient, theta, experimental_use_pfor=False)
    np.testing.assert_allclose(problem.value(problem.theta0), value, rtol=1e-13)
    np.testing.assert_allclose(problem.gradient(problem.theta0), gradient, rtol=1e-11)
    np.testing.assert_allclose(problem.hessian(problem.theta0), hessian, rtol=1e-10)
    second_order_agrees(problem)


@pytest.mark.parametrize("scheme", FIRST)
def test_networks_of_state_and_time_inside_a_nonlinear_march(scheme):
    V = fem.Space(skfem.MeshLine(np.linspace(0, 1, 9)), "P1")
    conductivity = pcl.MLP([2, 4, 1], output=pcl.softplus(floor=0.2))
    reaction = pcl.MLP([1, 3, 1])
    u0 = np.sin(np.pi * V.dof_points[:, 0])
    one = np.ones((len(V.quadrature_points), 1))

    def loss(theta):
        def residual(u, t):
            at = V.interpolate(u)
            kappa = conductivity(theta["kappa"], tf.stack([at, t * one[:, 0]], axis=1))[:, 0]
            return V.laplace(kappa) @ u + V.load(reaction(theta["f"], at[:, None])[:, 0])
        u = march(FirstOrder(V.mass(), residual=residual), u0 * theta["amplitude"], graded(5, 0.1),
                  scheme, at=[0.03, 0.1], fixed=(V.boundary_dofs(), lambda t: 0.1 * t))
        return tf.reduce_sum(tf.square(V.interpolate(u) - 0.5))
    problem = pcl.Problem(loss, {"kappa": conductivity.init(0), "f": reaction.init(1), "amplitude": 1.2})
    second_order_agrees(problem)


def test_wave_equation_with_an_unknown_speed_has_exact_derivatives():
    V = fem.Space(fem.unit_square(6), "P1")
    net = pcl.MLP([2, 5, 1], output=pcl.softplus(floor=0.3))
    x, y = V.dof_points.T
    u0 = np.sin(np.pi * x) * np.sin(np.pi * y)

    def loss(theta):
        c2 = net(theta["c2"], V.quadrature_points)[:, 0]
        system = SecondOrder(V.mass(), V.laplace(c2), V.mass() * theta["damping"])
        u, v = march(system, u0, np.linspace(0, 1, 31), rate=u0 * theta["kick"], at=[0.3, 0.95],
                     fixed=(V.boundary_dofs(), 0.0), return_rate=True)
        return tf.reduce_sum(tf.square(u)) + 0.1 * tf.reduce_sum(tf.square(v - 0.2))
    second_order_agrees(pcl.Problem(loss, {"c2": net.init(0), "damping": 0.2, "kick": 0.5}))


def test_sources_and_boundary_values_in_time_are_parameters_too():
    rows = np.arange(1.0, 5.0)

    def loss(theta):
        def load(t):
            return theta["f"] * tf.sin(3 * t)
        u = march(FirstOrder(matrix(M), matrix(K), load=load), U0, [0, 0.2, 0.5, 0.6, 1.0],
                  "crank-nicolson", fixed=([2], lambda t: theta["g"] * (1 + t)))
        return tf.reduce_sum(tf.square(u) * theta["w"]) + tf.reduce_sum(theta["w"] * rows[0])
    second_order_agrees(pcl.Problem(loss, {"f": np.ones(3), "g": 0.3, "w": 1.0}))


def test_residuals_of_a_march_have_exact_sensitivities_and_gauss_newton_matrix():
    V = fem.Space(fem.unit_square(5), "P1")
    net = pcl.MLP([2, 4, 1], output=pcl.softplus(floor=0.1))
    u0 = np.ones(V.n)
    u0[V.boundary_dofs()] = 0.0

    def residuals(theta):
        kappa = net(theta["kappa"], V.quadrature_points)[:, 0]
        u = march(FirstOrder(V.mass(), V.laplace(kappa)), u0, np.linspace(0, 0.1, 8),
                  at=[0.02, 0.05, 0.1], fixed=(V.boundary_dofs(), 0.0))
        return (V.observe_nodes([14, 15, 20]) @ u - 0.3)
    problem = pcl.Problem.from_residuals(residuals, {"kappa": net.init(0)})
    assert pcl.check_jacobian(problem).ok
    J = problem.jacobian(problem.theta0)
    G = problem.gauss_newton(problem.theta0)
    np.testing.assert_allclose(G, 2 * J.T @ J, atol=1e-12 * np.abs(G).max())
    product = problem.gauss_newton_product(problem.theta0, np.ones(problem.size))
    np.testing.assert_allclose(product, G.sum(axis=1), atol=1e-11 * np.abs(G).max())
    second_order_agrees(problem)


def test_a_march_passes_its_certificate():
    assert heat_problem(4, mesh=4).certify().ok


# --- checkpoints ---------------------------------------------------------------------------------
@pytest.mark.parametrize("scheme", FIRST)
def test_a_march_from_checkpoints_gives_the_same_numbers(scheme):
    whole, pieces = heat_problem(30, scheme), heat_problem(30, scheme, memory=60_000)
    theta = whole.theta0
    assert pieces.at(theta).points[-1].n_stretches > 3 and whole.at(theta).points[-1].n_stretches == 1
    assert pieces.value(theta) == whole.value(theta)
    np.testing.assert_allclose(pieces.gradient(theta), whole.gradient(theta), rtol=1e-13)
    H = whole.hessian(theta)
    np.testing.assert_allclose(pieces.hessian(theta), H, rtol=1e-12, atol=1e-12 * np.abs(H).max())
    second_order_agrees(pieces)


def test_a_march_from_checkpoints_holds_the_memory_it_promises():
    import tracemalloc
    problem, memory = heat_problem(1000, mesh=12, memory=6_000_000), 6_000_000
    theta = problem.theta0
    problem.hessian(theta)
    tracemalloc.start()
    problem.hessian(theta + 1e-3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    point = problem.at(theta + 1e-3).points[-1]
    assert point.n_stretches > 3
    checkpoints = 8 * 2 * 169 * point.n_stretches
    assert peak < memory + checkpoints + 10_000_000  # the last: what a Hessian needs beside the march


# --- faults --------------------------------------------------------------------------------------
@pytest.mark.parametrize("times, words", [
    ([0.0], "times has 1"), ([0, 1, 1, 2], r"times\[1\] = 1"), ([0, 2, 1], r"times\[1\] = 2"),
    ([0, np.nan, 1], "NaN|finite"), ([1.0, 0.0], r"times\[0\]")])
def test_times_that_do_not_increase_are_refused(times, words):
    with pytest.raises(ValueError, match=words):
        march(FirstOrder(matrix(M), matrix(K)), U0, times)


@pytest.mark.parametrize("at", [[-0.1], [0.5, 1.2], []])
def test_observation_times_outside_are_refused(at):
    with pytest.raises(ValueError, match="at"):
        march(FirstOrder(matrix(M), matrix(K)), U0, [0, 1.0], at=at)


def test_an_initial_state_that_contradicts_the_fixed_values_is_overwritten_with_a_warning():
    with pytest.warns(RuntimeWarning, match="contradicts the fixed values by up to 0.7"):
        u = march(FirstOrder(matrix(M), matrix(K)), U0, [0, 0.1], fixed=([2], 1.0))
    np.testing.assert_allclose(u[2], 1.0)


def test_wrong_shapes_and_kinds_are_refused():
    system = FirstOrder(matrix(M), matrix(K))
    cases = [
        (lambda: march(system, U0[:2], [0, 1]), "mass has shape"),
        (lambda: march(FirstOrder(matrix(M), matrix(np.eye(2))), U0, [0, 1]), "stiffness"),
        (lambda: march(FirstOrder(matrix(M), load=np.ones((3, 1))), U0, [0, 1]), "load has shape"),
        (lambda: march(FirstOrder(matrix(M), residual=lambda u, t: u[:2]), U0, [0, 1]),
         "residual returns"),
        (lambda: march(system, U0, [0, 1], "runge-kutta"), "scheme"),
        (lambda: march(system, U0, [0, 1], rate=U0), "first order"),
        (lambda: march(SecondOrder(matrix(M), matrix(K)), U0, [0, 1], "bdf2"), "scheme"),
        (lambda: march(SecondOrder(matrix(M), matrix(K)), U0, [0, 1], radius=1.5), "radius"),
        (lambda: march(SecondOrder(matrix(M), matrix(K)), U0, [0, 1], rate=U0[:2]), "rate has shape"),
        (lambda: march(system, U0, [0, 1], fixed=([1, 1], 0.0)), "twice"),
        (lambda: march(system, U0, [0, 1], fixed=([1], np.zeros(2))), "fixed values"),
        (lambda: FirstOrder(matrix(M)), "all missing")]
    for call, words in cases:
        with pytest.raises((ValueError, TypeError), match=words):
            call()
    with pytest.raises(TypeError, match="mass"):
        FirstOrder(M, matrix(K))


def test_a_failing_step_is_named():
    system = FirstOrder(residual=lambda u, t: tf.where(t > 0.35, 1.0 + u ** 2 + 1e3, u) + 0.0 * u)
    times = np.linspace(0, 1, 11)
    problem = pcl.Problem(lambda th: tf.reduce_sum(march(system, U0 * th["s"], times)), {"s": 1.0})
    with pytest.raises(pcl.NotConverged) as failure:
        problem.value(np.ones(1))
    assert "in step 4 of 10" in "".join(failure.value.__notes__)
