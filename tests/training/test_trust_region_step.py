"""The trust-region step: optimality conditions, closed forms, hard case, against SciPy's."""

import numpy as np
import pytest
from scipy.optimize import minimize

from pcl.training.drivers.trust_region_step import TrustRegionModel


def symmetric(eigenvalues, seed=0):
    """(H, Q) with these eigenvalues and random eigenvectors Q."""
    n = len(eigenvalues)
    Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    H = (Q * np.asarray(eigenvalues, float)) @ Q.T
    return 0.5 * (H + H.T), Q


def require_optimal(g, H, radius, step, tolerance=1e-10):
    """(H + λ)s = −g, λ(Δ − |s|) = 0, H + λ ⪰ 0, |s| ≤ Δ, each relative to its terms."""
    s, size = step.s, np.abs(np.linalg.eigvalsh(H)).max() + step.multiplier
    length = np.linalg.norm(s)
    scale = np.linalg.norm(g) + size * length
    assert np.linalg.norm(H @ s + step.multiplier * s + g) <= tolerance * scale
    assert length <= radius * (1.0 + tolerance)
    assert step.multiplier * (radius - length) <= tolerance * size * radius
    assert step.multiplier >= 0.0
    assert np.linalg.eigvalsh(H)[0] + step.multiplier >= -tolerance * size
    assert step.decrease == pytest.approx(-(g @ s + 0.5 * s @ H @ s), rel=1e-8,
                                          abs=1e-13 * scale * radius)


SPECTRA = {
    "definite": np.geomspace(1e-3, 10.0, 12),
    "indefinite": np.linspace(-2.0, 5.0, 12),
    "negative": -np.geomspace(1e-2, 3.0, 12),
    "singular": [0.0] * 4 + list(np.geomspace(1e-3, 1.0, 8)),
    "numerically singular": np.geomspace(1e-18, 1.0, 12),
    "zero": [0.0] * 12,
    "two values": [-1.0] * 6 + [1.0] * 6,
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("radius", [1e-6, 1e-2, 1.0, 1e3, 1e8])
@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_the_optimality_conditions_hold(name, radius, unit):
    H, _ = symmetric(unit * np.asarray(SPECTRA[name]))
    for seed in range(5):
        g = unit * np.random.default_rng(seed).standard_normal(12)
        require_optimal(g, H, radius, TrustRegionModel(g, H).step(radius))


@pytest.mark.parametrize("radius", [1e-3, 1.0, 1e3])
def test_the_conditions_hold_in_the_hard_case_and_next_to_it(radius):
    H, Q = symmetric([-1.0, -1.0, 0.5, 1.0, 2.0, 4.0])
    for tilt in (0.0, 1e-18, 1e-14, 1e-10, 1e-6):
        g = Q[:, 2:] @ np.array([1e-2, 1.0, -1.0, 2.0]) + tilt * Q[:, 0]
        step = TrustRegionModel(g, H).step(radius)
        require_optimal(g, H, radius, step)
        assert step.on_boundary


def test_hard_case_in_closed_form():
    # H = diag(−1, 1), g = (0, 1), Δ = 1: λ = 1, s₂ = −1/2, s₁ = ±√3/2, decrease 1/2 + 1/4
    step = TrustRegionModel(np.array([0.0, 1.0]), np.diag([-1.0, 1.0])).step(1.0)
    assert np.abs(step.s) == pytest.approx([np.sqrt(0.75), 0.5], abs=1e-12)
    assert (step.multiplier, step.decrease) == pytest.approx((1.0, 0.75), abs=1e-12)


def test_without_gradient_the_step_is_along_the_most_negative_curvature_or_zero():
    H, Q = symmetric([-3.0, 1.0, 2.0])
    step = TrustRegionModel(np.zeros(3), H).step(2.0)
    assert abs(Q[:, 0] @ step.s) == pytest.approx(2.0, abs=1e-12)
    assert step.decrease == pytest.approx(6.0, rel=1e-12)
    positive, _ = symmetric([0.0, 1.0, 2.0])
    assert not TrustRegionModel(np.zeros(3), positive).step(2.0).s.any()


@pytest.mark.parametrize("h, g, radius, s, multiplier", [
    (2.0, 4.0, 10.0, -2.0, 0.0),        # Newton
    (2.0, 4.0, 1.0, -1.0, 2.0),         # (2 + λ) 1 = 4
    (-2.0, 4.0, 1.0, -1.0, 6.0),        # (−2 + λ) 1 = 4
    (0.0, 4.0, 0.5, -0.5, 8.0)])
def test_one_parameter_in_closed_form(h, g, radius, s, multiplier):
    step = TrustRegionModel(np.array([g]), np.array([[h]])).step(radius)
    assert (step.s[0], step.multiplier) == pytest.approx((s, multiplier), abs=1e-10)


def test_diagonal_with_known_multiplier():
    # s_i = −g_i/(h_i + λ); λ chosen, g follows from a prescribed s on the boundary
    h, multiplier, s = np.array([-2.0, 0.0, 1.0, 30.0]), 2.5, np.array([0.6, -0.3, 2.0, 0.01])
    step = TrustRegionModel(-(h + multiplier) * s, np.diag(h)).step(np.linalg.norm(s))
    assert step.s == pytest.approx(s, rel=1e-9)
    assert step.multiplier == pytest.approx(multiplier, rel=1e-9)


def test_entries_from_1e_minus_12_to_1e12():
    rng = np.random.default_rng(3)
    D = 10.0 ** rng.uniform(-6.0, 6.0, 20)
    A = rng.standard_normal((20, 20))
    H = D[:, None] * (A + A.T) * D
    for radius in (1e-12, 1e-6, 1.0, 1e6, 1e12):
        g = D * rng.standard_normal(20)
        require_optimal(g, H, radius, TrustRegionModel(g, H).step(radius))


@pytest.mark.parametrize("name", ["definite", "indefinite", "negative", "singular", "two values"])
def test_the_model_decreases_at_least_as_much_as_with_scipys_step(name):
    H, _ = symmetric(SPECTRA[name], seed=1)
    for seed in range(5):
        g = np.random.default_rng(seed).standard_normal(12)
        for radius in (1e-3, 0.3, 1.0, 30.0):
            # the first iterate from 0 on the quadratic itself
            s = minimize(lambda x: g @ x + 0.5 * x @ H @ x, np.zeros(12), jac=lambda x: g + H @ x,
                         hess=lambda x: H, method="trust-exact", options={
                             "initial_trust_radius": radius, "maxiter": 1, "gtol": 0.0,
                             "subproblem_maxiter": 1000}).x
            step = TrustRegionModel(g, H).step(radius)
            # SciPy's step may leave the ball by its tolerance of 10 %: pulled back onto it
            s = s * min(1.0, radius / np.linalg.norm(s))
            assert step.decrease >= -(g @ s + 0.5 * s @ H @ s) * (1.0 - 1e-10)


def test_one_reduction_serves_all_radii():
    H, _ = symmetric(SPECTRA["indefinite"])
    g = np.arange(1.0, 13.0)
    model = TrustRegionModel(g, H)
    for radius in (10.0, 1.0, 0.1, 5.0):
        assert model.step(radius).s == pytest.approx(TrustRegionModel(g, H).step(radius).s)


def test_not_finite_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match="not finite"):
        TrustRegionModel(np.array([1.0]), np.array([[np.nan]]))
