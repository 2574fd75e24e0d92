"""A value defined at every point by an equation of its own, f_k(z_k, a_k) = 0, inside a traced loss."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.engine.glue.piece import Piece
from pcl.engine.procedure import Procedure, accumulate
from pcl.engine.second.tangent import Tangent
from pcl.nodes.equation.call import EquationPoint, recorded
from pcl.nodes.equation.newton import Newton
from pcl.nodes.pointwise.blocks import Blocks
from pcl.nodes.pointwise.newton import newton


@dataclass(frozen=True)
class PointwiseEquation:
    """equation(z) = 0 row by row, as a construct of the loss; Newton's method begins at `start`."""

    equation: Any
    start: Any
    settings: Newton
    name = "a pointwise solve"

    def record(self, tracer: Any) -> Any:
        """Its unknown is a new variable, and its inside is recorded too."""
        return recorded(self, tracer, "a pointwise equation", PointwiseCall)


@dataclass(frozen=True, eq=False)
class PointwiseCall:
    """z with f(z, v) = 0, z being variable number `output`, Z = f_z block diagonal.

        tangent    ż = −Z⁻¹ Σ f_a ȧ
        adjoint    f̄ = −Z⁻ᵀ z̄ pulled back through f
        curvature  ⟨f̄, f⟩'' in z and everything else

    Z⁻¹ being sparse, ż is composed of the tangents in front and no base of its own: unlike a nonlinear
    solve this may stand inside an equation and depend on its unknown.
    """

    start: Piece
    residual: Procedure
    output: int
    settings: Newton

    def evaluate(self, values: dict) -> Any:
        """Solve for z by Newton's method; z is entered into `values`."""
        start, = self.start.value(values)
        point = newton(self.settings, np.array(start), lambda z: self._at(z, values), self._blocks)
        values[self.output] = point.value
        return PointwisePoint(point, self._blocks(point))

    def _at(self, z, values):
        values[self.output] = z
        return EquationPoint(self, self.residual.evaluate(values), dict(values), {})

    def _blocks(self, point):
        return Blocks(point.jacobian(), point.value.shape[1])

    def pullback(self, point: Any, values: dict, bars: dict) -> Any:
        """Adjoints through the equation; returns that of f for `extend`."""
        f_bar = -point.blocks.solve(bars[self.output], transpose=True)
        adjoint = self.residual.pullback(point.points, values, [f_bar])
        own = {self.output, *self.inner()}
        accumulate(bars, {d: bar for d, bar in adjoint.bars.items() if d not in own})
        return adjoint

    def extend(self, plan: Any, point: Any, values: dict, bars: dict, adjoint: Any,
               tangents: dict) -> Any:
        """ż over the bases in front; with an adjoint the curvature of f follows in a second pass."""
        outer = self.residual.outer() - {self.output}
        if not any(d in tangents for d in outer):
            return None
        fixed = {d: t for d, t in tangents.items() if d != self.output}
        self.residual.extend(plan, point.points, values, None, fixed)
        direct, = self.residual.result.tangents(values, fixed)
        if direct is None:
            return None
        moved = direct.left(-1.0 * point.blocks.inverse())
        if adjoint is not None:
            self.residual.extend(plan, point.points, values, adjoint, {**tangents, self.output: moved})
        return Tangent(moved.terms)

    @property
    def procedures(self) -> tuple:
        return self.residual,

    def inner(self) -> list:
        """Numbers of the variables that belong to this equation alone."""
        return self.residual.inner()

    def dependencies(self) -> set:
        """Numbers of the variables in front."""
        return (self.residual.outer() - {self.output}) | set(self.start.deps)


class PointwisePoint:
    """The solution z, its blocks, and the points of the calls inside."""

    def __init__(self, point, blocks):
        self.value, self.points, self.blocks = point.value, point.points, blocks
