"""Where the noise is stated, shifts are judged by it, not by residuals with the error of the mesh."""

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl
from pcl.uncertainty import noise

PLACES, SIGMA = np.linspace(0.1, 0.9, 9), 1e-4


def rod(cells):
    """−(k u')' = 1 with readings of the exact solution for k = 1."""
    V = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, cells + 1)), "P1")
    sensors = V.observe(PLACES[:, None])
    return pcl.Problem.from_data(
        lambda theta: sensors @ fem.solve(V.laplace(tf.exp(theta["ln k"])), V.load(1.0), 0.0),
        0.5 * PLACES * (1.0 - PLACES), noise.Gaussian(SIGMA), {"ln k": 0.0})


def test_resolution_judges_by_the_noise_that_is_stated():
    """u ∝ 1/k: the error of ln k is σ/|u(x)|, and shifts are counted in it."""
    best = [pcl.minimize(rod(cells), progress=False).x[0] for cells in (4, 8)]
    found = pcl.resolution(rod, [best[0]], (4, 8))
    error = SIGMA / np.linalg.norm(0.5 * PLACES * (1.0 - PLACES))
    assert found.error["ln k"] == pytest.approx(error, rel=0.05)
    assert found.ratio["ln k"] == pytest.approx((best[1] - best[0]) / error, rel=0.1)    # one Newton step
    assert found.ratio["ln k"] > 100.0


def test_time_error_judges_by_the_noise_that_is_stated():
    """u' = −k u by backward Euler: the error of k is σ/|t e^(−t)|."""
    one, times, t = pcl.SparseMatrix.from_scipy(np.eye(1)), pcl.uniform_times(0.0, 1.0, 10), [0.5, 1.0]

    def predict(theta):
        decay = pcl.FirstOrder(one, theta["k"] * one)
        return pcl.march(decay, np.ones(1), times, "backward-euler", at=t)[0]
    problem = pcl.Problem.from_data(predict, np.exp(-np.array(t)), noise.Gaussian(1e-3), {"k": 1.0})
    found = pcl.time_error(problem, pcl.minimize(problem, progress=False).x)
    error = 1e-3 / np.hypot(0.5 * np.exp(-0.5), np.exp(-1.0))
    assert found.standard_errors[0] == pytest.approx(error, rel=0.2)
