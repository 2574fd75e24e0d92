"""Equations of evolution, discrete in space: what a march in time solves."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pcl import nodes
from pcl.linear_map import LinearMap
from pcl.linear_solve import solve
from pcl.nonlinear_solve import solve_nonlinear
from pcl.sparse import SparseMatrix
from pcl.validate import whole_numbers


@dataclass(frozen=True)
class FirstOrder:
    """M u' + K u + r(u, t) = f(t).

    Parameters
    ----------
    mass : SparseMatrix (n, n), or None for the identity
        It may be singular for schemes that are implicit in all terms (not Crank–Nicolson).
    stiffness : SparseMatrix (n, n), or function t -> SparseMatrix, optional
    residual : function (u, t) -> tensor of the shape of u, optional
        Networks, products and pointwise TensorFlow; with it each step is a nonlinear solve.
    load : array or tensor (n,), or function t -> tensor, optional

    Everything may depend on θ. The functions are given the time t as a float64 scalar tensor.
    """

    mass: Any = None
    stiffness: Any = None
    residual: Any = None
    load: Any = None

    damping = None

    def __post_init__(self):
        _check(self)

    def nonlinear(self, u, v, t):
        """r at (u, t); v is u'."""
        return self.residual(u, t)


@dataclass(frozen=True)
class SecondOrder:
    """M u'' + C u' + K u + r(u, u', t) = f(t).

    Parameters
    ----------
    mass, damping, stiffness : as in `FirstOrder`; no damping by default
    residual : function (u, v, t) -> tensor of the shape of u, optional; v is u'
    load : as in `FirstOrder`
    """

    mass: Any = None
    stiffness: Any = None
    damping: Any = None
    residual: Any = None
    load: Any = None

    def __post_init__(self):
        _check(self)

    def nonlinear(self, u, v, t):
        """r at (u, v, t)."""
        return self.residual(u, v, t)


def _check(system):
    for name in ("mass", "stiffness", "damping"):
        matrix = getattr(system, name)
        if matrix is None or isinstance(matrix, SparseMatrix) or (name != "mass" and callable(matrix)):
            continue
        function = "" if name == "mass" else " or a function of t that returns one"
        raise TypeError(f"{name} is a {type(matrix).__name__}; expected a pcl.SparseMatrix{function}. A "
                        "constant matrix becomes one by SparseMatrix.from_scipy(A).")
    if system.residual is not None and not callable(system.residual):
        raise TypeError(f"residual is a {type(system.residual).__name__}; expected a function.")
    if system.stiffness is None and system.residual is None and system.load is None:
        raise ValueError("stiffness, residual and load are all missing; expected at least one of them.")


class Fixed:
    """Entries of the state that are prescribed: u[numbers] = g(t).

    Parameters
    ----------
    numbers : whole numbers below n, each once
    values : scalar, array or tensor (m,), or function t -> one of them; t is a float64 scalar tensor
    """

    def __init__(self, numbers, values, n):
        self.numbers = whole_numbers("fixed numbers", numbers, n)
        if len(np.unique(self.numbers)) < len(self.numbers):
            raise ValueError("fixed numbers has a number twice; expected each once.")
        self._values = values
        self.free = np.setdiff1d(np.arange(n), self.numbers)
        self.put, self.take = _selection(self.numbers, n).T, _selection(self.numbers, n)
        self.put_free, self.take_free = _selection(self.free, n).T, _selection(self.free, n)

    def at(self, t, shape):
        """g(t) as a tensor (m, …) for a state of this shape."""
        g = self._values(_scalar(t)) if callable(self._values) else self._values
        g = nodes.as_input("fixed values", g)
        if tuple(g.shape) not in {(), (len(self.numbers),), (len(self.numbers), *shape[1:])}:
            raise ValueError(f"fixed values has shape {tuple(g.shape)}; expected a scalar or "
                             f"({len(self.numbers)},), one value a fixed number.")
        columns = g if len(g.shape) in (0, len(shape)) else tf.reshape(g, (-1, *[1] * (len(shape) - 1)))
        return columns * tf.ones((len(self.numbers), *shape[1:]), tf.float64)

    def imposed(self, u, t):
        """u with its fixed entries replaced by g(t)."""
        return self.put_free @ (self.take_free @ u) + self.put @ self.at(t, tuple(u.shape))


class Evolution:
    """The algebra of one implicit step of a system, with fixed entries eliminated.

    Parameters
    ----------
    system : FirstOrder or SecondOrder
    shape : shape of u, (n,) or (n, k)
    fixed : Fixed or None
    newton : dict, settings of `solve_nonlinear`
    """

    def __init__(self, system, shape, fixed, newton):
        self.system, self.shape, self.fixed, self._newton = system, shape, fixed, newton
        self.mass, self.solver = system.mass, newton["solver"]
        if self.mass is None:
            self.mass = SparseMatrix.from_scipy(sp.eye_array(shape[0], format="csr"))
        if self.mass.shape != (shape[0], shape[0]):
            raise ValueError(f"mass has shape {self.mass.shape}; expected {(shape[0], shape[0])}, one "
                             "row an entry of the initial state.")

    # --- the terms -------------------------------------------------------------------------
    def stiffness(self, t):
        """K at time t, or None."""
        return self._matrix("stiffness", t)

    def damping(self, t):
        """C at time t, or None."""
        return self._matrix("damping", t)

    def _matrix(self, name, t):
        matrix = getattr(self.system, name)
        matrix = matrix(_scalar(t)) if callable(matrix) else matrix
        is_matrix = isinstance(matrix, SparseMatrix)
        if matrix is not None and (not is_matrix or matrix.shape != self.mass.shape):
            given = matrix.shape if is_matrix else type(matrix).__name__
            raise ValueError(f"{name} is {given}; expected a SparseMatrix {self.mass.shape}.")
        return matrix

    def load(self, t):
        """f(t) (n, …); zeros without a load."""
        f = self.system.load
        f = f(_scalar(t)) if callable(f) and not tf.is_tensor(f) else f
        if f is None:
            return np.zeros(self.shape)
        f = nodes.as_input("load", f)
        if tuple(f.shape) != tuple(self.shape):
            raise ValueError(f"load has shape {tuple(f.shape)}; expected {tuple(self.shape)}, that of "
                             "the initial state.")
        return f

    def forces(self, u, v, t):
        """C v + K u + r(u, v, t) − f(t)."""
        terms = [-self.load(t)]
        for matrix, x in ((self.damping(t), v), (self.stiffness(t), u)):
            terms += [] if matrix is None else [matrix @ x]
        return _sum(terms + self._nonlinear(u, v, t))

    def _nonlinear(self, u, v, t):
        if self.system.residual is None:
            return []
        r = nodes.as_input("residual", self.system.nonlinear(u, v, _scalar(t)))
        if tuple(r.shape) != tuple(self.shape):
            raise ValueError(f"residual returns the shape {tuple(r.shape)}; expected "
                             f"{tuple(self.shape)}, that of the state.")
        return [r]

    # --- one implicit equation ------------------------------------------------------------------
    def solve(self, a, b, stage, t, start):
        """u with a M u + w·(C v_s + K u_s + r(u_s, v_s, t_s) − f(t_s)) = b, and u fixed at time t.

        Parameters
        ----------
        a : scalar
        b : (n, …)
        stage : Stage
        start : first iterate of Newton's method
        """
        fixed = None if self.fixed is None else self.fixed.put @ self.fixed.at(t, tuple(self.shape))
        if self.system.residual is None:
            return self._solve_linear(a, b, stage, fixed)
        return self._solve_nonlinear(a, b, stage, fixed, start)

    def _solve_linear(self, a, b, stage, fixed):
        A = a * self.mass
        rhs = b + stage.weight * self.load(stage.t)
        terms = (self.damping(stage.t), *stage.v), (self.stiffness(stage.t), *stage.u)
        for matrix, slope, offset in terms:
            if matrix is not None:
                A = A + (stage.weight * slope) * matrix
                rhs = rhs if offset is None else rhs - stage.weight * (matrix @ offset)
        if fixed is None:
            return solve(A, rhs, solver=self.solver)
        f = self.fixed
        rhs = f.take_free @ (rhs - A @ fixed)
        inner = solve(A.restrict(f.free, f.free), rhs, solver=self.solver)
        return f.put_free @ inner + fixed

    def _solve_nonlinear(self, a, b, stage, fixed, start):
        def residual(u):
            return a * (self.mass @ u) + stage.weight * self.forces(*stage.at(u), stage.t) - b

        if fixed is None:
            return solve_nonlinear(residual, start, **self._newton)
        f = self.fixed
        inner = solve_nonlinear(lambda x: f.take_free @ residual(f.put_free @ x + fixed),
                                f.take_free @ start, **self._newton)
        return f.put_free @ inner + fixed


@dataclass(frozen=True)
class Stage:
    """Where the forces of a step are taken: u_s = α u + β, v_s = γ u + δ, as pairs; None stands for 0."""

    t: Any
    u: tuple = (1.0, None)
    v: tuple = (0.0, None)
    weight: Any = 1.0

    def at(self, u):
        """(u_s, v_s)."""
        return tuple(slope * u if offset is None else slope * u + offset
                     for slope, offset in (self.u, self.v))


def _scalar(t):
    """The time as the functions of a system see it: a float64 scalar tensor, whatever calls them."""
    return tf.convert_to_tensor(t, tf.float64)


def _sum(terms):
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def _selection(numbers, n):
    rows = np.arange(len(numbers))
    return LinearMap(sp.csr_array((np.ones(len(numbers)), (rows, numbers)), shape=(len(numbers), n)))
