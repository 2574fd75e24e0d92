"""The mixing of a flume from noisy data, with and without stabilisation."""

import numpy as np
import pytest
import tensorflow as tf

from examples import advection_supg


def test_exact_solution_satisfies_the_equation_and_its_boundary_values():
    """By differences of second order, h = 1e-3 m."""
    points, h, D = advection_supg.places(8), 1e-3, advection_supg.TRUE
    along, across = np.array([h, 0.0]), np.array([0.0, h])
    c, east, west, north, south = (advection_supg.exact(points + d)
                                   for d in (0.0 * along, along, -along, across, -across))
    slope = advection_supg.VELOCITY * (east - west) / (2 * h)
    np.testing.assert_allclose(slope - D * (east + west + north + south - 4 * c) / h ** 2, 0.0, atol=1e-5)
    edges = np.array([[2.0, 0.0], [2.0, 1.0], [0.0, 0.5], [4.0, 0.5]])
    np.testing.assert_allclose(advection_supg.exact(edges), [1.0, 0.0, 0.0, 0.0], atol=5e-3)


def test_supg_does_not_oscillate_and_galerkin_does():
    """c lies between 0 and c_s (maximum principle)."""
    D = tf.constant(advection_supg.TRUE, tf.float64)
    stable, waves = (advection_supg.Flume(10, s).concentration(D).numpy() for s in (1.0, 0.0))
    assert stable.min() > -0.05 and stable.max() < 1.05
    assert waves.min() < -0.2 or waves.max() > 1.2


def test_mixing_is_right_with_supg_and_too_large_without(tmp_path):
    outcome = advection_supg.main(draws=1)
    (supg,), (galerkin,) = outcome["SUPG"]["fits"], outcome["Galerkin"]["fits"]
    assert supg.D == pytest.approx(1e-3, rel=3.0 * supg.error)
    assert supg.error == pytest.approx(0.018, rel=0.1)
    assert supg.fun < 70.0 < 500.0 < galerkin.fun
    assert galerkin.D > 1e-3 * (1.0 + 4.0 * galerkin.error)
    assert advection_supg.plot(outcome, tmp_path).stat().st_size > 20_000
