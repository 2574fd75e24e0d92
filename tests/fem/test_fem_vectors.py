"""Loads alone and observations of vector fields: all quantities, components and right-hand sides."""

import numpy as np
import pytest
import tensorflow as tf

import fem
import pcl

V = fem.Space(fem.unit_square(3), fem.vector("P2"))
X = np.array([[0.2, 0.7], [0.6, 0.6], [1.0, 0.3]])


def quadratic(x):
    """u = (x y, x² − 2y), a function of the space."""
    return np.stack([x[:, 0] * x[:, 1], x[:, 0] ** 2 - 2.0 * x[:, 1]], axis=1)


def slopes(x):
    """∂u_c/∂x_d (m, 2, 2)."""
    return np.stack([np.stack([x[:, 1], x[:, 0]], 1),
                     np.stack([2.0 * x[:, 0], np.full(len(x), -2.0)], 1)], axis=1)


U = quadratic(V.dof_points)[np.arange(V.n), np.arange(V.n) % 2]


@pytest.mark.parametrize("component", [None, 0, 1, [1, 0]])
def test_components_of_a_vector_are_observed(component):
    expected = quadratic(X) if component is None else quadratic(X)[:, component]
    np.testing.assert_allclose(V.observe(X, component=component) @ U, expected, atol=1e-13)


@pytest.mark.parametrize("component", [None, 1, (0, 1), (1, 1), (slice(None), 0)])
def test_components_of_a_gradient_are_observed(component):
    index = (slice(None), *(component if isinstance(component, tuple) else (component,)))
    expected = slopes(X) if component is None else slopes(X)[index]
    observe = V.observe(X, quantity="gradient", component=component)
    np.testing.assert_allclose(observe @ U, expected, atol=1e-12)


@pytest.mark.parametrize("which", [{}, {"quantity": "gradient"}, {"component": 1},
                                   {"quantity": "divergence"}])
def test_several_right_hand_sides_are_observed_as_each_is(which):
    observe, several = V.observe(X, **which), np.stack([U, -2.0 * U, U ** 2], axis=1)
    each = np.stack([observe @ several[:, k] for k in range(3)], axis=-1)
    np.testing.assert_allclose(observe @ several, each, atol=1e-13)


def test_observations_of_several_right_hand_sides_have_exact_derivatives():
    observe = V.observe(X, quantity="gradient")
    loads = np.stack([V.vector(lambda x: {"u": {"value": f}}) for f in ([1.0, 0.0], [0.0, 1.0])], axis=1)

    def loss(theta):
        E = tf.exp(theta["a"] * V.quadrature_points[:, 0] + theta["b"])

        def form(u, x):
            return {"u": {"gradient": E[:, None, None] * fem.sym(u.gradient)}}
        return tf.reduce_sum((observe @ fem.solve(V.matrix(form), loads, {"bottom": 0.0}) - 0.1) ** 2)
    problem = pcl.Problem(loss, {"a": 0.3, "b": -0.2})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


def test_a_component_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"component is 2, but the value has the shape \(2,\)"):
        V.observe(X, component=2)
    with pytest.raises(ValueError, match="component is 0, but the value"):
        fem.Space(fem.unit_square(2)).observe(X, component=0)
    with pytest.raises(ValueError, match="k columns behind"):
        V.observe(X) @ np.ones((2, V.n))


def test_a_free_component_beside_a_prescribed_one_is_observed_without_a_warning(recwarn):
    roller = fem.Dirichlet("right", 0.0, component=0)
    V.observe(X[2:], component=1, dirichlet=roller)
    assert not recwarn.list
    with pytest.warns(RuntimeWarning):
        V.observe(X[2:], component=0, dirichlet=roller)


# --- loads -----------------------------------------------------------------------------------
def test_a_load_is_the_form_tested_with_a_function_of_the_space():
    """b·U = ∫ f·u + S:∇u dx + ∫_top t·u ds."""
    b = V.vector(lambda x: {"u": {"value": np.stack([x[:, 1], 1.0 + 0.0 * x[:, 0]], 1),
                                  "gradient": np.array([[0.0, 1.0], [0.0, 3.0]])}},
                 boundary={"top": lambda x, n: {"u": {"value": -2.0 * n}}})
    value = 1.0 / 6.0 + (1.0 / 3.0 - 1.0)       # ∫ x y² + x² − 2y
    gradient = 0.5 + 3.0 * -2.0                 # ∫ ∂u₀/∂y + 3 ∂u₁/∂y
    top = -2.0 * (1.0 / 3.0 - 2.0)              # −2 ∫ u₁(x, 1)
    np.testing.assert_allclose(tf.reduce_sum(b * U), value + gradient + top, rtol=1e-12)


def test_a_scalar_load_is_that_of_load_and_flux():
    S = fem.Space(fem.unit_square(3), "P2")
    found = S.vector(lambda x: {"u": {"value": x[:, 0]}}, {"left": lambda x, n: {"u": {"value": 3.0}}})
    expected = S.load(lambda x: x[:, 0]) + S.flux(3.0, "left")
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_a_load_with_parameters_has_exact_derivatives():
    S = fem.Space(fem.unit_square(3), "P1")

    def loss(theta):
        b = S.vector(lambda x: {"u": {"value": tf.sin(theta["k"] * x[:, 0])}})
        return tf.reduce_sum(fem.solve(S.laplace(), b, 0.0) ** 2)
    assert pcl.check_hessian(pcl.Problem(loss, {"k": 2.0})).ok


def test_a_load_of_the_fields_is_refused():
    with pytest.raises(TypeError, match=r"load takes 2 arguments; expected \(x\) -> .* the fields"):
        V.vector(lambda u, x: {"u": {"value": u.value}})
    with pytest.raises(TypeError, match=r"expected \(x, normal\)"):
        V.vector(boundary={"top": lambda x: {"u": {"value": 1.0}}})
    with pytest.raises(TypeError, match="load is a float"):
        V.vector(1.0)
    with pytest.raises(ValueError, match="neither load nor boundary"):
        V.vector()
