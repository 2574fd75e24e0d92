"""Spaces: matrices against scikit-fem's own assembly, golden values, coefficients at the door."""

from dataclasses import replace

import numpy as np
import pytest
import skfem
import tensorflow as tf
from skfem.models.poisson import laplace, mass

import fem
from fem.space.quadrature import positive_rule
from pcl.errors import InvalidCoefficient


def jiggled(mesh, seed=0):
    """Interior nodes moved at random by a tenth of the mesh size: no accidental symmetry."""
    move = np.random.default_rng(seed).uniform(-1, 1, mesh.p.shape)
    inner = mesh.interior_nodes()
    p = mesh.p.copy()
    p[:, inner] += 0.05 * mesh.param() * move[:, inner]
    return replace(mesh, doflocs=p)


MESHES = {
    "line": skfem.MeshLine(np.geomspace(1.0, 3.0, 8)),
    "circle": jiggled(skfem.MeshTri.init_circle(3)),
    "adaptive": jiggled(skfem.MeshTri().refined(2).refined([1, 5, 7])),
    "quadrilaterals": jiggled(skfem.MeshQuad().refined(2)),
    "ball": jiggled(skfem.MeshTet.init_ball(2)),
    "hexahedra": jiggled(skfem.MeshHex().refined(1)),
}
SPACES = [(mesh, element) for mesh in MESHES for element in ("P1", "P2")]


def kappa(x):
    return 1.0 + x[0] ** 2 + np.sin(x[-1])


def on_points(function):
    """A function of skfem's (dim, …) coordinates as one of (q, dim) points."""
    return lambda x: function(x.T)


def skfem_basis(V):
    rule = positive_rule(V.mesh.refdom, V.quadrature_order)
    return skfem.Basis(V.mesh, V.element, quadrature=rule)


def largest(matrix):
    return abs(matrix).max()


# --- golden values ---------------------------------------------------------------------------
def test_poisson_on_the_unit_square_has_the_published_maximum_and_sum_of_squares():
    V = fem.Space(fem.unit_square(10))
    assert V.quadrature_points.shape == (600, 2)
    k = 1 / (1 + (V.quadrature_points ** 2).sum(axis=1)) + 1
    u = fem.solve(V.laplace(k), V.load(1.0), dirichlet=0.0).numpy()
    assert u.max() == pytest.approx(0.04464249, rel=1e-7)
    assert (u ** 2).sum() == pytest.approx(6.33840252e-2, rel=1e-7)


def test_diagonals_of_the_unit_square_run_from_lower_right_to_upper_left():
    mesh = fem.unit_square(1)
    inner = mesh.facets[:, mesh.f2t[1] >= 0]
    assert mesh.p[:, inner[:, 0]].T.tolist() == [[1, 0], [0, 1]]


def test_a_rectangle_names_its_sides():
    mesh = fem.rectangle(3, 2, lower=(-1, 2), upper=(5, 3))
    assert mesh.p.T.tolist()[4] == [-1.0, 2.5]
    V = fem.Space(mesh)
    for name, axis, value in [("left", 0, -1), ("right", 0, 5), ("bottom", 1, 2), ("top", 1, 3)]:
        assert (V.dof_points[V.boundary_dofs(name), axis] == value).all()
    assert len(V.boundary_dofs(["left", "bottom"])) == 3 + 4 - 1
    with pytest.raises(ValueError, match="upper > lower"):
        fem.rectangle(1, 1, upper=(1, 0))
    with pytest.raises(ValueError, match="nx is 0"):
        fem.rectangle(0, 1)


# --- against scikit-fem ----------------------------------------------------------------------
# Entries are O(1) sums of a few hundred terms: differences are rounding.
@pytest.mark.parametrize("mesh, element", SPACES)
def test_laplace_mass_and_load_equal_the_assembly_of_scikit_fem(mesh, element):
    V = fem.Space(MESHES[mesh], element)
    basis = skfem_basis(V)
    A = skfem.BilinearForm(lambda u, v, w: kappa(w.x) * laplace.form(u, v, w)).assemble(basis)
    M = skfem.BilinearForm(lambda u, v, w: kappa(w.x) * mass.form(u, v, w)).assemble(basis)
    b = skfem.LinearForm(lambda v, w: kappa(w.x) * v).assemble(basis)
    assert largest(V.laplace(on_points(kappa)).to_scipy() - A) < 1e-13 * largest(A)
    assert largest(V.mass(on_points(kappa)).to_scipy() - M) < 1e-13 * largest(M)
    np.testing.assert_allclose(V.load(on_points(kappa)), b, atol=1e-14)
    np.testing.assert_allclose(V.dof_points, basis.doflocs.T, atol=1e-14)
    np.testing.assert_array_equal(V.boundary_dofs(), basis.get_dofs().flatten())


@pytest.mark.parametrize("mesh, element", SPACES)
def test_boundary_mass_and_flux_equal_the_assembly_of_scikit_fem(mesh, element):
    V = fem.Space(MESHES[mesh], element)
    rule = positive_rule(V.mesh.brefdom, V.quadrature_order)
    basis = skfem.FacetBasis(V.mesh, V.element, quadrature=rule)
    R = skfem.BilinearForm(lambda u, v, w: kappa(w.x) * u * v).assemble(basis)
    b = skfem.LinearForm(lambda v, w: kappa(w.x) * v).assemble(basis)
    assert largest(V.boundary_mass(on_points(kappa)).to_scipy() - R) < 1e-13
    np.testing.assert_allclose(V.flux(on_points(kappa)), b, atol=1e-14)


@pytest.mark.parametrize("mesh", ["line", "circle", "quadrilaterals", "ball"])
def test_advection_and_a_conductivity_tensor_equal_the_assembly_of_scikit_fem(mesh):
    V = fem.Space(MESHES[mesh], "P2")
    rng = np.random.default_rng(1)
    q = len(V.quadrature_weights)
    beta, K = rng.normal(size=(q, V.dim)), rng.normal(size=(q, V.dim, V.dim))
    shape = (V.n_cells, -1)

    def advection(u, v, w):
        return sum(u.grad[d] * beta[:, d].reshape(shape) for d in range(V.dim)) * v

    def conduction(u, v, w):
        return sum(K[:, d, e].reshape(shape) * u.grad[e] * v.grad[d]
                   for d in range(V.dim) for e in range(V.dim))

    for ours, form in [(V.advection(beta), advection), (V.laplace(K, positive=False), conduction)]:
        theirs = skfem.BilinearForm(form).assemble(skfem_basis(V))
        assert largest(ours.to_scipy() - theirs) < 1e-13 * largest(theirs)


def test_degree_two_on_quadrilaterals_means_the_tensor_product_space():
    mesh = MESHES["quadrilaterals"]
    assert fem.Space(mesh, "P2").n == fem.Space(mesh, "Q2").n == fem.Space(mesh.refined(), "Q1").n
    own = fem.Space(mesh, skfem.ElementQuadS2())
    assert own.n < fem.Space(mesh, "Q2").n


# --- closed forms ----------------------------------------------------------------------------
@pytest.mark.parametrize("mesh, element", SPACES)
def test_gradients_of_linear_functions_are_exact(mesh, element):
    V = fem.Space(MESHES[mesh], element)
    slope = np.array([2.0, -1.0, 0.5])[:V.dim]
    u = tf.constant(V.dof_points @ slope + 3.0)
    exact = np.broadcast_to(slope, V.quadrature_points.shape)
    # The triquadratic basis on hexahedra rounds to about 1e-13.
    np.testing.assert_allclose(V.gradient(u), exact, atol=1e-12)
    np.testing.assert_allclose(V.interpolate(u), V.quadrature_points @ slope + 3.0, atol=1e-13)


def test_the_default_rule_integrates_the_mass_matrix_exactly():
    # ∫ φ_i φ_j over a triangle of area a: a/6 on the diagonal, a/12 off it.
    V = fem.Space(skfem.MeshTri(np.array([[0, 2, 0], [0, 0, 3.0]]), np.array([[0, 1, 2]]).T))
    np.testing.assert_allclose(V.mass(2.0).to_scipy().toarray(),
                               2 * 3.0 / 12 * (1 + np.eye(3)), rtol=1e-15)
    for mesh, element in SPACES:
        V = fem.Space(MESHES[mesh], element)
        finer = fem.Space(MESHES[mesh], element, quadrature_order=V.quadrature_order + 3)
        assert largest(V.mass().to_scipy() - finer.mass().to_scipy()) < 1e-15


def test_the_weight_function_multiplies_the_measure_in_the_cell_and_on_the_boundary():
    # Ring 1 < r < 2, 0 < z < 3 without the factor 2π: ∫ r = 4.5; ∫ over r = 2: 6, over z = 0: 1.5.
    mesh = fem.rectangle(4, 3, lower=(1, 0), upper=(2, 3))
    V = fem.Space(mesh, "P1", weight=lambda x: x[:, 0])
    assert V.quadrature_weights.sum() == pytest.approx(4.5, rel=1e-14)
    assert V.load().numpy().sum() == pytest.approx(4.5, rel=1e-14)
    assert V.flux(1.0, "right").numpy().sum() == pytest.approx(6.0, rel=1e-14)
    assert V.boundary_mass(1.0, "bottom").to_scipy().sum() == pytest.approx(1.5, rel=1e-14)


def test_in_one_dimension_a_facet_is_a_point_of_measure_one():
    mesh = skfem.MeshLine(np.linspace(1, 3, 5)).with_boundaries(
        {"left": lambda x: x[0] == 1.0, "right": lambda x: x[0] == 3.0})
    V = fem.Space(mesh, weight=lambda x: x[:, 0])
    np.testing.assert_allclose(V.flux(2.0, "right"), [0, 0, 0, 0, 6.0])
    assert V.boundary_points("left").tolist() == [[1.0]]
    assert V.boundary_normals().ravel().tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("mesh", MESHES)
def test_normals_point_outward_by_the_divergence_theorem(mesh):
    V = fem.Space(MESHES[mesh])
    flux = ((V.boundary_points() * V.boundary_normals()).sum(axis=1) * V.boundary_weights()).sum()
    assert flux == pytest.approx(V.dim * V.quadrature_weights.sum(), rel=1e-13)


def test_a_predicate_takes_its_part_of_the_boundary():
    V = fem.Space(fem.unit_square(4))
    named, chosen = V.flux(3.0, "top"), V.flux(3.0, lambda x: x[:, 1] == 1.0)
    np.testing.assert_array_equal(named, chosen)
    np.testing.assert_array_equal(V.boundary_dofs("top"), V.boundary_dofs(lambda x: x[:, 1] == 1.0))
    np.testing.assert_array_equal(V.flux(3.0, V.mesh.boundaries["top"]), named)
    with pytest.raises(ValueError, match="selects no facet"):
        V.flux(1.0, lambda x: x[:, 0] > 2)
    with pytest.raises(ValueError, match=r"returned shape \(16, 2\)"):
        V.boundary_dofs(lambda x: x > 0)
    with pytest.raises(ValueError, match="boundary 'north' is not known; the mesh has 'bottom'"):
        V.flux(1.0, "north")
    with pytest.raises(IndexError, match=r"where \(facet numbers\)\[1\] is 99"):
        V.flux(1.0, [0, 99])


# --- structures ------------------------------------------------------------------------------
def test_structures_are_built_once_and_belong_to_one_space():
    one, other = fem.Space(fem.unit_square(3)), fem.Space(fem.unit_square(3))
    for form in ("laplace", "mass"):
        assert getattr(one, form)(1.0).structures[0] is getattr(one, form)(2.0).structures[0]
        assert getattr(one, form)().structures[0] is not getattr(other, form)().structures[0]
    robin = one.boundary_mass(1.0, "left").structures[0]
    assert one.boundary_mass(2.0, lambda x: x[:, 0] == 0).structures[0] is robin
    assert one.laplace().space is one
    with pytest.raises(ValueError, match="different spaces"):
        one.laplace() + other.mass()


def test_a_space_never_changes():
    V = fem.Space(fem.unit_square(2))
    with pytest.raises(AttributeError, match="never changes"):
        V.n = 3
    for name in ("quadrature_points", "quadrature_weights", "dof_points", "boundary_facets"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(V, name)[0] = 1


def test_sums_of_forms_are_the_form_of_the_sum():
    V = fem.Space(MESHES["circle"])
    A = 2.0 * V.laplace(on_points(kappa)) - V.mass(3.0) / 2.0
    expected = 2 * V.laplace(on_points(kappa)).to_scipy() - 1.5 * V.mass().to_scipy()
    assert largest(A.to_scipy() - expected) < 1e-14


# --- coefficients ----------------------------------------------------------------------------
def test_scalars_arrays_tensors_and_functions_give_the_same_matrix():
    V = fem.Space(MESHES["circle"])
    k = kappa(V.quadrature_points.T)
    expected = V.laplace(k).to_scipy()
    full = k[:, None, None] * np.eye(2)
    for same in [list(k), k.astype(">f8"), tf.constant(k), tf.Variable(k), on_points(kappa),
                 lambda x: tf.constant(kappa(x.T)), full, tf.constant(full)]:
        assert largest(V.laplace(same).to_scipy() - expected) < 1e-14
    for same in [3, 3.0, np.float32(3), tf.constant(3.0, tf.float64), np.full(len(k), 3)]:
        assert largest(V.laplace(same).to_scipy() - 3 * V.laplace().to_scipy()) < 1e-14
    np.testing.assert_allclose(V.load(tf.constant(2.0, tf.float64)), V.load(2.0), rtol=1e-15)


@pytest.mark.parametrize("form", ["laplace", "mass", "load"])
def test_a_coefficient_of_another_shape_or_type_is_refused(form):
    V = fem.Space(fem.unit_square(2))
    q = len(V.quadrature_weights)
    call = getattr(V, form)
    with pytest.raises(ValueError, match=r"has shape \(24, 1\); expected \(24,\).*\[\.\.\., 0\]"):
        call(tf.ones((q, 1), tf.float64))
    for wrong in [np.ones(q - 1), np.ones((1, q)), np.ones(1), lambda x: x[:, :1]]:
        with pytest.raises(ValueError, match=r"expected \(24,\)"):
            call(wrong)
    with pytest.raises(TypeError, match="float32; expected float64"):
        call(tf.ones(q))
    with pytest.raises(TypeError, match="expected real numbers"):
        call(np.ones(q, dtype=complex))


def test_a_velocity_needs_one_vector_a_point():
    V = fem.Space(fem.unit_square(2))
    with pytest.raises(ValueError, match=r"beta is a scalar; expected \(24, 2\)"):
        V.advection(1.0)
    with pytest.raises(ValueError, match=r"expected \(24, 2\)"):
        V.advection(np.ones((2, 24)))


def test_a_coefficient_that_is_not_positive_is_named_with_its_cell():
    V = fem.Space(fem.unit_square(2))
    k = np.ones(24)
    k[[13, 14]] = -2.0, 0.0
    for given in (k, tf.constant(k)):
        with pytest.raises(InvalidCoefficient, match="kappa is not positive at 2 of 24 .*cell 4"):
            V.laplace(given)
        assert V.laplace(given, positive=False).shape == (9, 9)
    with pytest.raises(InvalidCoefficient, match="kappa is not positive"):
        V.laplace(-1.0)
    full = np.tile(np.eye(2), (24, 1, 1))
    full[8] = [[1, 3], [3, 1]]
    with pytest.raises(InvalidCoefficient, match="not positive definite at 1 of 24 .*cell 2"):
        V.laplace(full)


@pytest.mark.parametrize("form", ["laplace", "mass", "load"])
def test_a_coefficient_that_is_not_finite_is_named_with_its_cell(form):
    V = fem.Space(fem.unit_square(2))
    values = np.ones(24)
    values[20] = np.nan
    for given in (values, tf.constant(values)):
        with pytest.raises(InvalidCoefficient, match="is not finite at 1 of 24 .*cell 6"):
            getattr(V, form)(given)


def test_a_weight_that_is_no_measure_is_refused():
    mesh = fem.rectangle(2, 2, lower=(-1, 0))
    with pytest.raises(ValueError, match="weight is -0.*expected a positive measure"):
        fem.Space(mesh, weight=lambda x: x[:, 0])
    with pytest.raises(ValueError, match=r"weight\(points\) has shape"):
        fem.Space(mesh, weight=lambda x: x)
    with pytest.raises(TypeError, match="expected a function"):
        fem.Space(mesh, weight=2.0)


# --- elements --------------------------------------------------------------------------------
@pytest.mark.parametrize("element, error, message", [
    ("Q1", ValueError, "known on Triangular cells are .*P1, .*P2, "),
    ("P7", ValueError, "element is 'P7'"),
    (skfem.ElementQuad1(), ValueError, "belongs to Quadrilateral cells"),
    (skfem.ElementTriP1, TypeError, "an instance"),
    (skfem.ElementTriP2() * skfem.ElementTriP1(), TypeError, "fields by name"),
    (fem.vector("RT1"), ValueError, "vector-valued itself"),
    ({}, ValueError, "empty mapping"),
    ({"u p": "P1"}, ValueError, "expected names"),
])
def test_an_element_that_does_not_fit_is_refused_in_words(element, error, message):
    with pytest.raises(error, match=message):
        fem.Space(fem.unit_square(2), element)


@pytest.mark.parametrize("mesh", [fem.unit_square(1), skfem.MeshTet(), skfem.MeshHex()])
def test_quadrature_is_exact_and_positive_at_every_order(mesh):
    # Tabulated rules with negative weights, or exact to one degree less than stated, exist.
    for order in range(1, 23):
        V = fem.Space(mesh, quadrature_order=order)
        assert (V.quadrature_weights > 0).all() and (V.boundary_weights() > 0).all()
        for x in V.quadrature_points.T:
            assert V.quadrature_weights @ x ** order == pytest.approx(1 / (order + 1), rel=1e-12)
        for x in V.boundary_points().T:                  # 1 on one side, 0 on another, the rest
            expected = 1 + 2 * (V.dim - 1) / (order + 1)
            assert V.boundary_weights() @ x ** order == pytest.approx(expected, rel=1e-12)


def test_the_order_of_quadrature_is_a_whole_number():
    with pytest.raises(ValueError, match="quadrature_order is 1.5"):
        fem.Space(fem.unit_square(2), quadrature_order=1.5)
    assert fem.Space(fem.unit_square(2), quadrature_order=4).points_per_cell == 6
