"""A state defined by an equation: r(u, θ) = 0 with r any traced function of nodes and glue."""

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pcl import factor
from pcl.engine import nodes
from pcl.engine.glue.piece import Piece
from pcl.engine.procedure import Procedure, accumulate
from pcl.engine.second.bases import InverseBase, LeafBase
from pcl.engine.second.plan import Plan
from pcl.engine.second.patterns import PATTERNS
from pcl.engine.second.tangent import Tangent, scaled
from pcl.engine.trace import constant_shape, separated
from pcl.errors import NotFinite, SingularMatrix, TrialFailure
from pcl.factor.near import Near
from pcl.nodes.equation.newton import Newton, newton

# The solver whose factors are worth being kept: of an iteration a solve is dearer than the setup.
DIRECT = "superlu"


@dataclass(frozen=True)
class Equation:
    """equation(u) = 0 for u, as a construct of the loss; Newton's method begins at `start`."""

    equation: Any
    start: Any
    settings: Newton
    name = "a nonlinear solve"

    def record(self, tracer: Any) -> Any:
        """Its unknown is a new variable, and its inside is recorded too."""
        return recorded(self, tracer, "an equation", ImplicitCall)


def recorded(construct, tracer, inside_name, kind):
    """The unknown of a construct that is an equation, which becomes a call of this kind."""
    start = nodes.as_input("start", construct.start)
    shape = constant_shape(construct.name, start)
    number, unknown = tracer.variable(shape)
    with tracer.inside(inside_name) as inside:
        residual = float64_like(construct.equation(unknown), shape)
    start = tf.convert_to_tensor(start, tf.float64)
    tracer.add(_RecordedEquation(kind, start, inside, residual, number, construct.settings))
    return tracer.shielded(number, unknown, [residual])


@dataclass(frozen=True)
class _RecordedEquation:
    kind: type
    start: Any
    inside: list
    residual: Any
    output: int
    settings: Newton

    def described(self, graph, moving=None):
        """What does not depend on the unknown, and the equation with its inner calls and glue."""
        held, changing = separated(self.inside, graph, {self.output})
        residual = Procedure(changing, Piece(graph, [self.residual]))
        return [*held, self.kind(Piece(graph, [self.start]), residual, self.output, self.settings)]


def float64_like(residual, shape):
    """The residual, refused unless a float64 tensor of this shape."""
    if not tf.is_tensor(residual) or residual.dtype != tf.float64 or tuple(residual.shape) != shape:
        given = (f"{residual.dtype.name} of shape {tuple(residual.shape)}" if tf.is_tensor(residual)
                 else type(residual).__name__)
        raise ValueError(f"the equation returns {given}; expected a float64 tensor of shape {shape}, one "
                         "residual an unknown.")
    return residual


@dataclass(frozen=True, eq=False)
class ImplicitCall:
    """u with r(u, θ, v) = 0, u being variable number `output`.

        tangent    r_u u̇ = −Σ r_a ȧ
        adjoint    r_uᵀ μ = ū, r̄ = −μ pulled back through r
        curvature  ⟨r̄, r⟩'' in u and everything else

    r is a `Procedure`, so all three are those of its parts; r_u is composed of their sparse factors.
    """

    start: Piece
    residual: Procedure
    output: int
    settings: Newton

    def evaluate(self, values: dict) -> Any:
        """Solve for u by Newton's method; u is entered into `values`."""
        solutions = factor.in_use().solutions
        last = solutions.get(self) if self.settings.warm_start else None
        point = self._from_last(last, values) or self._from_start(values)
        values[self.output] = point.value
        if self.settings.warm_start:
            solutions[self] = point.value
        return point

    def _from_start(self, values):
        start, = self.start.value(values)
        return newton(self.settings, np.array(start), lambda u: self._at(u, values))[1]

    def _from_last(self, last, values):
        """The solution found from the last one; None if there is none or Newton's method fails."""
        if last is None:
            return None
        try:
            return newton(replace(self.settings, load_steps=1), last, lambda u: self._at(u, values))[1]
        except TrialFailure:
            return None

    def _at(self, u, values):
        values[self.output] = u
        return EquationPoint(self, self.residual.evaluate(values), values, factor.in_use().nearby)

    def pullback(self, point: Any, values: dict, bars: dict) -> Any:
        """Adjoints through the equation; returns that of r for `extend`."""
        shape = values[self.output].shape
        r_bar = -point.factor.solve(bars[self.output].ravel(), transpose=True).reshape(shape)
        adjoint = self.residual.pullback(point.points, values, [r_bar])
        own = {self.output, *self.inner()}
        accumulate(bars, {d: bar for d, bar in adjoint.bars.items() if d not in own})
        return adjoint

    def extend(self, plan: Any, point: Any, values: dict, bars: dict, adjoint: Any,
               tangents: dict) -> Any:
        """du/dθ as a base of the plan."""
        if not any(d in tangents for d in self._outer()):
            return None
        state = InverseBase(point.factor, point.value.size)
        local = {**tangents, self.output: Tangent.of(state)}
        self.residual.extend(plan, point.points, values, adjoint, local)
        r_tangent, = self.residual.result.tangents(values, local)
        state.rhs = Tangent({a: scaled(-1.0, L) for a, L in r_tangent.terms.items() if a is not state})
        return plan.add_base(state)

    @property
    def procedures(self) -> tuple:
        return self.residual,

    def inner(self) -> list:
        """Numbers of the variables that belong to this equation alone."""
        return self.residual.inner()

    def _outer(self):
        """Numbers of the variables that the equation takes from outside."""
        return self.residual.outer() - {self.output}

    def dependencies(self) -> set:
        """Numbers of the variables in front."""
        return self._outer() | set(self.start.deps)


class EquationPoint:
    """The equation at one u: residual r, Jacobian r_u, and its factor on demand.

    The last factorisation that was made for the equation, in the last iteration or in the last step of a
    march, is used as long as the Jacobian is near (`pcl.factor.near`): it is kept in `nearby`, a dict.
    """

    def __init__(self, call, points, values, nearby):
        self.points, self._call, self._values, self._nearby = points, call, values, nearby
        r, = call.residual.result.value(values)
        self.value, self.residual = values[call.output], r.ravel()
        self._factor = None

    @property
    def factor(self):
        """The factorised Jacobian at this u."""
        if self._factor is None:
            matrix, near = self.jacobian(), self._nearby.get(self._call)
            new = functools.partial(self._factorised, matrix)
            known = near is not None and near.n == len(self.residual)
            self._factor = Near(near, matrix, new) if known else new()
        return self._factor

    def _factorised(self, matrix):
        solver = self._call.settings.solver
        found = factor.cached(matrix, solver)
        if solver == DIRECT:
            self._nearby[self._call] = found
        return found

    def jacobian(self):
        """r_u at this u, sparse."""
        call, n = self._call, self.value.size
        unknown = LeafBase(0, n)
        tangents = {call.output: Tangent.of(unknown)}
        with np.errstate(invalid="ignore"):  # NaN is answered in words, below and by the factorisation
            call.residual.extend(Plan(n), self.points, self._values, None, tangents)
            tangent, = call.residual.result.tangents(self._values, tangents)
        if tangent is None:
            raise SingularMatrix("the equation does not depend on its unknown there.")
        if set(tangent.terms) != {unknown}:
            raise ValueError("the equation contains a solve that depends on its unknown; expected "
                             "networks, products and pointwise operations. State both as one equation.")
        L = tangent.terms[unknown]
        if not sp.issparse(L) and not isinstance(L, np.ndarray):
            _require_finite(L, n)
            L = L @ sp.eye_array(n).toarray() if n <= 2000 else _refuse(n)
        if PATTERNS.knows(L):
            return PATTERNS.converted(L, "csc")
        matrix = sp.csc_array(L, copy=True)
        matrix.sum_duplicates()
        return matrix


def _require_finite(L, n):
    """Refuse an operator that gives NaN: no pattern can be found in one, whatever it is."""
    if not np.isfinite(L @ np.ones(n)).all():
        raise NotFinite("it has entries that are NaN or infinite; look at the derivatives of the "
                        "equation's pointwise functions there.")


def _refuse(n):
    raise ValueError(f"the Jacobian of the equation ({n} unknowns) is not sparse: an operation that "
                     "couples all points stands between its nodes. Write it as a sparse product.")
