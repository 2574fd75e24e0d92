"""A mesh on which the finite element solution would be wrong is refused or reported."""

import os
import pathlib
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import skfem

import fem

UNIT = np.linspace(0.0, 1.0, 4)
GOOD = {
    "line": skfem.MeshLine(UNIT),
    "triangles": skfem.MeshTri.init_circle(2),
    "symmetric": skfem.MeshTri.init_sqsymmetric(),
    "adaptive": skfem.MeshTri.init_lshaped().refined(1).refined([0, 3, 5]),
    "quadrilaterals": skfem.MeshQuad().refined(2),
    "tetrahedra": skfem.MeshTet.init_ball(2),
    "hexahedra": skfem.MeshHex().refined(1),
    "stretched": skfem.MeshTri.init_tensor(UNIT, 1e-8 * UNIT),
    "graded": skfem.MeshQuad.init_tensor(np.geomspace(1e-9, 1, 20), UNIT),
    "far away": skfem.MeshTri.init_tensor(5e6 + UNIT, 3e5 + UNIT),
}


def triangles(points, cells):
    return skfem.MeshTri(np.transpose(points), np.transpose(cells))


def square():
    """Nine nodes, eight triangles, the node (0.5, 0.5) in the middle has number 4."""
    return fem.unit_square(2)


@pytest.mark.parametrize("mesh", GOOD.values(), ids=GOOD.keys())
def test_a_conforming_mesh_passes_and_its_facets_are_those_of_scikit_fem(mesh):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        facets = fem.check_mesh(mesh)
    np.testing.assert_array_equal(facets.nodes, mesh.facets)
    np.testing.assert_array_equal(facets.of_cell, mesh.t2f)
    np.testing.assert_array_equal(facets.cells, mesh.f2t)
    np.testing.assert_array_equal(facets.boundary, mesh.boundary_facets())


def test_facet_numbering_survives_node_numbers_too_large_for_one_key():
    # Four nodes of a face in base 2e5 do not fit into 63 bits.
    mesh = skfem.MeshHex().refined(1)
    number = np.sort(np.random.default_rng(0).choice(200_000, mesh.p.shape[1], replace=False))
    points = np.zeros((3, 200_000))
    points[:, number] = mesh.p
    spread = skfem.MeshHex(points, number[mesh.t])
    with pytest.warns(UserWarning, match="belong to no cell"):
        facets = fem.check_mesh(spread)
    np.testing.assert_array_equal(facets.nodes, spread.facets)


@pytest.mark.parametrize("chosen", [[3], slice(None)], ids=["one", "all"])
def test_inverted_cells_give_the_same_matrices(chosen):
    good = square()
    cells = good.t.copy()
    cells[:2, chosen] = cells[1::-1, chosen]
    bad = skfem.MeshTri(good.p, cells, sort_t=False)
    assert (bad.orientation() != good.orientation()).any()
    one, other = fem.Space(good), fem.Space(bad)
    # Node numbers are the same, quadrature points of a cell are permuted: compare with κ = 1.
    assert abs(one.laplace().to_scipy() - other.laplace().to_scipy()).max() < 1e-14
    np.testing.assert_allclose(one.load(2.0), other.load(2.0), atol=1e-16)


def test_a_cell_of_zero_area_is_named():
    mesh = square()
    p = mesh.p.copy()
    p[:, 4] = [0.5, 0.0]
    with pytest.raises(ValueError, match=r"cell \d+ .*zero length, area or volume"):
        fem.Space(replace(mesh, doflocs=p))


def test_collinear_vertices_with_rounded_coordinates_have_zero_area():
    mesh = triangles([[0, 0], [0.1, 0.1], [0.3, 0.3], [0, 1]], [[0, 1, 2], [0, 2, 3]])
    with pytest.raises(ValueError, match="cell 0 .*zero length, area or volume"):
        fem.check_mesh(mesh)


@pytest.mark.parametrize("mesh", [
    skfem.MeshLine(np.array([0.0, 0.5, 0.5, 1.0])),
    skfem.MeshTet(np.array([[0, 1, 0, 1.0], [0, 0, 1, 1], [0, 0, 0, 0]]), np.arange(4)[:, None]),
], ids=["interval", "flat tetrahedron"])
def test_zero_length_and_zero_volume_are_named(mesh):
    with pytest.raises(ValueError, match="zero length, area or volume"):
        fem.check_mesh(mesh)


def test_a_repeated_vertex_is_named():
    mesh = triangles([[0, 0], [1, 0], [0, 1], [1, 1]], [[0, 1, 2], [1, 3, 3]])
    with pytest.raises(ValueError, match="cell 1 with nodes .* repeats a vertex"):
        fem.Space(mesh)


def test_a_node_moved_across_its_neighbours_folds_the_mesh():
    mesh = fem.unit_square(4)
    p = mesh.p.copy()
    p[:, 12] = [0.95, 0.55]
    with pytest.raises(ValueError, match="same side of their common facet"):
        fem.Space(replace(mesh, doflocs=p))


@pytest.mark.parametrize("mesh", [skfem.MeshLine(np.linspace(0, 1, 6)),
                                  skfem.MeshTet.init_tensor(UNIT, UNIT, UNIT)], ids=["1-D", "3-D"])
def test_folds_are_found_in_one_and_three_dimensions(mesh):
    inner = mesh.interior_nodes()[0]
    p = mesh.p.copy()
    p[:, inner] += 0.55
    with pytest.raises(ValueError, match="same side of their common facet"):
        fem.check_mesh(replace(mesh, doflocs=p))


def test_a_quadrilateral_with_crossing_sides_is_folded():
    mesh = skfem.MeshQuad(np.array([[0, 1, 0, 1.0], [0, 0, 1, 1.2]]), np.array([[0, 1, 2, 3]]).T)
    with pytest.raises(ValueError, match="cell 0 .*is folded"):
        fem.check_mesh(mesh)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_coordinate_that_is_not_finite_is_named(value):
    mesh = square()
    p = mesh.p.copy()
    p[1, 7] = value
    with pytest.raises(ValueError, match="node 7 is at"):
        fem.Space(replace(mesh, doflocs=p))


@pytest.mark.parametrize("number", [-1, 9])
def test_a_cell_with_an_unknown_node_is_named(number):
    mesh = square()
    t = mesh.t.copy()
    t[0, 5] = number
    with pytest.raises(IndexError, match="cell 5 has nodes .*from 0 to 8"):
        fem.check_mesh(skfem.MeshTri(mesh.p, t))


def test_fractional_node_numbers_are_refused_before_scikit_fem_cuts_them():
    cells = square().t.astype(float)
    cells[0, 2] += 0.5
    with pytest.raises(ValueError, match="cell 2 holds fractions"):
        fem.mesh_from_arrays("tri", square().p, cells)


def test_raw_arrays_make_the_same_mesh_as_scikit_fem():
    mesh = fem.mesh_from_arrays("tri", square().p.tolist(), square().t.tolist())
    np.testing.assert_array_equal(mesh.p, square().p)
    np.testing.assert_array_equal(mesh.t, square().t)


def test_transposed_arrays_and_an_empty_mesh_are_refused_with_the_expected_shape():
    p, t = square().p, square().t
    with pytest.raises(ValueError, match=r"points have shape \(9, 2\).*\(2, n\).*transposed"):
        fem.mesh_from_arrays("tri", p.T, t)
    with pytest.raises(ValueError, match=r"cells have shape \(8, 3\).*\(3, n_cells\).*transposed"):
        fem.mesh_from_arrays("tri", p, t.T)
    with pytest.raises(ValueError, match="no cells"):
        fem.mesh_from_arrays("tri", p, np.zeros((3, 0), dtype=int))
    with pytest.raises(ValueError, match=r"points have shape \(9, 2\)"):
        fem.check_mesh(skfem.MeshTri(p.T, t))
    with pytest.raises(ValueError, match="no cells"):
        fem.check_mesh(skfem.MeshTri(p, np.zeros((3, 0), dtype=int)))
    with pytest.raises(ValueError, match="kind is 'triangle'; known are line, tri"):
        fem.mesh_from_arrays("triangle", p, t)


def test_foreign_meshes_are_refused_in_words():
    with pytest.raises(TypeError, match="MeshWedge1; expected a scikit-fem mesh: MeshLine"):
        fem.Space(skfem.MeshWedge1())
    with pytest.raises(TypeError, match="mesh is dict"):
        fem.Space({"p": 0})


@pytest.mark.parametrize("place", [3, 9], ids=["middle", "end"])
def test_a_node_without_a_cell_is_left_out_and_the_result_is_right(place):
    mesh = square()
    points = np.insert(mesh.p, place, [0.3, 0.3], axis=1)
    loose = skfem.MeshTri(points, mesh.t + (mesh.t >= place))
    with pytest.warns(UserWarning, match=f"first node {place}"):
        V = fem.Space(loose)
    W = fem.Space(mesh)
    assert V.n == 10 and V.unused_dofs.tolist() == [place]
    u = fem.solve(V.laplace(), V.load(), dirichlet=lambda x: x[:, 0]).numpy()
    expected = fem.solve(W.laplace(), W.load(), dirichlet=lambda x: x[:, 0]).numpy()
    assert u[place] == 0.0
    np.testing.assert_allclose(np.delete(u, place), expected, rtol=1e-14)


def test_a_crack_is_reported_with_its_place():
    points = [[0, 0], [1, 0], [0, 1], [1, 0], [0, 1], [1, 1]]
    with pytest.warns(UserWarning, match=r"nodes 1 and 3 are both at \(1, 0\) .*crack"):
        fem.check_mesh(triangles(points, [[0, 1, 2], [3, 4, 5]]))


def test_a_crack_is_found_although_coordinates_differ_by_rounding():
    points = 5e6 + np.array([[0, 0], [1, 0], [0, 1], [1, 0], [0, 1], [1, 1]])
    points[3, 0] = np.nextafter(points[3, 0], 0)
    with pytest.warns(UserWarning, match="nodes 1 and 3 are both"):
        fem.check_mesh(triangles(points, [[0, 1, 2], [3, 4, 5]]))


def test_a_crack_is_found_in_three_dimensions():
    mesh = skfem.MeshTet.init_tensor(UNIT, UNIT, UNIT)
    upper = mesh.p[0, mesh.t].mean(axis=0) > 1 / 3
    copies = mesh.p[0] == UNIT[1]
    number = np.arange(mesh.p.shape[1])
    number[copies] = mesh.p.shape[1] + np.arange(copies.sum())
    t = np.where(upper, number[mesh.t], mesh.t)
    torn = skfem.MeshTet(np.hstack([mesh.p, mesh.p[:, copies]]), t)
    with pytest.warns(UserWarning, match="crack"):
        fem.check_mesh(torn)


def test_a_hanging_node_is_refused_with_its_place():
    points = [[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]]
    cells = [[0, 1, 2], [0, 4, 3], [4, 2, 3]]
    with pytest.raises(ValueError, match=r"node 4 at \(0.5, 0.5\) hangs on the facet .*\(0, 2\)"):
        fem.check_mesh(triangles(points, cells))


def test_a_hanging_node_in_a_face_of_a_tetrahedron_is_refused():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.25, 0.25, 0], [0, 0, -1]])
    cells = [[0, 1, 2, 3], [0, 1, 4, 5], [1, 2, 4, 5], [2, 0, 4, 5]]
    with pytest.raises(ValueError, match=r"node 4 at \(0.25, 0.25, 0\) hangs"):
        fem.check_mesh(skfem.MeshTet(points.T, np.transpose(cells)))


def test_the_same_cell_twice_is_refused_with_both_numbers():
    mesh = square()
    t = np.hstack([mesh.t, mesh.t[::-1, 2:3]])
    with pytest.raises(ValueError, match="cells 2 and 8 have the same nodes"):
        fem.check_mesh(skfem.MeshTri(mesh.p, t))


def test_three_triangles_on_one_edge_are_refused():
    points = [[0, 0], [1, 0], [0.5, 1], [0.5, -1], [0.5, 2]]
    with pytest.raises(ValueError, match=r"facet with nodes \(0, 1\) belongs to 3 cells"):
        fem.check_mesh(triangles(points, [[0, 1, 2], [0, 1, 3], [0, 1, 4]]))


def test_the_callers_mesh_may_change_afterwards():
    mesh = square()
    V = fem.Space(mesh)
    before = V.laplace().to_scipy().toarray()
    mesh.p[:] = 7.0
    np.testing.assert_array_equal(V.laplace().to_scipy().toarray(), before)
    np.testing.assert_array_equal(V.observe([[0.5, 0.5]]).matrix.toarray()[0, 4], 1.0)


def test_a_mesh_survives_a_round_trip_through_a_file(tmp_path):
    pytest.importorskip("meshio")
    path = tmp_path / "a mesh.vtk"
    square().save(path)
    mesh = fem.read_mesh(path)
    np.testing.assert_array_equal(mesh.p, square().p)
    np.testing.assert_array_equal(mesh.t, square().t)


def test_reading_a_mesh_says_what_is_missing(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="nowhere.msh"):
        fem.read_mesh(tmp_path / "nowhere.msh")
    path = tmp_path / "some.vtk"
    path.write_text("")
    monkeypatch.setitem(__import__("sys").modules, "meshio", None)
    with pytest.raises(ImportError, match="needs meshio"):
        fem.read_mesh(path)


def test_fem_works_without_meshio(tmp_path):
    (tmp_path / "meshio.py").write_text("raise ImportError('not here')\n")
    root = pathlib.Path(__file__).resolve().parents[2]
    answer = subprocess.run([sys.executable, "-c", "import fem\nprint(fem.Space(fem.unit_square(2)).n)"],
                            capture_output=True, text=True, cwd=tmp_path,
                            env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"})
    assert answer.returncode == 0 and answer.stdout.strip() == "9", answer.stderr
