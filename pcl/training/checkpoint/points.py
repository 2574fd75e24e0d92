"""The evaluated points that a run still holds, as arrays."""

import numpy as np

from pcl.training.run.evaluator import EvaluatedTheta


def packed(points):
    """({name: array}, failures) of a list of `EvaluatedTheta`."""
    p = points[0].theta.size
    known = np.array([point.gradient is not None for point in points])
    gradients = [np.zeros(p) if point.gradient is None else point.gradient for point in points]
    return {"point_thetas": np.stack([point.theta for point in points]),
            "point_losses": np.array([point.loss for point in points]),
            "point_known": known, "point_gradients": np.stack(gradients),
            }, [point.failure for point in points]


def unpacked(checkpoint):
    """The list of `EvaluatedTheta` of a file."""
    a, failures = checkpoint.arrays, checkpoint.meta["core"]["point_failures"]
    return [_point(*row) for row in zip(a["point_thetas"], a["point_losses"], a["point_known"],
                                        a["point_gradients"], failures)]


def _point(theta, loss, known, gradient, failure):
    theta = theta.copy()
    theta.setflags(write=False)
    return EvaluatedTheta(theta, float(loss), gradient.copy() if known else None, failure)
