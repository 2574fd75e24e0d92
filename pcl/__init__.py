"""Physics-constrained learning: networks inside equations, trained with exact second derivatives.

    minimise ℓ(u, θ) over θ   subject to   R(u, θ) = 0

See `Problem` for the statement, `minimize` for training, `check_hessian` for the derivatives.
Importing the package is cheap: each name loads what it needs when it is first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcl.admissible import guard
    from pcl.callbacks import Callback, CSVLogger, NoProgress, TargetLoss, TensorBoard, TimeLimit
    from pcl.check import check_gradient, check_hessian, check_jacobian
    from pcl.checkpoint import CheckpointError, read_checkpoint
    from pcl.drivers.methods import Method, register_method
    from pcl.evolution import FirstOrder, SecondOrder, Stage
    from pcl.errors import (FailedCheck, InvalidCoefficient, NotConverged, NotFinite, SingularMatrix,
                            TrialFailure)
    from pcl.factor import register_solver
    from pcl.keras_model import KerasModel
    from pcl.linear_map import LinearMap
    from pcl.linear_solve import solve
    from pcl.marching import march, register_scheme
    from pcl.network import MLP, Transform, bounded, exponential, softplus
    from pcl.nonlinear_solve import solve_nonlinear
    from pcl.observations import misfit
    from pcl.problem import Problem
    from pcl.recurrence import scan
    from pcl.refinement import resolution
    from pcl.refinement_report import Resolution
    from pcl.sparse import SparseMatrix
    from pcl.starts import multi_start
    from pcl.status import Status
    from pcl.structure import Structure
    from pcl.time_error import time_error
    from pcl.time_grid import AdaptiveTimes, geometric_times, halved_steps, uniform_times
    from pcl.training import minimize

_HOME = {
    "guard": "admissible",
    **dict.fromkeys(("Callback", "CSVLogger", "NoProgress", "TargetLoss", "TensorBoard", "TimeLimit"),
                    "callbacks"),
    "check_gradient": "check", "check_hessian": "check", "check_jacobian": "check",
    "CheckpointError": "checkpoint", "read_checkpoint": "checkpoint",
    "FailedCheck": "errors", "InvalidCoefficient": "errors", "NotConverged": "errors",
    "NotFinite": "errors",
    "SingularMatrix": "errors", "TrialFailure": "errors",
    "Method": "drivers.methods", "register_method": "drivers.methods",
    "FirstOrder": "evolution", "SecondOrder": "evolution", "Stage": "evolution",
    "register_solver": "factor",
    "KerasModel": "keras_model",
    "LinearMap": "linear_map",
    "solve": "linear_solve",
    "march": "marching", "register_scheme": "marching",
    "MLP": "network", "Transform": "network", "bounded": "network", "exponential": "network",
    "softplus": "network",
    "solve_nonlinear": "nonlinear_solve",
    "misfit": "observations",
    "Problem": "problem",
    "multi_start": "starts",
    "scan": "recurrence",
    "resolution": "refinement", "Resolution": "refinement_report",
    "SparseMatrix": "sparse",
    "Status": "status",
    "Structure": "structure",
    "time_error": "time_error",
    **dict.fromkeys(("AdaptiveTimes", "geometric_times", "halved_steps", "uniform_times"), "time_grid"),
    "minimize": "training",
}

# Packages of their own, with further names inside.
_PACKAGES = ("collocation", "dae", "diagnose", "interior_point", "rules")

__all__ = sorted([*_HOME, *_PACKAGES])


def __getattr__(name):
    if name == "__version__":
        from importlib.metadata import version
        return version("pcl-fem")
    if name in _PACKAGES:
        return importlib.import_module(f"pcl.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'pcl' has no attribute {name!r}; it offers {', '.join(__all__)}.")
    value = globals()[name] = getattr(importlib.import_module(f"pcl.{_HOME[name]}"), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__, "__version__"})
