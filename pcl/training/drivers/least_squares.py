"""Nonlinear least squares with the residuals' sensitivities: scipy.optimize.least_squares.

    minimise  C² Σ_i ρ((r_i / C)²),      C = f_scale;  ρ(z) = z gives Σ r_i² (no factor 1/2)
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.optimize

from pcl.support.validate import float64_array
from pcl.training.run.driven import Driven
from pcl.training.run.run import EPS, Stop, norm
from pcl.training.run.status import Status

ALGORITHMS = ("trf", "dogbox", "lm")
# ρ(z) and ρ'(z), z = (r/C)²; names and formulas of scipy.optimize.least_squares.
RHO: dict[str, tuple[Callable, Callable]] = {
    "linear": (lambda z: z, np.ones_like),
    "soft_l1": (lambda z: 2.0 * (np.sqrt(1.0 + z) - 1.0), lambda z: 1.0 / np.sqrt(1.0 + z)),
    "huber": (lambda z: np.where(z <= 1.0, z, 2.0 * np.sqrt(z) - 1.0),
              lambda z: 1.0 / np.sqrt(np.maximum(z, 1.0))),
    "cauchy": (np.log1p, lambda z: 1.0 / (1.0 + z)),
    "arctan": (np.arctan, lambda z: 1.0 / (1.0 + z**2)),
}


class ResidualEvaluator:
    """C² Σ ρ((r/C)²) and its gradient 2 Jᵀ(ρ'((r/C)²) r), from residuals r and J = dr/dθ.

    Keeps r and J of the last point evaluated.
    """

    def __init__(self, problem, counts, loss="linear", f_scale=1.0):
        self._problem, self._counts, self._size = problem, counts, int(problem.size)
        (self._rho, self._slope), self._C = RHO[loss], f_scale
        self._theta, self._r, self._J, self._n_residuals = None, None, None, None

    def value(self, point):
        """The robust cost; with the linear loss the sum of squares."""
        z = (self.residuals(point) / self._C) ** 2
        return float(float64_array("sum of squares", self._C**2 * self._rho(z).sum(), shape=()))

    def value_and_gradient(self, point):
        """Cost and gradient."""
        return self.value(point), self.gradient(point)

    def gradient(self, point):
        """The gradient (p,)."""
        r, J = self.residuals(point), self.jacobian(point)
        g = 2.0 * (J.T @ (self._slope((r / self._C) ** 2) * r))
        return float64_array("gradient", g)

    def residuals(self, point):
        """r (m,); m is fixed by the first call."""
        if self._theta is not point.theta:
            self._counts.evaluations += 1
            r = float64_array("residuals", self._problem.residuals(point.theta.copy()),
                              shape=(self._n_residuals,))
            self._theta, self._r, self._J, self._n_residuals = point.theta, r, None, r.size
        return self._r

    def jacobian(self, point):
        """dr/dθ (m, p)."""
        m = self.residuals(point).size
        if self._J is None:
            self._counts.jacobians += 1
            self._J = float64_array("jacobian", self._problem.jacobian(point.theta.copy()),
                                    shape=(m, self._size))
        return self._J


def drive(run: Driven, method: str, options: Mapping[str, Any], evaluator: Any) -> None:
    """trf, dogbox or lm. An iteration is a Jacobian: a step that lowered the cost.

    A failed trial has residuals +inf, on which trf and dogbox shrink their radius by four;
    MINPACK's lm is given ten times the current residuals, on which it does about the same.
    SciPy is handed the residuals divided by a power of two near sqrt(|g(x0)|), f_scale with
    them: it squares them, and trf compares |g| with 1.
    """
    algorithm = options["algorithm"]
    theta = run.current.theta
    n_residuals = evaluator.residuals(run.current).size
    if algorithm == "lm" and n_residuals < theta.size:
        raise ValueError(f"algorithm 'lm' needs at least as many residuals as parameters, but "
                         f"there are {n_residuals} and {theta.size}. Use 'trf' or 'dogbox'.")
    unit = 2.0 ** -np.clip(np.round(0.5 * np.log2(norm(run.current.gradient))), -500, 500)
    calls = _Calls(run, evaluator, algorithm == "lm", unit)
    # SciPy wants one tolerance above eps (lm: all three). Of trf and dogbox only xtol is
    # relative, and lm's are all three, so these stop a run at rounding level and not before.
    tiny = EPS * (1 + EPS) * 2
    off = tiny if algorithm == "lm" else None
    names = ("loss", "x_scale", "tr_solver", "tr_options")
    result = scipy.optimize.least_squares(
        calls.residuals, theta, jac=calls.jacobian, method=algorithm,
        bounds=run.bounds or (-np.inf, np.inf), ftol=off, xtol=tiny, gtol=off,
        f_scale=options["f_scale"] * unit, max_nfev=options["max_nfev"] or 100 * run.maxiter + 1000,
        **{name: options[name] for name in names})
    if result.status == 0:
        raise Stop(Status.EVALUATION_LIMIT)
    run.dead_end(Status.RADIUS_COLLAPSED)


class _Calls:
    """Residuals and Jacobian times `unit` for SciPy, which may overwrite what it is given."""

    def __init__(self, run, evaluator, finite, unit):
        self._run, self._evaluator, self._finite = run, evaluator, finite
        self._started, self._unit = False, unit
        self._r = unit * evaluator.residuals(run.current)

    def residuals(self, x):
        if np.array_equal(x, self._run.current.theta):
            if self._started:
                self._run.dead_end(Status.RADIUS_COLLAPSED)
            return self._r.copy()
        point = self._run.trial(x)
        if not point.failed:
            return self._unit * self._evaluator.residuals(point)
        return 10.0 * self._r if self._finite else np.full(self._r.size, np.inf)

    def jacobian(self, x):
        if self._started and not np.array_equal(x, self._run.current.theta):
            point = self._run.trial(x, gradient=True)
            if point.failed:
                self._run.dead_end(Status.RADIUS_COLLAPSED)
            self._r = self._unit * self._evaluator.residuals(point)
            self._run.accept(point)
        self._started = True
        return self._unit * self._evaluator.jacobian(self._run.current)
