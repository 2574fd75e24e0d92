"""Files: fields, meshes and names come back as they were; what cannot be written is refused in words."""

import os
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem

meshio = pytest.importorskip("meshio")

MESHES = {
    "line": skfem.MeshLine(np.linspace(0, 1, 5) ** 2),
    "triangles": fem.rectangle(3, 3),
    "quadrilaterals": skfem.MeshQuad().refined(1),
    "tetrahedra": skfem.MeshTet().refined(1),
    "hexahedra": skfem.MeshHex().refined(1),
}
RANDOM = np.random.default_rng(0)


def named(mesh):
    return (mesh.with_boundaries({"two facets": mesh.boundary_facets()[:2]})
            .with_subdomains({"steel": np.array([0, 2]), "rock": np.array([1])}))


@pytest.mark.parametrize("element", ["P1", "P2"])
@pytest.mark.parametrize("kind", MESHES)
def test_everything_comes_back_identical(tmp_path, kind, element):
    V = fem.Space(named(MESHES[kind]), element)
    u, E = RANDOM.standard_normal(V.n), RANDOM.standard_normal(V.n_cells)
    at_points = RANDOM.standard_normal(len(V.quadrature_weights))
    path = tmp_path / "all of it.vtu"
    fem.save(path, V, u=tf.constant(u), E=("cells", E), k=("quadrature", at_points),
             x=lambda x: x[:, 0] ** 2, one=1.5)
    file = meshio.read(path)
    points = V.dof_points if V.dim == 3 else np.pad(V.dof_points, ((0, 0), (0, 3 - V.dim)))
    np.testing.assert_array_equal(file.points, points)
    np.testing.assert_array_equal(file.point_data["u"], u)
    np.testing.assert_array_equal(file.point_data["x"], points[:, 0] ** 2)
    np.testing.assert_array_equal(file.cell_data["E"][0], E)
    np.testing.assert_array_equal(file.cell_data["one"][0], 1.5)
    means = (V.cell_integrals @ at_points) / (V.cell_integrals @ np.ones_like(at_points))
    np.testing.assert_allclose(file.cell_data["k"][0], means, rtol=1e-13)
    assert file.point_data["u"].dtype == file.points.dtype == np.float64
    if element == "P1":
        again = fem.read_mesh(path)
        np.testing.assert_array_equal(again.p, V.mesh.p)
        np.testing.assert_array_equal(again.t, V.mesh.t)
        assert {n: list(c) for n, c in again.subdomains.items()} == {"steel": [0, 2], "rock": [1]}
        np.testing.assert_array_equal(again.boundaries["two facets"], V.mesh.boundaries["two facets"])


@pytest.mark.parametrize("suffix", ["vtk", "xdmf", "msh"])
def test_other_formats_are_chosen_by_suffix(tmp_path, suffix):
    V = fem.Space(fem.rectangle(3, 3), "P1")
    u = RANDOM.standard_normal(V.n)
    fem.save(tmp_path / f"u.{suffix}", V, u=u, E=np.arange(18.0))
    assert os.listdir(tmp_path) == [f"u.{suffix}"]
    file = meshio.read(tmp_path / f"u.{suffix}")
    np.testing.assert_array_equal(file.point_data["u"], u)
    np.testing.assert_array_equal(file.cell_data_dict["E"]["triangle"].ravel(), np.arange(18.0))
    assert set(fem.read_mesh(tmp_path / f"u.{suffix}").boundaries) == {"left", "right", "bottom", "top"}


def test_a_function_of_degree_three_is_written_by_its_values_at_nodes_of_second_order(tmp_path):
    V = fem.Space(fem.unit_square(2), skfem.ElementTriP3())
    fem.save(tmp_path / "u.vtu", V, u=V.dof_points[:, 0] ** 3 + V.dof_points[:, 1])
    file = meshio.read(tmp_path / "u.vtu")
    assert file.cells[0].type == "triangle6"
    x, y, _ = file.points.T
    np.testing.assert_allclose(file.point_data["u"], x ** 3 + y, atol=1e-14)


def test_functions_constant_in_cells_are_values_of_cells_and_jumps_are_means_or_kept(tmp_path):
    mesh = fem.unit_square(1)
    P0 = fem.Space(mesh, skfem.ElementTriP0())
    fem.save(tmp_path / "p0.vtu", P0, c=np.array([2.0, 5.0]))
    np.testing.assert_array_equal(meshio.read(tmp_path / "p0.vtu").cell_data["c"][0], [2, 5])
    CR = fem.Space(mesh, skfem.ElementTriCR())
    u = RANDOM.standard_normal(5)
    fem.save(tmp_path / "mean.vtu", CR, u=u)
    fem.save(tmp_path / "jump.vtu", CR, u=u, separate=True)
    jump, mean = meshio.read(tmp_path / "jump.vtu"), meshio.read(tmp_path / "mean.vtu")
    inside = [u[CR.cell_dofs[:, c]] for c in (0, 1)]
    # With middles m of edges 01, 12, 02 a linear function has m01 + m02 − m12 at vertex 0, and so on.
    corners = np.concatenate([[m[0] + m[2] - m[1], m[0] + m[1] - m[2], m[1] + m[2] - m[0]]
                              for m in inside])
    np.testing.assert_allclose(jump.point_data["u"], corners, atol=1e-14)
    shared = [corners[mesh.t.T.ravel() == node].mean() for node in range(4)]
    np.testing.assert_allclose(mean.point_data["u"], shared, atol=1e-14)


def test_vectors_and_tensors_are_filled_up_to_three_components(tmp_path):
    V = fem.Space(fem.unit_square(2), "P1")
    q = len(V.quadrature_weights)
    stress = RANDOM.standard_normal((V.n_cells, 2, 2))
    fem.save(tmp_path / "v.vtu", V, u=np.stack([V.dof_points[:, 0], V.dof_points[:, 1] ** 2], axis=1),
             flux=np.tile([1.0, 2.0], (q, 1)), stress=stress, three=RANDOM.standard_normal((V.n, 3)))
    file = meshio.read(tmp_path / "v.vtu")
    np.testing.assert_array_equal(file.point_data["u"][:, :2], np.stack([file.points[:, 0],
                                                                         file.points[:, 1] ** 2], axis=1))
    np.testing.assert_array_equal(file.point_data["u"][:, 2], 0)
    np.testing.assert_allclose(file.cell_data["flux"][0], np.tile([1, 2, 0], (V.n_cells, 1)), rtol=1e-15)
    full = file.cell_data["stress"][0].reshape(-1, 3, 3)
    np.testing.assert_array_equal(full[:, :2, :2], stress)
    assert not full[:, 2].any() and not full[:, :, 2].any()
    assert file.point_data["three"].shape == (V.n, 3)


def test_a_mesh_alone_is_written_and_curved_cells_stay_curved(tmp_path):
    mesh = fem.disk(2)
    fem.save(tmp_path / "disk.vtu", mesh, age=np.arange(24.0), height=("nodes", mesh.p[0]))
    file = meshio.read(tmp_path / "disk.vtu")
    assert file.cells[0].type == "triangle6"
    np.testing.assert_array_equal(file.point_data["height"], mesh.p[0])
    again = fem.read_mesh(tmp_path / "disk.vtu")
    np.testing.assert_array_equal(again.p, mesh.p)
    np.testing.assert_array_equal(again.boundaries["circle"], mesh.boundaries["circle"])


def test_a_state_of_several_functions_is_split_by_their_names(tmp_path):
    V = fem.Space(fem.unit_square(2), {"u": fem.vector("P2"), "p": "P1"})
    x, y = V.fields["u"].dof_points[::2].T
    u, p = np.stack([x * y, y ** 2], axis=1).ravel(), RANDOM.standard_normal(V.fields["p"].n)
    fem.save(tmp_path / "s.vtu", V, state=V.join({"u": u, "p": p}), old=np.zeros(V.n),
             p_only=("unknowns", np.ones(V.n)))
    file = meshio.read(tmp_path / "s.vtu")
    x, y, _ = file.points.T
    np.testing.assert_array_equal(file.point_data["u"], np.stack([x * y, y ** 2, 0 * x], axis=1))
    np.testing.assert_array_equal(file.point_data["p"][:9], p)
    assert {"old_u", "old_p", "p_only_u", "p_only_p"} <= set(file.point_data)
    fem.save(tmp_path / "p.vtu", V, p=p)
    np.testing.assert_array_equal(meshio.read(tmp_path / "p.vtu").point_data["p"], p)


@pytest.mark.parametrize("element", ["RT1", "BDM1", "N1"])
def test_a_constant_flux_is_written_by_its_values(tmp_path, element):
    V = fem.Space(fem.unit_square(2), element)
    constant = np.array([2.0, -1.0])
    u = fem.solve(*V.system(lambda u, x: {"u": {"value": u.value - constant}}))
    fem.save(tmp_path / "q.vtu", V, q=u)
    values = meshio.read(tmp_path / "q.vtu").point_data["q"]
    np.testing.assert_allclose(values, np.tile([2, -1, 0], (len(values), 1)), atol=1e-12)


@pytest.mark.parametrize("element", ["P3", "P4", "MINI", "CR", "Morley", "Argyris", "Hermite"])
def test_a_plane_is_written_exactly_whatever_the_element(tmp_path, element):
    V = fem.Space(fem.unit_square(2), element)

    def plane(x):
        return 1.0 + x[:, 0] - 2.0 * x[:, 1]
    u = fem.solve(*V.system(lambda u, x: {"u": {"value": u.value - plane(x)}}))
    fem.save(tmp_path / "u.vtu", V, u=u)
    file = meshio.read(tmp_path / "u.vtu")
    np.testing.assert_allclose(file.point_data["u"], plane(file.points), atol=1e-9)


@pytest.mark.parametrize("counts", [[5], [3, 4], [3, 4, 5]], ids=["line", "plane", "space"])
def test_values_of_a_grid_are_written_at_its_nodes(tmp_path, counts):
    grid = fem.Grid(*(np.linspace(0, 1, c) ** 2 for c in counts))
    u = RANDOM.standard_normal(grid.n)
    fem.save(tmp_path / "g.vtu", grid, u=("nodes", u), first=lambda x: x[:, 0])
    file = meshio.read(tmp_path / "g.vtu")
    np.testing.assert_array_equal(file.points[:, :grid.dim], grid.points)
    np.testing.assert_array_equal(file.point_data["u"], u)
    fem.check_mesh(grid.mesh)
    assert fem.Space(grid.mesh).basis_integrals.sum() == pytest.approx(grid.volumes.sum(), rel=1e-14)


# --- series ----------------------------------------------------------------------------------------
def steps(path):
    rows = ElementTree.parse(path).getroot().iter("DataSet")
    return {float(row.attrib["timestep"]): meshio.read(path.parent / row.attrib["file"]) for row in rows}


def test_a_series_has_a_file_for_each_time_of_a_march(tmp_path):
    V, times = fem.Space(fem.unit_square(2), "P1"), [0.0, 0.1, 0.30000000000000004]
    u = RANDOM.standard_normal((V.n, 3))
    fem.save(tmp_path / "run & 1.pvd", V, times=times, u=tf.constant(u), kappa=np.arange(8.0))
    found = steps(tmp_path / "run & 1.pvd")
    assert list(found) == times
    for k, file in enumerate(found.values()):
        np.testing.assert_array_equal(file.point_data["u"], u[:, k])
        np.testing.assert_array_equal(file.cell_data["kappa"][0], np.arange(8.0))


def test_what_was_appended_is_whole_when_a_later_step_fails(tmp_path, monkeypatch):
    V = fem.Space(fem.unit_square(2), "P1")
    series = fem.Series(tmp_path / "run.pvd", V)
    series.append(0.0, u=np.zeros(V.n))

    def stop(*_):
        raise OSError("no space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        with pytest.raises(OSError, match="no space left"):
            series.append(1.0, u=np.ones(V.n))
    assert list(steps(tmp_path / "run.pvd")) == [0.0]
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".writing")]
    series.append(1.0, u=np.ones(V.n))
    again = fem.Series(tmp_path / "run.pvd", V, resume=True)
    again.append(2.0, u=np.full(V.n, 2.0))
    assert [file.point_data["u"][0] for file in steps(tmp_path / "run.pvd").values()] == [0, 1, 2]
    with pytest.raises(ValueError, match="t is 2.0; expected a finite time after 2.0"):
        again.append(2.0, u=np.zeros(V.n))


# --- refusals --------------------------------------------------------------------------------------
def test_an_older_file_stays_when_writing_fails(tmp_path):
    V = fem.Space(fem.unit_square(2), "P1")
    path = tmp_path / "u.msh"
    fem.save(path, V, u=np.zeros(V.n))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="u.msh', which meshio cannot write: .*components"):
        fem.save(path, V, u=np.ones((V.n, 2)), four=np.ones((V.n, 4)))
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["u.msh"]


def test_what_cannot_be_written_is_refused_in_a_sentence(tmp_path, monkeypatch):
    V = fem.Space(fem.unit_square(2), "P1")
    with pytest.raises(ValueError, match=r"u.docx'; expected a suffix that says the format: .vtu"):
        fem.save(tmp_path / "u.docx", V, u=np.zeros(V.n))
    with pytest.raises(FileNotFoundError, match="the folder .*nowhere' does not exist; make it first"):
        fem.save(tmp_path / "nowhere" / "u.vtu", V, u=np.zeros(V.n))
    sizes = r"\(9, …\) a function of the space; \(24, …\) values at quadrature points; \(8, …\) values of"
    with pytest.raises(ValueError, match=r"u has shape \(7,\); expected one of: " + sizes):
        fem.save(tmp_path / "u.vtu", V, u=np.zeros(7))
    with pytest.raises(ValueError, match="E has shape .*expected one of"):
        fem.save(tmp_path / "u.vtu", V, E=("cells", np.zeros(9)))
    with pytest.raises(ValueError, match="the first entry of E is 'elements'; known are cells, nodes"):
        fem.save(tmp_path / "u.vtu", V, E=("elements", np.zeros(8)))
    with pytest.raises(ValueError, match="times are given for .*ends in .pvd"):
        fem.save(tmp_path / "u.vtu", V, times=[0.0], u=np.zeros((9, 1)))
    with pytest.raises(ValueError, match="expected times"):
        fem.save(tmp_path / "u.pvd", V, u=np.zeros(V.n))
    with pytest.raises(TypeError, match="u .*complex"):
        fem.save(tmp_path / "u.vtu", V, u=np.zeros(V.n, dtype=complex))
    with pytest.raises(ValueError, match=r"k\(x\) has shape \(1,\) for points \(9, 2\)"):
        fem.save(tmp_path / "u.vtu", V, k=lambda x: np.ones(1))
    with pytest.raises(ValueError, match=r"u has shape \(9, 0\); expected one of"):
        fem.save(tmp_path / "u.vtu", V, u=np.zeros((9, 0)))
    with pytest.raises(ValueError, match=r"no field has a last axis of that length: u \(9, 2\)"):
        fem.save(tmp_path / "u.pvd", V, times=[0.0, 1.0, 2.0], u=np.zeros((9, 2)))
    with pytest.raises(TypeError, match="space is a int; expected a fem.Space, a fem.Grid or a mesh"):
        fem.save(tmp_path / "u.vtu", 3, u=np.zeros(9))
    with pytest.raises(TypeError, match="path is a Space; expected that of a file, and then the space"):
        fem.save(V, tmp_path / "u.vtu", u=np.zeros(9))
    monkeypatch.setitem(__import__("sys").modules, "meshio", None)
    with pytest.raises(ImportError, match="fem.save needs meshio"):
        fem.save(tmp_path / "u.vtu", V, u=np.zeros(V.n))
    assert os.listdir(tmp_path) == []


def test_an_array_that_may_be_two_things_is_refused_until_it_is_said(tmp_path):
    V = fem.Space(fem.rectangle(3, 2), "P1")                        # 12 nodes and 12 cells
    told = "E has 12 entries, which may be a function of the space or values of cells; say which"
    with pytest.raises(ValueError, match=told):
        fem.save(tmp_path / "u.vtu", V, E=np.ones(12))
    fem.save(tmp_path / "u.vtu", V, E=("cells", np.arange(12.0)), u=np.arange(12.0))
    file = meshio.read(tmp_path / "u.vtu")
    np.testing.assert_array_equal(file.cell_data["E"][0], np.arange(12.0))
    np.testing.assert_array_equal(file.point_data["u"], np.arange(12.0))


def test_entries_that_are_not_finite_are_kept_with_a_warning(tmp_path):
    V = fem.Space(fem.unit_square(2), "P1")
    u = np.arange(9.0)
    u[4] = np.nan
    with pytest.warns(UserWarning, match="u has 1 of 9 entries that are NaN"):
        fem.save(tmp_path / "u.vtu", V, u=u)
    np.testing.assert_array_equal(meshio.read(tmp_path / "u.vtu").point_data["u"], u)


def test_nothing_is_said_while_a_file_is_written(tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fem.save(tmp_path / "u.msh", fem.unit_square(2), E=np.arange(8))
    assert capfd.readouterr() == ("", "")
