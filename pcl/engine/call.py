"""One node call of a traced loss, with the glue in front of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.engine.glue.piece import Piece
from pcl.engine.nodes import Node
from pcl.engine.procedure import accumulate
from pcl.errors import TrialFailure


@dataclass(frozen=True)
class Constant:
    """A node input that depends on no parameter."""

    value: np.ndarray


@dataclass(frozen=True)
class Direct:
    """A node input that is a parameter block or the output of an earlier node."""

    variable: int


@dataclass(frozen=True)
class Glued:
    """A node input computed by the glue in front of the node: output `position` of its piece."""

    position: int


@dataclass(frozen=True)
class NodeCall:
    """v = node(inputs), v being variable number `output`."""

    node: Node
    inputs: tuple
    glue: Piece
    output: int

    def evaluate(self, values: dict) -> Any:
        """The node's point; its value is entered into `values`."""
        inputs = self.input_values(values)
        try:
            point = self.node.evaluate(*inputs)
        except TrialFailure as failure:
            failure.add_note(f"raised by {type(self.node).__name__}, variable {self.output} of the loss")
            raise
        values[self.output] = point.value
        return point

    def pullback(self, point: Any, values: dict, bars: dict) -> Any:
        """Add the adjoints of the variables in front to `bars`; returns those of the inputs."""
        wanted = [not isinstance(i, Constant) for i in self.inputs]
        input_bars = point.pullback(bars[self.output], wanted)
        self.accumulate_inputs(input_bars, values, bars)
        return input_bars

    def input_values(self, values: dict) -> list:
        """The arrays that the node is given."""
        glue = self.glue.value(values) if self.glue.outputs else ()
        return [_value(i, glue, values) for i in self.inputs]

    def input_tangents(self, values: dict, tangents: dict) -> list:
        """The tangents of the node's inputs, None where one does not move."""
        glue = self.glue.tangents(values, tangents)
        return [_tangent(i, glue, tangents) for i in self.inputs]

    def accumulate_inputs(self, input_bars: Any, values: dict, bars: dict) -> None:
        """Add to `bars` what the adjoints of the inputs bring to the variables in front."""
        for described, bar in zip(self.inputs, input_bars):
            if isinstance(described, Direct):
                accumulate(bars, {described.variable: bar})
        accumulate(bars, self.glue.pullback(values, self._glued(input_bars)))

    def add_input_curvature(self, plan: Any, values: dict, input_bars: Any, tangents: dict) -> None:
        """Add the curvature of the glue in front of the node to the plan."""
        self.glue.add_curvature(plan, values, self._glued(input_bars), tangents)

    def extend(self, plan: Any, point: Any, values: dict, bars: dict, input_bars: Any,
               tangents: dict) -> Any:
        """The tangent of v, its curvature added to the plan; None if v does not move."""
        inputs = self.input_tangents(values, tangents)
        if all(t is None for t in inputs):
            return None
        if input_bars is not None:
            self.add_input_curvature(plan, values, input_bars, tangents)
        bar = bars.get(self.output)
        return point.extend(plan, inputs, np.zeros(point.value.shape) if bar is None else bar)

    def dependencies(self) -> set:
        """Numbers of the variables in front."""
        return {i.variable for i in self.inputs if isinstance(i, Direct)} | set(self.glue.deps)

    @property
    def procedures(self) -> tuple:
        return ()

    def inner(self) -> list:
        """Numbers of the variables that belong to this call alone."""
        return []

    def _glued(self, input_bars):
        return [bar for i, bar in zip(self.inputs, input_bars) if isinstance(i, Glued)]


def _value(described, glue, values):
    if isinstance(described, Direct):
        return values[described.variable]
    if isinstance(described, Constant):
        return described.value
    return glue[described.position]


def _tangent(described, glue, tangents):
    if isinstance(described, Constant):
        return None
    if isinstance(described, Direct):
        return tangents.get(described.variable)
    return glue[described.position]
