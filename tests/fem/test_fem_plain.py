"""The same losses in plain scikit-fem: values, gradients by complex steps, Hessians by differences."""

import losses
import numpy as np
import plain
import pytest

import pcl

STEP = 1e-30
H = 1e-4


def gradient(loss, theta):
    """Im loss(θ + iε e_k) / ε, without cancellation."""
    steps = 1j * STEP * np.eye(len(theta))
    return np.array([loss(theta + e).imag / STEP for e in steps])


def hessian_product(loss, theta, v):
    """(g(θ + hv) − g(θ − hv)) / 2h, extrapolated once."""
    def difference(h):
        return (gradient(loss, theta + h * v) - gradient(loss, theta - h * v)) / (2 * h)
    return (4 * difference(H / 2) - difference(H)) / 3


@pytest.mark.parametrize("reference", plain.PLAIN, ids=lambda loss: loss.__name__)
def test_value_gradient_and_hessian_are_those_of_a_plain_loss(reference):
    loss = getattr(losses, reference.__name__)
    problem = pcl.Problem(loss, {"theta": losses.LOSSES[loss]})
    theta, v = problem.theta0, np.random.default_rng(0).normal(size=problem.size)
    assert problem.value(theta) == pytest.approx(reference(theta.astype(complex)).real, rel=1e-11)
    g = gradient(reference, theta)
    np.testing.assert_allclose(problem.gradient(theta), g, rtol=0, atol=1e-10 * np.abs(g).max())
    expected = hessian_product(reference, theta, v)
    np.testing.assert_allclose(problem.hessian(theta) @ v, expected, rtol=0,
                               atol=1e-8 * np.abs(expected).max())
