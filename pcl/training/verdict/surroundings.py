"""The end point of a run and what can be evaluated around it."""

import numpy as np

from pcl.support.interface import FAILURES
from pcl.training.run.evaluator import LossEvaluator, EvaluatedTheta
from pcl.training.run.inside import pushed_inside
from pcl.training.run.run import norm
from pcl.training.verdict.noise import sizes

# A model may have no second derivatives, or no memory for them; that must not cost the run its result.
UNAVAILABLE = (*FAILURES, MemoryError, NotImplementedError, LookupError, TypeError, ValueError,
               AttributeError)
_FORMED = 200   # up to so many parameters a Hessian stands in for products where there are none


class Surroundings:
    """θ (p,), loss, gradient (p,), which entries are `free` to move, and evaluations that may fail.

    Parameters
    ----------
    problem : as `minimize` takes it
    evaluator : evaluator of the loss that was minimised
    point : EvaluatedTheta, with its gradient
    bounds : (lower, upper) or None
    counts : Counts of the evaluations made here
    exact : bool
        Whether the problem's second derivatives are those of the loss that was minimised.
    """

    def __init__(self, problem, evaluator, point, bounds, counts, exact=True):
        self._problem, self._evaluator, self._exact = problem, evaluator, exact
        self.theta, self.loss, self.gradient = point.theta, point.loss, point.gradient
        self.bounds, self.counts = bounds, counts
        self._seconds = LossEvaluator(problem, counts)
        self._products = {}
        self.free = self._free(1e-6)

    def _free(self, room):
        # entries with `room` to both sides, relatively: differences are taken there
        if self.bounds is None:
            return np.ones(self.theta.size)
        lower, upper = self.bounds
        distance = np.minimum(self.theta - lower, upper - self.theta)
        return (distance > room * sizes(self.theta)).astype(float)

    def random_direction(self):
        """± the sizes of the free entries."""
        signs = np.random.default_rng(0).choice([-1.0, 1.0], self.theta.size)
        return signs * sizes(self.theta) * self.free

    def value(self, theta):
        """The loss, or None where it cannot be evaluated."""
        return self._tried(self._evaluator.value, theta)

    def value_and_gradient(self, theta):
        """Both, or None."""
        return self._tried(self._evaluator.value_and_gradient, theta)

    @property
    def second_derivatives(self):
        """Whether products with the Hessian of the loss that was minimised can be asked for."""
        return self._exact and (hasattr(self._problem, "hvp") or self._formable)

    @property
    def _formable(self):
        return hasattr(self._problem, "hessian") and self.theta.size <= _FORMED

    def product(self, v, theta=None):
        """The Hessian at θ, here if None, times v."""
        point = EvaluatedTheta(self.theta if theta is None else theta)
        if hasattr(self._problem, "hvp"):
            return self._seconds.hvp(point, v)
        key = point.theta.tobytes()
        if key not in self._products:
            self._products[key] = self._seconds.hessian(point)
        return self._products[key] @ v

    def free_product(self, v):
        """The Hessian of the free entries times v."""
        return self.free * self.product(self.free * v)

    def inside(self, theta):
        """θ moved into the bounds."""
        return pushed_inside(theta, self.bounds)

    @property
    def free_gradient(self):
        """The gradient of the free entries."""
        return self.gradient * self.free

    @property
    def unit_gradient(self):
        """Along it, with the length of a step of the size of θ."""
        g = self.free_gradient
        length = norm(g)
        size = norm(sizes(self.theta) * self.free)
        return g * (size / length) if length > 0.0 else None

    def _tried(self, evaluate, theta):
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                return evaluate(EvaluatedTheta(theta))
        except FAILURES:
            return None
