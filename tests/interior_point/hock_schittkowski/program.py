"""A test problem as `pcl.interior_point` takes it: values by `values`, derivatives by `duals`."""
import numpy as np

from . import duals, values


class DualProgram:
    """min f(x), c_lower ≤ c(x) ≤ c_upper, x_lower ≤ x ≤ x_upper with dense exact derivatives.

    The point of the last derivatives is kept: gradient, Jacobian and Hessian share one pass.
    """

    def __init__(self, problem):
        self._f, self._c = problem.objective, problem.constraints
        self.n, self.m = len(problem.x0), len(problem.rows)
        self.x_lower, self.x_upper = problem.lower, problem.upper
        self.c_lower, self.c_upper = problem.c_lower, problem.c_upper
        self._at, self._jets = None, None

    def objective(self, x):
        with np.errstate(all="ignore"):
            return float(self._f(np.float64(x), values))

    def constraints(self, x):
        with np.errstate(all="ignore"):
            return np.array(self._c(np.float64(x), values), dtype=float).reshape(self.m)

    def gradient(self, x):
        return self._taylor(x)[0].gradient

    def jacobian(self, x):
        return np.array([c.gradient for c in self._taylor(x)[1]]).reshape(self.m, self.n)

    def hessian(self, x, lam, sigma):
        f, rows = self._taylor(x)
        return sigma * f.hessian + sum(weight * c.hessian for weight, c in zip(lam, rows))

    def row_name(self, j):
        return f"c{j + 1}"

    def variable_name(self, i):
        return f"x{i + 1}"

    def _taylor(self, x):
        if self._at is None or not np.array_equal(self._at, x):
            u = duals.variables(np.array(x, dtype=float))
            with np.errstate(all="ignore"):
                rows = [duals.lifted(c, self.n) for c in self._c(u, duals)]
                self._jets = duals.lifted(self._f(u, duals), self.n), rows
            self._at = np.array(x, dtype=float)
        return self._jets
