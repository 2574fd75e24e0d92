"""Point observation anywhere in the mesh, as a sparse matrix."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem


def jiggled(mesh):
    move = np.random.default_rng(0).uniform(-1, 1, mesh.p.shape)
    inner = mesh.interior_nodes()
    p = mesh.p.copy()
    p[:, inner] += 0.05 * mesh.param() * move[:, inner]
    return replace(mesh, doflocs=p)


def rotated(mesh, angle=0.7):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return replace(mesh, doflocs=turn @ mesh.p)


RANDOM = np.sort(np.random.default_rng(1).random(12))
SHUFFLE = np.random.default_rng(2).permutation(12)
MESHES = {
    "line": skfem.MeshLine(RANDOM[np.argsort(SHUFFLE)], np.stack([SHUFFLE[:-1], SHUFFLE[1:]])),
    "circle": jiggled(skfem.MeshTri.init_circle(3)),
    "adaptive": skfem.MeshTri.init_lshaped().refined(1).refined([0, 3, 5]),
    "quadrilaterals": jiggled(skfem.MeshQuad().refined(3)),
    "ball": jiggled(skfem.MeshTet.init_ball(2)),
    "hexahedra": jiggled(skfem.MeshHex().refined(2)),
    "graded": skfem.MeshTri.init_tensor(np.geomspace(1e-6, 1, 15), np.geomspace(1e-6, 1, 15)),
    "thin": rotated(skfem.MeshTri.init_tensor(RANDOM, 1e-4 * RANDOM)),
    "thin quadrilaterals": rotated(skfem.MeshQuad.init_tensor(RANDOM, 1e-4 * RANDOM)),
    "far away": skfem.MeshTri.init_tensor(5e6 + RANDOM, 3e5 + RANDOM),
}


def inner_points(V, per_cell=3, seed=0):
    """Random points in every cell, as convex combinations of its vertices."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(V.mesh.t.shape[0]), size=(V.n_cells, per_cell))
    return np.einsum("cpa,dac->cpd", weights, V.mesh.p[:, V.mesh.t]).reshape(-1, V.dim)


def special_points(V):
    """Nodes, midpoints of facets and centres of cells: rounding decides on which side they lie."""
    mesh = V.mesh
    return np.vstack([mesh.p.T, mesh.p[:, mesh.facets].mean(axis=1).T,
                      mesh.p[:, mesh.t].mean(axis=1).T])


@pytest.mark.parametrize("points", [inner_points, special_points])
@pytest.mark.parametrize("mesh", MESHES)
def test_linear_functions_are_observed_exactly_at_every_kind_of_point(mesh, points):
    V = fem.Space(MESHES[mesh])
    x = points(V)
    if mesh == "hexahedra":          # convex combinations may leave a cell with curved faces
        x = x[V.contains(x)]
        assert len(x) > 0.95 * len(points(V))
    origin = V.mesh.p.min(axis=1)
    seen = V.observe(x)
    np.testing.assert_allclose(seen.matrix.sum(axis=1), 1.0, atol=1e-12)
    for d in range(V.dim):
        values = seen @ tf.constant(V.dof_points[:, d] - origin[d])
        # Rounding of the coordinates, times a few.
        np.testing.assert_allclose(values, x[:, d] - origin[d],
                                   atol=1e-14 + 8 * np.spacing(np.abs(x).max()))
    assert np.diff(seen.matrix.indptr).max() <= len(V.cell_dofs)


@pytest.mark.parametrize("mesh", [
    MESHES["line"], MESHES["circle"], MESHES["ball"], MESHES["thin quadrilaterals"],
    skfem.MeshHex().refined(1)], ids=["line", "circle", "ball", "rectangles", "cubes"])
def test_quadratic_elements_observe_quadratic_functions_exactly(mesh):
    V = fem.Space(mesh, "P2")
    x = inner_points(V, per_cell=1)

    def quadratic(y):
        return y[:, 0] ** 2 - y[:, 0] * y[:, -1] + 1

    # The triquadratic basis rounds to about 1e-13.
    seen = V.observe(x) @ tf.constant(quadratic(V.dof_points))
    np.testing.assert_allclose(seen, quadratic(x), atol=1e-12)


@pytest.mark.parametrize("mesh", ["circle", "ball"])
def test_the_observation_matrix_equals_that_of_scikit_fem_inside_the_mesh(mesh):
    V = fem.Space(MESHES[mesh], "P2")
    x = inner_points(V, per_cell=1)
    theirs = skfem.Basis(V.mesh, V.element).probes(x.T)
    assert abs(V.observe(x).matrix - theirs).max() < 1e-11


def test_nodes_are_observed_by_unit_rows():
    V = fem.Space(MESHES["circle"], "P2")
    gap = V.observe(V.dof_points).matrix - np.eye(V.n)
    assert abs(gap).max() < 1e-13


def test_in_one_dimension_points_may_be_a_vector():
    V = fem.Space(skfem.MeshLine(np.array([0.0, 1.0, 3.0])))
    np.testing.assert_allclose(V.observe([0.25, 2.0, 3.0]).matrix.toarray(),
                               [[0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 1]], atol=1e-15)
    np.testing.assert_array_equal(V.observe([[0.25]]).matrix.toarray(), [[0.75, 0.25, 0]])


def test_a_point_given_twice_counts_twice():
    V = fem.Space(fem.unit_square(3))
    u = tf.constant(np.random.default_rng(0).normal(size=V.n))
    one, twice = V.observe([[0.3, 0.4]]) @ u, V.observe([[0.3, 0.4]] * 2) @ u
    np.testing.assert_allclose(tf.reduce_sum(twice ** 2), 2 * tf.reduce_sum(one ** 2), rtol=1e-15)


def test_observation_of_several_solutions_at_once():
    V = fem.Space(fem.unit_square(3))
    u = np.random.default_rng(0).normal(size=(V.n, 4))
    seen = V.observe([[0.3, 0.4], [0.9, 0.1]])
    np.testing.assert_allclose(seen @ tf.constant(u), seen.matrix @ u, rtol=1e-15)


# --- points outside --------------------------------------------------------------------------
def test_a_point_outside_is_refused_with_its_index_and_coordinates():
    V = fem.Space(MESHES["adaptive"])
    with pytest.raises(ValueError, match=r"2 of 3 points .*outside .*point 1 at \(0.5, 3\)"):
        V.observe([[-0.5, 0.5], [0.5, 3.0], [9.0, 9.0]])
    hole = np.array([[0.5, 0.5]])                            # the quadrant missing from the L
    inside = V.contains(np.vstack([hole, -hole]))
    assert inside.sum() == 1


def test_points_outside_by_rounding_are_inside_and_by_more_are_not():
    V = fem.Space(fem.unit_square(7))
    y = np.linspace(0, 1, 23)
    for x in (np.nextafter(1.0, 2.0), 1 + 1e-14, -1e-16, 0.1 + 0.2 - 0.3):
        V.observe(np.stack([np.full(23, x), y], axis=1))
    assert not V.contains([[1 + 1e-6, 0.5]]).any()


def test_the_nearest_policy_takes_the_value_at_the_closest_boundary_point():
    V = fem.Space(fem.unit_square(5))
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 2, size=(200, 2))
    seen = V.observe(x, outside="nearest").matrix @ V.dof_points
    np.testing.assert_allclose(seen, np.clip(x, 0, 1), atol=1e-14)


@pytest.mark.parametrize("mesh", [skfem.MeshLine(np.linspace(0, 1, 6)),
                                  skfem.MeshTet.init_tensor(*3 * [np.linspace(0, 1, 4)]),
                                  skfem.MeshHex().refined(2)], ids=["line", "tet", "hex"])
def test_the_nearest_policy_works_in_every_dimension(mesh):
    V = fem.Space(mesh)
    x = np.random.default_rng(4).uniform(-1, 2, size=(100, V.dim))
    seen = V.observe(x, outside="nearest").matrix @ V.dof_points
    np.testing.assert_allclose(seen, np.clip(x, 0, 1), atol=1e-13)


@pytest.mark.parametrize("points, message", [
    ([[0.5, np.nan]], "NaN or infinite"),
    ([0.5, 0.5], r"shape \(2,\); expected \(m, 2\)"),
    (np.zeros((2, 5)), r"shape \(2, 5\); expected \(m, 2\).*transposed"),
    (np.zeros((4, 3)), r"expected \(m, 2\)"),
    (np.zeros((0, 2)), "points is empty"),
])
def test_points_of_another_shape_or_not_finite_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        fem.Space(fem.unit_square(2)).observe(points)


def test_an_unknown_policy_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="outside is 'drop'; known are error, nearest"):
        fem.Space(fem.unit_square(2)).observe([[0.5, 0.5]], outside="drop")


def test_points_of_any_real_type_are_accepted():
    V = fem.Space(fem.unit_square(4))
    x = np.array([[0.25, 0.5], [1, 0]])
    expected = V.observe(x).matrix.toarray()
    for same in [x.tolist(), x.astype(np.float32), np.asfortranarray(x), x.astype(">f8"),
                 tf.constant(x)]:
        np.testing.assert_array_equal(V.observe(same).matrix.toarray(), expected)
    np.testing.assert_array_equal(V.observe([[1, 0]]).matrix.toarray(), expected[1:])


# --- nodes -----------------------------------------------------------------------------------
def test_nodes_are_picked_by_number():
    V = fem.Space(fem.unit_square(2))
    u = np.arange(9.0)
    np.testing.assert_array_equal(V.observe_nodes([4, 0, 4]) @ u, [4, 0, 4])
    for number in (-1, 9):
        with pytest.raises(IndexError, match=rf"indices\[1\] is {number}; expected .* 0 to 8"):
            V.observe_nodes([0, number])
    with pytest.raises(TypeError, match="whole numbers"):
        V.observe_nodes([0.0])
    with pytest.raises(ValueError, match="indices is empty"):
        V.observe_nodes([])


def test_a_grid_of_many_points_is_observed_without_a_warning():
    V = fem.Space(MESHES["graded"])
    x = np.stack(np.meshgrid(np.geomspace(1e-6, 1, 40), np.geomspace(1e-6, 1, 40)), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = V.observe(x.reshape(-1, 2))
    np.testing.assert_allclose(seen.matrix @ V.dof_points, x.reshape(-1, 2), atol=1e-14)
