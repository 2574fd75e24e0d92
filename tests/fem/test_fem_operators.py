"""Constant maps of spaces and grids are applied by a call or by @."""
import numpy as np
import pytest
import tensorflow as tf

import fem
import pcl


def line():
    return fem.Space(fem.interval(5, 0.0, 2.0), "P2")


GRID = fem.Grid.uniform((5, 4), (2.0, 1.0))
MAPS = [(line().gradient, (11,)), (line().interpolate, (11,)), (line().value_map, (11,)),
        (line().gradient_map, (11,)), (line().cell_integrals, (len(line().quadrature_weights),)),
        (line().observe([0.3, 1.9]), (11,)), (line().observe_nodes([0, 2]), (11,)),
        (GRID.gradient, (20,)), (GRID.divergence, (GRID.n_faces,)), (GRID.face_mean, (20,)),
        (GRID.derivative(1), (20,)), (GRID.restriction, (20,)), (GRID.extension, (6,)),
        (GRID.observe([[0.1, 0.2]]), (20,))]


@pytest.mark.parametrize("operator, shape", MAPS)
def test_a_call_is_the_product_by_the_matrix(operator, shape):
    x = np.random.default_rng(0).normal(size=shape)
    expected = operator.matrix @ x
    np.testing.assert_array_equal(np.ravel(operator(x)), expected)
    np.testing.assert_array_equal(np.ravel(operator @ x), expected)
    assert repr(operator).startswith("LinearMap((")


def test_gradients_of_a_parabola_are_exact_in_spaces_and_grids_in_both_words():
    V = line()
    x = V.dof_points[:, 0]
    for found in (V.gradient(x ** 2), V.gradient @ x ** 2):
        np.testing.assert_allclose(found, 2.0 * V.quadrature_points, atol=1e-12)
    u = GRID.points[:, 0] ** 2
    exact = np.where(GRID.face_directions == 0, 2.0 * GRID.face_points[:, 0], 0.0)
    for found in (GRID.gradient(u), GRID.gradient @ u):
        np.testing.assert_allclose(found, exact, atol=1e-12)


def test_gradients_of_vectors_and_of_several_right_hand_sides_have_their_shapes():
    V = fem.Space(fem.unit_square(2), fem.vector("P1"))
    x, y = V.dof_points.T
    u = np.where(np.arange(V.n) % 2, 3.0 * x, y)        # components alternate: u₀ = y, u₁ = 3x
    slopes = np.broadcast_to([[0.0, 1.0], [3.0, 0.0]], (len(V.quadrature_weights), 2, 2))
    np.testing.assert_allclose(V.gradient @ u, slopes, atol=1e-12)
    np.testing.assert_allclose(V.interpolate @ u, V.quadrature_points[:, ::-1] * [1.0, 3.0], atol=1e-12)
    W = fem.Space(fem.unit_square(2), "P1")
    both = np.stack([W.dof_points[:, 0], 2.0 * W.dof_points[:, 1]], axis=1)
    slopes = np.asarray(W.gradient(both))
    assert slopes.shape == (len(W.quadrature_weights), 2, 2)
    np.testing.assert_allclose(slopes, np.broadcast_to(np.diag([1.0, 2.0]), slopes.shape), atol=1e-12)


def test_a_called_gradient_has_exact_derivatives_inside_a_loss():
    V = fem.Space(fem.unit_square(3), "P1")

    def loss(theta):
        return tf.reduce_sum(V.gradient(theta["u"]) ** 2 * V.quadrature_weights[:, None])
    problem = pcl.Problem(loss, {"u": np.linspace(0.0, 1.0, V.n)})
    A = V.laplace().to_scipy().toarray()                              # ∫ |∇u|² = uᵀ A u
    np.testing.assert_allclose(problem.hessian(problem.theta0), 2.0 * A, atol=1e-12)
