"""Physics-constrained learning: networks inside equations, trained with exact second derivatives.

    minimise ℓ(u, θ) over θ   subject to   R(u, θ) = 0

See `Problem` for the statement, `minimize` for training, `check_hessian` for the derivatives.
"""

from pcl.check import check_gradient, check_hessian, check_jacobian
from pcl.errors import InvalidCoefficient, NotFinite, SingularMatrix, TrialFailure
from pcl.guard import guard
from pcl.keras_model import KerasModel
from pcl.linear_map import LinearMap
from pcl.linear_solve import solve
from pcl.minimize import minimize
from pcl.misfit import misfit
from pcl.network import MLP, Transform, bounded, exponential, softplus
from pcl.problem import Problem
from pcl.sparse import SparseMatrix
from pcl.structure import Structure

__all__ = ["InvalidCoefficient", "KerasModel", "LinearMap", "MLP", "NotFinite", "Problem",
           "SingularMatrix", "SparseMatrix", "Structure", "Transform", "TrialFailure", "bounded",
           "check_gradient", "check_hessian", "check_jacobian", "exponential", "guard", "minimize", "misfit",
           "softplus", "solve"]
