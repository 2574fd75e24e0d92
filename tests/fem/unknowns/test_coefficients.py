"""Unknown coefficients: cellwise, nodal, from a coarser mesh, on a part of the boundary."""
import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl

MESH = fem.unit_square(6).with_boundaries({"right": lambda x: x[0] > 0.99})
V = fem.Space(MESH, "P1")
STATES = {"P1 on triangles": V, "P2 on triangles": fem.Space(MESH, "P2"),
          "P1 on an interval": fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 5)), "P1"),
          "Q1 on hexahedra": fem.Space(skfem.MeshHex().refined(1), "P1")}


def linear(x):
    return 1.0 + x @ np.arange(1.0, x.shape[1] + 1)


@pytest.mark.parametrize("coarse", [None, fem.unit_square(2)], ids=["same mesh", "coarser mesh"])
@pytest.mark.parametrize("element", ["P1", "P2", "CR", "MINI"])
def test_a_linear_coefficient_is_exact_in_cells_on_the_boundary_and_anywhere(element, coarse):
    c = fem.Coefficient(V, element, mesh=coarse)
    theta, x = c.init(linear), np.array([[0.3, 0.31], [1.0, 0.2]])
    np.testing.assert_allclose(c.at(theta), linear(V.quadrature_points), rtol=1e-13)
    np.testing.assert_allclose(c.at_boundary(theta, "right"), linear(V.boundary_points("right")),
                               rtol=1e-13)
    np.testing.assert_allclose(c.function(theta)(x), linear(x), rtol=1e-13)
    gradient = np.broadcast_to([1.0, 2.0], V.quadrature_points.shape)
    np.testing.assert_allclose(c.at(theta, "gradient"), gradient, rtol=1e-11)


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_one_value_a_cell_is_that_of_the_cell_inside_and_on_the_boundary(state):
    c = fem.Coefficient(state, "P0")
    theta = np.arange(1.0, c.size + 1)
    by_cell = theta[c.field.cell_dofs[0]]
    np.testing.assert_array_equal(c.at(theta), by_cell[state.cells.numbers])
    part = state.facet_points()
    np.testing.assert_array_equal(c.at_boundary(theta), by_cell[state.facets.cells[0, part.numbers]])
    np.testing.assert_array_equal(c.function(theta)(state.quadrature_points.copy()), c.at(theta))


def test_one_call_serves_laplace_forms_and_the_boundary():
    """−∇·(κ∇u) = 0, κ ∂u/∂x + h u = h at x = 1: u = a x with κ a + h a = h; as matrices and as forms."""
    kappa, h = fem.Coefficient(V, "P0"), fem.Coefficient(V, "P1", boundary="right")
    k, robin = tf.constant(kappa.init(2.0)), tf.constant(h.init(3.0))
    left = fem.Dirichlet(lambda x: x[:, 0] == 0.0, 0.0)
    A = V.laplace(kappa.at(k)) + V.boundary_mass(h.at_boundary(robin), "right")
    by_matrices = fem.solve(A, V.flux(h.at_boundary(robin), "right"), dirichlet=left)
    by_forms = fem.solve_nonlinear(
        V, lambda u, x: {"u": {"gradient": kappa.at(k)[:, None] * u.gradient}}, dirichlet=left,
        boundary={"right": lambda u, x, normal: {"u": {"value": h.function(robin)(x) * (u.value - 1.0)}}})
    np.testing.assert_allclose(by_matrices, 0.6 * V.dof_points[:, 0], atol=1e-13)
    np.testing.assert_allclose(by_forms, by_matrices, atol=1e-13)


def test_a_coefficient_on_a_part_of_the_boundary_has_its_unknowns_alone():
    h = fem.Coefficient(V, "P1", boundary="right")
    assert h.size == 7 and fem.Coefficient(V, "P0", boundary="right").size == 6
    np.testing.assert_allclose(h.at_boundary(h.init(linear)), linear(V.boundary_points("right")),
                               rtol=1e-13)


def test_a_vector_coefficient_serves_as_a_velocity():
    c = fem.Coefficient(V, fem.vector("P1"))
    theta = c.init(lambda x: np.stack([x[:, 1], -x[:, 0]], axis=1))
    velocity = c.at(theta)
    np.testing.assert_allclose(velocity, V.quadrature_points[:, ::-1] * [1.0, -1.0], atol=1e-14)
    np.testing.assert_allclose(c.at(theta, "divergence"), 0.0, atol=1e-12)
    assert V.advection(velocity).shape == (V.n, V.n)
    np.testing.assert_allclose(c.at(c.init([2.0, 3.0]))[0], [2.0, 3.0], rtol=1e-14)


def test_a_coefficient_goes_into_a_named_region():
    mesh = MESH.with_subdomains({"soil": lambda x: x[1] < 0.5, "rock": lambda x: x[1] > 0.5})
    W = fem.Space(mesh, "P1")
    c = fem.Coefficient(W, "P1")
    kappa = W.by_region({"rock": 7.0, "soil": c.function(tf.constant(c.init(linear)))})
    x = W.quadrature_points
    np.testing.assert_allclose(kappa, np.where(x[:, 1] > 0.5, 7.0, linear(x)), rtol=1e-13)


@pytest.mark.parametrize("element", ["P0", "P1", "P2"])
def test_derivatives_through_every_place_of_a_coefficient_are_exact(element):
    kappa = fem.Coefficient(V, element, mesh=fem.unit_square(2))
    h = fem.Coefficient(V, "P1", boundary="right")
    read = V.observe([[0.3, 0.4], [0.7, 0.6]])

    def residuals(theta):
        A = V.laplace(tf.exp(kappa.at(theta["k"])))
        A = A + V.boundary_mass(h.at_boundary(theta["h"]), "right")
        left = fem.Dirichlet(lambda x: x[:, 0] == 0.0, 0.0)
        return read @ fem.solve(A, V.load(1.0), dirichlet=left) - 0.2
    blocks = {"k": kappa.init(lambda x: x[:, 0]), "h": h.init(2.0)}
    problem = pcl.Problem.from_residuals(residuals, blocks)
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


def test_bounds_hold_the_coefficient_everywhere():
    """The best c in 0.3 ≤ c ≤ 1 for 2x is that of the clipped function."""
    c = fem.Coefficient(V, "P0")
    x = c.points[:, 0]
    problem = pcl.Problem.from_residuals(lambda t: c.at(t["c"]) - c.at(2.0 * x), {"c": c.init(0.5)})
    result = pcl.minimize(problem, "least-squares",
                          bounds={"c": c.bounds(0.3, lambda p: np.ones(len(p)))})
    np.testing.assert_allclose(result.x, np.clip(2.0 * x, 0.3, 1.0), atol=1e-6)


def test_bounds_are_refused_where_functions_leave_the_range_of_their_unknowns():
    for element in ("P2", "CR", "MINI"):
        with pytest.raises(ValueError, match="do not bound its functions; take 'P0' or 'P1'"):
            fem.Coefficient(V, element).bounds(0.0, 1.0)


def test_wrong_unknowns_are_refused_in_words():
    c = fem.Coefficient(V, "P0")
    with pytest.raises(TypeError, match="expected the fem.Space of the state"):
        fem.Coefficient(MESH, "P0")
    with pytest.raises(ValueError, match=r"theta has shape \(5,\).*expects \(72,\)"):
        c.at(np.ones(5))
    with pytest.raises(ValueError, match=r"value has shape \(3,\); expected a number"):
        c.init(np.ones(3))
    with pytest.raises(ValueError, match="has no gradient"):
        c.at(c.init(1.0), "gradient")
