"""Calls with glue and then a last piece: evaluated forward, pulled back, extended to tangents.

All of it works on the common numbering of variables: the dicts `values`, `bars` and `tangents` map the
number of a variable to its value, adjoint and tangent; a missing adjoint or tangent stands for zero.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pcl.engine.glue.piece import Piece
from pcl.support import clock


class Call(Protocol):
    """v_k = F_k(g_k(x, v_1 … v_{k−1})), v_k being variable number `output`.

    A node with its glue, an equation or a recurrence; the last two are made of calls themselves.

    `evaluate(values)`
        The point of the call, its value v_k entered into `values`.
    `pullback(point, values, bars)`
        Adds (∂v_k/∂x_d)ᵀ v̄_k to bars[d] for every variable d in front, v̄_k = bars[output]; returns what
        `extend` needs of it.
    `extend(plan, point, values, bars, kept, tangents)`
        The tangent of v_k over the bases of the plan, None where it does not move, and the curvature
        ⟨v̄_k, v_k⟩'' added to the plan; `kept` is what `pullback` returned, None for the tangent alone.
    `dependencies()`, `inner()`
        Numbers of the variables in front, and of those that belong to the call alone.
    `procedures`
        What the call is made of, () for a node.
    """

    @property
    def output(self) -> int: ...

    @property
    def procedures(self) -> tuple: ...

    def evaluate(self, values: dict) -> Any: ...

    def pullback(self, point: Any, values: dict, bars: dict) -> Any: ...

    def extend(self, plan: Any, point: Any, values: dict, bars: dict, kept: Any,
               tangents: dict) -> Any: ...

    def dependencies(self) -> set: ...

    def inner(self) -> list: ...


class Adjoint(NamedTuple):
    """What a sweep backwards leaves: ȳ, the adjoints of x and v, and what each call keeps of it."""

    y_bars: Any
    bars: dict
    kept: list


@dataclass(frozen=True)
class Procedure:
    """y = g(x, v),   v_k = F_k(g_k(x, v_1 … v_{k−1})),   x the variables given from outside.

        adjoint     of (x, v) from ȳ, by one sweep over the calls from the last to the first
        tangent     v̇, ẏ over the bases of a plan; with an adjoint ⟨ȳ, y⟩'' is added to the plan

    A loss, an equation and a step of a recurrence are procedures.
    """

    calls: tuple
    result: Piece

    def evaluate(self, values):
        """The points of the calls in order; their values are entered into `values`."""
        points = []
        for call in self.calls:
            clock.look()
            points.append(call.evaluate(values))
        return points

    def pullback(self, points, values, y_bars, front=None):
        """The `Adjoint` of ȳ; `front` is that of the last piece alone, where it is known already."""
        bars: dict = {}
        kept: list = [None] * len(self.calls)
        accumulate(bars, self.result.pullback(values, y_bars) if front is None else front)
        for k in reversed(range(len(self.calls))):
            clock.look()
            if self.calls[k].output in bars:
                kept[k] = self.calls[k].pullback(points[k], values, bars)
        return Adjoint(y_bars, bars, kept)

    def of_result(self, y_bars):
        """The `Adjoint` that adds the curvature of the last piece alone."""
        return Adjoint(y_bars, {}, [None] * len(self.calls))

    def extend(self, plan, points, values, adjoint, tangents):
        """Enter v̇ into `tangents` and the curvature into the plan; without an adjoint v̇ alone."""
        _, bars, kept = adjoint or self.of_result(None)
        for call, point, call_kept in zip(self.calls, points, kept):
            clock.look()
            tangent = call.extend(plan, point, values, bars, call_kept, tangents)
            if tangent is not None:
                tangents[call.output] = tangent
        if adjoint is not None:
            self.result.add_curvature(plan, values, adjoint.y_bars, tangents)

    def every_call(self):
        """The calls and those inside them, outer ones first."""
        for call in self.calls:
            yield call
            for procedure in call.procedures:
                yield from procedure.every_call()

    def inner(self):
        """Numbers of the variables v."""
        return [number for call in self.calls for number in (call.output, *call.inner())]

    def outer(self):
        """Numbers of the variables x that y depends on."""
        used = set(self.result.deps).union(*(call.dependencies() for call in self.calls))
        return used - set(self.inner())


def accumulate(bars, new):
    """bars[d] += new[d]; arrays are never changed in place."""
    for d, bar in new.items():
        if bar is not None:
            bars[d] = bars[d] + bar if d in bars else bar
