"""A fit depends neither on the unit of what is observed nor on the size of unseen states behind it."""

import functools

import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Model, Trajectory, fit

T = np.linspace(0.0, 4.0, 41)
SEEN = 3.0 * np.exp(-0.7 * T) + 0.01 * np.random.RandomState(0).randn(41)
# y = c x with data of size d: x is of size d/c, and the first guess of x is 1


def data(size):
    return Trajectory(T, {"y": size * SEEN})


@functools.cache
def number(c, size):
    """(k, misfit, x at the first node) in units of the data, x ≥ 0."""
    model = Model(states="x", algebraic="y", parameters="k", rates=lambda v: {"x": -v.k * v.x},
                  equations=lambda v: {"y": v.y - c * v.x}, bounds={"x": (0.0, None), "k": (0.0, 10.0)})
    found = fit(model, data(size), elements=10)
    assert found.success
    first = found.trajectories["0"].values["x"][0]
    return found.parameters["k"], found.misfit / size / size, first * c / size


@functools.cache
def law(c, size):
    """(misfit, weighted by 1/variance; x at the first node in units of the data; r/x (3,))."""
    model = Model(states="x", algebraic="y", outputs="r", rates=lambda v: {"x": v.r},
                  equations=lambda v: {"y": v.y - c * v.x})
    found = fit(model, data(size), MLP((1, 3, 1)), elements=10)
    assert found.success
    x = np.array([0.4, 1.0, 2.0])
    return (found.misfit, found.trajectories["0"].values["x"][0] * c / size,
            *(found.laws[0](x * size / c)[:, 0] * c / size / x))


@pytest.mark.parametrize("c, size", [(1e-9, 1e-9), (1e9, 1.0)])
def test_a_parameter_is_found_through_observables_of_any_size(c, size):
    np.testing.assert_allclose(number(c, size), number(1.0, 1.0), rtol=1e-5)
    assert abs(number(c, size)[0] - 0.7) < 0.01


@pytest.mark.parametrize("c, size", [(1e-9, 1e-9), (1e-9, 1.0), (1.0, 1e9)])
def test_a_law_is_found_through_observables_of_any_size(c, size):
    np.testing.assert_allclose(law(c, size), law(1.0, 1.0), rtol=1e-3)
    np.testing.assert_allclose(law(c, size)[2:], -0.7, atol=0.07)
