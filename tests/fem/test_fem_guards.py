"""A coefficient that must be positive stays so through the algebra of matrices."""
import numpy as np
import pytest
import tensorflow as tf

import fem
import pcl

V = fem.Space(fem.unit_square(4), "P1")
GRID = fem.Grid.uniform((5, 4))
FORMS = {"laplace": V.laplace, "mass": V.mass, "tensor": lambda k=1.0, **options: V.laplace(
    np.tile(2.0 * np.eye(2), (len(V.quadrature_points), 1, 1)), **options),
    "grid laplace": GRID.laplace, "grid mass": GRID.mass}
MINUS = tf.constant(-1.0, tf.float64)
MULTIPLES = {"s A": lambda A: MINUS * A, "A s": lambda A: A * MINUS, "A/s": lambda A: A / MINUS,
             "-A": lambda A: -A, "-2 A": lambda A: -2.0 * A, "0 A": lambda A: A * 0.0,
             "s t A": lambda A: tf.constant(2.0, tf.float64) * (MINUS * A),
             "s (A + A)": lambda A: MINUS * (A + A), "s Aᵀ": lambda A: MINUS * A.T}


@pytest.mark.parametrize("multiple", MULTIPLES)
@pytest.mark.parametrize("form", FORMS)
def test_a_multiple_that_is_not_positive_is_refused_unless_the_form_allows_it(form, multiple):
    with pytest.raises(pcl.InvalidCoefficient, match="factor .* is not positive"):
        MULTIPLES[multiple](FORMS[form]()).to_scipy()
    allowed = MULTIPLES[multiple](FORMS[form](positive=False)).to_scipy()
    size = np.abs(FORMS[form]().to_scipy()).max()
    scale = {"-2 A": -2, "0 A": 0, "s t A": -2, "s (A + A)": -2}.get(multiple, -1)
    assert np.abs(allowed - scale * FORMS[form]().to_scipy()).max() < 1e-14 * size


@pytest.mark.parametrize("mass", [V.mass, GRID.mass], ids=["cells", "grid"])
def test_mass_refuses_what_laplace_refuses(mass):
    for rho in (-1.0, 0.0, MINUS, lambda x: x[:, 0] - 0.5):
        with pytest.raises(pcl.InvalidCoefficient, match="rho is not positive"):
            mass(rho).to_scipy()
        mass(rho, positive=False).to_scipy()


def test_a_difference_says_its_sign_and_is_solved():
    """−u'' − k² u = 1 on (0, 1), u = 0 at the ends: u = (cos k(x − ½)/cos(k/2) − 1)/k²."""
    grid, k = fem.Grid.uniform(401), 2.0
    A = grid.laplace() - tf.constant(k ** 2, tf.float64) * grid.mass()
    u = fem.solve(A, grid.load(1.0), dirichlet=0.0)
    exact = (np.cos(k * (grid.points[:, 0] - 0.5)) / np.cos(k / 2) - 1) / k ** 2
    np.testing.assert_allclose(u, exact, atol=2e-6)


def test_what_was_subtracted_may_have_any_sign_and_the_rest_may_not():
    A = V.laplace() - V.mass()
    with pytest.raises(pcl.InvalidCoefficient):
        (-A).to_scipy()
    B = V.mass(positive=False) - V.laplace()
    assert abs((-B).to_scipy() + B.to_scipy()).max() == 0.0


def test_in_training_a_negative_factor_is_a_failed_trial_and_the_best_point_is_kept():
    """The data of κ = 0.02 pull the factor from 1 below zero."""
    data = fem.solve(0.02 * V.laplace(), V.load(1.0), dirichlet=0.0).numpy()

    def residuals(theta):
        return fem.solve(theta["s"] * V.laplace(), V.load(1.0), dirichlet=0.0) - data
    problem = pcl.Problem.from_residuals(residuals, {"s": 1.0})
    with pytest.raises(pcl.InvalidCoefficient, match="factor"):
        problem.value([-1.0])
    assert pcl.check_hessian(problem).ok
    assert pcl.minimize(problem, "BFGS", progress=False).x[0] > 0.0


def test_a_float32_factor_is_refused_in_our_words():
    with pytest.raises(TypeError, match="factor of a matrix .*float32"):
        (tf.constant(2.0) * V.laplace()).to_scipy()
