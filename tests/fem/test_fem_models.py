"""Models in a few lines, against solutions in closed form."""

import inspect
import pathlib

import models
import numpy as np
import pytest


MODELS = [models.elasticity, models.stokes, models.hyperelasticity, models.helmholtz, models.supg,
          models.mixed_poisson, models.curl_curl]
PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "fem.md").read_text()


def lines(code):
    """Without empty ones."""
    return [line for line in code.splitlines() if line.strip()]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_takes_at_most_twelve_lines(model):
    assert len(lines(inspect.getsource(model))) - 1 <= models.LIMIT


@pytest.mark.parametrize("model", MODELS)
def test_the_page_shows_the_model_beside_at_least_two_thirds_as_many_lines_of_ufl(model):
    source = inspect.getsource(model).rstrip()
    before, shown, _ = PAGE.partition(f"```python\n{source}\n```")
    assert shown
    ufl, ours = lines(before.rpartition("```ufl\n")[2].partition("```")[0]), lines(source)[1:]
    assert len(ours) <= 1.5 * len(ufl)
    assert f"| {len(ufl)} | {len(ours)} |" in PAGE


def test_a_bar_in_tension_is_strained_by_hooke():
    V, u = models.elasticity(E=2.0, nu=0.3, pull=0.1)
    expected = V.dof_points[::2] * np.array([0.1 / 2.0, -0.3 * 0.1 / 2.0])
    np.testing.assert_allclose(u.numpy().reshape(-1, 2), expected, rtol=0, atol=1e-14)


def test_poiseuille_flow_is_exact():
    V, y = models.stokes(nu=0.5, drop=8.0)
    x = V.quadrature_points
    np.testing.assert_allclose(V.at_points(y, field="u").numpy()[:, 0], 8.0 * x[:, 1] * (1 - x[:, 1]),
                               atol=1e-12)
    np.testing.assert_allclose(V.at_points(y, field="p").numpy(), 8.0 * (1 - x[:, 0]), atol=1e-11)


def test_the_stretches_of_a_neo_hookean_square_on_rollers():
    """λ₁, λ₂ of P₁₁ = μ(λ₁ − 1/λ₁) + λ ln(λ₁λ₂)/λ₁ = 0.4 and P₂₂ = 0, by Newton's method to 15 digits."""
    V, u = models.hyperelasticity(mu=1.3, lam=2.1, pull=0.4)
    stretches = np.array([1.116761797999931, 0.9505461055113681])
    np.testing.assert_allclose(u.numpy().reshape(-1, 2), V.dof_points[::2] * (stretches - 1), rtol=0,
                               atol=2e-15)
    log_J = np.log(stretches.prod())
    stress = 1.3 * (stretches - 1 / stretches) + 2.1 * log_J / stretches
    np.testing.assert_allclose(stress, [0.4, 0.0], atol=1e-14)


def test_a_plane_wave_leaves_through_an_impedance_boundary_with_order_three():
    def gap(n):
        V, y = models.helmholtz(k=4.0, n=n)
        wave = np.exp(4.0j * V.quadrature_points @ np.array([0.6, 0.8]))
        u = V.at_points(y, field="re").numpy() + 1j * V.at_points(y, field="im").numpy()
        return np.sqrt(V.quadrature_weights @ np.abs(u - wave) ** 2)
    assert np.log2(gap(6) / gap(12)) == pytest.approx(3.0, abs=0.2)


def test_streamline_diffusion_is_exact_at_the_nodes_of_a_uniform_interval():
    """−ε u'' + β u' = 1, u(0) = u(1) = 0.

    Source: A. N. Brooks and T. J. R. Hughes, Streamline upwind/Petrov–Galerkin formulations for
    convection dominated flows (1982), section 2.
    """
    V, u = models.supg(epsilon=0.01, beta=1.0)
    x = V.dof_points[:, 0]
    exact = x - (np.exp((x - 1) / 0.01) - np.exp(-1 / 0.01)) / (1 - np.exp(-1 / 0.01))
    np.testing.assert_allclose(u, exact, atol=1e-12)


def test_a_constant_flux_is_exact_by_raviart_and_thomas():
    """u = 1 + 2x − 3y, q = −∇u."""
    V, y = models.mixed_poisson(lambda x: 1.0 + x @ [2.0, -3.0], lambda x: np.zeros(len(x)))
    q = V.at_points(y, field="q").numpy()
    np.testing.assert_allclose(q, np.broadcast_to([-2.0, 3.0], q.shape), atol=1e-12)
    means = V.split(y)["u"]                         # of cells, which are the values at their centres
    centres = V.mesh.p[:, V.mesh.t].mean(axis=1).T
    np.testing.assert_allclose(means, 1.0 + centres @ [2.0, -3.0], atol=1e-12)


def test_a_turning_field_is_exact_by_edge_elements():
    """E = (1 − 3y, 2 + 3x), ∇×∇×E = 0."""
    def field(x):
        return np.stack([1.0 - 3.0 * x[:, 1], 2.0 + 3.0 * x[:, 0]], axis=1)
    V, E = models.curl_curl(field, field)
    np.testing.assert_allclose(V.at_points(E), field(V.quadrature_points), atol=1e-12)
    np.testing.assert_allclose(V.at_points(E, "curl"), 6.0, atol=1e-11)
