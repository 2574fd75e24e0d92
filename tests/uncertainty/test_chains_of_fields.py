"""Chains of many numbers, whitened by a posterior of low rank: nothing depends on how many there are."""
import numpy as np
import pytest
from numpy_density import Density
from scipy import integrate, optimize

from pcl.uncertainty import Posterior, prior, sample
from pcl.uncertainty.laplace.low_rank import LowRank
from pcl.uncertainty.prior.joint import JointGaussian

TAU, READING, SIGMA = 2.0, 1.2, 0.3


def excess(w):
    """−log p(w | y) and its slope: w = v·θ ~ N(0, τ²), y = e^(w/2) + ε."""
    r = (np.exp(0.5 * w) - READING) / SIGMA
    return 0.5 * r ** 2 + 0.5 * (w / TAU) ** 2, 0.5 * r * np.exp(0.5 * w) / SIGMA + w / TAU ** 2


class Field:
    """p numbers with a normal prior of deviation τ, one direction v of which is observed."""

    def __init__(self, p):
        self.v = np.full(p, p ** -0.5)
        self.problem = Density(self.log_density, p)
        peak = optimize.brentq(lambda w: excess(w)[1], -5.0, 5.0, xtol=1e-14)
        step = 1e-5
        curvature = (excess(peak + step)[1] - excess(peak - step)[1]) / (2 * step)
        joint = JointGaussian({"x": prior.Normal(np.zeros(p), TAU * np.ones(p))}, {"x": slice(0, p)})
        self.covariance = LowRank(joint, np.array([curvature * TAU ** 2 - 1.0]), self.v[:, None])
        self.posterior = Posterior(self.problem, peak * self.v, self.covariance, 1.0)

    def log_density(self, x):
        w = self.v @ x
        value, slope = excess(w)
        across = x - w * self.v
        return -value - 0.5 * across @ across / TAU ** 2, -slope * self.v - across / TAU ** 2


def test_the_root_of_low_rank_is_the_one_of_its_covariance():
    C, rng = Field(7).covariance, np.random.default_rng(0)
    v, J = rng.normal(size=7), rng.normal(size=(2, 7))
    np.testing.assert_allclose(C.root_product(C.root_transposed(v)), C.product(v), rtol=1e-12)
    np.testing.assert_allclose(C.root(J), [C.root_transposed(row) for row in J], rtol=1e-12)
    np.testing.assert_allclose(C.root_product(np.eye(7)) @ v, C.root_product(v), rtol=1e-12)


@pytest.mark.parametrize("p", [20, 2000])
def test_crank_nicolson_does_not_see_how_many_numbers_there_are(p):
    """Against quadrature along v, where Laplace is wrong, and the prior across."""
    field = Field(p)
    samples = sample(field.problem, field.posterior, "pcn", chains=2, draws=1000, warmup=100)
    w = samples.theta @ field.v
    mass, first, second = (
        integrate.quad(lambda t: t ** k * np.exp(-excess(t)[0]), -20, 5, points=[0.4])[0]
        for k in range(3))
    mean, sd = first / mass, np.sqrt(second / mass - (first / mass) ** 2)
    assert abs(w.mean() - mean) < 0.2 * sd and w.std() == pytest.approx(sd, rel=0.15)
    laplace = np.sqrt(field.covariance.product(field.v) @ field.v)
    assert abs(sd / laplace - 1.0) > 0.05
    across = samples.pooled - w.reshape(-1, 1) * field.v
    assert across.std() == pytest.approx(TAU * np.sqrt(1.0 - 1.0 / p), rel=0.02)
    assert 0.3 < samples.acceptance.mean() and samples.failed == 0
