"""Mesh files: cells, boundaries and regions by name, nothing lost without a word."""

import sys
import warnings

import numpy as np
import pytest
import skfem
from gmsh_files import version_2, version_4

import fem
from fem.mesh.gmsh import read_gmsh

WRITERS = {"2.2 text": (version_2, False), "2.2 binary": (version_2, True),
           "4.1 text": (version_4, False), "4.1 binary": (version_4, True)}

# The square [0, 2] × [0, 1] of four triangles, node 6 (the centre of some arc) in no cell.
POINTS = [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0), (1, 1, 0), (2, 1, 0), (9, 9, 0)]
ELEMENTS = [(1, [1], [0, 3]), (1, [1, 7], [2, 5]), (1, [4], [1, 4]), (1, [], [0, 1]),
            (2, [2], [0, 1, 3]), (2, [2, 3], [1, 4, 3]), (2, [3], [1, 2, 4]), (2, [], [2, 5, 4])]
NAMES = {(1, 1): "wall", (1, 4): "seam of two", (2, 2): "steel", (2, 3): "wall"}


def written(folder, how, points=POINTS, elements=ELEMENTS, names=NAMES):
    write, binary = WRITERS[how]
    path = folder / "a mesh.msh"
    path.write_bytes(write([tuple(map(float, p)) for p in points], elements, names, binary))
    return path


def ends(mesh, name):
    """The coordinates of the nodes of a boundary's facets."""
    facets = mesh.facets[:, mesh.boundaries[name]].T
    return sorted(sorted(map(tuple, mesh.p[:, f].T.tolist())) for f in facets)


@pytest.mark.parametrize("how", WRITERS)
def test_every_physical_group_of_gmsh_keeps_its_name(tmp_path, how):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mesh = fem.read_mesh(written(tmp_path, how))
    assert mesh.p.shape == (2, 6) and mesh.t.shape == (3, 4)
    assert set(mesh.boundaries) == {"wall", "tag 7", "seam of two"}
    assert set(mesh.subdomains) == {"steel", "wall"}
    assert ends(mesh, "wall") == [[(0, 0), (0, 1)], [(2, 0), (2, 1)]]
    assert ends(mesh, "tag 7") == [[(2, 0), (2, 1)]]
    assert ends(mesh, "seam of two") == [[(1, 0), (1, 1)]]
    centre = {name: {tuple(c) for c in mesh.p[:, mesh.t[:, cells]].mean(axis=1).T.round(3)}
              for name, cells in mesh.subdomains.items()}
    assert centre == {"steel": {(0.333, 0.333), (0.667, 0.667)}, "wall": {(0.667, 0.667), (1.333, 0.333)}}
    fem.check_mesh(mesh)


@pytest.mark.parametrize("how", WRITERS)
def test_triangles_of_second_order_are_read_as_a_curved_mesh(tmp_path, how):
    points = [(0, 0, 3), (1, 0, 3), (0, 1, 3), (0.5, -0.1, 3), (0.5, 0.5, 3), (0, 0.5, 3)]
    elements = [(8, [1], [0, 1, 3]), (9, [2], [0, 1, 2, 3, 4, 5])]
    mesh = fem.read_mesh(written(tmp_path, how, points, elements, {(1, 1): "bent", (2, 2): "all"}))
    assert isinstance(mesh, skfem.MeshTri2)
    middle = mesh.dofs.facet_dofs[0, mesh.boundaries["bent"]]
    np.testing.assert_array_equal(mesh.p[:, middle].T, [[0.5, -0.1]])
    # Under the chord from (0, 0) to (1, 0) a parabola of height 0.1 adds 2/3 · 0.1.
    area = np.abs(skfem.Basis(mesh, skfem.ElementTriP1()).dx).sum()
    assert area == pytest.approx(0.5 + 0.2 / 3, rel=1e-12)


@pytest.mark.parametrize("how", WRITERS)
def test_what_is_left_in_the_file_is_told(tmp_path, how):
    elements = [*ELEMENTS, (15, [9], [0]), (1, [5], [0, 4])]
    path = written(tmp_path, how, elements=elements, names={**NAMES, (0, 9): "pin", (1, 5): "stray"})
    with pytest.warns(UserWarning) as told:
        mesh = fem.read_mesh(path)
    message, = [str(w.message) for w in told]
    assert "1 of 1 line cells of the group 'stray', which are no facets" in message
    assert "1 vertex cells" in message and "their groups 'pin'" in message
    assert "stray" not in mesh.boundaries


def test_several_kinds_of_cells_are_refused_until_one_is_named(tmp_path):
    elements = [(2, [2], [0, 1, 3]), (3, [3], [1, 2, 5, 4])]
    path = written(tmp_path, "4.1 text", elements=elements)
    with pytest.raises(ValueError, match=r"1 triangle, 1 quad; expected cells of one kind.*cells='…'"):
        fem.read_mesh(path)
    with pytest.warns(UserWarning, match="left out: 1 triangle cells; their groups 'steel'"):
        mesh = fem.read_mesh(path, cells="quad")
    assert isinstance(mesh, skfem.MeshQuad) and set(mesh.subdomains) == {"wall"}
    with pytest.raises(ValueError, match="cells is 'hexahedron'; known are quad, triangle"):
        fem.read_mesh(path, cells="hexahedron")


def test_a_surface_in_space_is_refused_and_a_plane_one_has_two_coordinates(tmp_path):
    elements = [(2, [2], [0, 1, 2])]
    plane = fem.read_mesh(written(tmp_path, "2.2 text", [(0, 5, 0), (1, 5, 0), (0, 5, 2)], elements))
    np.testing.assert_array_equal(plane.p, [[0, 1, 0], [0, 0, 2]])
    with pytest.raises(ValueError, match="Curved surfaces are not supported"):
        fem.read_mesh(written(tmp_path, "2.2 text", [(0, 5, 0), (1, 5, 1), (0, 4, 2)], elements))


@pytest.mark.parametrize("how, cut", [("2.2 text", 0.9), ("2.2 binary", 0.7), ("4.1 text", 0.6),
                                      ("4.1 binary", 0.95)])
def test_a_file_that_breaks_off_is_refused_with_its_name(tmp_path, how, cut):
    path = written(tmp_path, how)
    data = path.read_bytes()
    path.write_bytes(data[:int(cut * len(data))])
    with pytest.raises(ValueError, match="a mesh.msh', which cannot be read: the section"):
        fem.read_mesh(path)


@pytest.mark.parametrize("how", WRITERS)
def test_a_count_larger_than_the_section_is_refused(tmp_path, how):
    path = written(tmp_path, how)
    data = path.read_bytes()
    start = data.index(b"$Elements")
    path.write_bytes(data[:start + 60] + data[data.index(b"\n$EndElements"):])
    with pytest.raises(ValueError, match="breaks off"):
        fem.read_mesh(path)


def test_sets_of_other_formats_are_names_and_sets_of_points_are_told(tmp_path):
    meshio = pytest.importorskip("meshio")
    path = tmp_path / "part.inp"                                   # Abaqus keeps sets of both kinds
    square = fem.unit_square(2)
    points = np.pad(square.p.T, ((0, 0), (0, 1)))
    meshio.write(path, meshio.Mesh(points, [("triangle", square.t.T)], point_sets={"rim": np.arange(3)},
                                   cell_sets={"core": [np.array([1, 4])]}))
    with pytest.warns(UserWarning, match="sets of points .rim."):
        mesh = fem.read_mesh(path)
    assert {name.lower(): list(cells) for name, cells in mesh.subdomains.items()} == {"core": [1, 4]}


@pytest.mark.parametrize("mesh", [skfem.MeshLine(np.linspace(0, 1, 5)), fem.disk(2),
                                  skfem.MeshQuad().refined(1), skfem.MeshTet2.init_ball(1),
                                  skfem.MeshHex().refined(1),
                                  skfem.MeshHex2.from_mesh(skfem.MeshHex().refined(1))],
                         ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("suffix", ["vtu", "xdmf"])
def test_meshes_written_by_scikit_fem_are_read_back_with_names(tmp_path, mesh, suffix):
    pytest.importorskip("meshio")
    if suffix == "xdmf" and mesh.dim() == 1:
        pytest.skip("meshio writes one coordinate there, which it cannot read")
    mesh = mesh.with_boundaries({"some": mesh.boundary_facets()[:2]})
    mesh = mesh.with_subdomains({"two": np.arange(2)})
    path = tmp_path / f"mesh.{suffix}"
    mesh.save(path)
    again = fem.read_mesh(path)
    np.testing.assert_array_equal(again.p, mesh.p)
    np.testing.assert_array_equal(again.t, mesh.t)
    np.testing.assert_array_equal(again.boundaries["some"], mesh.boundaries["some"])
    np.testing.assert_array_equal(again.subdomains["two"], mesh.subdomains["two"])


@pytest.mark.parametrize("form", ["gmsh22", "gmsh"])
@pytest.mark.parametrize("mesh", [skfem.MeshTri2.init_circle(1), skfem.MeshTet2.init_ball(1),
                                  skfem.MeshHex().refined(1),
                                  fem.curved(skfem.MeshQuad().refined(1), lambda x: x),
                                  fem.curved(skfem.MeshHex().refined(1),
                                             lambda x: x * (1 + 0.1 * np.prod(x, axis=1))[:, None])],
                         ids=lambda m: type(m).__name__)
def test_the_order_of_nodes_in_gmsh_files_is_that_of_meshio(tmp_path, mesh, form):
    pytest.importorskip("meshio")
    path = tmp_path / "mesh.msh"
    mesh.save(path, file_format=form, encode_cell_data=False)
    assert read_gmsh(path) is not None                         # read here, not by meshio
    again = fem.read_mesh(path)
    np.testing.assert_array_equal(again.p, mesh.p)
    np.testing.assert_array_equal(again.t, mesh.t)


def test_gmsh_files_need_no_other_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "meshio", None)
    assert fem.read_mesh(written(tmp_path, "4.1 binary")).t.shape == (3, 4)
    (tmp_path / "some.vtk").write_text("")
    with pytest.raises(ImportError, match="needs meshio"):
        fem.read_mesh(tmp_path / "some.vtk")


def with_ends(**given):
    """A square of meshio with the lines of its left and right side, as one writes it oneself."""
    meshio = pytest.importorskip("meshio")
    square = fem.unit_square(2)
    lines = np.vstack([square.facets[:, square.boundaries[side]].T for side in ("left", "right")])
    return meshio.Mesh(np.pad(square.p.T, ((0, 0), (0, 1))), [("line", lines), ("triangle", square.t.T)],
                       **given)


@pytest.mark.parametrize("sets", [
    {"clamp": [[0, 1], []], "load": [[2, 3], []]},
    {"clamp": [[0, 1], []], "load": [[2, 3], []], "stiff": [[], range(8)]},
    {"clamp": [[0, 1], []]}], ids=["two sides", "all cells", "one side"])
def test_sets_survive_formats_without_sets(tmp_path, sets):
    arrays = {name: [np.array(part, dtype=int) for part in parts] for name, parts in sets.items()}
    with_ends(cell_sets=arrays).write(tmp_path / "plate.vtu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mesh = fem.read_mesh(tmp_path / "plate.vtu")
    assert set(mesh.boundaries) == set(sets) - {"stiff"} and set(mesh.subdomains) == set(sets) & {"stiff"}
    for name, x in {"clamp": 0.0, "load": 1.0}.items():
        if name in sets:
            ends = mesh.p[0, mesh.facets[:, mesh.boundaries[name]]]
            assert ends.shape == (2, 2) and (ends == x).all()


def test_whole_numbers_of_facets_that_may_be_names_are_told(tmp_path):
    with_ends(cell_data={"side": [np.array([1, 1, 2, 2]), np.full(8, 3)],
                         "density": [np.ones(4), np.ones(8)]}).write(tmp_path / "plate.vtu")
    with pytest.warns(UserWarning, match=r"left out: whole numbers of cells \(side\).*cell_sets"):
        mesh = fem.read_mesh(tmp_path / "plate.vtu")
    assert not mesh.boundaries


def test_an_unknown_side_is_refused_with_a_call_that_can_be_typed():
    V = fem.Space(fem.unit_square(2))
    with pytest.raises(ValueError, match=r"with_boundaries\(\{'inlet': lambda x: …\}\)"):
        V.flux(1.0, "inlet")
