"""Value, gradient and Hessian of a formula by one pass of Taylor arithmetic: exact derivatives.

A Dual is f, ∇f (n,), ∇²f (n, n) at a point; the module itself has exp, log, sqrt, sin, cos, erf and step.
"""
import math

import numpy as np


class Dual:
    """Second-order jet; operators follow the product and chain rules."""

    __slots__ = ("value", "gradient", "hessian")
    __array_ufunc__ = None                      # NumPy scalars leave mixed operations to this class

    def __init__(self, value, gradient, hessian):
        self.value, self.gradient, self.hessian = value, gradient, hessian

    def __add__(self, other):
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.gradient + other.gradient,
                        self.hessian + other.hessian)
        return Dual(self.value + other, self.gradient, self.hessian)

    def __mul__(self, other):
        if not isinstance(other, Dual):
            return Dual(other * self.value, other * self.gradient, other * self.hessian)
        a, b = self.value, other.value
        cross = np.multiply.outer(self.gradient, other.gradient)
        return Dual(a * b, a * other.gradient + b * self.gradient,
                    a * other.hessian + b * self.hessian + cross + cross.T)

    def __pow__(self, p):
        v = self.value
        return _chain(self, v**p, p * v**(p - 1), p * (p - 1) * v**(p - 2) if p != 1 else 0.0)

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * (other**-1 if isinstance(other, Dual) else 1.0 / other)

    def __rtruediv__(self, other):
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__


def variables(x):
    """The unknowns at x (n,) as Duals: gradients are unit vectors."""
    return [Dual(value, unit, np.zeros((x.size, x.size)))
            for value, unit in zip(np.float64(x), np.eye(x.size))]


def lifted(f, n):
    """f as a Dual of n unknowns, if it is a constant."""
    return f if isinstance(f, Dual) else Dual(float(f), np.zeros(n), np.zeros((n, n)))


def exp(u):
    e = np.exp(u.value)
    return _chain(u, e, e, e)


def log(u):
    v = u.value
    return _chain(u, np.log(v), 1.0 / v, -1.0 / v**2)


def sqrt(u):
    r = np.sqrt(u.value)
    return _chain(u, r, 0.5 / r, -0.25 / r**3)


def sin(u):
    s, c = np.sin(u.value), np.cos(u.value)
    return _chain(u, s, c, -s)


def cos(u):
    s, c = np.sin(u.value), np.cos(u.value)
    return _chain(u, c, -s, -c)


def erf(u):
    v = u.value
    slope = 2.0 / math.sqrt(math.pi) * np.exp(-v**2)
    return _chain(u, math.erf(v), slope, -2.0 * v * slope)


def step(u, at, below, above):
    """`below` where u < at, else `above`; no derivative at the jump."""
    return below if u.value < at else above


def _chain(u, f, df, ddf):
    """f ∘ u from f and its derivatives at the value of u."""
    g = u.gradient
    return Dual(f, df * g, df * u.hessian + ddf * np.multiply.outer(g, g))
