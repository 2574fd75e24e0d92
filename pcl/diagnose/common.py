"""What the diagnoses share: θ at the door, the checked Hessian, networks with layers."""

import numpy as np

from pcl.support.arrays import frozen
from pcl.support.interface import require_interface
from pcl.support.validate import float64_array
from pcl.training.run.evaluator import Counts, LossEvaluator, EvaluatedTheta


def flat_theta(problem, theta, *needed):
    """θ as a finite vector (p,) from a vector or {block: array}; the problem must have `needed`."""
    require_interface(problem, "size", *needed)
    if isinstance(theta, dict):
        theta = problem.ravel(theta)
    return float64_array("theta", theta, shape=(int(problem.size),))


def checked_hessian(problem, theta):
    """The Hessian (p, p), finite and symmetrised; ValueError if it is visibly not symmetric."""
    return LossEvaluator(problem, Counts()).hessian(EvaluatedTheta(theta))


def require_network(name, net):
    """Raise a TypeError unless `net` is a `pcl.MLP`, whose layers are known."""
    from pcl.networks.mlp import MLP     # brings TensorFlow, which whoever has a network has loaded
    if not isinstance(net, MLP):
        raise TypeError(f"{name} is a {type(net).__name__}; expected a pcl.MLP.")


def frozen_array(values):
    """A read-only array."""
    return frozen(np.asarray(values))
