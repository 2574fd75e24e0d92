"""Nonlinear conditions on parts of the boundary: radiation, contact, Robin conditions by networks."""
import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl

V = fem.Space(fem.unit_square(5), "P2")
U = fem.Space(fem.unit_square(4), fem.vector("P1"))


def test_radiation_through_a_wall_is_the_root_of_the_scalar_equation():
    """u = 1.5 + s x with −s = 0.3 (u(1)⁴ − 1)."""
    u = fem.solve_nonlinear(V, lambda u, g, x: (0.0, g), {"left": 1.5}, boundary={
        "right": lambda u, x, normal: {"u": {"value": 0.3 * (u.value ** 4 - 1.0)}}})
    end = np.max(np.roots([0.3, 0.0, 0.0, 1.0, -1.8]).real[np.isreal(np.roots([0.3, 0, 0, 1.0, -1.8]))])
    np.testing.assert_allclose(u, 1.5 + (end - 1.5) * V.dof_points[:, 0], atol=1e-12)


def test_a_penalty_of_contact_pushes_back_in_the_direction_of_the_normal():
    """Pulled by t, held by a wall of stiffness k at a gap g: σ = E u, E u(1) = t − k (u(1) − g)⁺."""
    stiffness, gap, pull = 50.0, 0.1, 1.0

    def wall(u, x, normal):
        along = tf.reduce_sum(u.value * normal, axis=1)
        push = stiffness * tf.nn.relu(along - gap) - pull
        return {"u": {"value": push[:, None] * normal}}
    rollers = [fem.Dirichlet("left", 0.0, component="normal"), fem.Dirichlet("bottom", 0.0, component=1)]
    u = fem.solve_nonlinear(U, lambda u, x: {"u": {"gradient": fem.sym(u.gradient)}}, rollers,
                            boundary={"right": wall})
    end = (pull + stiffness * gap) / (1.0 + stiffness)
    exact = np.stack([end * U.dof_points[::2, 0], 0.0 * U.dof_points[::2, 0]], axis=1)
    np.testing.assert_allclose(u, exact.ravel(), atol=1e-12)


def test_a_robin_condition_by_a_network_has_exact_derivatives():
    net = pcl.MLP([3, 4, 1], output=pcl.softplus())

    def loss(theta):
        def edge(u, x, normal):
            h = net(theta["h"], tf.concat([x, u.value[:, None]], axis=1))[:, 0]
            return {"u": {"value": h * (u.value - theta["outside"])}}
        u = fem.solve_nonlinear(V, lambda u, g, x: (-1.0, g), {"left": 0.0}, boundary={"right": edge})
        return tf.reduce_sum(u ** 2)
    problem = pcl.Problem(loss, {"h": net.init(0), "outside": 0.3})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


@pytest.mark.parametrize("mesh", [
    fem.unit_square(3), skfem.MeshTet.init_tensor(*[np.linspace(0, 1, 3)] * 3)], ids=["2-D", "3-D"])
def test_normal_and_tangential_parts_together_are_the_whole_vector(mesh):
    """On a turned body, where no side lies along an axis."""
    dim = mesh.dim()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(dim, dim)))[0]
    space = fem.Space(type(mesh)(turn @ mesh.p, mesh.t), fem.vector("P1"))
    g = np.array([1.0, -0.5, 0.25])[:dim]
    A, b = space.system(lambda u, x: {"u": {"gradient": u.gradient, "value": u.value}})
    whole = fem.solve(A, b, fem.Dirichlet(None, g))
    parts = [fem.Dirichlet(None, lambda x: np.broadcast_to(g, x.shape), component=part)
             for part in ("normal", "tangential")]
    for order in (parts, parts[::-1]):
        np.testing.assert_allclose(fem.solve(A, b, order), whole, atol=1e-12)


def test_the_order_of_conditions_and_constraints_does_not_matter():
    A, b = U.system(lambda u, x: {"u": {"gradient": fem.sym(u.gradient), "value": u.value - 1.0}})
    values = [fem.Dirichlet("bottom", 0.2, component=1),
              fem.Dirichlet("bottom", 0.1, component="tangential"),
              fem.Dirichlet("top", 0.0, component=0)]
    ties = [U.periodic("left", "right"), U.mean_value([0.3, 0.4])]
    one = fem.solve(A, b, values, constraints=ties)
    other = fem.solve(A, b, values[::-1], constraints=ties[::-1])
    np.testing.assert_allclose(one, other, atol=1e-12)
