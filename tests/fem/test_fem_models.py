"""Models in a few lines, against solutions in closed form."""

import inspect

import models
import numpy as np
import pytest


@pytest.mark.parametrize("model", [models.elasticity, models.stokes, models.hyperelasticity,
                                   models.helmholtz, models.supg])
def test_a_model_takes_at_most_twelve_lines(model):
    lines = [line for line in inspect.getsource(model).splitlines()[1:] if line.strip()]
    assert len(lines) <= models.LIMIT


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
