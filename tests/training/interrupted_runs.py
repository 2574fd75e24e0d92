"""Runs that are cut off and taken up again, for the tests of checkpoints."""

import shutil
import time

import numpy as np
from scipy.optimize import rosen_der, rosen_hess

from pcl.errors import InvalidCoefficient
from pcl.training.minimize import minimize

# (method, options, iterations of the whole run)
REQUIRED = [("trust-exact", {}, 25), ("BFGS", {}, 30), ("L-BFGS-B", {}, 30),
            ("least-squares", {}, 14), ("adam", {"learning_rate": 0.1}, 25)]
OTHERS = [("trust-exact", {"max_trust_radius": 0.5, "initial_trust_radius": 0.4}, 25),
          ("least-squares", {"x_scale": "jac", "loss": "soft_l1"}, 14),
          ("least-squares", {"tr_solver": "lsmr"}, 14),
          ("least-squares", {"algorithm": "dogbox"}, 14), ("least-squares", {"algorithm": "lm"}, 14),
          ("trust-ncg", {}, 20), ("trust-krylov", {}, 20), ("newton-trust-region", {}, 20),
          ("ssbroyden", {}, 30), ("levenberg-marquardt", {}, 14)]
NEVER = {"gtol": 0.0, "ftol": 0.0}
ROWS = ("loss", "gradient_norm", "step", "accepted", "evaluations", "failed")
COLUMNS = (*ROWS, "factorisations", "back_substitutions")


class Rosenbrock:
    """loss = Σ r²,  r = (10 (x_{i+1} − x_i²), 1 − x_i): the extended Rosenbrock function.

    `failing`: points with x_0 > −0.9 cannot be evaluated; every method meets some at once.
    """

    has_residuals = True

    def __init__(self, n=8, failing=False, pause=0.0):
        self.size, self.theta0 = n, np.linspace(-1.2, 1.5, n)
        self.failing, self.pause, self.calls, self.hessians = failing, pause, 0, 0
        self.counts = self

    factorisations = property(lambda self: self.calls)
    back_substitutions = property(lambda self: 2 * self.calls)

    def residuals(self, x):
        self.calls += 1
        time.sleep(self.pause)
        if self.failing and x[0] > -0.9:
            raise InvalidCoefficient("kappa is negative in cell 17")
        return np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])

    def jacobian(self, x):
        n, i = self.size, np.arange(self.size - 1)
        J = np.zeros((2 * n - 2, n))
        J[i, i + 1], J[i, i], J[n - 1 + i, i] = 10.0, -20.0 * x[:-1], -1.0
        return J

    def value(self, x):
        r = self.residuals(x)
        return float(r @ r)

    def gradient(self, x):
        return rosen_der(x)

    def value_and_gradient(self, x):
        return self.value(x), rosen_der(x)

    def hessian(self, x):
        self.hessians += 1
        return rosen_hess(x)

    def hvp(self, x, v):
        return rosen_hess(x) @ v


class Offset(Rosenbrock):
    """The same with a constant residual of 10: the loss ends at 100."""

    def residuals(self, x):
        return np.append(super().residuals(x), 10.0)

    def jacobian(self, x):
        return np.vstack([super().jacobian(x), np.zeros(self.size)])


class CopyAt:
    """Keeps what the file holds in the middle of an iteration: what kill −9 would leave."""

    def __init__(self, path, copy, iteration):
        self.path, self.copy, self.iteration = path, copy, iteration

    def __call__(self, snapshot):
        if snapshot.iteration == self.iteration:
            shutil.copyfile(self.path, self.copy)


def run(method="L-BFGS-B", options=None, maxiter=20, problem=None, **more):
    return minimize(Rosenbrock() if problem is None else problem, method, options=options,
                    maxiter=maxiter, **{"checkpoint_seconds": 0, **NEVER, **more})


def same(a, b, columns=COLUMNS):
    """Whether two results agree bit for bit, time aside."""
    return np.array_equal(a.x, b.x) and a.fun == b.fun and np.array_equal(a.jac, b.jac) and \
        a.counts == b.counts and a.status is b.status and all(
            np.array_equal(getattr(a.history, name), getattr(b.history, name)) for name in columns)
