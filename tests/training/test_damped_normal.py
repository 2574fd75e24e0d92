"""Levenberg–Marquardt by Cholesky's factors of either normal equations, against the SVD's steps."""

import numpy as np
import pytest
from test_levenberg_marquardt import Fit

from benchmarks import damped
from pcl.training.drivers import levenberg_marquardt
from pcl.training.drivers.damped_normal import normal_model
from pcl.training.drivers.levenberg_marquardt import DampedModel
from pcl.training.minimize import minimize

METHOD = "levenberg-marquardt"


SHAPES = pytest.mark.parametrize("m, p", [(60, 20), (20, 60)])


def graded(m, p, condition=1e6):
    """(m, p) of given condition number, and r (m,)."""
    rng, n = np.random.default_rng(3), min(m, p)
    U, V = np.linalg.qr(rng.normal(size=(m, n)))[0], np.linalg.qr(rng.normal(size=(p, n)))[0]
    return rng.normal(size=m), 7.0 * (U * np.geomspace(1.0, 1.0 / condition, n)) @ V.T


def mild(m=60, p=20):
    rng = np.random.default_rng(4)
    A, b = rng.normal(size=(m, p)), rng.normal(size=m)
    return Fit(lambda t: A @ t + 0.1 * np.sin(A @ t) - b,
               lambda t: A * (1.0 + 0.1 * np.cos(A @ t))[:, None], np.full(p, 2.0))


@SHAPES
def test_undamped_step_is_that_of_the_svd(m, p):
    r, J = graded(m, p)
    dense, normal = DampedModel(r, J), normal_model(r, J.copy(), lambda: None)
    s = dense.step(dense.solve(np.inf))
    assert np.linalg.norm(normal.solve(np.inf) - s) <= 1e-8 * np.linalg.norm(s)


@SHAPES
def test_damped_step_has_the_radius_and_solves_the_damped_equations(m, p):
    r, J = graded(m, p)
    s = normal_model(r, J.copy(), lambda: None).solve(1e-2)
    assert abs(np.linalg.norm(s) - 1e-2) <= 1e-3
    g = J.T @ (r + J @ s)       # = −λ s
    assert abs(g @ s) >= (1.0 - 1e-8) * np.linalg.norm(g) * np.linalg.norm(s) and g @ s < 0.0


@SHAPES
def test_corrected_step_minimises_with_the_residuals_at_its_end(m, p):
    r, J = graded(m, p, condition=1e3)
    dense, normal = DampedModel(r, J), normal_model(r, J.copy(), lambda: None)
    y, s = dense.solve(np.inf), normal.solve(np.inf)
    end = r + J @ s + 0.1 * np.sin(r)
    np.testing.assert_allclose(normal.corrected(s, end), dense.step(dense.corrected(y, end)), atol=1e-8)


@SHAPES
def test_newton_finds_the_radius_in_a_few_factorisations(m, p):
    r, J = graded(m, p)
    factorisations = []
    normal_model(r, J.copy(), lambda: factorisations.append(1)).solve(1e-3)
    assert len(factorisations) <= 9         # product, undamped, and Moré's two or three; from afar


def test_dependent_rows_leave_a_step_of_the_size_of_the_svd_s():
    # (U J; U J) with residuals (r + c; r − c): c is out of reach, and near the solution all there is.
    r, J = graded(20, 60, condition=10.0)
    c = np.random.default_rng(5).normal(size=20)
    r, J = np.concatenate([1e-9 * r + c, 1e-9 * r - c]), np.vstack([J, J])
    dense, normal = DampedModel(r, J), normal_model(r, J.copy(), lambda: None)
    s, exact = normal.solve(np.inf), dense.step(dense.solve(np.inf))
    assert np.linalg.norm(s - exact) <= 0.1 * np.linalg.norm(exact)


@pytest.mark.parametrize("bounds", [None, [(-0.05, None)] * 20])
@pytest.mark.parametrize("loss", ["linear", "huber"])
def test_cholesky_and_svd_end_at_the_same_minimum(bounds, loss):
    ends = [minimize(mild(), METHOD, bounds=bounds,
                     options={"linear_algebra": name, "loss": loss}) for name in ("svd", "cholesky")]
    assert all(end.success for end in ends)
    np.testing.assert_allclose(ends[1].x, ends[0].x, atol=1e-6)
    assert [end.linear_algebra for end in ends] == ["svd", "cholesky"]


def test_with_fewer_rows_cholesky_reaches_the_root_of_the_svd():
    # From one start all steps are in the rows' span, which for this model is the same at every θ.
    ends = [minimize(mild(12, 40), METHOD, options={"linear_algebra": name})
            for name in ("svd", "cholesky")]
    assert all(end.success and end.fun < 1e-19 for end in ends)
    np.testing.assert_allclose(ends[1].x, ends[0].x, atol=1e-8)
    assert ends[1].nit <= ends[0].nit + 1


@pytest.mark.parametrize("m, p", [(60, 20), (12, 40)])
def test_a_costly_svd_is_replaced_and_the_message_says_so(m, p, monkeypatch):
    assert minimize(mild(m, p), METHOD).linear_algebra == "svd"
    monkeypatch.setattr(levenberg_marquardt, "SVD_FLOPS", 1.0)
    end = minimize(mild(m, p), METHOD)
    assert end.linear_algebra == "cholesky" and "Cholesky" in end.message


def test_unknown_linear_algebra_is_refused():
    with pytest.raises(ValueError, match="linear_algebra"):
        minimize(mild(), METHOD, options={"linear_algebra": "qr"})


@pytest.mark.parametrize("shape", ["40x30", "20x30"])
def test_the_benchmark_names_the_algebra_it_timed(shape, monkeypatch):
    monkeypatch.setattr(levenberg_marquardt, "SVD_FLOPS", 1.0)
    row, = damped.main(["--shapes", shape, "--iterations", "2"])
    assert row["by"] == "cholesky" and row["loss"] < row["loss at θ₀"]
