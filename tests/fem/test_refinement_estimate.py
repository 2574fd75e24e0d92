"""The estimated error of a quantity against exact solutions, and its shares."""

import numpy as np
import pytest
import skfem

import fem
from fem.refinement.dual import dual
from fem.refinement.finer import marked

POINT = np.array([[-0.27, 0.31]])


def corner(x):
    """r^(2/3) sin(2φ/3) on the L-shape without x, y > 0: harmonic, 0 on both sides of the corner."""
    r, angle = np.hypot(x[:, 0], x[:, 1]), np.arctan2(-x[:, 0], x[:, 1]) % (2 * np.pi)
    return r ** (2 / 3) * np.sin(2 / 3 * np.where(angle > 1.9 * np.pi, 0.0, angle))


def harmonic(V, theta):
    return fem.LinearEquation(V.laplace(), V.load(0.0), dirichlet=corner)


def at_point(V, u, theta):
    return V.observe(POINT) @ u


def l_shape():
    return skfem.MeshTri.init_lshaped().refined(1)


def test_on_the_l_shape_the_estimate_is_within_a_factor_of_three_of_the_error():
    found = fem.refine(l_shape(), "P1", harmonic, at_point, 5e-4)
    ratios = [level.estimate / (corner(POINT)[0] - level.value) for level in found.history]
    assert found.success and len(ratios) > 4
    assert all(0.3 < ratio < 3 for ratio in ratios)
    assert abs(found.value - corner(POINT)[0]) < 1e-3


def test_it_takes_a_quarter_of_the_cells_of_uniform_refinement_or_less():
    few = fem.refine(l_shape(), "P1", harmonic, at_point, 7e-4)
    many = fem.refine(l_shape(), "P1", harmonic, at_point, 7e-4, refining=fem.Refining(uniform=True))
    assert few.success and many.success
    assert few.last.cells < many.last.cells / 4


def judged(mesh, element, equation, quantity, start=None):
    V, W = fem.Refining().spaces(mesh, element)
    u = equation(V, {}).solve(V, None, start).numpy()
    before = float(np.ravel(quantity(V, u, {}))[0])
    judge = dual(V, W, equation, quantity, {}, u)
    return judge.by_cell(np.ones(1)).sum(), judge.outcomes[0] - before


def stokes(V, theta):
    def form(u, p, x):
        stress = 2 * fem.sym(u.gradient) - p.value[:, None, None] * np.eye(2)
        load = np.stack([np.sin(5 * x[:, 1]), x[:, 0] ** 3], axis=1)
        return {"u": {"value": -load, "gradient": stress}, "p": {"value": u.divergence}}
    A, b = V.system(form)
    return fem.LinearEquation(A, b, {"u": 0.0}, [V.mean_value(0.0, "p")])


def periodic(V, theta):
    def source(x):
        return np.exp(np.sin(2 * np.pi * x[:, 0])) * x[:, 1]
    return fem.LinearEquation(V.laplace(), V.load(source), {"low": 0.0, "high": 1.0},
                              [V.periodic("west", "east")])


def square(refinements=2):
    sides = {"low": (1, 0.0), "high": (1, 1.0), "west": (0, 0.0), "east": (0, 1.0)}
    return skfem.MeshTri().refined(refinements).with_boundaries(
        {name: lambda x, d=d, at=at: x[d] == at for name, (d, at) in sides.items()})


LINEAR = {
    "singular": (l_shape, "P1", harmonic, at_point),
    "mixed": (lambda: square(1), {"u": fem.vector("P2"), "p": "P1"}, stokes,
              lambda V, u, theta: V.integrate(lambda u, p, x: u.value[:, 0] * x[:, 1], u)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_the_shares_of_a_linear_equation_add_up_to_the_difference_of_both_spaces(name):
    make, *rest = LINEAR[name]
    total, difference = judged(make(), *rest)
    assert total == pytest.approx(difference, rel=1e-8) and difference != 0.0


def test_periodic_sides_get_no_share_for_being_tied():
    def inside(V, u, theta):
        return V.integrate(lambda u, x: u.value * x[:, 0], u)
    V, W = fem.Refining().spaces(square(), "P1")
    u = periodic(V, {}).solve(V).numpy()
    judge = dual(V, W, periodic, inside, {}, u)
    shares = judge.by_cell(np.ones(1))
    difference = judge.outcomes[0] - inside(V, u, {}).numpy()
    assert shares.sum() == pytest.approx(difference, rel=1e-3)
    assert np.abs(shares).sum() < 10 * abs(difference)


def test_of_a_nonlinear_equation_they_do_to_second_order():
    def equation(V, theta):
        return fem.WeakEquation(lambda u, grad_u, x: (u ** 3 - 40.0, (1 + u ** 2)[:, None] * grad_u), 0.0)

    def gap(refinements):
        total, difference = judged(skfem.MeshTri().refined(refinements), "P1", equation,
                                   lambda V, u, theta: V.integrate(lambda u, x: u.value, u))
        return abs(total / difference - 1)
    coarse, fine = gap(1), gap(2)
    assert fine < 0.15 and fine < coarse / 2


def test_the_marked_cells_are_the_fewest_that_hold_the_fraction():
    assert marked(np.array([1.0, -5.0, 0.5, 3.5]), 0.5).tolist() == [1]
    assert marked(np.array([1.0, -5.0, 0.5, 3.5]), 0.6).tolist() == [1, 3]
    assert marked(np.array([1.0, -5.0, 0.5, 3.5]), 1.0).tolist() == [0, 1, 2, 3]


def test_a_limit_of_cells_reaches_the_caller():
    found = fem.refine(l_shape(), "P1", harmonic, at_point, 1e-9, refining=fem.Refining(max_cells=100))
    assert not found.success and found.last.cells <= 100
    assert "more than max_cells cells" in found.verdict and str(found).endswith(found.verdict)


def test_bad_inputs_are_refused_in_words():
    quads = skfem.MeshQuad().refined(1)
    with pytest.raises(ValueError, match=r"MeshQuad1 cannot be refined one by one.*uniform=True"):
        fem.refine(quads, "Q1", lambda V, t: fem.LinearEquation(V.laplace(), V.load(1.0), 0.0),
                   lambda V, u, t: V.integrate(lambda u, x: u.value, u), 1e-9)
    with pytest.raises(ValueError, match="no element of one order more is known for 'RT1'.*finer"):
        fem.refine(l_shape(), "RT1", harmonic, at_point, 1e-3)
    with pytest.raises(ValueError, match="quantity has 21 entries; expected one number"):
        fem.refine(l_shape(), "P1", harmonic, lambda V, u, t: u, 1e-3)
    with pytest.raises(ValueError, match="fraction is 0"):
        fem.Refining(fraction=0)


@pytest.mark.parametrize("mesh", [skfem.MeshLine(np.linspace(0, 1, 4)), skfem.MeshTet().refined(2),
                                  skfem.MeshQuad().refined(1)], ids=lambda mesh: type(mesh).__name__)
def test_lines_tetrahedra_and_quadrilaterals_reach_a_tolerance_too(mesh):
    odd = np.meshgrid(*[np.arange(1, 40, 2)] * mesh.dim())              # ∫u of −Δu = 1 by its sine series
    exact = np.sum(np.prod([8 / (np.pi * k) ** 2 for k in odd], 0) / sum((np.pi * k) ** 2 for k in odd))
    part = 0.2 if mesh.dim() == 3 else 0.1

    def equation(V, theta):
        ones = np.ones(len(V.quadrature_points))
        return fem.LinearEquation(V.laplace(), V.load(theta["f"] * ones), 0.0)
    found = fem.refine(mesh, "P1", equation, lambda V, u, t: V.integrate(lambda u, x: u.value, u),
                       part * exact, {"f": 1.0}, fem.Refining(uniform=isinstance(mesh, skfem.MeshQuad)))
    assert found.success and len(found.history) > 1
    assert abs(found.value - exact) < 1.5 * part * exact
