"""Levenberg–Marquardt by Cholesky's factors of the normal equations, against the SVD's steps."""

import numpy as np
import pytest
from test_levenberg_marquardt import Fit

from pcl.drivers import levenberg_marquardt
from pcl.drivers.damped_normal import NormalModel
from pcl.drivers.levenberg_marquardt import DampedModel
from pcl.training import minimize

METHOD = "levenberg-marquardt"


def graded(m=60, p=20, condition=1e6):
    """(m, p) of given condition number, and r (m,)."""
    rng = np.random.default_rng(3)
    U, V = np.linalg.qr(rng.normal(size=(m, p)))[0], np.linalg.qr(rng.normal(size=(p, p)))[0]
    return rng.normal(size=m), 7.0 * (U * np.geomspace(1.0, 1.0 / condition, p)) @ V.T


def mild(m=60, p=20):
    rng = np.random.default_rng(4)
    A, b = rng.normal(size=(m, p)), rng.normal(size=m)
    return Fit(lambda t: A @ t + 0.1 * np.sin(A @ t) - b,
               lambda t: A * (1.0 + 0.1 * np.cos(A @ t))[:, None], np.full(p, 2.0))


def test_undamped_step_is_that_of_the_svd():
    r, J = graded()
    dense, normal = DampedModel(r, J), NormalModel(r, J.copy(), lambda: None)
    s = dense.step(dense.solve(np.inf))
    assert np.linalg.norm(normal.solve(np.inf) - s) <= 1e-8 * np.linalg.norm(s)


def test_damped_step_has_the_radius_and_solves_the_damped_equations():
    r, J = graded()
    s = NormalModel(r, J.copy(), lambda: None).solve(1e-2)
    assert abs(np.linalg.norm(s) - 1e-2) <= 1e-3
    g = J.T @ (r + J @ s)       # = −λ s
    assert abs(g @ s) >= (1.0 - 1e-8) * np.linalg.norm(g) * np.linalg.norm(s) and g @ s < 0.0


@pytest.mark.parametrize("bounds", [None, [(-0.05, None)] * 20])
@pytest.mark.parametrize("loss", ["linear", "huber"])
def test_cholesky_and_svd_end_at_the_same_minimum(bounds, loss):
    ends = [minimize(mild(), METHOD, bounds=bounds,
                     options={"linear_algebra": name, "loss": loss}) for name in ("svd", "cholesky")]
    assert all(end.success for end in ends)
    np.testing.assert_allclose(ends[1].x, ends[0].x, atol=1e-6)
    assert [end.linear_algebra for end in ends] == ["svd", "cholesky"]


def test_a_costly_svd_is_replaced_and_the_message_says_so(monkeypatch):
    assert minimize(mild(), METHOD).linear_algebra == "svd"
    monkeypatch.setattr(levenberg_marquardt, "SVD_FLOPS", 1.0)
    end = minimize(mild(), METHOD)
    assert end.linear_algebra == "cholesky" and "Cholesky" in end.message


def test_unknown_linear_algebra_is_refused():
    with pytest.raises(ValueError, match="linear_algebra"):
        minimize(mild(), METHOD, options={"linear_algebra": "qr"})
