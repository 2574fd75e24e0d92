"""Pictures show the values they are asked for, at the right places, with equal scales and labels."""

import sys

import matplotlib
import numpy as np
import pytest
import skfem

import fem
from fem.output.pieces import subdivision

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def measures(X, simplices):
    corners = X.T[simplices]
    return np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("tensor", [False, True])
def test_small_simplices_of_equal_size_fill_the_reference_cell(dim, tensor):
    X, simplices = subdivision(tensor, dim, 3)
    size = measures(X, simplices)
    np.testing.assert_allclose(size, size[0], rtol=1e-12)
    factorial = np.prod(np.arange(1, dim + 1))
    assert size.sum() / factorial == pytest.approx(1.0 if tensor else 1.0 / factorial, rel=1e-12)
    assert len(np.unique(X, axis=1).T) == X.shape[1]
    if not tensor:
        assert (X.sum(axis=0) <= 1 + 1e-15).all() and (X >= 0).all()


def colours(ax):
    """The collection of colours, its points and values."""
    image = next(c for c in ax.collections if isinstance(c, matplotlib.collections.TriMesh))
    return image, np.column_stack([image._triangulation.x, image._triangulation.y]), image.get_array()


@pytest.mark.parametrize("mesh", [fem.unit_square(2), skfem.MeshQuad().refined(1)],
                         ids=["triangles", "quadrilaterals"])
def test_colours_are_the_values_of_the_function_also_inside_cells(mesh):
    V = fem.Space(mesh, "P2")
    ax = fem.plot(V, V.dof_points[:, 0] ** 2 - V.dof_points[:, 1], label="T", unit="K", length="m")
    image, points, values = colours(ax)
    np.testing.assert_allclose(values, points[:, 0] ** 2 - points[:, 1], atol=1e-14)
    assert len(points) > 3 * V.n and image.get_clim() == (values.min(), values.max())
    assert ax.get_aspect() == 1.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (m)", "y (m)")
    assert ax.child_axes[0].get_ylabel() == "T (K)"
    ax.figure.canvas.draw()


def test_curved_cells_are_coloured_to_their_boundary():
    mesh = fem.disk(2)
    ax = fem.plot_mesh(mesh)
    rim = ax.collections[-1].get_segments()
    np.testing.assert_allclose(np.linalg.norm(np.concatenate(rim), axis=1), 1.0, atol=2e-4)
    _, points, values = colours(fem.plot(mesh, lambda x: np.hypot(x[:, 0], x[:, 1])))
    np.testing.assert_allclose(values, np.linalg.norm(points, axis=1), rtol=1e-14)
    on_rim = np.unique(points[values > 0.9995].round(9), axis=0)        # chords: the 12 vertices only
    assert len(on_rim) >= 12 * 4


def test_axes_that_are_given_are_returned_and_limits_kept():
    figure, ax = plt.subplots()
    V = fem.Space(fem.unit_square(2), "P1")
    assert V.plot(V.dof_points[:, 0], ax=ax, low=-1.0, high=3.0, mesh=True) is ax
    assert colours(ax)[0].get_clim() == (-1.0, 3.0)
    assert plt.get_fignums() == [figure.number]


def test_a_coefficient_of_cells_is_drawn_constant_in_cells():
    V = fem.Space(fem.unit_square(2), "P1")
    ax = fem.plot(V, np.arange(8.0))
    np.testing.assert_array_equal(ax.collections[0].get_array(), np.arange(8.0))
    by_points = np.repeat(np.arange(8.0), V.points_per_cell)
    drawn = fem.plot(V, by_points).collections[0].get_array()
    np.testing.assert_allclose(drawn, np.arange(8.0), rtol=1e-15)


def test_a_moved_mesh_is_drawn_at_its_new_place_with_the_factor_told():
    V = fem.Space(skfem.MeshQuad().refined(1), "Q1")
    shift = np.stack([0.01 * V.dof_points[:, 1], 0 * V.dof_points[:, 0]], axis=1)
    ax = fem.plot(V, shift, displacement=shift, scale="auto", mesh=True)
    _, points, values = colours(ax)
    assert points[:, 0].max() == pytest.approx(1.1, rel=1e-12)         # moved by a tenth of the side
    np.testing.assert_allclose(values, 0.01 * points[:, 1], atol=1e-15)
    assert ax.get_title() == "displacements × 10"
    with pytest.raises(ValueError, match="displacement has values of shape"):
        fem.plot(V, shift, displacement=shift[:, 0])


def test_vectors_are_magnitudes_with_arrows_or_a_component():
    V = fem.Space(fem.unit_square(3), "P1")
    u = np.stack([3 + 0 * V.dof_points[:, 0], -4 * V.dof_points[:, 1]], axis=1)
    ax = fem.plot(V, u)
    arrows = next(c for c in ax.collections if isinstance(c, matplotlib.quiver.Quiver))
    np.testing.assert_allclose(arrows.V, -4 * arrows.XY[:, 1], atol=1e-13)
    np.testing.assert_allclose(colours(ax)[2], np.hypot(3, 4 * colours(ax)[1][:, 1]), rtol=1e-13)
    np.testing.assert_allclose(colours(fem.plot(V, u, show=1))[2], -4 * colours(ax)[1][:, 1], atol=1e-13)
    with pytest.raises(ValueError, match="show is 2; expected a whole number from 0 to 1"):
        fem.plot(V, u, show=2)
    with pytest.raises(ValueError, match="show is 'colour'; known are arrows, magnitude"):
        fem.plot(V, u, show="colour")


def test_a_curve_breaks_where_the_function_jumps():
    mesh = skfem.MeshLine(np.array([0.0, 0.3, 0.6, 1.0]))
    x, y = fem.plot(mesh, np.array([1.0, 1.0, 5.0]), label="E", unit="GPa").lines[0].get_data()
    np.testing.assert_array_equal(x, [0, 0.3, 0.3, 0.6, np.nan, 0.6, 1])
    np.testing.assert_array_equal(y, [1, 1, 1, 1, np.nan, 5, 5])
    V = fem.Space(mesh, "P2")
    ax = fem.plot(V, V.dof_points[:, 0] ** 2)
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(y, x ** 2, atol=1e-15)


@pytest.mark.parametrize("mesh", [skfem.MeshTet().refined(2), skfem.MeshHex().refined(1)],
                         ids=["tetrahedra", "hexahedra"])
@pytest.mark.parametrize("where, area", [
    ({"plane_at": {"z": 0.37}}, 1.0), ({"plane_at": {"x": 0.5}}, 1.0),
    ({"normal": (1, 1, 0), "point": (0.5, 0.5, 0)}, 2 ** 0.5),
    ({"normal": (1, 1, 1), "point": (0.5, 0.5, 0.5)}, 0.75 * 3 ** 0.5)])
def test_a_plane_cuts_the_cube_in_a_section_of_the_right_area_and_values(mesh, where, area):
    V = fem.Space(mesh, "P1")
    ax = fem.plot_slice(V, V.dof_points @ [1.0, 2.0, 3.0], **where)
    image, points, values = colours(ax)
    triangles = image._triangulation.triangles
    assert measures(points.T, triangles).sum() / 2 == pytest.approx(area, rel=1e-9)
    if "z" in where.get("plane_at", {}):
        np.testing.assert_allclose(values, points @ [1, 2] + 3 * 0.37, atol=1e-12)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")


def test_a_line_through_space_shows_the_function_and_breaks_outside():
    V = fem.Space(skfem.MeshTet().refined(1), "P2")
    u = V.dof_points[:, 0] * V.dof_points[:, 1]
    x, y = fem.plot_slice(V, u, line=((-0.5, -0.5, 0.2), (1, 1, 0.2))).lines[0].get_data()
    inside = np.isfinite(y)
    place = x / np.sqrt(2) - 0.5
    np.testing.assert_allclose(y[inside], place[inside] ** 2, atol=1e-12)
    assert not inside[place < -1e-9].any() and inside[place > 1e-9].all()


def test_truth_and_what_was_found_share_their_colours_and_the_difference_is_around_zero():
    V = fem.Space(fem.unit_square(3), "P1")
    found = V.dof_points[:, 0]
    axes = fem.plot_comparison(V, found, lambda x: x[:, 0] + 0.5 * x[:, 1], label="κ")
    limits = [colours(ax)[0].get_clim() for ax in axes]
    assert limits[0] == limits[1] == (0.0, 1.5)
    assert limits[2] == (-limits[2][1], pytest.approx(0.5, rel=1e-14))
    _, points, values = colours(axes[2])
    np.testing.assert_allclose(values, -0.5 * points[:, 1], atol=1e-14)
    mine = plt.subplots(1, 3)[1]
    assert (fem.plot_comparison(V, found, 2.0, mine) == mine).all()
    with pytest.raises(ValueError, match="axes holds 2; expected 3"):
        fem.plot_comparison(V, found, 2.0, mine[:2])
    L = fem.Space(skfem.MeshLine(np.linspace(0, 1, 5)), "P1")
    above, below = fem.plot_comparison(L, L.dof_points[:, 0], lambda x: 0.5 * x[:, 0])
    x, y = below.lines[0].get_data()
    np.testing.assert_allclose(y, 0.5 * x, atol=1e-15)
    assert [line.get_label() for line in above.lines] == ["found", "truth"]


def test_a_mesh_is_drawn_with_all_its_names():
    mesh = fem.rectangle(2, 2).with_subdomains({"steel": np.arange(3)})
    ax = fem.plot_mesh(mesh)
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == ["steel", "left", "right", "bottom", "top"]
    ax.figure.canvas.draw()
    assert fem.plot_mesh(mesh, names=False).get_legend() is None


def test_values_of_a_grid_are_drawn_between_its_nodes():
    grid = fem.Grid(np.linspace(0, 1, 4) ** 2, np.linspace(0, 2, 5))
    _, points, values = colours(fem.plot(grid, grid.points @ [2.0, -1.0]))
    np.testing.assert_allclose(values, points @ [2.0, -1.0], atol=1e-14)
    with pytest.raises(TypeError, match="ax is a int; expected axes"):
        fem.plot(grid, grid.points[:, 0], ax=3)


def test_pyvista_gets_the_mesh_coloured_by_the_first_field(monkeypatch):
    told = {}

    class Plotter:
        def add_mesh(self, mesh, **options):
            told.update(mesh=mesh, **options)

        def show(self):
            told["shown"] = True
    stand_in = type(sys)("pyvista")
    stand_in.Plotter, stand_in.from_meshio = Plotter, lambda mesh: mesh
    monkeypatch.setitem(sys.modules, "pyvista", stand_in)
    V = fem.Space(skfem.MeshTet().refined(1), "P1")
    fem.view(V, T=V.dof_points[:, 0], u=np.zeros(V.n))
    np.testing.assert_array_equal(told["mesh"].point_data[told["scalars"]], V.dof_points[:, 0])
    assert told["scalars"] == "T" and told["shown"]


def test_what_cannot_be_drawn_is_refused_in_a_sentence(monkeypatch):
    V = fem.Space(skfem.MeshTet(), "P1")
    u = np.zeros(V.n)
    for draw in (lambda: fem.plot(V, u), lambda: fem.plot_comparison(V, u, u)):
        with pytest.raises(ValueError, match="the mesh lies in space.*fem.plot_slice"):
            draw()
    with pytest.raises(ValueError, match="the plane misses the mesh"):
        fem.plot_slice(V, u, plane_at={"z": 2.0})
    with pytest.raises(ValueError, match="the line from .* misses the mesh"):
        fem.plot_slice(V, u, line=((2, 2, 2), (3, 3, 3)))
    with pytest.raises(ValueError, match="expected one of line="):
        fem.plot_slice(V, u)
    with pytest.raises(ValueError, match="the axis of plane_at is 'w'; known are x, y, z"):
        fem.plot_slice(V, u, plane_at={"w": 2.0})
    with pytest.raises(ValueError, match="expected one in space for a plane"):
        fem.plot_slice(fem.unit_square(2), 1.0, plane_at={"z": 0.5})
    with pytest.raises(ValueError, match="dimension 3; expected one in the plane"):
        fem.plot_mesh(V)
    monkeypatch.setitem(sys.modules, "pyvista", None)
    with pytest.raises(ImportError, match="fem.view needs pyvista.*fem.plot_slice"):
        fem.view(V, u=u)
