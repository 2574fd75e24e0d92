"""A Matérn field is a normalised normal prior, with a sparse root."""
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import multivariate_normal

import fem
import pcl
from pcl.uncertainty import noise

STRETCHED = {"anisotropy": np.array([[2.0, 0.5], [0.5, 0.625]])}
KINDS = [("P0", {}), ("P1", {}), ("P1", {"lumped": True}), ("P2", STRETCHED), (fem.vector("P0"), {}),
         (fem.vector("P1"), {"robin": None})]


def prior_of(element, options, n=3):
    c = fem.Coefficient(fem.Space(fem.unit_square(n), "P1"), element)
    return fem.Matern(c, 0.4, 1.5, 0.3, **options)


@pytest.mark.parametrize("element, options", KINDS, ids=str)
def test_its_density_is_the_normal_one_of_its_covariance(element, options):
    prior = prior_of(element, options)
    C = prior.covariance(np.arange(prior.mean.size))
    x = prior.draws(1, seed=3)[0]
    expected = multivariate_normal(prior.mean, C).logpdf(x)
    assert float(prior.log_density(tf.constant(x))) == pytest.approx(expected, rel=1e-9)
    assert prior.log_determinant() == pytest.approx(np.linalg.slogdet(C)[1], rel=1e-9)


@pytest.mark.parametrize("element, options", KINDS, ids=str)
def test_its_root_squares_to_the_covariance_and_whitens_its_residuals(element, options):
    prior = prior_of(element, options)
    n = prior.mean.size
    G, C = prior.root(np.eye(n)), prior.covariance(np.arange(n))
    np.testing.assert_allclose(G @ G.T, C, atol=1e-12 * C.max())
    np.testing.assert_allclose(prior.root_transposed(np.eye(n)), G.T, atol=1e-12 * np.abs(G).max())
    np.testing.assert_allclose(prior.variances(), np.diag(C), rtol=1e-11)
    z = np.random.default_rng(0).normal(size=n)
    np.testing.assert_allclose(prior.residuals(prior.mean + prior.root(z)), z, atol=1e-10)


def test_readings_of_a_field_give_the_closed_form_and_its_evidence():
    V = fem.Space(fem.unit_square(6), "P1")
    c = fem.Coefficient(V, "P1")
    prior, read = fem.Matern(c, 0.5, 1.0, 2.0), V.observe([[0.3, 0.4], [0.7, 0.6], [0.7, 0.1]])
    y, A, C = np.array([1.0, 2.5, 3.0]), read.matrix.toarray(), prior.covariance(np.arange(c.size))
    problem = pcl.Problem.from_data(lambda t: read @ t["c"], y, noise.Gaussian(0.1), {"c": c.init(0.0)},
                                    {"c": prior})
    S = A @ C @ A.T + 0.01 * np.eye(3)
    gain = np.linalg.solve(S, A @ C).T
    mean = prior.mean + gain @ (y - A @ prior.mean)
    posterior = problem.posterior(mean)
    np.testing.assert_allclose(problem.gradient(mean), 0.0, atol=1e-8)
    np.testing.assert_allclose(posterior.covariance(), C - gain @ A @ C, atol=1e-10)
    assert posterior.log_evidence == pytest.approx(
        multivariate_normal(A @ prior.mean, S).logpdf(y), abs=1e-8)


def test_a_block_of_another_shape_is_refused():
    prior = prior_of("P1", {})
    with pytest.raises(ValueError, match=r"the block 'c' has shape \(3,\), but its prior is for Coeff"):
        pcl.Problem.from_data(lambda t: t["c"], np.zeros(3), noise.Gaussian(1.0), {"c": np.zeros(3)},
                              {"c": prior})
