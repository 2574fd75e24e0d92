"""A traced loss evaluated at one θ: values forward, adjoints backward, the plan of second order."""

import functools

import numpy as np
import scipy.sparse as sp

from pcl import factor
from pcl.engine.second.bases import LeafBase
from pcl.engine.second.plan import Plan
from pcl.errors import NotFinite
from pcl.support.validate import require_finite


class Record:
    """v_k = F_k(g_k(θ, v)) for every node, kept together with the factorisations.

    Attributes
    ----------
    value : float
        ℓ(θ, v).
    """

    def __init__(self, program, blocks, factors):
        self.program, self._factors = program, factors
        self.values = dict(enumerate(np.asarray(b) for b in blocks))
        with factor.using(factors):
            factors.new_evaluation()
            self.points = program.loss.evaluate(self.values)
        value, self._loss_bars = program.loss.result.value_and_gradient(self.values)
        self.value = float(value)
        if np.isnan(self.value):
            raise NotFinite("the loss is NaN; a logarithm, root or division in it left its domain.")

    # --- first order ---------------------------------------------------------------------
    @functools.cached_property
    def gradient(self):
        """dℓ/dθ by one reverse sweep, flat."""
        gradient = self._flat(self._adjoint.bars)
        require_finite("the gradient", gradient)
        return gradient

    @property
    def residuals(self):
        """r(θ, v), flat."""
        return self.program.residuals.value(self.values)[0].ravel()

    @functools.cached_property
    def _adjoint(self):
        """The adjoints of all variables, from one reverse sweep."""
        with factor.using(self._factors):
            return self.program.loss.pullback(self.points, self.values, (), self._loss_bars)

    def _flat(self, bars):
        return np.concatenate([bars[i].ravel() if i in bars else np.zeros(self.values[i].size)
                               for i in range(self.program.n_blocks)])

    # --- second order -----------------------------------------------------------------------
    @functools.cached_property
    def plan(self):
        """The Lagrangian's second derivatives and the chain of sensitivities, not multiplied out."""
        return self.plan_of(range(self.program.n_blocks))

    def plan_of(self, blocks):
        """The plan in the blocks of these numbers, in this order, the others held fixed."""
        return self._extended(self._adjoint, blocks)[0]

    @functools.cached_property
    def gauss_newton_plan(self):
        """2 JᵀJ of residuals; of any other loss the plan with the curvature of its last piece alone."""
        if self.program.residuals is None:
            return self._extended(self.program.loss.of_result(()), range(self.program.n_blocks))[0]
        plan, tangent = self._of_residuals()
        if tangent is not None:
            plan.add_square(tangent, sp.csr_array(2.0 * sp.eye_array(self.residuals.size)))
        return plan

    @functools.cached_property
    def residual_plan(self):
        """The chain of sensitivities up to the residuals, and their tangent (None: they are fixed)."""
        return self._of_residuals()

    def _of_residuals(self):
        plan, tangents = self._extended(None, range(self.program.n_blocks))
        tangent, = self.program.residuals.tangents(self.values, tangents)
        return plan, tangent

    def _extended(self, adjoint, blocks):
        """The plan over these blocks, and the tangents of all variables."""
        sizes = [self.values[i].size for i in blocks]
        plan, ends = Plan(sum(sizes)), np.cumsum(sizes)
        tangents = {i: plan.add_base(LeafBase(int(end - n), int(end)))
                    for i, n, end in zip(blocks, sizes, ends) if n}
        with factor.using(self._factors):
            self.program.loss.extend(plan, self.points, self.values, adjoint, tangents)
        return plan, tangents
