"""The stored energy of a rubber sheet from its force and marks on it."""

import numpy as np

import pcl
from examples import hyperelastic_energy as example


def test_at_rest_energy_and_stress_are_zero_for_any_weights():
    """W(I) = 0, ∂W/∂F (I) = 0."""
    net = pcl.ICNN([1, 4, 1], monotone=True)
    for seed in range(3):
        weights = 2.0 * np.random.default_rng(seed).normal(size=net.size)
        W, P = stress(lambda s: example.energy(net, weights, s), np.zeros((1, 2, 2)))
        np.testing.assert_allclose(W, 0.0, atol=1e-14)
        np.testing.assert_allclose(P, 0.0, atol=1e-14)


def stress(energy, gradient):
    """W and ∂W/∂F at ∇u (q, 2, 2)."""
    W = example.density(energy)
    return pcl.pointwise_gradient(lambda G: W(type("u", (), {"gradient": G}), None), gradient)


def test_the_force_is_the_derivative_of_the_energy_by_the_pull():
    """d/dd min ∫ W dx = the reaction, by differences of the least energy."""
    sheet, h = example.Sheet(1), 1e-2
    low, high = (measured(sheet, d) for d in (3.0 - h, 3.0 + h))
    np.testing.assert_allclose((low[0] + high[0]) / 2.0, (high[1] - low[1]) / (2.0 * h), rtol=1e-5)


def measured(sheet, d):
    """The force, and ∫ W dx in NumPy, at a pull."""
    readings, u = example.measured(sheet, (d,))
    F = np.eye(2) + sheet.space.gradient(u).numpy()
    s, J = np.sum(F * F, axis=(1, 2)) - 2.0, np.linalg.det(F)
    W = (example.polynomial(example.TRUE, s) - 2.0 * example.TRUE[0] * np.log(J)
         + example.KAPPA / 2 * (J - 1.0) ** 2)
    return readings[0] * example.SIGMA_FORCE, sheet.space.quadrature_weights @ W


def test_the_energy_is_found_where_the_sheet_is_strained(tmp_path):
    outcome = example.main(n=2, pulls=(6.0,), maxiter=3)
    middle = (outcome["s"] >= 0.4) & (outcome["s"] <= 1.4)
    assert np.abs(outcome["slope"] / outcome["truth"] - 1.0)[middle].max() < 0.05
    assert outcome["misfit"] < 40.0
    assert example.plot(outcome, tmp_path).stat().st_size > 20_000
