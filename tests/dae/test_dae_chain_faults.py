"""Wrong shapes, NaN and bounds at the density of a fit, its chains and its checks."""
import numpy as np
import pytest

from pcl.dae import Model, Trajectory, fit
from pcl.errors import NotFinite
from pcl.uncertainty import LogDensity, sample

T = np.linspace(0.0, 2.0, 9)
NOISE = 0.2 * np.random.default_rng(0).standard_normal(9)


@pytest.fixture(scope="module")
def bounded():
    """x' = −k x with k ≥ 0.45 by its logarithm, close to the most probable one."""
    model = Model(states=("x",), parameters=("k",), log=("k",), bounds={"k": (0.45, 9.0)},
                  rates=lambda v: {"x": -v.k * v.x})
    return fit(model, Trajectory(T, {"x": np.exp(-0.5 * T) + NOISE}, sigma=0.2), elements=4).posterior()


def test_a_theta_of_another_shape_is_refused(bounded):
    for theta in (np.ones(3), np.ones((1, 2)), 1.0):
        with pytest.raises(ValueError, match="theta has shape"):
            bounded.problem.log_density(theta)


def test_nan_has_no_density_and_is_counted(bounded):
    density = LogDensity(bounded.problem)
    assert density([np.nan, 1.0]) == density([1.0, np.inf]) == -np.inf and density.failed == 2
    with pytest.raises(NotFinite, match="not finite"):
        bounded.problem.reduced.solution(np.array([1.0, np.inf]))


def test_chains_stay_within_the_bounds_of_the_model(bounded):
    samples = sample(bounded.problem, bounded, "mala", chains=1, draws=80, warmup=40)
    assert samples.blocks["k"].min() >= 0.45 * (1 - 1e-7) and samples.blocks["k"].max() <= 9.0
    assert np.isfinite(samples.log_density).all()


def test_chains_keep_path_constraints_at_the_nodes():
    """x ≥ 0.35 at all times cuts off what data alone would allow."""
    model = Model(states=("x",), parameters=("k",), bounds={"k": (0.0, 5.0)},
                  rates=lambda v: {"x": -v.k * v.x}, path=lambda v: {"high": 0.35 - v.x})
    found = fit(model, Trajectory(T, {"x": np.exp(-0.5 * T) + NOISE}, {"x": 1.0}, sigma=0.2),
                elements=4).posterior()
    steep = np.array([0.6])                   # e^−1.2 = 0.30
    assert found.problem.log_density(steep) == -np.inf
    assert np.isfinite(found.problem.log_density(np.array([0.5])))      # 0.37


def test_a_check_by_one_draw_is_refused(bounded):
    with pytest.raises(ValueError, match="draws is 1; expected a whole number"):
        bounded.check_model(draws=1)


def test_a_check_where_no_draw_has_a_trajectory_says_so(bounded, monkeypatch):
    monkeypatch.setattr(bounded, "coordinates", type(bounded.coordinates)(None))
    monkeypatch.setattr(bounded.covariance_form, "factor", 1e3 * bounded.covariance_form.factor)
    found = bounded.check_model(draws=12)
    assert found.failed > 0 and f"{found.failed} draws had no prediction" in found.verdict
