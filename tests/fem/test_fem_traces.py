"""What a Dirichlet condition prescribes of fields whose unknowns are not all values at points."""

import numpy as np
import pytest
import tensorflow as tf
from manufactured import gradient, parallelogram, sine

import fem
import pcl
from fem import Dirichlet


def test_a_component_of_a_vector_with_bubbles_is_that_component():
    V = fem.Space(fem.unit_square(3), fem.vector("MINI"))
    A = V.matrix(lambda u, x: {"u": {"gradient": u.gradient}})
    u = fem.solve(A, np.zeros(V.n), [Dirichlet(None, lambda x: x[:, 0], component=0),
                                     Dirichlet(None, 3.0, component=1)])
    x = V.quadrature_points
    np.testing.assert_allclose(V.at_points(u), np.stack([x[:, 0], 0 * x[:, 0] + 3.0], axis=1), atol=1e-12)


@pytest.mark.parametrize("value, part", [(sine, None), (gradient, "normal derivative")])
def test_values_at_the_points_of_the_boundary_mean_the_same_as_a_function(value, part):
    V = fem.Space(parallelogram(2), {"w": "Argyris"})
    A = V.matrix(lambda w, x: {"w": {"hessian": w.hessian, "value": w.value}})

    def solved(given):
        return fem.solve(A, np.zeros(V.n), Dirichlet(["left", "top"], given, component=part)).numpy()
    points = V.boundary_points(["left", "top"])
    expected = solved(value)
    np.testing.assert_allclose(solved(value(points)), expected, rtol=1e-12)
    np.testing.assert_allclose(solved(tf.constant(value(points))), expected, rtol=1e-8,
                               atol=1e-9 * np.abs(expected).max())


def test_a_constraint_on_one_unknown_holds_beside_dirichlet_values():
    V = fem.Space(fem.unit_square(3), "P1")
    inside = np.setdiff1d(np.arange(V.n), V.boundary_dofs())[0]
    u = fem.solve(V.laplace(), V.load(1.0), 0.0, constraints=fem.Constraint(np.eye(V.n)[[inside]], 2.0))
    assert u.numpy()[inside] == 2.0


def test_a_coefficient_that_is_not_finite_is_named_with_its_quantity_and_cell():
    V = fem.Space(fem.unit_square(2), "P1")

    def loss(t):
        def form(u, x):
            kappa = tf.sqrt(t["theta"] - x[:, 0])
            return {"u": {"gradient": kappa[:, None] * u.gradient, "value": -1.0}}
        return tf.reduce_sum(fem.solve(*V.system(form), 0.0))
    problem = pcl.Problem(loss, {"theta": np.array([2.0])})
    assert np.isfinite(problem.value(problem.theta0))
    with pytest.raises(pcl.InvalidCoefficient, match="gradient of u, cell"):
        problem.gradient(np.array([0.5]))


def test_terms_without_parameters_stay_out_of_what_is_differentiated():
    V = fem.Space(fem.unit_square(2), "P1")
    seen = []

    def loss(t):
        def form(u, x):
            return {"u": {"gradient": u.gradient, "value": t["theta"] * u.value - 1.0}}
        A, b = V.system(form)
        seen.append(sum(tf.is_tensor(c) for c in A.coefficients))
        return tf.reduce_sum(fem.solve(A, b, 0.0))
    pcl.Problem(loss, {"theta": np.array([2.0])})
    assert seen == [1]
