"""A training problem: an ordinary TensorFlow loss, evaluated with exact derivatives."""

import numpy as np
import tensorflow as tf

from pcl import sweep
from pcl.blocks import Blocks
from pcl.factor import FactorCache
from pcl.record import Record
from pcl.trace import trace
from pcl.validate import float64_array


class Problem:
    """minimise ℓ(u, θ) over θ, where u solves R(u, θ) = 0 inside the loss.

        gradient   ℓ_θ + R_θᵀ λ,   R_uᵀ λ = −ℓ_u
        Hessian    𝓛_θθ + 𝓛_θu S + Sᵀ 𝓛_uθ + Sᵀ 𝓛_uu S,   S = du/dθ,   𝓛 = ℓ + λᵀ R

    The loss is traced once, at construction: what it closes over is read then. Networks, sparse
    products and solves are cut out of the trace and follow rules of their own; everything between
    them is plain TensorFlow. One factorisation a matrix serves state, adjoint and all tangents.

    Parameters
    ----------
    loss : function of a dict {name: tensor} -> scalar float64 tensor
    blocks : dict {name: array}
        Trainable blocks by name with their starting values: parameters of networks, scalars, fields.

    Attributes
    ----------
    size : int
        Number of parameters.
    counts : Counts
        Factorisations and back-substitutions so far.

    Notes
    -----
    `Problem.from_residuals` states a sum of squares and opens the way to least squares methods.
    Work at the last θ is remembered: value, gradient and Hessian at one θ share it.

    Source of the second-order rule: K. Xu and E. Darve, physics constrained learning, ADCME
    documentation, "Second Order Physics Constrained Learning"; here in Lagrangian form.
    """

    has_residuals = False

    def __init__(self, loss, blocks):
        self._setup(loss, blocks, _scalar_loss)

    @classmethod
    def from_residuals(cls, residuals, blocks):
        """The problem ℓ = Σ r² (no factor ½), r = residuals(θ) a float64 tensor of any shape."""
        problem = cls.__new__(cls)
        problem.has_residuals = True
        problem._setup(residuals, blocks, _sum_of_squares)
        return problem

    def _setup(self, function, blocks, finish):
        self.blocks = Blocks(blocks)
        self.size, self.slices = self.blocks.size, self.blocks.slices
        self._factors = FactorCache()
        self.counts = self._factors.counts
        self._program = trace(function, self.blocks.shapes, finish)
        self._last = None

    # --- θ ---------------------------------------------------------------------------------
    @property
    def theta0(self):
        """The starting point, a copy."""
        return self.blocks.start

    def unravel(self, theta):
        """{name: array} of a flat θ."""
        return self.blocks.unravel(theta)

    def ravel(self, arrays):
        """The flat θ of {name: array}."""
        return self.blocks.ravel(arrays)

    # --- evaluation --------------------------------------------------------------------------
    def at(self, theta):
        """The `Record` at θ: values, adjoints and factorisations; the last one is remembered.

        Raises
        ------
        TrialFailure
            (as NotFinite, InvalidCoefficient or SingularMatrix) no trustworthy value at this θ.
        """
        theta = self.blocks.check(theta)
        last = self._last
        if last is None or not np.array_equal(last[0], theta):
            self._last = None
            record = Record(self._program, list(self.blocks.unravel(theta).values()), self._factors)
            self._last = last = theta, record
        return last[1]

    def value(self, theta):
        """ℓ(θ), a float; +inf is returned as it is, NaN raises NotFinite."""
        return self.at(theta).value

    def gradient(self, theta):
        """dℓ/dθ (size,)."""
        return self.at(theta).gradient.copy()

    def value_and_gradient(self, theta):
        """ℓ(θ) and dℓ/dθ."""
        record = self.at(theta)
        return record.value, record.gradient.copy()

    def hessian(self, theta):
        """d²ℓ/dθ² (size, size), exact: no Gauss–Newton term is dropped."""
        return sweep.hessian(self.at(theta).plan)

    def hvp(self, theta, v):
        """The product of the Hessian with v (size,): two back-substitutions a solve."""
        return self.at(theta).plan.hvp(float64_array("v", v, (self.size,)))

    # --- least squares -------------------------------------------------------------------------
    def residuals(self, theta):
        """r(θ) (m,); for problems stated by `from_residuals`."""
        self._need_residuals()
        return self.at(theta).residuals.copy()

    def jacobian(self, theta):
        """The sensitivities dr/dθ (m, size)."""
        self._need_residuals()
        record = self.at(theta)
        plan, tangent = record.residual_plan
        if tangent is None:
            return np.zeros((record.residuals.size, self.size))
        return sweep.jacobian(plan, tangent)

    def _need_residuals(self):
        if not self.has_residuals:
            raise ValueError("this problem states a loss, not residuals; state the misfits with "
                             "pcl.Problem.from_residuals(residuals, blocks).")


def _scalar_loss(loss):
    loss = _float64_tensor("the loss", loss)
    if loss.shape.rank != 0:
        raise ValueError(f"the loss has shape {tuple(loss.shape)}; expected a scalar. Reduce it with "
                         "tf.reduce_sum.")
    return loss, None


def _sum_of_squares(residuals):
    residuals = _float64_tensor("residuals", residuals)
    if 0 in residuals.shape:
        raise ValueError(f"residuals has shape {tuple(residuals.shape)}: no observations.")
    return tf.reduce_sum(tf.square(residuals)), residuals


def _float64_tensor(name, value):
    if not tf.is_tensor(value):
        raise TypeError(f"{name} is a {type(value).__name__}; expected a float64 tensor that depends on "
                        "the parameters.")
    if value.dtype != tf.float64:
        raise TypeError(f"{name} has dtype {value.dtype.name}; expected float64.")
    return value
