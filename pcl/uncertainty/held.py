"""What is held fast along a profile, one number of θ or a function of it, while the rest is trained."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from pcl.errors import NotConverged
from pcl.interior_point.solve import solve
from pcl.support.types import Array, Tensor
from pcl.training.minimize import minimize

GRADIENT = 1e-6     # |∂ℓ/∂(θ/standard error)| at which the rest counts as minimised: 1e-12 of ℓ
HELD = 1e-6         # by which c may be missed, in standard errors of it
SOLVED = 1e-8       # of the conditions of a minimum with a function held, in the same units

Box = tuple[Array, Array]


class Target(Protocol):
    """c(θ) of a profile.

    Attributes
    ----------
    value, deviation : float, at the peak, the second by Laplace's approximation
    gradient : (p,), ∂c/∂θ there
    bounds : (float, float), where c may go
    """

    value: float
    deviation: float
    gradient: Array
    bounds: tuple[float, float]

    def minimised(self, theta: Array, step: float) -> tuple[Array, bool]:
        """(θ of least ℓ with c(θ) = c + step, whether that converged) from a θ with c(θ) = c; a
        TrialFailure where the model has no value."""
        ...


class OfNumber:
    """c = θ_i: all other entries are trained, by Levenberg and Marquardt's method where there are
    residuals, else by trust-exact (L-BFGS-B with bounds)."""

    def __init__(self, problem: Any, posterior: Any, i: int, box: Box):
        self._problem, self._box, self._i, self._sigma = problem, box, i, posterior.sigma
        self.gradient = np.zeros(posterior.theta.size)
        self.gradient[i] = 1.0
        self.value, self.bounds = float(posterior.theta[i]), (float(box[0][i]), float(box[1][i]))
        self._tangent, self.deviation = along(posterior, self.gradient)
        self._rest = np.delete(np.arange(self.gradient.size), i)
        self._scale = scales(posterior)[self._rest]

    def minimised(self, theta: Array, step: float) -> tuple[Array, bool]:
        start = theta + self._tangent * step
        start[self._i] = theta[self._i] + step
        theta = np.clip(start, *self._box)
        held = _Held(self._problem, theta, self._rest, self._scale, self._sigma)
        if not self._rest.size or np.linalg.norm(held.gradient(held.theta0)) <= GRADIENT:
            return theta, True
        bounded = any(np.isfinite(side).any() for side in self._box)
        method = ("levenberg-marquardt" if self._problem.has_residuals
                  else "L-BFGS-B" if bounded else "trust-exact")
        sides = [((side[self._rest] - theta[self._rest]) / self._scale) for side in self._box]
        result = minimize(held, method, bounds=list(zip(*sides)) if bounded else None, progress=False,
                          gtol_absolute=GRADIENT)
        return held.theta(result.x), result.success


class OfFunction:
    """c = g(θ), a function of the blocks: ℓ is minimised subject to g(θ) = c, which holds exactly, by the
    interior point method with exact Hessians of both, bounds of θ included."""

    def __init__(self, problem: Any, posterior: Any, name: str,
                 function: Callable[[Mapping[str, Tensor]], Tensor], box: Box):
        with warnings.catch_warnings():     # it need not depend on every block
            warnings.filterwarnings("ignore", message="the loss does not depend on the blocks")
            self._function = type(problem)(function, problem.unravel(posterior.theta))
        self._problem, self._name, self._box, self._sigma = problem, name, box, posterior.sigma
        self.value, self.gradient = self._function.value_and_gradient(posterior.theta)
        if not np.any(self.gradient):
            raise ValueError(f"the function {name!r} does not change with theta at the peak; expected "
                             "one that does.")
        self._tangent, self.deviation = along(posterior, self.gradient)
        self._scaled, self.bounds = _Scaled(posterior.theta, scales(posterior)), (-np.inf, np.inf)

    def minimised(self, theta: Array, step: float) -> tuple[Array, bool]:
        value = self._function.value(theta) + step
        program = _Constrained(self._problem, self._function, 0.5 / self._sigma ** 2, self._name,
                               self._scaled, self._box, value, self.deviation)
        start = np.clip(theta + self._tangent * step, *self._box)
        result = solve(program, self._scaled.inward(start), kkt="dense", tol=SOLVED, attempts=1)
        if not (np.isfinite(result.fun) and result.constraint_violation <= HELD):
            raise NotConverged(f"{self._name} cannot be held at {value:.6g}: {result.message}")
        return self._scaled.theta(result.x), result.success


class _Constrained:
    """minimise ½ ℓ(θ)/σ² subject to (g(θ) − c)/deviation = 0, θ = θ* + D y; f, g are `Problem`s."""

    m, c_lower, c_upper = 1, np.zeros(1), np.zeros(1)

    def __init__(self, f, g, half, name, scaled, box, value, deviation):
        self._f, self._g, self._half, self._name, self._scaled = f, g, half, name, scaled
        self._value, self._deviation, self.n = value, deviation, f.size
        self.x_lower, self.x_upper = map(scaled.inward, box)

    def objective(self, y):
        return self._half * self._f.value(self._scaled.theta(y))

    def gradient(self, y):
        return self._half * self._scaled.size * self._f.gradient(self._scaled.theta(y))

    def constraints(self, y):
        return np.array([(self._g.value(self._scaled.theta(y)) - self._value) / self._deviation])

    def jacobian(self, y):
        return (self._scaled.size * self._g.gradient(self._scaled.theta(y)) / self._deviation)[None]

    def hessian(self, y, lam, sigma):
        theta, D = self._scaled.theta(y), self._scaled.size
        H = (sigma * self._half * self._f.hessian(theta)
             + lam[0] / self._deviation * self._g.hessian(theta))
        return D[:, None] * H * D

    def row_name(self, j):
        return self._name

    def variable_name(self, i):
        return f"theta[{i}]"


@dataclasses.dataclass(frozen=True, eq=False)
class _Scaled:
    """θ = θ* + D y."""

    center: Array
    size: Array

    def theta(self, y):
        return self.center + self.size * y

    def inward(self, theta):
        """y of θ."""
        return (theta - self.center) / self.size


class _Held:
    """ℓ/σ² as a function of y, θ_rest = θ₀ + D y, all other entries held; for `minimize`."""

    def __init__(self, problem, theta, rest, scale, sigma):
        self._problem, self._at, self._rest, self._scale, self._sigma = problem, theta, rest, scale, sigma
        self.size, self.has_residuals = rest.size, problem.has_residuals

    @property
    def theta0(self):
        return np.zeros(self.size)

    def theta(self, y):
        theta = self._at.copy()
        theta[self._rest] += self._scale * y
        return theta

    def value(self, y):
        return self._problem.value(self.theta(y)) / self._sigma ** 2

    def gradient(self, y):
        return self.value_and_gradient(y)[1]

    def value_and_gradient(self, y):
        value, gradient = self._problem.value_and_gradient(self.theta(y))
        return value / self._sigma ** 2, self._scale * gradient[self._rest] / self._sigma ** 2

    def hessian(self, y):
        H = self._problem.hessian(self.theta(y))[np.ix_(self._rest, self._rest)]
        return H * np.outer(self._scale, self._scale) / self._sigma ** 2

    def residuals(self, y):
        return self._problem.residuals(self.theta(y)) / self._sigma

    def jacobian(self, y):
        return self._problem.jacobian(self.theta(y))[:, self._rest] * self._scale / self._sigma


def along(posterior: Any, gradient: Array) -> tuple[Array, float]:
    """(C g/(gᵀ C g), √(gᵀ C g)): how θ moves with c to first order, and the standard error of c."""
    moved = posterior.covariance_form.product(gradient)
    variance = float(gradient @ moved)
    return moved / variance if variance > 0.0 else moved, float(np.sqrt(variance))


def scales(posterior: Any) -> Array:
    """Standard errors (p,), 1 where there is none."""
    scale = np.sqrt(posterior.covariance_form.variances())
    return np.where(scale > 0.0, scale, 1.0)
