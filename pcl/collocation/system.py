"""A fully implicit system F(x', x, y, t) = 0 given by two functions, checked once and named."""

from dataclasses import dataclass
from typing import Callable

import numpy as np

from pcl.errors import NotFinite, TrialFailure

# What a user's function may raise at a trial point without ending a simulation: the step is shortened.
RECOVERABLE = (TrialFailure, ArithmeticError, ValueError)


@dataclass(frozen=True, eq=False)
class System:
    """n_x + n_y equations F(x', x, y, t) = 0 over points (m,).

    residual(dx (m, n_x), x (m, n_x), y (m, n_y), t (m,)) -> (m, n_x + n_y)
    jacobian(the same) -> F_dx (m, n_eq, n_x), F_x (m, n_eq, n_x), F_y (m, n_eq, n_y)
    """

    residual: Callable
    jacobian: Callable
    n_x: int
    n_y: int
    state_names: tuple
    algebraic_names: tuple
    equation_names: tuple

    @classmethod
    def named(cls, residual, jacobian, n_x, n_y, states=None, algebraic=None, equations=None):
        """With names x[0], y[0], "equation 0", … where none are given."""
        names = (_names("state_names", states, n_x, "x[{}]"),
                 _names("algebraic_names", algebraic, n_y, "y[{}]"),
                 _names("equation_names", equations, n_x + n_y, "equation {}"))
        return cls(residual, jacobian, n_x, n_y, *names)

    def evaluate(self, dx, x, y, t):
        """F at the points, refused when its shape is wrong or an entry is not finite."""
        F = np.asarray(self.residual(dx, x, y, t), dtype=np.float64)
        if F.shape != (t.size, self.n_x + self.n_y):
            raise ValueError(f"residual returned shape {F.shape} at {t.size} points; expected "
                             f"{(t.size, self.n_x + self.n_y)}: one equation for each of the {self.n_x} "
                             f"states and {self.n_y} algebraic variables.")
        if not np.isfinite(F).all():
            k, i = np.argwhere(~np.isfinite(F))[0]
            raise NotFinite(f"{self.equation_names[i]} is {F[k, i]} at t = {t[k]:.9g}, "
                            f"{self.describe(x[k], y[k])}.")
        return F

    def differentiate(self, dx, x, y, t):
        """(F_dx, F_x, F_y) at the points, with the checks of `evaluate`."""
        blocks = tuple(np.asarray(J, dtype=np.float64) for J in self.jacobian(dx, x, y, t))
        n_eq = self.n_x + self.n_y
        expected = tuple((t.size, n_eq, n) for n in (self.n_x, self.n_x, self.n_y))
        if tuple(J.shape for J in blocks) != expected:
            raise ValueError(f"jacobian returned shapes {[J.shape for J in blocks]}; expected "
                             f"{list(expected)} for F_dx, F_x, F_y.")
        for name, J in zip(("F_dx", "F_x", "F_y"), blocks):
            if not np.isfinite(J).all():
                k, i, j = np.argwhere(~np.isfinite(J))[0]
                raise NotFinite(f"{name} of {self.equation_names[i]} is {J[k, i, j]} at t = {t[k]:.9g}, "
                                f"{self.describe(x[k], y[k])}.")
        return blocks

    def describe(self, x, y):
        """The point in words: "x1 = 1, x2 = 0.5, y1 = 3" (the first eight variables)."""
        names = self.state_names + self.algebraic_names
        words = [f"{name} = {value:.6g}" for name, value in zip(names, np.append(x, y))]
        return ", ".join(words[:8]) + (", …" if len(words) > 8 else "")

    @property
    def unknown_names(self):
        """Names of (x', y) in the order of the columns of [F_dx, F_y]."""
        return tuple(f"{name}'" for name in self.state_names) + self.algebraic_names


def _names(argument, given, n, pattern):
    if given is None:
        return tuple(pattern.format(i) for i in range(n))
    if isinstance(given, str) or len(given) != n:
        raise ValueError(f"{argument} is {given!r}; expected {n} names.")
    return tuple(str(name) for name in given)
