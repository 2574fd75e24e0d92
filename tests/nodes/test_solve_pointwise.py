"""Equations of their own at every point: closed forms, derivatives, and inside other equations."""
import numpy as np
import pytest
import tensorflow as tf
from oracles import check_against_tapes

import pcl

NET = pcl.MLP([1, 4, 1], output=pcl.softplus(floor=0.1))
A = np.linspace(-2.0, 3.0, 7)


def test_cube_roots():
    z = pcl.solve_pointwise(lambda z: z ** 3 - np.linspace(1.0, 8.0, 5), np.ones(5))
    np.testing.assert_allclose(z, np.cbrt(np.linspace(1.0, 8.0, 5)), rtol=1e-14)


def test_two_unknowns_a_point():
    """x + y = a, x y = 1."""
    a = np.array([2.5, 4.25])
    z = pcl.solve_pointwise(lambda z: tf.stack([z[:, 0] + z[:, 1] - a, z[:, 0] * z[:, 1] - 1.0], 1),
                            np.array([[2.0, 0.0], [5.0, 0.0]]))
    np.testing.assert_allclose(z, [[2.0, 0.5], [4.0, 0.25]], rtol=1e-13)


def kepler(theta):
    """E − e sin E = M."""
    return pcl.solve_pointwise(lambda E: E - theta["e"] * tf.sin(E) - A - theta["shift"], A)


def with_network(theta):
    """z g(z) = a with a network g of the unknown, two rows of unknowns."""
    def equation(z):
        g = NET(theta["net"], z[:, :1])
        first = z[:, :1] * g + z[:, 1:] - A[:, None]
        return tf.concat([first, z[:, 1:] * 3.0 - tf.sin(z[:, :1]) * theta["e"]], 1)
    return tf.reshape(pcl.solve_pointwise(equation, np.zeros((7, 2))), [-1])


def inside_an_equation(theta):
    """u + z(u) + ½ u₊₁ = a, z + z³ = θ u at every point."""
    def equation(u):
        z = pcl.solve_pointwise(lambda z: z + z ** 3 - theta["e"] * u, tf.zeros_like(u))
        return u + z + 0.5 * tf.roll(u, 1, 0) - A
    return pcl.solve_nonlinear(equation, np.zeros(7))


def inside_a_scan(theta):
    """Backward Euler for s' = −e s³ + net(s), each step a pointwise solve."""
    def step(s):
        return pcl.solve_pointwise(
            lambda z: z - s + 0.2 * (theta["e"] * z ** 3 - NET(theta["net"], z[:, None])[:, 0]), s)
    return tf.reshape(pcl.scan(step, A, n_steps=3), [-1])


BLOCKS = {kepler: {"e": 0.6, "shift": 0.1}, with_network: {"net": NET.init(0), "e": 0.7},
          inside_an_equation: {"e": 1.5}, inside_a_scan: {"net": NET.init(1), "e": 0.5}}


@pytest.mark.parametrize("model", BLOCKS, ids=lambda m: m.__name__)
def test_derivatives_of_both_orders_are_exact(model):
    problem = pcl.Problem.from_residuals(lambda theta: model(theta) - 0.3, BLOCKS[model])
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok
    v = np.random.default_rng(0).normal(size=problem.size)
    product = problem.hvp(problem.theta0, v)
    np.testing.assert_allclose(product, problem.hessian(problem.theta0) @ v, rtol=1e-9)


@pytest.mark.parametrize("model", [kepler], ids=lambda m: m.__name__)
def test_tapes_outside_of_a_problem_agree(model):
    check_against_tapes(lambda theta: tf.reduce_sum(tf.square(model(theta))), BLOCKS[model])


def test_each_point_is_damped_by_itself():
    """arctan z = 0 diverges undamped from 3; a neighbour at its solution does not hold it up."""
    z = pcl.solve_pointwise(lambda z: tf.atan(z), np.array([3.0, 0.0, 20.0]), atol=1e-12)
    np.testing.assert_allclose(z, 0.0, atol=1e-10)


def test_trouble_is_named_by_the_point():
    with pytest.raises(pcl.NotConverged, match="at 1 of 3 points.*first at point 1"):
        pcl.solve_pointwise(lambda z: z ** 2 - np.array([1.0, -1.0, 4.0]), np.array([1.0, 1.1, 2.0]))
    with pytest.raises(pcl.SingularMatrix, match="singular at point 1"):
        pcl.solve_pointwise(lambda z: z ** 2 - 1.0, np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match=r"the equation at point \d depends on the unknowns of point \d"):
        pcl.solve_pointwise(lambda z: z + tf.roll(z, 1, 0) - 1.0, np.ones(3))
    with pytest.raises(ValueError, match=r"start has shape \(\); expected \(q, m\)"):
        pcl.solve_pointwise(lambda z: z, 1.0)
    with pytest.raises(ValueError, match="one residual an unknown"):
        pcl.solve_pointwise(lambda z: z[:1], np.ones(3))
