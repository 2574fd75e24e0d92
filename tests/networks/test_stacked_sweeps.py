"""Derivatives of a network at few points in one sweep, against sweeps one by one."""

import numpy as np
import pytest

from pcl import MLP
from pcl.networks import point

WIDTHS = ((1, 10, 10, 1), (4, 9, 8, 2), (2, 7, 3), (3, 2))


@pytest.mark.parametrize("activation", ["tanh", "softplus", "swish", "sin"])
@pytest.mark.parametrize("widths", WIDTHS)
def test_one_sweep_gives_what_single_ones_give(widths, activation, monkeypatch):
    """To rounding; ranges of points are rows of the whole."""
    net, rng = MLP(widths, activation=activation), np.random.default_rng(0)
    params, x, adjoint = net.init(1), rng.normal(size=(37, widths[0])), rng.normal(size=(37, widths[-1]))

    def derivatives():
        at = net.at(params, x)
        return (at.input_jacobian(), at.jacobian_rows(3, 30), at.input_curvature(adjoint),
                at.mixed_curvature_rows(adjoint, 5, 20), at.mixed_curvature_rows(2.0 * adjoint, 0, 37))
    together = derivatives()
    monkeypatch.setattr(point, "_FEW_ENTRIES", 0)
    for a, b in zip(together, derivatives()):
        assert np.abs(a - b).max() <= 1e-14 * np.abs(b).max(initial=1.0)


def test_what_is_returned_is_the_callers():
    """Written over, it does not change what the next call gives."""
    net = MLP((2, 5, 1))
    at, adjoint = net.at(net.init(0), np.ones((4, 2))), np.ones((4, 1))
    for function in (at.input_jacobian, lambda: at.jacobian_rows(0, 4),
                     lambda: at.input_curvature(adjoint),
                     lambda: at.mixed_curvature_rows(adjoint, 0, 4)):
        first = function()
        kept = first.copy()
        first[:] = 7.0
        assert np.array_equal(function(), kept)
