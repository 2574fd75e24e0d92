"""What a refined mesh takes over: names of sides and regions, functions, nodal values."""

import numpy as np
import pytest
import skfem

import fem
from fem.refinement.names import refined
from fem.refinement.nested import carried, on_another_mesh

MESHES = {
    "line": skfem.MeshLine(np.linspace(0, 1, 5)),
    "triangles": skfem.MeshTri().refined(2),
    "tetrahedra": skfem.MeshTet().refined(1),
    "quadrilaterals": skfem.MeshQuad().refined(2),
}


def named(mesh):
    return mesh.with_boundaries({"left": lambda x: x[0] == 0.0}).with_subdomains(
        {"low": lambda x: x[0] < 0.5})


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("kind", MESHES)
def test_names_of_sides_and_regions_lie_where_they_lay(kind, everywhere):
    if kind == "quadrilaterals" and not everywhere:
        pytest.skip("not one by one")
    mesh = named(MESHES[kind])
    for _ in range(2):
        mesh = refined(fem.Space(mesh, "P1"), None if everywhere else np.array([0, 3]))
    V = fem.Space(mesh, "P1")
    assert mesh.t.shape[1] > MESHES[kind].t.shape[1]
    assert V.boundary_weights("left").sum() == pytest.approx(1.0)
    assert not V.boundary_points("left")[:, 0].any()
    centres = mesh.p[0, mesh.t].mean(axis=0)
    assert np.array_equal(np.sort(mesh.subdomains["low"]), np.flatnonzero(centres < 0.5))


def test_names_inside_the_domain_are_kept_too():
    mesh = skfem.MeshTri().refined(2)
    inside = np.flatnonzero(np.isclose(mesh.p[0, mesh.facets], 0.5).all(axis=0))
    finer = refined(fem.Space(mesh.with_boundaries({"cut": inside}), "P1"), np.arange(0, 32, 3))
    ends = finer.p[:, finer.facets[:, finer.boundaries["cut"]]]
    assert np.allclose(ends[0], 0.5)
    assert np.abs(ends[1, 0] - ends[1, 1]).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["line", "triangles", "tetrahedra"])
def test_a_linear_function_is_carried_exactly(kind):
    mesh = MESHES[kind]
    slope = np.arange(1.0, 1.0 + mesh.dim())
    finer = refined(fem.Space(mesh, "P1"), np.array([1, 2]))
    values = on_another_mesh(mesh.p.T @ slope - 3.0, "P1", mesh, finer)
    assert np.allclose(values, finer.p.T @ slope - 3.0, atol=1e-14)


def test_cell_values_are_those_of_the_cell_around():
    mesh = MESHES["triangles"]
    finer = refined(fem.Space(mesh, "P1"), np.array([1, 2]))
    centre = mesh.p[:, mesh.t].mean(axis=1)
    values = on_another_mesh(np.sign(centre[0] - 0.5), "P0", mesh, finer)
    assert np.array_equal(values, np.sign(finer.p[0, finer.t].mean(axis=0) - 0.5))


def test_a_vector_and_a_scalar_of_two_orders_are_carried_exactly():
    element = {"u": fem.vector("P2"), "p": "P1"}
    V = fem.Space(MESHES["triangles"], element)
    W = fem.Space(refined(V, np.array([5])), element)

    def function(space):
        x, y = space.fields["u"].dof_points[::2].T
        at = space.fields["p"].dof_points
        return space.join({"u": np.stack([x * y, x ** 2 - y], axis=1).ravel(), "p": at[:, 0] - at[:, 1]})
    assert np.allclose(carried(V, W) @ function(V), function(W), atol=1e-13)


def test_what_is_no_value_at_a_point_is_not_carried():
    V = fem.Space(MESHES["triangles"], "RT1")
    with pytest.raises(ValueError, match="RT1 has unknowns that are not values at points"):
        carried(V, V)


def test_curved_cells_are_refused():
    with pytest.raises(ValueError, match="a MeshTri2 has curved cells"):
        refined(fem.Space(skfem.MeshTri2.init_circle(1), "P2"))
