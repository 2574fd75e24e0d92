"""Every scheme of `march` keeps the `Scheme` protocol: registered ones are taken in by their name."""

import numpy as np
import pytest
import tensorflow as tf
from oracles import broken_promises

import pcl
from pcl.evolution import march as marching
from pcl.evolution.scheme import Scheme

NAMES = sorted(marching._FIRST_ORDER)
EQUATION = pcl.FirstOrder(residual=lambda u, t: u ** 2 - tf.cos(t) - tf.sin(t) ** 2)     # of u = sin t


def error(name, n):
    """Largest error at the times of the march and between them, n steps from 0.2 to 1.2."""
    times = pcl.uniform_times(0.2, 1.2, n)
    at = np.sort(np.concatenate([times, 0.3 * times[:-1] + 0.7 * times[1:]]))
    u = pcl.march(EQUATION, [np.sin(0.2)], times, name, at=at, tolerance=1e-13)
    return np.abs(u[0] - np.sin(at)).max()


@pytest.mark.parametrize("name", NAMES)
def test_methods_have_the_arguments_of_the_protocol(name):
    scheme = marching._FIRST_ORDER[name]
    assert broken_promises(Scheme, scheme) == []
    assert scheme.order >= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_scheme_has_the_order_it_states_at_its_steps_and_between_them(name):
    observed = np.log2(error(name, 16) / error(name, 32))
    assert observed == pytest.approx(marching._FIRST_ORDER[name].order, abs=0.25)


def test_generalised_alpha_has_order_two():
    """u'' + u = 0, u = cos t."""
    def error(n):
        system = pcl.SecondOrder(residual=lambda u, v, t: u)
        times = pcl.uniform_times(0.0, 1.0, n)
        return np.abs(pcl.march(system, [1.0], times)[0] - np.cos(times)).max()
    assert np.log2(error(16) / error(32)) == pytest.approx(2.0, abs=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_readings_of_a_constant_are_the_constant(name):
    times = np.array([0.0, 0.1, 0.3, 0.7])
    stencil = marching._FIRST_ORDER[name].stencil
    sums = [sum(w for _, _, w in stencil(times, k, s)) for k in range(3) for s in (0.2, 0.9)]
    np.testing.assert_allclose(sums, 1.0, rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_equilibrium_is_kept(name):
    """u² − 4 = 0 from u = 2."""
    u = pcl.march(pcl.FirstOrder(residual=lambda u, t: u ** 2 - 4.0), [2.0],
                  pcl.uniform_times(0.0, 1.0, 5), name)
    np.testing.assert_allclose(u, 2.0, rtol=1e-12)
