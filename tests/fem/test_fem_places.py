"""Conditions, sources and readings at points, on lines, facets and regions."""
import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl

PI = np.pi
SQUARE = fem.unit_square(6)
V = fem.Space(SQUARE, "P2")
U = fem.Space(SQUARE, fem.vector("P2"))
W = fem.Space(SQUARE, {"u": fem.vector("P2"), "p": "P1"})


def checked(loss, start):
    problem = pcl.Problem(loss, start)
    return pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


# --- conditions at points -----------------------------------------------------------------------
def test_the_unknowns_nearest_to_points_are_those_of_the_closest_nodes():
    points = np.random.default_rng(0).uniform(size=(5, 2))
    found = V.nearest_dofs(points)
    distance = np.linalg.norm(V.dof_points[None] - points[:, None], axis=2)
    np.testing.assert_array_equal(found, distance.argmin(axis=1))
    np.testing.assert_allclose(U.dof_points[U.nearest_dofs([[1.0, 0.0]])], [[1.0, 0.0]] * 2)
    only = W.nearest_dofs([[0.0, 1.0]], "u", component=1)
    assert W.fields["u"].component[only] == [1] and len(W.nearest_dofs([[0.0, 1.0]], "p")) == 1
    with pytest.raises(ValueError, match="no values at points"):
        fem.Space(SQUARE, "RT1").nearest_dofs([[0.0, 0.0]])


def test_three_point_supports_hold_a_body_without_stress():
    stress = np.array([[1.0, 0.2], [0.2, -0.5]])
    A, b = U.system(lambda u, x: {"u": {"gradient": 2.0 * fem.sym(u.gradient)}},
                    {None: lambda u, x, normal: {"u": {"value": -(normal @ stress)}}})
    u = fem.solve(A, b, [fem.Dirichlet(U.nearest_dofs([[0.0, 0.0]]), 0.0),
                         fem.Dirichlet(U.nearest_dofs([[1.0, 0.0]], component=1), 0.0)])
    strain = fem.sym(U.gradient(u)).numpy()
    np.testing.assert_allclose(strain, np.broadcast_to(stress / 2, strain.shape), atol=1e-12)


def test_numbers_of_another_field_or_component_are_refused():
    A = W.matrix(lambda u, p, x: {"u": {"gradient": u.gradient}, "p": {"value": p.value}})
    with pytest.raises(ValueError, match=r"\[0\] is 0, an unknown of field 'u', component 0; .* 'p'"):
        fem.solve(A, np.zeros(W.n), {"p": fem.Dirichlet([0], 1.0)})
    with pytest.raises(ValueError, match=r"\[1\] is 1, an unknown of field 'u', component 1; .* 0"):
        fem.solve(A, np.zeros(W.n), {"u": fem.Dirichlet([0, 1], 1.0, component=0)})


# --- point sources ------------------------------------------------------------------------------
def test_a_point_load_works_on_every_function_by_its_values_there():
    """b·v = Σ s_j·v(x_j)."""
    points, rng = [[0.31, 0.47], [0.8, 0.1]], np.random.default_rng(0)
    v, w = rng.normal(size=V.n), rng.normal(size=W.n)
    values = V.observe(points) @ v
    assert v @ V.point_load(points, [2.0, -1.0]).numpy() == pytest.approx([2.0, -1.0] @ values.numpy())
    forces = np.array([[1.0, 2.0], [0.5, -3.0]])
    at = (W.observe(points, field="u") @ w).numpy()
    assert w @ W.point_load(points, forces, "u").numpy() == pytest.approx(np.sum(forces * at))
    same = W.point_load(points, forces[0], "u") - W.point_load(points, forces[[0, 0]], "u")
    np.testing.assert_allclose(same, 0.0, atol=1e-15)
    with pytest.raises(ValueError, match=r"strength has shape \(3,\); expected \(2, 2\) or \(2,\) for 2"):
        W.point_load(points, np.ones(3), "u")


def test_a_point_load_on_a_line_is_greens_function():
    line = fem.Space(skfem.MeshLine(np.linspace(0, 1, 11)), "P1")
    u = fem.solve(line.laplace(), line.point_load([[0.3]], 2.0), 0.0)
    x = line.dof_points[:, 0]
    np.testing.assert_allclose(u, 2.0 * np.where(x < 0.3, 0.7 * x, 0.3 * (1 - x)), atol=1e-14)


@pytest.mark.parametrize("kind", ["gaussian", "bump"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_mollified_sources_have_their_strength_and_place(kind, dim):
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = np.stack(np.meshgrid(*[nodes] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    w = np.prod(np.stack(np.meshgrid(*[weights] * dim, indexing="ij"), axis=-1).reshape(-1, dim), axis=1)
    place, width = np.full(dim, 0.1), 0.15 if kind == "gaussian" else 0.8
    f = fem.mollified(place, width, 2.0, kind)(x).numpy()
    assert w @ f == pytest.approx(2.0, rel=2e-4)
    np.testing.assert_allclose((w * f) @ x, 2.0 * place, rtol=1e-3)


@pytest.mark.parametrize("kind", ["gaussian", "bump"])
def test_derivatives_in_the_place_and_strength_of_sources_are_exact(kind):
    observe = V.observe([[0.2, 0.7], [0.6, 0.6], [0.4, 0.2]])

    def loss(theta):
        source = fem.mollified(theta["place"], 0.4, theta["strength"], kind)
        return tf.reduce_sum((observe @ fem.solve(V.laplace(), V.load(source), 0.0) - 0.1) ** 2)
    assert checked(loss, {"place": [[0.41, 0.52], [0.7, 0.3]], "strength": [1.0, -0.5]})
    with pytest.raises(ValueError, match="place has 3 coordinates, but the points have 2"):
        V.load(fem.mollified(np.zeros(3), 0.1))
    with pytest.raises(ValueError, match="width is 0; expected a number > 0"):
        fem.mollified([0.0, 0.0], 0.0)


# --- readings -----------------------------------------------------------------------------------
def test_quantities_along_a_line_are_those_of_the_polynomial():
    x = U.dof_points[::2]
    u = np.stack([x[:, 0] ** 2 * 1.0, x[:, 0] * x[:, 1]], axis=1).ravel()
    line = U.along([0.1, 0.2], [0.9, 0.6], 7)
    np.testing.assert_allclose(line[[0, 3, -1]], [[0.1, 0.2], [0.5, 0.4], [0.9, 0.6]])
    gradient = np.stack([np.stack([2 * line[:, 0], 0 * line[:, 0]], 1), line[:, ::-1]], axis=1)
    np.testing.assert_allclose(U.observe(line, quantity="gradient") @ u, gradient, atol=1e-12)
    np.testing.assert_allclose(U.observe(line, quantity="divergence") @ u, 3 * line[:, 0], atol=1e-12)
    np.testing.assert_allclose(U.observe(line, quantity="curl") @ u, line[:, 1], atol=1e-12)


def test_averages_over_regions_and_sides_are_those_of_the_polynomial():
    mesh = SQUARE.with_subdomains({"west": lambda x: x[0] < 0.5, "east": lambda x: x[0] > 0.5})
    space = fem.Space(mesh, "P2")
    u = space.dof_points[:, 0] ** 2
    assert space.average(lambda u, x: u.value, u, region="west").numpy() == pytest.approx(1 / 12)
    assert space.average(lambda u, x: u.gradient[:, 0], u, region="east").numpy() == pytest.approx(1.5)
    moment = space.integrate(lambda u, x, n: u.value * x[:, 1], u, where="right")
    assert moment.numpy() == pytest.approx(0.5)
    flux = space.integrate(lambda u, x, n: tf.reduce_sum(u.gradient * n, axis=1), u, where="right")
    assert flux.numpy() == pytest.approx(2.0) and flux.shape == ()
    np.testing.assert_allclose(space.at_points(u, where="right"), 1.0)
    with pytest.raises(ValueError, match="'weest' is not known.*Did you mean 'west'"):
        space.average(lambda u, x: u.value, u, region="weest")
    with pytest.raises(TypeError, match=r"j takes 2 arguments; expected \(u, x, normal\)"):
        space.integrate(lambda u, x: u.value, u, where="right")
    with pytest.raises(ValueError, match="expected one of region and where"):
        space.integrate(lambda u, x, n: u.value, u, where="right", region="west")
    with pytest.raises(ValueError, match="where is a part of the boundary, but on='cells'"):
        space.at_points(u, where="right", on="cells")


def error_of_flux(n, element, consistent):
    """∫ ∂u/∂n over the side x = 1 of u = eˣ + x² cos πy, which is e; the level sides are free."""
    space = fem.Space(fem.unit_square(n), element, quadrature_order=6)

    def exact(x):
        return np.exp(x[:, 0]) + x[:, 0] ** 2 * np.cos(PI * x[:, 1])

    def form(u, g, x):
        laplacian = np.exp(x[:, 0]) + (2.0 - PI ** 2 * x[:, 0] ** 2) * np.cos(PI * x[:, 1])
        return u - exact(x) + laplacian, g
    u = fem.solve_nonlinear(space, form, {"left": exact, "right": exact})
    if consistent:
        return abs(space.reaction(form, u, "right").numpy()[0] - np.e)
    normal = space.integrate(lambda u, x, n: tf.reduce_sum(u.gradient * n, axis=1), u, where="right")
    return abs(normal.numpy() - np.e)


@pytest.mark.parametrize("element, order", [("P1", 1), ("P2", 2)])
def test_the_consistent_reaction_has_twice_the_order_of_the_flux(element, order):
    flux = [error_of_flux(n, element, False) for n in (4, 8)]
    reaction = [error_of_flux(n, element, True) for n in (4, 8)]
    assert order - 0.3 < np.log2(flux[0] / flux[1]) < order + 0.7
    assert 2 * order - 0.3 < np.log2(reaction[0] / reaction[1]) < 2 * order + 1.2
    assert reaction[1] < 0.1 * flux[1]


def test_derivatives_of_every_reading_are_exact():
    space = fem.Space(fem.unit_square(3).with_subdomains({"west": lambda x: x[0] < 0.5}), "P2")
    gradient = space.observe(space.along([0.1, 0.2], [0.8, 0.7], 3), quantity="gradient")

    def form(k):
        return lambda u, g, x: (u - x[:, 0], (k + u ** 2)[:, None] * g)

    def loss(theta):
        u = fem.solve_nonlinear(space, form(theta["k"]), {"left": 0.0, "right": theta["a"]})
        stress = theta["k"] * (gradient @ u)
        flux = space.integrate(lambda u, x, n: tf.reduce_sum(u.gradient * n, axis=1) ** 2, u, where="top")
        return (tf.reduce_sum(stress ** 2) + space.average(lambda u, x: u.value ** 2, u, region="west")
                + tf.reduce_sum(space.reaction(form(theta["k"]), u, "right") ** 2) + flux)
    assert checked(loss, {"k": 0.7, "a": 0.5})
