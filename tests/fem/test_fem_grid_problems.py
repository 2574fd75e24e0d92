"""Networks in finite difference residuals on grids, with no solve inside, and their derivatives."""

import numpy as np
import pytest
import tensorflow as tf
from oracles import check_against_tapes

import fem
import pcl
from fem.grid.grid import Grid


def graded(n):
    s = np.linspace(0.0, 1.0, n)
    return s + 0.3 * s * (1 - s)


def certify(problem):
    """Slopes of gradient, Hessian and sensitivities, and hvp against the Hessian."""
    theta = problem.theta0 + 0.1 * np.random.default_rng(0).normal(size=problem.size)
    for check in (pcl.check_gradient, pcl.check_hessian, pcl.check_jacobian):
        report = check(problem, theta)
        assert report.ok, str(report)
    H, v = problem.hessian(theta), np.random.default_rng(1).normal(size=problem.size)
    np.testing.assert_allclose(problem.hvp(theta, v), H @ v, rtol=0, atol=1e-10 * np.abs(H @ v).max())
    assert problem.counts.factorisations == 0


# --- −∇·(κ_θ(u)∇u) = f, u and f measured everywhere ------------------------------------------
def kappa_of_u(u):
    return (1 + u ** 2) / (1 + 2 * u ** 2)


def static_poisson(n=12, widths=(1, 8, 8, 1), where="faces"):
    """u = sin πx sin πy, f from the discrete operator with the true κ(u)."""
    grid = Grid(np.linspace(0, 1, n), graded(n + 1))
    u = np.prod(np.sin(np.pi * grid.points), axis=1)
    state = (grid.face_mean @ u if where == "faces" else tf.constant(u))[:, None].numpy()
    f = grid.restriction @ grid.divergence_form(kappa_of_u(state[:, 0]), u)
    net = pcl.MLP(widths, output=pcl.softplus(floor=0.1))

    def residuals(theta):
        kappa = net(theta["kappa"], state)[:, 0]
        return grid.restriction @ grid.divergence_form(kappa, u) - f
    return pcl.Problem.from_residuals(residuals, {"kappa": net.init(2)}), net


@pytest.mark.parametrize("where", ["faces", "nodes"])
def test_static_poisson_residuals_pass_every_check(where):
    certify(static_poisson(where=where)[0])


def test_static_poisson_finds_the_coefficient():
    problem, net = static_poisson()
    result = pcl.minimize(problem, method="least-squares", maxiter=200)
    u = np.linspace(0.05, 0.95, 50)
    found = net(result.theta["kappa"], u[:, None])[:, 0]
    assert result.fun < 1e-8 * problem.value(problem.theta0)
    # Residual minimisation with exact data: κ to the accuracy to which it was fitted.
    np.testing.assert_allclose(found, kappa_of_u(u), rtol=1e-3)


def test_static_poisson_by_the_constant_maps_equals_tapes():
    """κ(u) written out with gradient, divergence and face_mean, u itself unknown: tiny, all of H."""
    grid, net = Grid(graded(4), graded(5)), pcl.MLP([1, 3, 1], output="softplus")

    def loss(theta):
        u = theta["u"]
        kappa = net(theta["kappa"], (grid.face_mean @ u)[:, None])[:, 0]
        r = grid.restriction @ (grid.divergence @ (kappa * (grid.gradient @ u))) + 1.0
        return tf.reduce_sum(r ** 2) + tf.reduce_sum((u - 0.1) ** 2)

    def same(theta):
        kappa = net(theta["kappa"], (grid.face_mean @ theta["u"])[:, None])[:, 0]
        r = grid.restriction @ grid.divergence_form(kappa, theta["u"]) - 1.0
        return tf.reduce_sum(r ** 2) + tf.reduce_sum((theta["u"] - 0.1) ** 2)
    blocks = {"kappa": net.init(1), "u": np.random.default_rng(0).normal(size=grid.n)}
    problem, other = check_against_tapes(loss, blocks), check_against_tapes(same, blocks)
    H = problem.hessian(problem.theta0)
    np.testing.assert_allclose(other.hessian(problem.theta0), H, rtol=0, atol=1e-11 * np.abs(H).max())


# --- u_t = ∇·(κ_θ∇u) + f, backward Euler residuals over snapshots ----------------------------
def kappa_of_x(x):
    """2x² − 1.05x⁴ + x⁶ + xy + y²."""
    x, y = x.T
    return 2 * x ** 2 - 1.05 * x ** 4 + x ** 6 + x * y + y ** 2


class Heat:
    """u = x(1−x) y²(1−y)² e^(−t) at k + 1 times, (u_{j+1} − u_j)/dt_j and the states u_{j+1}."""

    def __init__(self, n, k):
        self.grid = Grid(np.linspace(0, 1, n), graded(n))
        x, y = self.grid.points.T
        times = graded(k + 1)
        u = np.outer(x * (1 - x) * y ** 2 * (1 - y) ** 2, np.exp(-times))
        self.rate, self.states = np.diff(u, axis=1) / np.diff(times), u[:, 1:]

    def residual(self, kappa, f=0.0):
        r = self.rate + self.grid.divergence_form(kappa, self.states) - f
        return self.grid.restriction @ r


@pytest.mark.parametrize("k", [3, 40])
def test_heat_residuals_pass_every_check(k):
    heat = Heat(9, k)
    f = heat.rate + heat.grid.divergence_form(kappa_of_x, heat.states, positive=False)
    net = pcl.MLP([2, 6, 6, 1], output=pcl.softplus(floor=0.1))

    def residuals(theta):
        return heat.residual(net(theta["kappa"], heat.grid.face_points)[:, 0], f)
    certify(pcl.Problem.from_residuals(residuals, {"kappa": net.init(2)}))


def test_heat_finds_the_coefficient():
    heat, net = Heat(9, 5), pcl.MLP([2, 10, 10, 1], output=pcl.softplus())
    f = heat.rate + heat.grid.divergence_form(lambda x: 0.5 + kappa_of_x(x), heat.states)

    def residuals(theta):
        return heat.residual(net(theta["kappa"], heat.grid.face_points)[:, 0], f)
    problem = pcl.Problem.from_residuals(residuals, {"kappa": net.init(2)})
    result = pcl.minimize(problem, method="least-squares", maxiter=100)
    assert result.fun < 1e-7 * problem.value(problem.theta0)


@pytest.mark.parametrize("k", [2, 20])
def test_coefficients_of_the_state_over_snapshots_pass_every_check(k):
    """κ(u) has its own values in every snapshot, (n_faces, k)."""
    heat, net = Heat(6, k), pcl.MLP([1, 5, 1], output=pcl.softplus())
    at_faces = 20 * (heat.grid.face_mean @ heat.states).numpy()

    def residuals(theta):
        kappa = net(theta["kappa"], at_faces.reshape(-1, 1))
        return heat.residual(tf.reshape(kappa, at_faces.shape), 1.0)
    certify(pcl.Problem.from_residuals(residuals, {"kappa": net.init(2)}))


def test_unknown_states_and_coefficients_over_snapshots_equal_tapes():
    """u (n, 2) and κ(u) (n_faces, 2) both unknown, on a tiny grid."""
    grid, net = Grid(graded(4), graded(3)), pcl.MLP([1, 3, 1], output="softplus")

    def loss(theta):
        u = theta["u"]
        inputs = tf.reshape(grid.face_mean @ u, (-1, 1))
        kappa = tf.reshape(net(theta["kappa"], inputs), (grid.n_faces, 2))
        r = u[:, 1:] - u[:, :1] + 0.1 * grid.divergence_form(kappa, u)
        return tf.reduce_sum(tf.sin(r))
    check_against_tapes(loss, {"kappa": net.init(1), "u": np.random.default_rng(0).normal(size=(12, 2))})


# --- with a solve ----------------------------------------------------------------------------
def test_solves_on_a_grid_pass_every_check():
    """One backward Euler step and a steady state with κ from a network, observed at points."""
    grid, net = Grid(graded(5), graded(6)), pcl.MLP([2, 5, 1], output="softplus")
    observe = grid.observe(np.random.default_rng(0).uniform(size=(15, 2)))

    def residuals(theta):
        A = grid.laplace(net(theta["kappa"], grid.points)[:, 0], mean="harmonic")
        u = fem.solve(grid.mass() + 0.1 * A, grid.load(1.0), dirichlet={"left": theta["g"]})
        v = fem.solve(A, grid.load(u), dirichlet=lambda x: x[:, 1])
        return observe @ (u + v) - 1.0
    problem = pcl.Problem.from_residuals(residuals, {"kappa": net.init(1), "g": 0.3})
    for check in (pcl.check_gradient, pcl.check_hessian, pcl.check_jacobian):
        report = check(problem)
        assert report.ok, str(report)


def test_nonlinear_equation_on_a_grid_has_the_manufactured_solution():
    """−∇·((1 + u²)∇u) = f with f from the discrete operator: Newton finds u to rounding."""
    grid = Grid(graded(9), graded(7))
    exact = np.prod(np.sin(np.pi * grid.points), axis=1)
    inner = exact[grid.interior]

    def operator(u):
        full = grid.extension @ u
        return grid.restriction @ grid.divergence_form(1.0 + (grid.face_mean @ full) ** 2, full)
    f = operator(inner)
    u = pcl.solve_nonlinear(lambda u: operator(u) - f, np.zeros(len(inner)))
    np.testing.assert_allclose(u, inner, atol=1e-10)
