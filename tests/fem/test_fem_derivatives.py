"""Gradients and Hessians in every form, condition, constraint and observation."""

import pytest
from losses import LOSSES

import pcl


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_gradient_and_hessian(loss):
    problem = pcl.Problem(loss, {"theta": LOSSES[loss]})
    for check in (pcl.check_gradient, pcl.check_hessian):
        report = check(problem, directions=1)
        assert report.ok, str(report)
