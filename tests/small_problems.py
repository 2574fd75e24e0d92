"""Small problems with closed forms, as `pcl.minimize` takes them, that count what they are asked."""

import types

import numpy as np
import scipy.sparse as sp

from pcl.errors import InvalidCoefficient
from pcl.nodes.linear.structure import Structure

SCALAR = ["trust-exact", "trust-krylov", "trust-ncg", "BFGS", "L-BFGS-B"]
FAST = [*SCALAR, "least-squares"]
TRUST = SCALAR[:3]


def chain(n):
    """Structure of −(κu')' on n+1 cells of [0, 1] with zero ends: one κ a cell."""
    h = 1.0 / (n + 1)
    difference = sp.diags_array([np.ones(n), -np.ones(n)], offsets=[0, -1], shape=(n + 1, n)) / h
    return Structure(difference * h, difference)


def cell_centres(n):
    """The middles of those cells (n + 1, 1)."""
    return ((np.arange(n + 1) + 0.5) / (n + 1))[:, None]


class Residuals:
    """loss = Σ r² (no factor 1/2) from residuals and their first and second derivatives."""

    has_residuals = True
    admissible = staticmethod(lambda theta: True)

    def __init__(self, theta0, unit=1.0):
        self.theta0, self.unit = np.asarray(theta0), np.sqrt(unit)
        self.size = self.theta0.size
        self.counts = types.SimpleNamespace(factorisations=7, back_substitutions=5)
        self.calls = {"value": 0, "hessian": 0}
        self.visited = []

    def residuals(self, theta):
        self.calls["value"] += 1
        self.counts.factorisations += 1
        self.visited.append(theta.copy())
        if not self.admissible(theta):
            raise InvalidCoefficient("kappa is negative in cell 17")
        return self.unit * self.r(theta)

    def jacobian(self, theta):
        return self.unit * self.J(theta)

    def value(self, theta):
        r = self.residuals(theta)
        return float(r @ r)

    def gradient(self, theta):
        self.counts.back_substitutions += 1
        return 2.0 * self.unit**2 * self.J(theta).T @ self.r(theta)

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)

    def hessian(self, theta):
        self.calls["hessian"] += 1
        return 2.0 * self.unit**2 * (self.J(theta).T @ self.J(theta) + self.bend(theta))

    def hvp(self, theta, v):
        return 2.0 * self.unit**2 * (self.J(theta).T @ (self.J(theta) @ v)
                                     + self.bend(theta) @ v)


class Rosenbrock(Residuals):
    """r = (10 (θ₂ − θ₁²), 1 − θ₁); minimum 0 at (1, 1)."""

    def __init__(self, theta0=(-1.2, 1.0), unit=1.0):
        super().__init__(theta0, unit)

    def r(self, t):
        return np.array([10.0 * (t[1] - t[0] ** 2), 1.0 - t[0]])

    def J(self, t):
        return np.array([[-20.0 * t[0], 10.0], [-1.0, 0.0]])

    def bend(self, t):
        return np.array([[-20.0 * self.r(t)[0], 0.0], [0.0, 0.0]])


class Linear(Residuals):
    """r = Aθ − b; the minimum is the least squares solution, with a loss left over."""

    slices = {"a": slice(0, 2), "b": slice(2, 5)}

    def __init__(self, unit=1.0, seed=0):
        super().__init__(np.zeros(5), unit)
        rng = np.random.default_rng(seed)
        self.A, self.b = rng.standard_normal((9, 5)), rng.standard_normal(9)
        self.solution = np.linalg.lstsq(self.A, self.b, rcond=None)[0]

    def unravel(self, theta):
        return {name: theta[block] for name, block in self.slices.items()}

    def ravel(self, arrays):
        return np.concatenate([arrays["a"], arrays["b"]])

    def r(self, t):
        return self.A @ t - self.b

    def J(self, t):
        return self.A

    def bend(self, t):
        return 0.0 * self.A.T @ self.A


class Scalar:
    """A loss given by functions."""

    has_residuals = False
    counts = None

    def __init__(self, theta0, value, gradient, hessian):
        self.theta0, self.size = np.asarray(theta0, float), len(theta0)
        self.value, self.gradient, self.hessian = value, gradient, hessian

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)

    def hvp(self, theta, v):
        return self.hessian(theta) @ v


def saddle(theta0, lift=1.0):
    """θ₁² − θ₂² + lift θ₂⁴: saddle at 0, minima at (0, ±1/sqrt(2 lift))."""
    return Scalar(
        theta0, lambda t: t[0]**2 - t[1]**2 + lift * t[1]**4,
        lambda t: np.array([2 * t[0], -2 * t[1] + 4 * lift * t[1]**3]),
        lambda t: np.diag([2.0, -2.0 + 12 * lift * t[1]**2]))
