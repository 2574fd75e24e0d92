"""The algebra of one implicit step of an equation of evolution."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pcl.engine import nodes
from pcl.engine.held import held
from pcl.evolution.systems import scalar
from pcl.nodes.equation.solve_nonlinear import solve_nonlinear
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.solve import solve
from pcl.support.types import Tensor


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
        self.mass, self.solver, self._last = system.mass, newton["solver"], None
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
        matrix = matrix(scalar(t)) if callable(matrix) else matrix
        is_matrix = isinstance(matrix, SparseMatrix)
        if matrix is not None and (not is_matrix or matrix.shape != self.mass.shape):
            given = matrix.shape if is_matrix else type(matrix).__name__
            raise ValueError(f"{name} is {given}; expected a SparseMatrix {self.mass.shape}.")
        return matrix

    def load(self, t):
        """f(t) (n, …); zeros without a load."""
        f = self.system.load
        f = f(scalar(t)) if callable(f) and not tf.is_tensor(f) else f
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
        r = nodes.as_input("residual", self.system.nonlinear(u, v, scalar(t)))
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
        if self.system.residual is None:
            return self._solve_linear(a, b, stage, t)
        return self._solve_nonlinear(a, b, stage, t, start)

    def _solve_linear(self, a, b, stage, t):
        rhs = b + stage.weight * self.load(stage.t)
        for matrix, (_, offset) in zip(self._matrices(stage.t), (stage.v, stage.u)):
            if matrix is not None and offset is not None:
                rhs = rhs - stage.weight * (matrix @ offset)
        A, inner = self._matrix_of(a, stage)
        if self.fixed is None:
            return solve(A, rhs, solver=self.solver)
        split, fixed = self.fixed.split, self._lifted(t)
        rhs = rhs if fixed is None else rhs - A @ fixed
        return self._placed(solve(inner, split.take_free @ rhs, solver=self.solver), fixed)

    def _matrices(self, t):
        return self.damping(t), self.stiffness(t)

    def _matrix_of(self, a, stage):
        """A of the linear equation, and that of the free entries; one for stages that have the same.

        Its coefficients are computed once, whatever solves with it and multiplies it.
        """
        damping, stiffness = self._matrices(stage.t)
        key = a, stage.weight, stage.v[0], stage.u[0], damping, stiffness
        if self._last is None or any(x is not y for x, y in zip(self._last[0], key)):
            A = a * self.mass
            for matrix, slope in ((damping, stage.v[0]), (stiffness, stage.u[0])):
                A = A if matrix is None else A + (stage.weight * slope) * matrix
            A = SparseMatrix(A.structures, [held(c) for c in A.coefficients], A.space, A.positive)
            free = None if self.fixed is None else self.fixed.split.free
            self._last = key, A, A if free is None else A.restrict(free, free)
        return self._last[1:]

    def _lifted(self, t):
        """E g(t), None for zero."""
        return None if self.fixed.is_zero else self.fixed.lift(t, tuple(self.shape))

    def _placed(self, inner, fixed):
        """The state with these free entries."""
        u = self.fixed.split.put_free @ inner
        return u if fixed is None else u + fixed

    def _solve_nonlinear(self, a, b, stage, t, start):
        def residual(u):
            u_s, v_s = stage.at(u)
            return a * (self.mass @ u) + stage.weight * self.forces(u_s, v_s, stage.t) - b

        if self.fixed is None:
            return solve_nonlinear(residual, start, **self._newton)
        split, fixed = self.fixed.split, self._lifted(t)
        inner = solve_nonlinear(lambda x: split.take_free @ residual(self._placed(x, fixed)),
                                split.take_free @ start, **self._newton)
        return self._placed(inner, fixed)


@dataclass(frozen=True)
class Stage:
    """Where the forces of a step are taken: u_s = α u + β, v_s = γ u + δ, of the u that is solved for.

    Parameters
    ----------
    t : float, the time
    u, v : pairs (α, β) and (γ, δ)
        None stands for 0.
    weight : float, of the forces

    Examples
    --------
    The midpoint of a step that began at 1:

    >>> import pcl
    >>> u_s, v_s = pcl.Stage(0.5, u=(0.5, 0.5)).at(3.0)
    >>> u_s
    2.0
    """

    t: Any
    u: tuple = (1.0, None)
    v: tuple = (0.0, None)
    weight: Any = 1.0

    def at(self, u: Tensor) -> tuple[Any, Any]:
        """(u_s, v_s) for the unknown `u`."""
        return tuple(slope * u if offset is None else slope * u + offset
                     for slope, offset in (self.u, self.v))


def _sum(terms):
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result
