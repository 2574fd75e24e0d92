"""Observations where u is prescribed, and conductivities over twelve decades."""
import warnings

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl

V = fem.Space(fem.unit_square(4), "P1")
GRID = fem.Grid.uniform((5, 5))


@pytest.mark.parametrize("space", [V, GRID], ids=["cells", "grid"])
def test_an_observation_where_u_is_prescribed_warns(space):
    inside, edge = [0.4, 0.5], [0.3, 0.0]
    with pytest.warns(RuntimeWarning, match="1 of 2 observations, first number 1, lie where u is pres"):
        observe = space.observe([inside, edge], dirichlet=0.0)
    with pytest.warns(RuntimeWarning, match="2 of 2 observations"):
        space.observe_nodes(space.boundary_dofs()[:2], dirichlet={lambda x: x[:, 1] < 2.0: 1.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        space.observe([inside], dirichlet=0.0)
        space.observe([inside, edge], dirichlet={lambda x: x[:, 1] == 1.0: 0.0})
        space.observe([inside, edge])

    def residuals(theta):                      # the sensitivity that the warning speaks of
        return observe @ fem.solve(theta["k"] * space.laplace(), space.load(1.0), dirichlet=0.0) - 1.0
    problem = pcl.Problem.from_residuals(residuals, {"k": 1.0})
    J = problem.jacobian(problem.theta0)[:, 0]
    assert J[0] != 0.0 and J[1] == 0.0


def test_layers_of_conductivities_over_twelve_decades_are_solved_in_series():
    """q = 1/Σ h/κ through layers in series, u piecewise linear."""
    decades = np.logspace(-6, 6, 12)
    line = fem.Space(skfem.MeshLine(np.linspace(0, 1, 13)), "P1")
    kappa = np.repeat(decades, line.points_per_cell)
    g = (line.dof_points[:, 0] == 1.0).astype(float)[line.boundary_dofs()]

    def state(theta):
        return fem.solve(line.laplace(tf.exp(theta["s"]) * kappa), np.zeros(line.n), dirichlet=g)
    drop = np.concatenate([[0.0], np.cumsum(1.0 / decades)])
    order = np.argsort(line.dof_points[:, 0])
    u = state({"s": tf.constant(0.0, tf.float64)}).numpy()
    np.testing.assert_allclose(u[order], drop / drop[-1], rtol=1e-12)
    problem = pcl.Problem(lambda theta: tf.reduce_sum(fem.solve(
        line.laplace(tf.exp(theta["s"]) * kappa), line.load(1e-3), dirichlet=g) ** 2), {"s": 0.1})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok
