"""Solves of a traced loss that stay open: u is given, and the residual of its equation computed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.engine.call import Constant, NodeCall
from pcl.engine.procedure import accumulate
from pcl.engine.second.tangent import Tangent, total
from pcl.nodes.equation.call import ImplicitCall
from pcl.nodes.linear.product import ProductNode
from pcl.nodes.linear.solve import SolveNode


def opened(call):
    """The `LinearState` or `NonlinearState` of a call that is a solve; None of any other."""
    if type(call) is NodeCall and type(call.node) is SolveNode:
        node = call.node
        return LinearState(call, ProductNode(node.structures, node.columns))
    return NonlinearState(call) if type(call) is ImplicitCall else None


@dataclass(frozen=True, eq=False)
class LinearState:
    """R = A(c) u − b, u being variable number `call.output`; ∂R/∂u = A."""

    call: NodeCall
    product: ProductNode

    def start(self, values: dict) -> np.ndarray:
        """u = 0, where there is no solution to begin from."""
        return np.zeros(self.call.input_values(values)[-1].shape)

    def evaluate(self, values: dict) -> tuple:
        """(point, R) at the u in `values`."""
        *coefficients, b = self.call.input_values(values)
        point = self.product.evaluate(*coefficients, values[self.call.output])
        return point, point.value - b

    def pullback(self, point: Any, values: dict, bars: dict, lam: np.ndarray) -> Any:
        """Add those of ⟨λ, R⟩ to the adjoints; returns what `extend` needs of it."""
        *wanted, _ = [not isinstance(i, Constant) for i in self.call.inputs]
        *inputs, u_bar = point.pullback(lam, [*wanted, True])
        accumulate(bars, {self.call.output: u_bar})
        self.call.accumulate_inputs((*inputs, -lam), values, bars)
        return (*inputs, -lam)

    def extend(self, plan: Any, point: Any, values: dict, kept: Any, tangents: dict) -> Tangent:
        """The tangent of R; with `kept` the curvature ⟨λ, R⟩'' is added to the plan."""
        *coefficients, b = self.call.input_tangents(values, tangents)
        lam = np.zeros(point.value.shape) if kept is None else -kept[-1]
        if kept is not None:
            self.call.add_input_curvature(plan, values, kept, tangents)
        product = point.extend(plan, [*coefficients, tangents[self.call.output]], lam)
        minus_b = None if b is None else Tangent({a: -1.0 * L for a, L in b.terms.items()})
        return total([product, minus_b])


@dataclass(frozen=True, eq=False)
class NonlinearState:
    """R = r(u, θ), u being variable number `call.output`."""

    call: ImplicitCall

    def start(self, values: dict) -> np.ndarray:
        """The start of Newton's method."""
        return np.array(self.call.start.value(values)[0])

    def evaluate(self, values: dict) -> tuple:
        """(points, R) at the u in `values`."""
        points = self.call.residual.evaluate(values)
        return points, self.call.residual.result.value(values)[0]

    def pullback(self, points: Any, values: dict, bars: dict, lam: np.ndarray) -> Any:
        """Add those of ⟨λ, R⟩ to the adjoints; returns that of r for `extend`."""
        adjoint = self.call.residual.pullback(points, values, [lam])
        inner = set(self.call.inner())
        accumulate(bars, {d: bar for d, bar in adjoint.bars.items() if d not in inner})
        return adjoint

    def extend(self, plan: Any, points: Any, values: dict, adjoint: Any, tangents: dict) -> Tangent:
        """The tangent of R; with an adjoint the curvature ⟨λ, R⟩'' is added to the plan."""
        local = dict(tangents)
        self.call.residual.extend(plan, points, values, adjoint, local)
        return self.call.residual.result.tangents(values, local)[0]
