"""An aquifer from 50 wells: few products, the eigenvalues of the dense problem, a band that holds."""
import numpy as np
import pytest
import scipy.linalg

from examples import subsurface_flow


@pytest.fixture(scope="module")
def outcome():
    return subsurface_flow.main(n=16)


def test_few_products_find_the_most_probable_field(outcome):
    result = outcome["result"]
    assert result.success and result.nit <= 15 and result.nhvp <= 150
    assert 10.0 < outcome["misfit"] < 60.0 and outcome["error"] < 1.5 and outcome["explained"] > 0.5


def test_eigenvalues_variances_and_draws_are_those_of_the_dense_problem(outcome):
    problem, theta, prior = outcome["problem"], outcome["result"].x, outcome["aquifer"].prior
    J, C = problem.jacobian(theta)[:subsurface_flow.WELLS], prior.covariance(np.arange(theta.size))
    dense = np.flip(scipy.linalg.eigh(J.T @ J, scipy.linalg.inv(C), eigvals_only=True))[:50]
    np.testing.assert_allclose(outcome["eigenvalues"], dense, rtol=1e-8, atol=1e-8)
    after = scipy.linalg.inv(scipy.linalg.inv(C) + J.T @ J)
    np.testing.assert_allclose(outcome["deviation"], np.sqrt(np.diag(after)), rtol=1e-8)
    draws = outcome["posterior"].draws(2000, seed=1)
    np.testing.assert_allclose(draws.std(axis=0), outcome["deviation"], rtol=0.12)


def test_a_flow_without_recharge_through_an_even_aquifer_is_linear():
    aquifer = subsurface_flow.Aquifer(4, np.array([[0.3, 0.25], [0.6, 0.7]]))
    aquifer.recharge = 0.0 * aquifer.recharge
    np.testing.assert_allclose(aquifer.readings(np.full(25, 0.7)), [0.25, 0.7], rtol=1e-10)


def test_the_figure_is_written(outcome, tmp_path):
    assert subsurface_flow.plot(outcome, tmp_path).stat().st_size > 50_000
