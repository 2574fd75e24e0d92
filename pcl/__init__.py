"""Physics-constrained learning: networks inside equations, trained with exact second derivatives.

    minimise ℓ(u, θ) over θ   subject to   R(u, θ) = 0

See `Problem` for the statement, `minimize` for training, `check_hessian` for the derivatives.
Importing the package is cheap: each name loads what it needs when it is first used.
"""

import importlib
import logging
from typing import TYPE_CHECKING

logging.getLogger(__name__).addHandler(logging.NullHandler())     # silent until the user asks

# What is there, for editors and type checkers; `as` tells the strict ones that it is for users.
if TYPE_CHECKING:
    from pcl import (collocation as collocation, dae as dae, diagnose as diagnose, export as export,
                     interior_point as interior_point, rules as rules,
                     uncertainty as uncertainty)
    from pcl.callbacks import (Callback as Callback, CSVLogger as CSVLogger, NoProgress as NoProgress,
                               TargetLoss as TargetLoss, TensorBoard as TensorBoard,
                               TimeLimit as TimeLimit)
    from pcl.checks.taylor import (check_gradient as check_gradient, check_hessian as check_hessian,
                                   check_jacobian as check_jacobian)
    from pcl.errors import (FailedCheck as FailedCheck, InvalidCoefficient as InvalidCoefficient,
                            MultipleEigenvalue as MultipleEigenvalue, NotConverged as NotConverged,
                            NotFinite as NotFinite,
                            SingularMatrix as SingularMatrix, TrialFailure as TrialFailure)
    from pcl.evolution.march import march as march, register_scheme as register_scheme
    from pcl.evolution.step import Stage as Stage
    from pcl.evolution.systems import FirstOrder as FirstOrder, SecondOrder as SecondOrder
    from pcl.evolution.times import (AdaptiveTimes as AdaptiveTimes,
                                     geometric_times as geometric_times, halved_steps as halved_steps,
                                     uniform_times as uniform_times)
    from pcl.factor.registry import register_solver as register_solver
    from pcl.full_space.full_space import FullSpace as FullSpace
    from pcl.networks.field import Field as Field
    from pcl.networks.icnn import ICNN as ICNN
    from pcl.networks.monotone import MonotoneMLP as MonotoneMLP
    from pcl.networks.keras_model import KerasModel as KerasModel
    from pcl.networks.mlp import MLP as MLP
    from pcl.networks.transform import (Transform as Transform, bounded as bounded,
                                        exponential as exponential, softplus as softplus)
    from pcl.nodes.eigen.eigenvalues import eigenvalues as eigenvalues
    from pcl.nodes.equation.solve_nonlinear import solve_nonlinear as solve_nonlinear
    from pcl.nodes.guard import guard as guard
    from pcl.nodes.linear.block import block as block, complex_block as complex_block
    from pcl.nodes.linear.complex import solve_complex as solve_complex
    from pcl.nodes.linear.linear_map import LinearMap as LinearMap
    from pcl.nodes.linear.matrix import SparseMatrix as SparseMatrix
    from pcl.nodes.linear.solve import solve as solve
    from pcl.nodes.linear.structure import Structure as Structure
    from pcl.nodes.pointwise_gradient import pointwise_gradient as pointwise_gradient
    from pcl.nodes.pointwise.solve_pointwise import solve_pointwise as solve_pointwise
    from pcl.nodes.scan.scan import scan as scan
    from pcl.problem import Problem as Problem
    from pcl.saved.file import load as load
    from pcl.refinement.report import Resolution as Resolution
    from pcl.refinement.resolution import resolution as resolution
    from pcl.refinement.time_error import time_error as time_error
    from pcl.support.style import style as style
    from pcl.training.checkpoint import (CheckpointError as CheckpointError,
                                         read_checkpoint as read_checkpoint)
    from pcl.training.methods import Method as Method, register_method as register_method
    from pcl.training.minimize import minimize as minimize
    from pcl.training.run.status import Status as Status
    from pcl.training.starts import multi_start as multi_start
    from pcl.uncertainty.misfit import misfit as misfit

    __version__: str

_HOME = {
    **dict.fromkeys(("Callback", "CSVLogger", "NoProgress", "TargetLoss", "TensorBoard",
                     "TimeLimit"), "callbacks"),
    **dict.fromkeys(("check_gradient", "check_hessian", "check_jacobian"), "checks.taylor"),
    **dict.fromkeys(("FailedCheck", "InvalidCoefficient", "MultipleEigenvalue", "NotConverged",
                     "NotFinite", "SingularMatrix", "TrialFailure"), "errors"),
    "march": "evolution.march", "register_scheme": "evolution.march",
    "Stage": "evolution.step",
    "FirstOrder": "evolution.systems", "SecondOrder": "evolution.systems",
    **dict.fromkeys(("AdaptiveTimes", "geometric_times", "halved_steps",
                     "uniform_times"), "evolution.times"),
    "register_solver": "factor.registry",
    "FullSpace": "full_space.full_space",
    "Field": "networks.field", "ICNN": "networks.icnn", "MonotoneMLP": "networks.monotone",
    "KerasModel": "networks.keras_model",
    "MLP": "networks.mlp",
    **dict.fromkeys(("bounded", "exponential", "softplus", "Transform"), "networks.transform"),
    "eigenvalues": "nodes.eigen.eigenvalues",
    "solve_nonlinear": "nodes.equation.solve_nonlinear",
    "solve_pointwise": "nodes.pointwise.solve_pointwise",
    "guard": "nodes.guard",
    "block": "nodes.linear.block", "complex_block": "nodes.linear.block",
    "solve_complex": "nodes.linear.complex",
    "LinearMap": "nodes.linear.linear_map",
    "SparseMatrix": "nodes.linear.matrix",
    "solve": "nodes.linear.solve",
    "Structure": "nodes.linear.structure",
    "pointwise_gradient": "nodes.pointwise_gradient",
    "scan": "nodes.scan.scan",
    "Problem": "problem",
    "load": "saved.file",
    "Resolution": "refinement.report",
    "resolution": "refinement.resolution",
    "time_error": "refinement.time_error",
    "style": "support.style",
    "CheckpointError": "training.checkpoint", "read_checkpoint": "training.checkpoint",
    "Method": "training.methods", "register_method": "training.methods",
    "minimize": "training.minimize",
    "Status": "training.run.status",
    "multi_start": "training.starts",
    "misfit": "uncertainty.misfit",
}

# Packages of their own, with further names inside.
_PACKAGES = ("collocation", "dae", "diagnose", "export", "interior_point", "rules", "uncertainty")

__all__ = sorted([*_HOME, *_PACKAGES])


if not TYPE_CHECKING:       # a checker refuses names that are not there
    def __getattr__(name):
        if name == "__version__":
            from importlib.metadata import version
            return version("pcl-fem")
        if name in _PACKAGES:
            return importlib.import_module(f"pcl.{name}")
        if name not in _HOME:
            from pcl.support.nearest import nearest
            raise AttributeError(f"module 'pcl' has no attribute {name!r}; it offers "
                                 f"{', '.join(__all__)}.{nearest(name, __all__)}")
        value = globals()[name] = getattr(importlib.import_module(f"pcl.{_HOME[name]}"), name)
        return value


def __dir__():
    return sorted({*globals(), *__all__, "__version__"})
