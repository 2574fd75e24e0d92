"""Meshes of second order: built, checked, with the cells around a point."""

import numpy as np
import pytest
import skfem

import fem
from fem.mesh.geometry import bounding_boxes, image
from fem.mesh.locate import Locator

KINDS = {"tri6": skfem.MeshTri2, "quad9": skfem.MeshQuad2, "tet10": skfem.MeshTet2,
         "hex27": skfem.MeshHex2}
STRAIGHT = {"tri6": skfem.MeshTri().refined(2), "quad9": skfem.MeshQuad().refined(1),
            "tet10": skfem.MeshTet().refined(1), "hex27": skfem.MeshHex().refined(1)}


def bent(kind):
    """A smooth map of a straight mesh, with all nodes of second order on the image."""
    mesh = KINDS[kind].from_mesh(STRAIGHT[kind])
    turned = np.roll(mesh.p, -1, axis=0)
    return KINDS[kind](mesh.p + 0.1 * np.sin(2 * turned) * np.cos(1.5 * mesh.p), mesh.t)


def places(mesh, count=60, seed=0):
    """Random cells, reference points in them, some on facets, and their images by scikit-fem."""
    random = np.random.default_rng(seed)
    dim = mesh.p.shape[0]
    X = random.random((dim, count))
    X[0, ::5] = 0.0
    if mesh.elem.refdom in (skfem.refdom.RefTri, skfem.refdom.RefTet):
        X = X / np.maximum(X.sum(axis=0), 1.0)
    cells = random.integers(mesh.t.shape[1], size=count)
    x = np.stack([mesh.mapping().F(X[:, k:k + 1], np.array([c]))[:, 0, 0] for k, c in enumerate(cells)])
    return cells, X, x


@pytest.mark.parametrize("kind", KINDS)
def test_a_curved_mesh_passes_with_the_facets_of_scikit_fem(kind):
    mesh = bent(kind)
    facets = fem.check_mesh(mesh)
    np.testing.assert_array_equal(facets.nodes, mesh.facets)
    np.testing.assert_array_equal(facets.cells, mesh.f2t)


@pytest.mark.parametrize("kind", KINDS)
def test_points_of_curved_cells_are_found_with_their_coordinates(kind):
    mesh = bent(kind)
    cells, X, x = places(mesh)
    found, local = Locator(mesh, fem.check_mesh(mesh)).find(x)
    assert (found >= 0).all()
    np.testing.assert_allclose(image(mesh, local, found).T, x, atol=1e-13)
    inside = (X.min(axis=0) > 1e-6) & (np.abs(X - 1).min(axis=0) > 1e-6)
    if kind in ("tri6", "tet10"):
        inside &= X.sum(axis=0) < 1 - 1e-6
    np.testing.assert_array_equal(found[inside], cells[inside])
    np.testing.assert_allclose(local[:, inside], X[:, inside], atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_contain_curved_cells_also_where_edges_bulge_over_their_nodes(kind):
    mesh = bent(kind)
    cells, _, x = places(mesh, 120, seed=1)
    low, high = bounding_boxes(mesh)
    assert ((x.T >= low[:, cells] - 1e-14) & (x.T <= high[:, cells] + 1e-14)).all()


def test_the_nearest_point_of_a_curved_boundary_is_the_foot_on_it():
    mesh = fem.disk(2)
    locator = Locator(mesh, fem.check_mesh(mesh))
    angle = np.linspace(0, 2 * np.pi, 37)
    away = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    feet = image(mesh, *locator.nearest(1.4 * away)[::-1]).T
    np.testing.assert_allclose(feet, away, atol=4e-4)       # parabolas leave the circle by 1.2e-4
    along = np.linspace(0, 1, 2001)
    curve = np.concatenate([image(mesh, np.stack([along, 1 - along]), np.full(2001, c)).T
                            for c in mesh.f2t[0, mesh.boundary_facets()]])     # edge 12 is the outer one
    nearest = [np.linalg.norm(curve - 1.4 * p, axis=1).min() for p in away]
    np.testing.assert_allclose(np.linalg.norm(feet - 1.4 * away, axis=1), nearest, atol=1e-7)


def test_cells_of_a_disk_cover_it_with_order_four():
    """∫ 1 = π up to O(n⁻⁴) with parabolas, O(n⁻²) with chords."""
    def area(mesh):
        return np.abs(skfem.Basis(mesh, skfem.ElementTriP1(), intorder=4).dx).sum()

    gaps = {order: [abs(area(fem.disk(n, order=order)) - np.pi) for n in (2, 4, 8)] for order in (1, 2)}
    assert np.log2(np.array(gaps[1])[:-1] / gaps[1][1:]) == pytest.approx([2, 2], abs=0.1)
    assert np.log2(np.array(gaps[2])[:-1] / gaps[2][1:]) == pytest.approx([4, 4], abs=0.1)


def test_a_disk_has_its_place_size_and_name():
    mesh = fem.disk(3, radius=2.0, centre=(1.0, -1.0))
    assert mesh.t.shape[1] == 54
    rim = mesh.p[:, mesh.dofs.get_facet_dofs(mesh.boundaries["circle"]).flatten()]
    np.testing.assert_allclose(np.hypot(rim[0] - 1, rim[1] + 1), 2.0, rtol=1e-15)


def test_a_named_part_is_bent_onto_its_curve_and_names_are_kept():
    mesh = fem.rectangle(4, 3).with_subdomains({"low": lambda x: x[1] < 0.5})
    up = fem.curved(mesh, lambda x: x + np.outer(0.1 * np.sin(np.pi * x[:, 0]), [0, 1]), "top")
    assert isinstance(up, skfem.MeshTri2) and set(up.boundaries) == {"left", "right", "bottom", "top"}
    np.testing.assert_array_equal(up.subdomains["low"], mesh.subdomains["low"])
    top = up.p[:, up.dofs.get_facet_dofs(up.boundaries["top"]).flatten()]
    np.testing.assert_allclose(top[1], 1 + 0.1 * np.sin(np.pi * top[0]), rtol=1e-15)


def test_a_ball_of_hexahedra_and_one_of_tetrahedra_gain_two_orders_by_curved_faces():
    def volume(mesh, element):
        return np.abs(skfem.Basis(mesh, element, intorder=6).dx).sum()

    def onto(x):
        return x / np.linalg.norm(x, axis=1)[:, None]
    ball = skfem.MeshTet.init_ball(2)
    straight = volume(ball, skfem.ElementTetP1())
    round_ = volume(fem.curved(ball, onto), skfem.ElementTetP1())
    assert abs(round_ - 4 * np.pi / 3) < abs(straight - 4 * np.pi / 3) / 20
    cube = skfem.MeshHex.init_tensor(*[np.linspace(-0.5, 0.5, 3)] * 3)
    lifted = fem.curved(cube, lambda x: x * (1 + 0.2 * np.prod(np.cos(np.pi * x), axis=1))[:, None])
    fem.check_mesh(lifted)


@pytest.mark.parametrize("dim, middle", [(2, [0.5, 0.5 + 0.05]), (3, [0.5, 0.5, 0.5 + 0.05])])
def test_the_middle_of_a_cell_follows_the_side_that_was_moved(dim, middle):
    """The side x_dim = 1 becomes 1 + 0.1 b with b = 1 in its middle: half as much in the cell's."""
    mesh = skfem.MeshQuad() if dim == 2 else skfem.MeshHex()

    def onto(x):
        bump = 0.1 * np.prod(4 * x[:, :-1] * (1 - x[:, :-1]), axis=1)
        return x + np.outer(np.where(x[:, -1] == 1, bump, 0.0), np.eye(dim)[-1])
    up = fem.curved(mesh, onto)
    np.testing.assert_allclose(up.p[:, up.dofs.interior_dofs[0, 0]], middle, rtol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_raw_arrays_with_any_numbering_make_the_same_cells(kind):
    mesh = bent(kind)
    cells = mesh.dofs.element_dofs
    number = np.random.default_rng(2).permutation(mesh.p.shape[1])
    points = np.zeros_like(mesh.p)
    points[:, number] = mesh.p
    again = fem.mesh_from_arrays(kind, points, number[cells])
    cells = np.arange(mesh.t.shape[1])
    X = np.full(mesh.p.shape[0], 0.25)
    if kind == "tri6":                           # its vertices are sorted anew: compare the cells as sets
        a, b = (np.sort(m.p[:, m.dofs.element_dofs], axis=1) for m in (again, mesh))
        np.testing.assert_array_equal(a, b)
        assert (np.diff(again.t, axis=0) > 0).all()
    else:
        np.testing.assert_allclose(image(again, X, cells), image(mesh, X, cells), atol=1e-15)


def one(edge=(0.5, 0.5)):
    """One triangle whose edge 12 has its node there, with the edge's straight node at (0.5, 0.5)."""
    points = np.array([[0, 0], [1, 0], [0, 1], [0.5, 0], edge, [0, 0.5]], dtype=float).T
    return points, np.arange(6)[:, None]


@pytest.mark.parametrize("edge, message", [((0.2, 0.2), "cell 0 .*is folded"),
                                           ((0.9, 0.1), "cell 0 .*is folded"),
                                           ((0.75, 0.25), "cell 0 .*Jacobian that vanishes")])
def test_an_edge_node_too_far_from_the_middle_is_refused(edge, message):
    fem.check_mesh(fem.mesh_from_arrays("tri6", *one()))
    with pytest.raises(ValueError, match=message):
        fem.check_mesh(fem.mesh_from_arrays("tri6", *one(edge)))


def test_cells_that_place_the_node_of_their_edge_differently_are_refused():
    points = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0], [0, 0.5], [1, 0.5], [0.5, 1],
                       [0.5, 0.5], [0.55, 0.55]]).T
    good = np.array([[0, 1, 2, 4, 8, 5], [1, 2, 3, 8, 7, 6]]).T
    fem.check_mesh(fem.mesh_from_arrays("tri6", points, good))
    torn = good.copy()
    torn[3, 1] = 9
    with pytest.raises(ValueError, match=r"cell 1 places node 9 .*\(0.55, 0.55\).*\(0.5, 0.5\)"):
        fem.mesh_from_arrays("tri6", points, torn)


def test_a_node_hanging_on_a_curved_edge_is_refused():
    """Above the parabola through (0, 0), (0.5, 0.1), (1, 0) one cell, below it two that halve it."""
    def place(x, lift):
        return [x, lift + 0.4 * x * (1 - x)]
    corners = [place(0, 0), place(1, 0), [0.5, 1], place(0.5, 0), [0.5, -1]]
    middle = [place(0.5, 0), [0.75, 0.5], [0.25, 0.5], place(0.25, 0), [0.5, -0.45], [0.25, -0.5],
              place(0.75, 0), [0.75, -0.5]]
    points = np.array(corners + middle).T
    cells = np.array([[0, 1, 2, 5, 6, 7], [0, 3, 4, 8, 9, 10], [3, 1, 4, 11, 12, 9]]).T
    with pytest.raises(ValueError, match=r"node \d at \(0.5, 0.1\) hangs on the facet"):
        fem.check_mesh(fem.mesh_from_arrays("tri6", points, cells))


def test_neighbours_on_the_same_side_of_a_curved_edge_are_refused():
    points = np.array([[0, 0], [1, 0], [0.5, 1], [0.5, 0.8], [0.5, 0.05], [0.75, 0.5], [0.25, 0.5],
                       [0.7, 0.4], [0.3, 0.4]]).T
    cells = np.array([[0, 1, 2, 4, 5, 6], [0, 1, 3, 4, 7, 8]]).T
    with pytest.raises(ValueError, match="same side of their common facet"):
        fem.check_mesh(fem.mesh_from_arrays("tri6", points, cells))


def test_nodes_that_are_missing_or_not_curved_are_refused_in_words():
    mesh = fem.disk(1)
    with pytest.raises(ValueError, match="mesh.p holds 18 nodes; expected 19"):
        fem.check_mesh(skfem.MeshTri2(mesh.p[:, :-1], mesh.t))
    with pytest.raises(ValueError, match=r"cells have shape \(3, 6\).*\(6, n_cells\)"):
        fem.mesh_from_arrays("tri6", mesh.p, mesh.t)
    with pytest.raises(TypeError, match="intervals cannot be curved"):
        fem.curved(skfem.MeshLine(), lambda x: x)
    with pytest.raises(ValueError, match="where is 'rim'; known are"):
        fem.curved(fem.unit_square(2), lambda x: x, where="rim")
    with pytest.raises(ValueError, match="selects no facet"):
        fem.curved(fem.unit_square(2), lambda x: x, where=lambda x: x[:, 0] > 2)
