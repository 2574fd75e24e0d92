"""Matérn priors: the covariance that was stated, on every mesh."""
import numpy as np
import pytest
import skfem
import tensorflow as tf
from scipy.special import gamma, kv

import fem
import pcl

LENGTH, DEVIATION = 1.0, 2.5


def correlation(distance, dim):
    """Of the Matérn covariance with ν = 2 − d/2 and κ = √(8ν)/ρ."""
    nu = 2.0 - dim / 2.0
    r = np.sqrt(8.0 * nu) / LENGTH * np.maximum(distance, 1e-12)
    return 2.0 ** (1.0 - nu) / gamma(nu) * r ** nu * kv(nu, r)


SPACES = {1: lambda: fem.Space(skfem.MeshLine(np.linspace(0.0, 10.0, 161)), "P1"),
          2: lambda: fem.Space(skfem.MeshTri.init_tensor(*2 * [np.linspace(0.0, 4.0, 33)]), "P1"),
          3: lambda: fem.Space(skfem.MeshHex.init_tensor(*3 * [np.linspace(0.0, 2.0, 11)]), "P1")}


@pytest.mark.parametrize("dim, element, tolerance", [
    (1, "P1", 0.01), (1, "P0", 0.01), (1, "P2", 0.01), (2, "P1", 0.02), (2, "P0", 0.02), (2, "P2", 0.02),
    (3, "P1", 0.10)])
def test_covariance_inside_is_the_matern_one_that_was_stated(dim, element, tolerance):
    c = fem.Coefficient(SPACES[dim](), element)
    middle = np.argmin(((c.points - c.points.mean(axis=0)) ** 2).sum(axis=1))
    C = fem.Matern(c, LENGTH, DEVIATION).covariance([middle])[:, 0]
    distance = np.linalg.norm(c.points - c.points[middle], axis=1)
    near = distance < (1.0 if dim < 3 else 0.5)
    exact = DEVIATION ** 2 * correlation(distance[near], dim)
    assert np.abs(C[near] - exact).max() < 2.0 * tolerance * DEVIATION ** 2


@pytest.mark.parametrize("element", ["P0", "P1"])
def test_the_robin_term_keeps_the_deviation_at_the_boundary(element):
    c = fem.Coefficient(SPACES[2](), element)
    side = np.argmin(((c.points - [0.0, 2.0]) ** 2).sum(axis=1))
    deviations = [np.sqrt(fem.Matern(c, LENGTH, DEVIATION, robin=robin).covariance([side])[side, 0])
                  for robin in (1.42, None)]
    assert abs(deviations[0] / DEVIATION - 1.0) < 0.09
    assert abs(deviations[1] / DEVIATION - np.sqrt(2.0)) < 0.06             # doubled by reflection


@pytest.mark.parametrize("element, options", [
    ("P0", {}), ("P1", {}), ("P1", {"lumped": True}), ("P2", {}), ("CR", {"robin": None}),
    (fem.vector("P1"), {}), ("P2", {"anisotropy": np.array([[2.0, 0.5], [0.5, 0.625]])})], ids=str)
def test_squares_of_the_residuals_are_the_inverse_covariance(element, options):
    c = fem.Coefficient(fem.Space(fem.unit_square(4), "P1"), element)
    prior = fem.Matern(c, 0.3, 1.0, 0.5, **options)
    x = np.random.default_rng(0).normal(size=c.size)
    Q = np.linalg.inv(prior.covariance(np.arange(c.size)))
    assert abs(float(prior(x)) / ((x - 0.5) @ Q @ (x - 0.5)) - 1.0) < 1e-11
    problem = pcl.Problem.from_residuals(lambda t: prior.residuals(t["c"]), {"c": x})
    np.testing.assert_allclose(problem.hessian(x), 2.0 * Q, atol=1e-10 * np.abs(Q).max())


def test_smooth_elements_have_the_bilaplacian_of_their_matrices():
    """Q = A M⁻¹ A by the matrices of a space, in the words of hIPPYlib."""
    W = fem.Space(fem.unit_square(4), "P2")
    c = fem.Coefficient(W, "P2")
    prior = fem.Matern(c, 0.3, 1.0)
    A = prior.gamma * W.laplace().to_scipy() + prior.delta * W.mass().to_scipy() \
        + np.sqrt(prior.gamma * prior.delta) / 1.42 * W.boundary_mass().to_scipy()
    x = np.random.default_rng(1).normal(size=c.size)
    s = np.linalg.solve(W.mass().to_scipy().toarray(), A @ x)
    assert abs(float(prior(x)) / (s @ W.mass().to_scipy() @ s) - 1.0) < 1e-12


def test_stretched_fields_are_longer_along_the_stretch():
    c = fem.Coefficient(SPACES[2](), "P1")
    middle = np.argmin(((c.points - 2.0) ** 2).sum(axis=1))
    C = fem.Matern(c, 0.6, 1.0, anisotropy=np.diag([4.0, 0.25])).covariance([middle])[:, 0]
    along = np.argmin(((c.points - [3.0, 2.0]) ** 2).sum(axis=1))
    across = np.argmin(((c.points - [2.0, 2.25]) ** 2).sum(axis=1))
    assert abs(C[middle] - 1.0) < 0.1 and abs(C[along] - C[across]) < 0.05 * C[middle]


@pytest.mark.parametrize("element", ["P0", "P1"])
def test_draws_have_the_covariance_of_the_prior(element):
    c = fem.Coefficient(fem.Space(fem.unit_square(3), "P1"), element)
    prior = fem.Matern(c, 0.5, 2.0, mean=1.0)
    draws, C = prior.draws(20000, seed=0), prior.covariance(np.arange(c.size))
    scale = np.sqrt(np.outer(np.diag(C), np.diag(C)))
    assert np.abs((np.cov(draws.T) - C) / scale).max() < 0.05                 # five standard errors
    assert np.abs(draws.mean(axis=0) - 1.0).max() < 0.08
    np.testing.assert_array_equal(draws, prior.draws(20000, seed=0))


def test_the_most_probable_field_does_not_depend_on_the_mesh():
    """Two readings with noise: the estimate between them settles as the mesh is refined."""
    def estimate(n):
        V = fem.Space(fem.unit_square(n), "P1")
        c = fem.Coefficient(V, "P1")
        read, prior = V.observe([[0.25, 0.5], [0.75, 0.5]]), fem.Matern(c, 0.5, 1.0)
        C = prior.covariance(np.arange(c.size))
        rows = read.matrix.toarray()
        gain = C @ rows.T @ np.linalg.inv(rows @ C @ rows.T + 0.01 * np.eye(2))
        by_formula = gain @ [1.0, -0.5]

        def residuals(theta):
            return tf.concat([(read @ theta["c"] - np.array([1.0, -0.5])) / 0.1,
                              prior.residuals(theta["c"])], 0)
        if n == 4:
            problem = pcl.Problem.from_residuals(residuals, {"c": c.init(0.0)})
            found = pcl.minimize(problem, "levenberg-marquardt").x
            np.testing.assert_allclose(found, by_formula, atol=1e-6)
        return float(c.function(by_formula)(np.array([[0.5, 0.5]]))[0])
    values = [estimate(n) for n in (4, 8, 16)]
    assert abs(values[2] - values[1]) < 0.02 and abs(values[2] - values[1]) < abs(values[1] - values[0])
