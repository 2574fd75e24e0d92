"""A state defined by an equation: r(u, θ) = 0 with r any traced function of nodes and glue."""

from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sp

from pcl import factor, sequence
from pcl.errors import NotFinite, SingularMatrix, TrialFailure
from pcl.newton import Newton, newton
from pcl.plan import LeafBase, Plan, base_tangent
from pcl.segment import Segment
from pcl.tangent import Tangent


@dataclass(frozen=True)
class ImplicitCall:
    """u with r(u, θ, v) = 0, u being variable number `output`.

        tangent    r_u u̇ = −Σ r_a ȧ
        adjoint    r_uᵀ μ = ū, r̄ = −μ pulled back through r
        curvature  ⟨r̄, r⟩'' in u and everything else

    r is itself a sequence of calls and a last piece of glue, so all three are those of its parts;
    r_u is composed of their sparse factors.
    """

    start: Segment
    calls: tuple
    residual: Segment
    output: int
    settings: Newton
    last: "LastSolution" = field(default_factory=lambda: LastSolution(), compare=False)

    def evaluate(self, values):
        """Solve for u by Newton's method; u is entered into `values`."""
        point = self._from_last(values) or self._from_start(values)
        values[self.output] = self.last.value = point.value
        return point

    def _from_start(self, values):
        start, = self.start.value(values)
        return newton(self.settings, np.array(start), lambda u: self._at(u, values))[1]

    def _from_last(self, values):
        """The solution found from the last one; None if that is not asked for or fails."""
        last = self.last.value
        if not self.settings.warm_start or last is None:
            return None
        try:
            return newton(replace(self.settings, load_steps=1), last, lambda u: self._at(u, values))[1]
        except TrialFailure:
            return None

    def _at(self, u, values):
        values[self.output] = u
        points = sequence.evaluate(self.calls, values)
        return EquationPoint(self, points, values)

    def pull_back(self, point, values, bars):
        """Adjoints through the equation; returns (local bars, kept, r̄) for `extend`."""
        shape = values[self.output].shape
        r_bar = -point.factor.solve(bars[self.output].ravel(), transpose=True).reshape(shape)
        local = {}
        sequence.accumulate(local, self.residual.pullback(values, [r_bar]))
        kept = sequence.pull_back(self.calls, point.points, values, local)
        own = {self.output, *self.inner()}
        sequence.accumulate(bars, {d: bar for d, bar in local.items() if d not in own})
        return local, kept, r_bar

    def extend(self, plan, point, values, bars, kept, tangents):
        """du/dθ as a base of the plan."""
        if not any(d in tangents for d in self._outer()):
            return None
        state = EquationBase(point, values[self.output].size)
        local = {**tangents, self.output: base_tangent(state)}
        inner = None if kept is None else kept[:2]
        sequence.extend(plan, self.calls, point.points, values, inner, local)
        if kept is not None:
            sequence.add_glue(plan, self.residual, values, local, [kept[2]])
        r_tangent, = sequence.glue_tangents(self.residual, values, local)
        state.rhs = Tangent({a: -1.0 * L for a, L in r_tangent.terms.items() if a is not state})
        return plan.add_base(state)

    def inner(self):
        """Numbers of the variables that belong to this equation alone."""
        return [call.output for call in self.calls]

    def _outer(self):
        """Numbers of the variables that the equation takes from outside."""
        inner = {self.output, *self.inner()}
        used = set(self.residual.deps)
        for call in self.calls:
            used.update(call.dependencies())
        return used - inner

    def dependencies(self):
        """Numbers of the variables in front."""
        return self._outer() | set(self.start.deps)


class LastSolution:
    """The solution of the last successful evaluation of one equation, None before the first."""

    value = None


class EquationPoint:
    """The equation at one u: residual r, Jacobian r_u, and its factor on demand."""

    def __init__(self, call, points, values):
        self.points, self._call, self._values = points, call, values
        r, = call.residual.value(values)
        self.value, self.residual = values[call.output], r.ravel()
        self._factor = None

    @property
    def factor(self):
        """The factorised Jacobian at this u."""
        if self._factor is None:
            self._factor = factor.cached(self._jacobian(), self._call.settings.solver)
        return self._factor

    def _jacobian(self):
        call, n = self._call, self.value.size
        unknown = LeafBase(0, n)
        tangents = {call.output: base_tangent(unknown)}
        with np.errstate(invalid="ignore"):  # NaN is answered in words, below and by the factorisation
            sequence.extend(Plan(n), call.calls, self.points, self._values, None, tangents)
            tangent, = sequence.glue_tangents(call.residual, self._values, tangents)
        if tangent is None:
            raise SingularMatrix("the equation does not depend on its unknown there.")
        if set(tangent.terms) != {unknown}:
            raise ValueError("the equation contains a solve that depends on its unknown; expected "
                             "networks, products and pointwise operations. State both as one equation.")
        L = tangent.terms[unknown]
        if not sp.issparse(L) and not isinstance(L, np.ndarray):
            _require_finite(L, n)
            L = L @ sp.eye_array(n).toarray() if n <= 2000 else _refuse(n)
        matrix = sp.csc_array(L)
        matrix.sum_duplicates()
        return matrix


class EquationBase:
    """du/dθ = −r_u⁻¹ Σ_a r_a B_a."""

    rhs = None

    def __init__(self, point, size):
        self._factor, self.size = point.factor, size
        self.solve_cost = self._factor.entries

    def forward(self, x):
        return self._factor.solve(x)

    def transposed(self, y):
        return self._factor.solve(y, transpose=True)


def _require_finite(L, n):
    """Refuse an operator that gives NaN: no pattern can be found in one, whatever it is."""
    if not np.isfinite(L @ np.ones(n)).all():
        raise NotFinite("it has entries that are NaN or infinite; look at the derivatives of the "
                        "equation's pointwise functions there.")


def _refuse(n):
    raise ValueError(f"the Jacobian of the equation ({n} unknowns) is not sparse: an operation that "
                     "couples all points stands between its nodes. Write it as a sparse product.")
