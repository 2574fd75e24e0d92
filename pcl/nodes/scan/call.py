"""A recurrence s_{k+1} = step(s_k, x_k) inside a traced loss: evaluated, and run backwards.

What one step computes (its nodes, its glue) is traced once. All steps are kept, or, where that takes
too much memory, the states at the beginning of every stretch of steps: the stretch is evaluated
again when its steps are needed (a two-level schedule; each sweep over the steps then costs one more
evaluation). What a sweep finds belongs to the sweep: a step holds values alone, a `ScanAdjoint` the
adjoints of the steps, a `ScanBase` their plans, and each of them remembers its last stretch.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl import factor
from pcl.engine.glue.piece import Piece
from pcl.engine.procedure import Procedure, accumulate
from pcl.engine.second.plan import Plan
from pcl.errors import TrialFailure
from pcl.nodes.scan.base import ScanBase, Source
from pcl.support.memory import size_of

# What a step holds with its derivatives, against its values alone (measured: 2 to 4).
DERIVATIVES = 4


@dataclass(frozen=True, eq=False)
class ScanCall:
    """The kept states of a recurrence, variable number `output` of shape (Σ sizes, kept).

    Attributes
    ----------
    start : Piece
        The initial state, an output for each of its arrays.
    inputs : Piece
        Arrays with a leading axis of one row a step.
    state, rows : tuples of numbers
        The variables that stand for the state and for the rows of the inputs within a step.
    step : Procedure
        One step: its nodes in order, and the state that follows.
    keep : ndarray
        Times k = 0 … N at which the state is kept, increasing.
    kept : tuple
        Which arrays of the state are kept.
    memory : int
        Bytes for the steps that are held at a time.
    """

    start: Piece
    inputs: Piece
    state: tuple
    rows: tuple
    step: Procedure
    n_steps: int
    keep: np.ndarray
    kept: tuple
    output: int
    memory: int

    def evaluate(self, values: dict) -> Any:
        """Run the recurrence; the kept states are entered into `values`."""
        point = ScanPoint(self, values)
        values[self.output] = point.value
        return point

    def pullback(self, point: Any, values: dict, bars: dict) -> Any:
        """Adjoints through all steps; returns them for `extend`."""
        adjoint = ScanAdjoint(point, bars[self.output])
        accumulate(bars, adjoint.outer)
        accumulate(bars, self.start.pullback(values, adjoint.start))
        accumulate(bars, self.inputs.pullback(values, adjoint.inputs))
        return adjoint

    def extend(self, plan: Any, point: Any, values: dict, bars: dict, adjoint: Any,
               tangents: dict) -> Any:
        """The tangent of the kept states as one base of the plan."""
        sources = self._sources(point, values, tangents)
        if not sources:
            return None
        base = ScanBase(point, sources, adjoint)
        if adjoint is not None:
            self.start.add_curvature(plan, values, adjoint.start, tangents)
            self.inputs.add_curvature(plan, values, adjoint.inputs, tangents)
            plan.curved.add(base)
        return plan.add_base(base)

    def _sources(self, point, values, tangents):
        """What the steps start from and moves."""
        sources = [Source("outer", d, values[d].shape, tangents[d])
                   for d in self.outer() if d in tangents]
        for kind, piece, numbers, arrays in (("start", self.start, self.state, point.start),
                                             ("inputs", self.inputs, self.rows, point.inputs)):
            moving = zip(numbers, arrays, piece.tangents(values, tangents))
            sources += [Source(kind, d, array.shape, t) for d, array, t in moving if t]
        return sources

    @property
    def procedures(self) -> tuple:
        return self.step,

    def inner(self) -> list:
        """Numbers of the variables that belong to the steps alone."""
        return [*self.state, *self.rows, *self.step.inner()]

    def outer(self):
        """Numbers of the variables that a step takes from outside, in order."""
        return sorted(self.step.outer() - {*self.state, *self.rows})

    def dependencies(self) -> set:
        """Numbers of the variables in front."""
        return {*self.outer(), *self.start.deps, *self.inputs.deps}

    def place_of(self, k):
        """Which of the kept states is that at time k; None if it is not kept."""
        j = np.searchsorted(self.keep, k)
        return int(j) if j < len(self.keep) and self.keep[j] == k else None


class ScanPoint:
    """A recurrence at one point.

    Attributes
    ----------
    value : ndarray (Σ sizes, kept)
    start : list of arrays, the initial state
    inputs : list of arrays (N, …)
    """

    def __init__(self, call, values):
        self.call, self._factors = call, factor.in_use()
        self._outer = {d: values[d] for d in call.outer()}
        self.inputs = [np.asarray(x) for x in call.inputs.value(values)]
        self.start = [np.array(s) for s in call.start.value(values)]
        self.sizes = [self.start[i].size for i in call.kept]
        self.value = np.empty((sum(self.sizes), len(call.keep)))
        self._run()

    def using_factors(self):
        """A context in which matrices of the steps find their factors."""
        return factor.using(self._factors)

    # --- the steps -------------------------------------------------------------------------
    def _run(self):
        """All steps forward; keeps the states at stretch starts, and the last stretch's steps."""
        self._starts, self.length, steps, state = [self.start], None, [], self.start
        self._keep_state(0, state)
        for k in range(self.call.n_steps):
            if self.length and k % self.length == 0:
                self._starts.append(state)
                steps = []
            steps.append(EvaluatedStep(self, k, state))
            state = steps[-1].following()
            self._keep_state(k + 1, state)
            if k == min(1, self.call.n_steps - 1):
                self._choose_length(steps)
        self._last = len(self._starts) - 1, steps

    def _choose_length(self, steps):
        """Steps a stretch: as many as the memory allows, by the size of the second step."""
        seen: set = set()
        held = [[step.values, step.points] for step in steps]
        size = [size_of(step, seen) for step in held][-1]
        self.length = int(np.clip(self.call.memory // (DERIVATIVES * max(size, 1)), 2, self.call.n_steps))

    def _keep_state(self, k, state):
        j = self.call.place_of(k)
        if j is not None:
            self.value[:, j] = np.concatenate([state[i].ravel() for i in self.call.kept])

    @property
    def n_stretches(self):
        """Number of stretches."""
        return len(self._starts)

    def local(self, k, state):
        """The values of the variables that a step starts from."""
        rows = [x[k] for x in self.inputs]
        return {**self._outer, **dict(zip(self.call.state, state)), **dict(zip(self.call.rows, rows))}

    def steps(self, s):
        """The steps of stretch s; those of the last one asked for are remembered."""
        last = self._last
        if last[0] != s:
            with self.using_factors():
                self._last = last = s, self._evaluated(s)
        return last[1]

    def _evaluated(self, s):
        first, state, steps = s * self.length, self._starts[s], []
        for k in range(first, min(first + self.length, self.call.n_steps)):
            steps.append(EvaluatedStep(self, k, state))
            state = steps[-1].following()
        return steps

    def with_output(self, bars, k, output):
        """Adjoints of the state at time k with that of the kept states added."""
        j = self.call.place_of(k)
        if j is None:
            return bars
        bars, rows = list(bars), np.split(output[:, j], np.cumsum(self.sizes)[:-1])
        for i, row in zip(self.call.kept, rows):
            bars[i] = bars[i] + row.reshape(self.start[i].shape)
        return bars


class EvaluatedStep:
    """One step evaluated: its values and the points of its calls."""

    def __init__(self, point, k, state):
        self.k, self._call = k, point.call
        self.values = point.local(k, state)
        try:
            self.points = self._call.step.evaluate(self.values)
        except TrialFailure as failure:
            failure.add_note(f"in step {k + 1} of {self._call.n_steps}")
            raise

    def following(self):
        """The state that follows."""
        return self._call.step.result.value(self.values)

    def pullback(self, following_bars):
        """The `pcl.engine.procedure.Adjoint` from that of the state that follows."""
        return self._call.step.pullback(self.points, self.values, following_bars)

    def plan(self, given, adjoint):
        """(the plan of this step over {variable: base of its tangent}, tangents of the next state).

        Its forms are there with an adjoint.
        """
        plan = Plan(0)
        tangents = {d: plan.add_base(base) for d, base in given.items()}
        self._call.step.extend(plan, self.points, self.values, adjoint, tangents)
        return plan, self._call.step.result.tangents(self.values, tangents)


class ScanAdjoint:
    """The sweep backwards through all steps from the adjoint of the kept states.

    Attributes
    ----------
    outer : dict, adjoints of what the steps take from outside
    start, inputs : lists, adjoints of the initial state and of the input arrays
    """

    def __init__(self, point, output):
        self._point, self._output = point, output
        self._last: tuple = None, None      # a stretch and its adjoints
        self.outer, self.inputs = {}, [np.zeros(x.shape) for x in point.inputs]
        self._ends: list = [None] * point.n_stretches
        bars = [np.zeros(s.shape) for s in point.start]
        for s in reversed(range(point.n_stretches)):
            self._ends[s] = bars
            adjoints, bars = self._back(s)
            self._last = s, adjoints
            for step, adjoint in zip(point.steps(s), adjoints):
                self._collect(step.k, adjoint.bars)
        self.start = point.with_output(bars, 0, output)

    def of_steps(self, s):
        """The adjoints of the steps of stretch s; those of the last one asked for are remembered."""
        last = self._last
        if last[0] != s:
            self._last = last = None, None              # let go before as much is made again
            self._last = last = s, self._back(s)[0]
        return last[1]

    def _back(self, s):
        """(the adjoint of each step of stretch s, that of the state at its beginning)."""
        point, bars, adjoints = self._point, self._ends[s], []
        with point.using_factors():
            for step in reversed(point.steps(s)):
                adjoints.append(step.pullback(point.with_output(bars, step.k + 1, self._output)))
                found = adjoints[-1].bars
                bars = [found.get(n, np.zeros(x.shape)) for n, x in zip(point.call.state, point.start)]
        return adjoints[::-1], bars

    def _collect(self, k, bars):
        call = self._point.call
        for x_bar, number in zip(self.inputs, call.rows):
            if number in bars:
                x_bar[k] = bars[number]
        accumulate(self.outer, {d: bars.get(d) for d in call.outer()})
