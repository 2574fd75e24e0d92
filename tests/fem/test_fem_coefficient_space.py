"""Discontinuous elements: coefficient spaces, refused where a form needs gradients or boundary values."""
import numpy as np
import pytest
import skfem

import fem
import pcl

V = fem.Space(fem.unit_square(4), "P1")
ELEMENTS = {"P0": skfem.ElementTriP0(), "P1 discontinuous": skfem.ElementTriP1DG()}


def beside(element):
    return fem.Space(fem.unit_square(4), element, quadrature_order=V.quadrature_order)


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=ELEMENTS)
def test_a_discontinuous_element_is_refused_for_whatever_needs_gradients_or_boundary_values(element):
    P = beside(element)
    u, q = np.ones(P.n), len(P.quadrature_points)
    for call in (lambda: P.laplace(), lambda: P.advection(np.ones((q, 2))), lambda: P.gradient(u),
                 lambda: P.residual(lambda u, g, x: (u, g), u),
                 lambda: fem.solve_nonlinear(P, lambda u, g, x: (u - 1.0, None), load=P.load(1.0)),
                 lambda: fem.solve(P.mass(), P.load(1.0), dirichlet=0.0),
                 lambda: fem.march(P, pcl.FirstOrder(P.mass(), load=P.load(1.0)), 0.0, [0, 1],
                                   dirichlet=0.0)):
        with pytest.raises(ValueError, match="needs gradients or boundary values.*coefficients"):
            call()


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=ELEMENTS)
def test_a_discontinuous_space_serves_as_a_coefficient_space(element):
    """κ = 1 on the left half, 3 on the right: exact in either space, jump on cell boundaries."""
    P = beside(element)
    centre = P.mesh.p[0][P.mesh.t].mean(axis=0)
    c = np.zeros(P.n)
    c[P.cell_dofs] = np.where(centre < 0.5, 1.0, 3.0)
    expected = V.laplace(lambda x: np.where(x[:, 0] < 0.5, 1.0, 3.0)).to_scipy()
    assert abs(V.laplace(P.interpolate(c)).to_scipy() - expected).max() < 1e-14 * abs(expected).max()
    problem = pcl.Problem.from_residuals(
        lambda theta: fem.solve(V.laplace(P.interpolate(theta["c"])), V.load(1.0), dirichlet=0.0) - 0.1,
        {"c": c})
    assert pcl.check_hessian(problem).ok


def test_the_mean_over_cells_is_a_solve_without_conditions():
    P = beside(ELEMENTS["P0"])
    means = fem.solve(P.mass(), P.load(lambda x: x[:, 0]))
    centre = P.mesh.p[0][P.mesh.t].mean(axis=0)
    np.testing.assert_allclose(means, centre[np.argsort(P.cell_dofs[0])], rtol=1e-13)


def test_crouzeix_raviart_keeps_its_solves():
    """Midpoint values of a linear solution are reproduced."""
    C = fem.Space(fem.unit_square(4), skfem.ElementTriCR())
    u = fem.solve(C.laplace(), np.zeros(C.n), dirichlet=lambda x: x[:, 0] - 2 * x[:, 1])
    np.testing.assert_allclose(u, C.dof_points @ [1.0, -2.0], atol=1e-13)
