"""Regularisers of unknown coefficients against closed forms, matrices and differences."""
import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl


def interval(n):
    return fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, n + 1)), "P1")


def square(n):
    return fem.Space(fem.unit_square(n), "P1")


def cube(n):
    return fem.Space(skfem.MeshHex.init_tensor(*3 * [np.linspace(0.0, 1.0, n + 1)]), "P1")


def tetrahedra(n):
    return fem.Space(skfem.MeshTet.init_tensor(*3 * [np.linspace(0.0, 1.0, n + 1)]), "P1")


STATES = {"interval": (interval, 32), "square": (square, 24), "hexahedra": (cube, 8),
          "tetrahedra": (tetrahedra, 6)}
SOME = square(3)
ROUGH = np.random.default_rng(3)


def wave(x):
    """cos πx₁ … cos πx_d: ∫ f² = 2⁻ᵈ, ∫ |∇f|² = d π² 2⁻ᵈ, ∂f/∂n = 0."""
    return np.prod(np.cos(np.pi * x), axis=1)


@pytest.mark.parametrize("element", ["P0", "P1", "P2", "CR"])
@pytest.mark.parametrize("state", STATES)
def test_norms_are_those_of_a_known_function(state, element):
    make, n = STATES[state]
    V = make(n)
    if element == "CR" and state != "square" or element == "P2" and state == "tetrahedra":
        pytest.skip("one of each kind suffices")
    c, dim = fem.Coefficient(V, element), V.dim
    theta = c.init(wave)
    assert abs(float(fem.L2(c)(theta)) * 2 ** dim - 1.0) < 4.0 * dim / n ** 2 * 2
    assert abs(float(fem.H1(c)(theta)) * 2 ** dim / (dim * np.pi ** 2) - 1.0) < 4.0 * dim / n ** 2 * 2


@pytest.mark.parametrize("element", ["P1", "P2", "CR"])
def test_total_variation_of_a_slope_is_its_height(element):
    V = square(5)
    c = fem.Coefficient(V, element)
    theta = c.init(lambda x: 3.0 * x[:, 0] - 4.0 * x[:, 1])
    assert abs(float(fem.TotalVariation(c, 1e-7)(theta)) - 5.0) < 2e-7
    value = float(fem.TotalVariation(c, 12.0)(theta))
    assert abs(value - (13.0 - 12.0)) < 1e-12                               # √(5² + 12²) − 12


def test_total_variation_of_cells_is_jump_times_length():
    c = fem.Coefficient(square(8), "P0")
    step = c.init(lambda x: 2.0 * (x[:, 0] > 0.5))
    assert abs(float(fem.TotalVariation(c, 1e-9)(step)) - 2.0) < 1e-7
    assert float(fem.TotalVariation(c, 1e-9)(c.init(7.0))) == 0.0


def test_on_a_part_of_the_boundary_norms_are_those_of_its_arc():
    V = fem.Space(fem.unit_square(4), "P1")
    h = fem.Coefficient(V, "P1", boundary=lambda x: x[:, 0] > 0.99)
    theta = h.init(lambda x: 3.0 * x[:, 1])
    assert abs(float(fem.L2(h)(theta)) - 3.0) < 1e-12                       # ∫ 9y² dy
    assert abs(float(fem.H1(h)(theta)) - 9.0) < 1e-12
    assert abs(float(fem.TotalVariation(h, 4.0)(theta)) - 1.0) < 1e-12      # √(9 + 16) − 4


def test_a_weight_is_in_the_measure():
    """∫ |∂(r²)/∂r|² r dr = ∫ 4 r³ dr = 1 on the unit interval."""
    V = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 9)), "P2", weight=lambda x: x[:, 0])
    c = fem.Coefficient(V, "P2")
    assert abs(float(fem.H1(c)(c.init(lambda x: x[:, 0] ** 2))) - 1.0) < 1e-12


@pytest.mark.parametrize("element", ["P1", "P2"])
def test_norms_are_the_quadratic_forms_of_mass_and_stiffness(element):
    W = fem.Space(fem.unit_square(3), element)
    c, x = fem.Coefficient(SOME, element), ROUGH.normal(size=W.n)
    assert abs(float(fem.L2(c)(x)) / (x @ W.mass().to_scipy() @ x) - 1.0) < 1e-13
    assert abs(float(fem.H1(c)(x)) / (x @ W.laplace().to_scipy() @ x) - 1.0) < 1e-13


def regularisers(c):
    return {"L2": fem.L2(c, 0.3), "H1": fem.H1(c), "total variation": fem.TotalVariation(c, 0.5),
            "Matern": fem.Matern(c, 0.4, 1.5, mean=0.3)}


KINDS = {"P0": ["L2", "H1", "total variation", "Matern"], "P1": ["L2", "H1", "total variation", "Matern"],
         "P2": ["H1", "Matern"], "CR": ["H1"], fem.vector("P0"): ["H1", "Matern"],
         fem.vector("P1"): ["H1"]}


@pytest.mark.parametrize("element, kind", [(e, kind) for e, kinds in KINDS.items() for kind in kinds])
def test_derivatives_are_exact_as_residuals_and_as_a_scalar(element, kind):
    c = fem.Coefficient(SOME, element)
    R, start = regularisers(c)[kind], {"c": ROUGH.normal(size=c.size)}
    stated = pcl.Problem.from_residuals(lambda t: R.residuals(t["c"]), start)
    assert pcl.check_gradient(stated).ok and pcl.check_hessian(stated).ok
    scalar = pcl.Problem(lambda t: R(t["c"]), start)
    np.testing.assert_allclose(scalar.hessian(start["c"]), stated.hessian(start["c"]), atol=1e-9)
    assert abs(stated.value(start["c"]) - scalar.value(start["c"])) <= 1e-12 * scalar.value(start["c"])


@pytest.mark.parametrize("kind", ["L2", "H1", "Matern"])
def test_the_hessian_is_twice_the_gauss_newton_matrix_of_the_residuals(kind):
    """Quadratic forms are least squares: r is linear, so that Gauss–Newton is exact."""
    c = fem.Coefficient(SOME, "P0")
    R = regularisers(c)[kind]
    problem = pcl.Problem.from_residuals(lambda t: R.residuals(t["c"]), {"c": np.zeros(c.size)})
    J = problem.jacobian(problem.theta0)
    H = problem.hessian(problem.theta0)
    np.testing.assert_allclose(H, 2.0 * J.T @ J, atol=1e-12 * np.abs(H).max())


def test_one_weight_serves_every_mesh():
    """L² misfit to a function and α H1: the answer at the corner settles with h."""
    answers = []
    for n in (5, 10):
        c = fem.Coefficient(square(n), "P1")
        data, R, root = fem.L2(c, wave), fem.H1(c), np.sqrt(0.02)
        problem = pcl.Problem.from_residuals(
            lambda t: tf.concat([data.residuals(t["c"]), root * R.residuals(t["c"])], 0),
            {"c": c.init(0.0)})
        best = -np.linalg.solve(problem.hessian(problem.theta0), problem.gradient(problem.theta0))
        answers.append(float(c.function(best)(np.array([[0.0, 0.0]]))[0]))
    exact = 1.0 / (1.0 + 0.02 * 2.0 * np.pi ** 2)                           # c − α Δc = f
    errors = np.abs(np.array(answers) - exact)
    assert errors[1] < 0.03 and errors[1] < errors[0] / 2.5


def test_wrong_regularisers_are_refused_in_words():
    c = fem.Coefficient(SOME, "P0")
    with pytest.raises(TypeError, match="expected a fem.Coefficient"):
        fem.H1(SOME)
    with pytest.raises(ValueError, match="epsilon is 0.0; expected a finite number > 0"):
        fem.TotalVariation(c, 0.0)
    with pytest.raises(ValueError, match="neither gradients nor one value in every cell"):
        fem.H1(fem.Coefficient(SOME, "P1-discontinuous"))
    with pytest.raises(ValueError, match="length is -1.0; expected a finite number > 0"):
        fem.Matern(c, -1.0, 1.0)
    with pytest.raises(ValueError, match="lumped=True, but some functions"):
        fem.Matern(fem.Coefficient(SOME, "P2"), 1.0, 1.0, lumped=True)
