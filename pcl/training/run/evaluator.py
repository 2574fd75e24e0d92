"""The loss of a problem and its derivatives at a point: checked and counted."""

import dataclasses

import numpy as np

from pcl.support.validate import float64_array

ASYMMETRY = 1e-8    # largest relative |H - H^T| that is taken for rounding and symmetrised


@dataclasses.dataclass(eq=False)
class EvaluatedTheta:
    """θ with what is known there. `failure` is the reason, loss then being +inf."""

    theta: np.ndarray
    loss: float = np.inf
    gradient: np.ndarray | None = None
    failure: str | None = None

    @property
    def failed(self):
        """True if the point could not be evaluated."""
        return self.failure is not None


@dataclasses.dataclass
class Counts:
    """Calls made to the problem in one run; `failed` counts trial points."""

    evaluations: int = 0
    gradients: int = 0
    hessians: int = 0
    hessian_products: int = 0
    jacobians: int = 0
    failed: int = 0


class LossEvaluator:
    """The loss of a problem and its derivatives, shapes and dtypes checked.

    Raises ValueError for a wrong shape, TypeError for a wrong dtype and NotFinite for NaN or
    infinity.
    """

    def __init__(self, problem, counts):
        self._problem, self._counts, self._size = problem, counts, int(problem.size)

    def value(self, point):
        """The loss."""
        self._counts.evaluations += 1
        return float(float64_array("loss", self._problem.value(point.theta.copy()), shape=()))

    def value_and_gradient(self, point):
        """The loss and its gradient (p,), in one call to the problem."""
        self._counts.evaluations += 1
        self._counts.gradients += 1
        loss, gradient = self._problem.value_and_gradient(point.theta.copy())
        return float(float64_array("loss", loss, shape=())), self._vector("gradient", gradient)

    def gradient(self, point):
        """The gradient (p,)."""
        self._counts.gradients += 1
        return self._vector("gradient", self._problem.gradient(point.theta.copy()))

    def hessian(self, point):
        """The Hessian (p, p), symmetrised; a relative asymmetry above 1e-8 is refused."""
        self._counts.hessians += 1
        H = float64_array("hessian", self._problem.hessian(point.theta.copy()),
                          shape=(self._size, self._size))
        asymmetry = np.abs(H - H.T).max()
        if asymmetry > ASYMMETRY * np.abs(H).max():
            raise ValueError(
                f"hessian is not symmetric: max|H - H^T| is {asymmetry:.2e} where max|H| is "
                f"{np.abs(H).max():.2e}; expected at most {ASYMMETRY:g} relative. "
                "Run pcl.check_hessian at this theta.")
        return 0.5 * H + 0.5 * H.T      # no overflow of the sum

    def hvp(self, point, v):
        """The Hessian times v, (p,)."""
        self._counts.hessian_products += 1
        return self._vector("hvp", self._problem.hvp(point.theta.copy(), np.array(v)))

    def _vector(self, name, value):
        return float64_array(name, value, shape=(self._size,))
