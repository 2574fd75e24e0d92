"""Observations where u is prescribed, and conductivities over twelve decades."""
import gc
import warnings

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl
from fem.common import prescribed

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


def prescribed_by(name, values=0.0):
    """u with given values on the boundary, by each way to find it."""
    if name == "march":
        return fem.march(V, pcl.FirstOrder(V.mass(), V.laplace()), 0.0, [0.0, 0.1], dirichlet=values)
    if name == "nonlinear":
        return fem.solve_nonlinear(V, lambda u, grad, x: (u ** 3 - 1.0, grad), dirichlet=values)
    space = V if name == "cells" else GRID
    return fem.solve(space.laplace(), space.load(1.0), dirichlet=values)


@pytest.mark.parametrize("name", ["cells", "grid", "nonlinear", "march"])
def test_a_solve_tells_the_observation_where_u_is_prescribed_once(name):
    observe = (GRID if name == "grid" else V).observe([[0.4, 0.5], [0.3, 0.0]])
    u = prescribed_by(name)
    with pytest.warns(RuntimeWarning, match="1 of 2 observations, first number 1") as told:
        observe @ u
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observe @ u
        observe @ prescribed_by(name)


def test_inside_a_problem_the_solve_tells_as_well():
    observe = V.observe([[0.4, 0.5], [0.3, 0.0]])
    with pytest.warns(RuntimeWarning, match="1 of 2 observations"):
        pcl.Problem.from_residuals(lambda theta: observe @ fem.solve(
            theta["k"] * V.laplace(), V.load(1.0), dirichlet=0.0), {"k": 1.0})


def test_values_that_are_trained_coefficients_and_inside_points_are_no_reason_to_warn():
    edge, inside = V.observe([[0.3, 0.0]]), V.observe([[0.4, 0.5]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inside @ prescribed_by("cells")
        edge @ prescribed_by("cells", tf.constant(2.0, tf.float64))     # may be a parameter
        edge @ V.dof_points[:, 0]                                       # not a solution
        edge @ (prescribed_by("cells") + 1.0)                           # nor that


def test_readings_of_a_march_where_u_is_prescribed_warn():
    def read(points):
        return fem.march(V, pcl.FirstOrder(V.mass(), V.laplace()), 0.0, np.linspace(0.0, 0.1, 3),
                         dirichlet=0.0, readings=(points, [0.05, 0.1]))
    with pytest.warns(RuntimeWarning, match="1 of 2 observations, first number 1") as told:
        read([[0.4, 0.5], [0.3, 0.0]])
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read([[0.4, 0.5], [0.3, 0.4]])


def test_a_solution_is_not_kept_alive_by_what_is_known_of_it():
    gc.collect()
    before = len(prescribed._solutions)
    u = prescribed_by("cells")
    assert len(prescribed._solutions) == before + 1
    del u
    gc.collect()
    assert len(prescribed._solutions) == before


def test_a_robin_coefficient_may_be_negative():
    """−u'' = 0, u(0) = 1, u'(1) = ½ u(1) has u = 1 + x, which P1 holds exactly."""
    line = fem.Space(skfem.MeshLine(np.linspace(0, 1, 5)), "P1")
    A = line.laplace() + line.boundary_mass(-0.5, lambda x: x[:, 0] == 1.0)
    u = fem.solve(A, np.zeros(line.n), dirichlet={lambda x: x[:, 0] == 0.0: 1.0})
    np.testing.assert_allclose(u, 1.0 + line.dof_points[:, 0], rtol=1e-14)
