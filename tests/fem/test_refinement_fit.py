"""A fit on refined meshes: what the first mesh does to parameters falls below their standard errors."""

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl

POINTS = np.array([[-0.1, 0.05], [-0.5, -0.5], [0.4, -0.3], [-0.4, 0.6], [-0.2, -0.15], [0.1, -0.1]])


def corner(x):
    """r^(2/3) sin(2φ/3) on the L-shape without x, y > 0: harmonic, 0 on both sides of the corner."""
    r, angle = np.hypot(x[:, 0], x[:, 1]), np.arctan2(-x[:, 0], x[:, 1]) % (2 * np.pi)
    return r ** (2 / 3) * np.sin(2 / 3 * np.where(angle > 1.9 * np.pi, 0.0, angle))


def l_shape():
    return skfem.MeshTri.init_lshaped().refined(1)


def smooth(x):
    return np.sin(x[:, 0]) * np.cos(x[:, 1])


def equation(V, theta):
    """−∇·(k∇u) = 2 smooth, u = a corner + smooth on the boundary, and inside for k = a = 1."""
    A = V.laplace(tf.exp(theta["log k"]) * np.ones(len(V.quadrature_points)))
    sides = V.dof_points[V.boundary_dofs()]
    return fem.LinearEquation(A, V.load(lambda x: 2 * smooth(x)),
                              theta["a"] * corner(sides) + smooth(sides))


def test_a_bias_of_the_first_mesh_falls_below_a_third_of_a_standard_error():
    data, sigma, start = corner(POINTS) + smooth(POINTS), 6e-3, {"log k": 0.3, "a": 0.8}
    found = fem.refine_fit(l_shape(), "P1", equation,
                           lambda V, u, theta: V.observe(POINTS) @ u - data, start, sigma=sigma)
    truth = {"log k": 0.0, "a": 1.0}

    def bias(level):
        return max(abs(level.theta[name] - truth[name]) / found.standard_error[name] for name in truth)
    assert found.success, found.verdict
    assert bias(found.history[0]) > 1.0
    assert bias(found.last) < 0.3
    assert found.problem.ravel(found.theta).size == 2


def test_the_estimated_shift_is_that_of_the_minimum_in_the_finer_space():
    rng = np.random.RandomState(0)
    data = corner(POINTS) + smooth(POINTS) + 2e-3 * rng.randn(len(POINTS))

    def fitted(element, refining):
        return fem.refine_fit(l_shape().refined(1), element, equation,
                              lambda V, u, theta: V.observe(POINTS) @ u - data,
                              {"log k": 0.1, "a": 0.9}, tolerance=1e3, refining=refining)
    low, high = fitted("P1", fem.Refining()), fitted("P2", fem.Refining())
    for name in low.theta:
        moved = high.theta[name] - low.theta[name]
        assert low.shift[name] == pytest.approx(moved, rel=0.25, abs=0.05 * low.standard_error[name])


def test_nodal_values_follow_the_mesh():
    x = np.linspace(0.1, 0.9, 9)[:, None]
    data = 0.5 * x[:, 0] * (1 - x[:, 0])                            # of κ = 1

    def equation(V, theta):
        kappa = fem.Space(V.mesh, "P1", V.quadrature_order).interpolate(theta["kappa"])
        return fem.LinearEquation(V.laplace(kappa), V.load(1.0), 0.0)

    def residuals(V, u, theta):
        field = fem.Space(V.mesh, "P1")
        slope = field.gradient(theta["kappa"])[:, 0] * np.sqrt(field.quadrature_weights)
        return tf.concat([(V.observe(x) @ u - data) / 2e-3, 2 * slope], 0)
    found = fem.refine_fit(skfem.MeshLine(np.linspace(0, 1, 4)), "P1", equation, residuals,
                           {"kappa": 1.2 * np.ones(4)}, 0.9, sigma=1.0, on_mesh={"kappa": "P1"},
                           refining=fem.Refining(max_cells=60))
    assert found.success and len(found.history) > 1
    assert found.theta["kappa"].shape == (found.mesh.p.shape[1],)
    away = np.abs(found.theta["kappa"] - 1.0) / found.standard_error["kappa"]
    first = found.history[0].theta["kappa"]
    assert away.max() < 0.9 and np.abs(first - 1.0).max() > 3 * np.abs(found.theta["kappa"] - 1.0).max()


def test_outcomes_that_change_with_the_space_and_unknown_blocks_are_refused():
    def equation(V, theta):
        return fem.LinearEquation(V.laplace(tf.exp(theta["k"])), V.load(1.0), 0.0)
    mesh = skfem.MeshTri().refined(2)
    with pytest.raises(ValueError, match="outcomes in the finer space and 25 in the coarse"):
        fem.refine_fit(mesh, "P1", equation, lambda V, u, theta: u - 0.05, {"k": 0.0})
    with pytest.raises(ValueError, match="kapa"):
        fem.refine_fit(mesh, "P1", equation, lambda V, u, theta: u[:3], {"k": 0.0},
                       on_mesh={"kapa": "P1"})
    with pytest.raises(TypeError, match="equation.*returned a tuple; expected fem.LinearEquation"):
        fem.refine_fit(mesh, "P1", lambda V, theta: (V.laplace(), V.load(1.0)), lambda V, u, theta: u[:3],
                       {"k": 0.0})
    with pytest.raises(ValueError, match="determine nothing of theta"):
        fem.refine_fit(mesh, "P1", equation, lambda V, u, theta: 0.0 * u[:3], {"k": 0.0}, sigma=1.0)


def test_a_network_is_carried_as_it_is_and_an_unfinished_fit_is_no_success():
    net = pcl.MLP([2, 3, 1], output=pcl.softplus(floor=0.5))
    points = np.array([[0.5, 0.5], [0.25, 0.4], [0.7, 0.2], [0.1, 0.6]])

    def equation(V, theta):
        return fem.LinearEquation(V.laplace(net(theta["k"], V.quadrature_points)[:, 0]), V.load(1.0), 0.0)
    found = fem.refine_fit(skfem.MeshTri().refined(2), "P1", equation,
                           lambda V, u, theta: V.observe(points) @ u - 0.05, {"k": net.init(0)},
                           sigma=1e-2, train=lambda problem: pcl.minimize(
                               problem, "levenberg-marquardt", maxiter=1))
    assert found.theta["k"].shape == (net.size,)
    assert not found.success and "On the last mesh the fit says" in found.verdict
