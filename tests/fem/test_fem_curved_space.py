"""Spaces on meshes of second order: the order of P2 on a disk, forms by hand, values found at points."""

import numpy as np
import pytest
import skfem

import fem


def exact(x):
    """u = sin(2x) e^y with −Δu = 3 u."""
    return np.sin(2 * x[:, 0]) * np.exp(x[:, 1])


def error_on_disk(n, order):
    """‖u_h − u‖ of −Δu = f in the unit disk, u = g on the circle, carried to the mesh's boundary."""
    mesh = fem.disk(n, order=order)
    V = fem.Space(mesh, "P2", quadrature_order=8)

    def boundary(x):
        return exact(x / np.linalg.norm(x, axis=1)[:, None])
    u = fem.solve(V.laplace(), V.load(lambda x: 3 * exact(x)), dirichlet=boundary)
    gap = np.asarray(V.interpolate(u)) - exact(V.quadrature_points)
    return np.sqrt(V.quadrature_weights @ gap ** 2)


def test_p2_on_a_curved_disk_has_order_three_and_on_chords_two():
    errors = {order: [error_on_disk(n, order) for n in (3, 6, 12)] for order in (1, 2)}
    slopes = {order: -np.polyfit(np.log([3, 6, 12]), np.log(e), 1)[0] for order, e in errors.items()}
    assert slopes[2] == pytest.approx(3.0, abs=0.15)
    assert slopes[1] == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("element", ["P1", "P2"])
def test_forms_on_curved_cells_are_those_of_scikit_fem(element):
    mesh = fem.disk(2)
    V = fem.Space(mesh, element)
    basis = skfem.Basis(mesh, V.element, intorder=10)
    from skfem.models.poisson import laplace, mass
    assert V.n == basis.N
    fine = fem.Space(mesh, element, quadrature_order=10)
    assert abs(fine.laplace().to_scipy() - laplace.assemble(basis)).max() < 1e-13
    assert abs(V.mass().to_scipy() - mass.assemble(basis)).max() < 1e-14       # exact by default
    assert V.basis_integrals.sum() == pytest.approx(basis.dx.sum(), rel=1e-14)


def test_the_flux_through_a_curved_boundary_is_its_length():
    V = fem.Space(fem.disk(8), "P2")
    assert np.sum(V.flux(1.0)) == pytest.approx(2 * np.pi, rel=2e-6)
    radial = (V.boundary_points() * V.boundary_normals()).sum(axis=1)
    np.testing.assert_allclose(radial, 1.0, atol=1e-4)


@pytest.mark.parametrize("mesh", [fem.disk(2), skfem.MeshTet2.init_ball(1)], ids=["disk", "ball"])
def test_values_are_found_at_points_of_curved_cells(mesh):
    V = fem.Space(mesh, "P2")
    u = np.random.default_rng(0).standard_normal(V.n)
    points = V.quadrature_points[::7]
    np.testing.assert_allclose(V.observe(points) @ u, np.asarray(V.interpolate(u))[::7], atol=1e-11)
    np.testing.assert_allclose(V.observe(V.dof_points) @ u, u, atol=1e-11)
