"""Singular values of Jacobians of low numerical rank, against LAPACK's of all."""

import numpy as np
import pytest
from test_levenberg_marquardt import Fit

from pcl.training.drivers.singular_values import full_svd, low_rank_svd
from pcl.training.minimize import minimize

EPS = np.finfo(float).eps


def of_spectrum(m, p, sigma):
    """(m, p) with these singular values."""
    rng = np.random.default_rng(5)
    U, V = (np.linalg.qr(rng.normal(size=(n, len(sigma))))[0] for n in (m, p))
    return (U * sigma) @ V.T


DECAYING = np.geomspace(1.0, 1e-60, 300)      # 65 above rounding


@pytest.mark.parametrize("m, p", [(500, 420), (420, 500)])
def test_few_singular_values_are_lapacks_to_rounding(m, p):
    J = 3e5 * of_spectrum(m, p, DECAYING)
    U, sigma, Vt = low_rank_svd(J)
    assert len(sigma) < 100
    np.testing.assert_allclose(sigma, full_svd(J)[1][:len(sigma)], rtol=0, atol=10 * EPS * sigma[0])
    assert np.linalg.norm(J - U * sigma @ Vt) <= max(m, p) * EPS * sigma[0]
    np.testing.assert_allclose(U.T @ U, np.eye(len(sigma)), atol=1e-13)
    np.testing.assert_allclose(Vt @ Vt.T, np.eye(len(sigma)), atol=1e-13)


def test_a_matrix_of_full_rank_is_given_up_at_once():
    assert low_rank_svd(of_spectrum(500, 420, np.geomspace(1.0, 1e-5, 420))) is None


def curved(J, bend):
    """Residuals A t + bend sin(A t) − b with dr/dt near J at 0."""
    b = np.random.default_rng(6).normal(size=J.shape[0])
    b = J @ np.linalg.lstsq(J, b, rcond=1e-6)[0]
    return Fit(lambda t: J @ t + bend * np.sin(J @ t) - b,
               lambda t: J * (1.0 + bend * np.cos(J @ t))[:, None], np.full(J.shape[1], 0.1))


def test_levenberg_marquardt_takes_the_steps_of_the_whole_decomposition():
    problem = curved(of_spectrum(340, 300, DECAYING), 0.1)
    ends = [minimize(problem, "levenberg-marquardt", maxiter=8, gtol=0.0, ftol=0.0, options={
        "linear_algebra": name, "initial_trust_radius": 1.0}) for name in ("auto", "svd")]
    assert {end.linear_algebra for end in ends} == {"svd"}
    np.testing.assert_allclose(ends[0].history.loss[:5], ends[1].history.loss[:5], rtol=1e-6)


def test_well_conditioned_normal_equations_take_the_place_of_the_decomposition():
    problem = curved(of_spectrum(400, 300, np.geomspace(1.0, 1e-2, 300)), 0.1)
    auto, svd = (minimize(problem, "levenberg-marquardt", options={"linear_algebra": name})
                 for name in ("auto", "svd"))
    assert auto.success and auto.linear_algebra == "cholesky"
    np.testing.assert_allclose(auto.x, svd.x, rtol=1e-7, atol=1e-8)


def test_ill_conditioned_ones_do_not():
    problem = curved(of_spectrum(400, 300, np.geomspace(1.0, 1e-6, 300)), 0.1)
    assert minimize(problem, "levenberg-marquardt", maxiter=2).linear_algebra == "svd"


@pytest.mark.parametrize("expected", [1, 66, 90, 1000])
def test_whatever_number_is_expected_the_singular_values_are_those(expected):
    J = of_spectrum(500, 420, DECAYING)
    U, sigma, Vt = low_rank_svd(J, expected)
    np.testing.assert_allclose(sigma[:60], DECAYING[:60], rtol=1e-2, atol=1e-14)
    assert np.linalg.norm(J - U * sigma @ Vt) <= 500 * EPS


def test_a_run_taken_up_again_expects_what_it_expected(tmp_path):
    path, problem = tmp_path / "run.npz", curved(of_spectrum(340, 300, DECAYING), 0.1)
    limits = {"gtol": 0.0, "ftol": 0.0, "progress": False}
    whole = minimize(problem, "levenberg-marquardt", maxiter=8, **limits)
    minimize(problem, "levenberg-marquardt", maxiter=4, checkpoint=path, **limits)
    resumed = minimize(problem, "levenberg-marquardt", maxiter=8, resume=path, **limits)
    np.testing.assert_array_equal(resumed.history.loss, whole.history.loss)
