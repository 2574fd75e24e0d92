"""A recurrence s_{k+1} = step(s_k, x_k) inside a traced loss: evaluated, and run backwards.

What one step computes (its nodes, its glue) is traced once. All steps are kept, or, where that takes
too much memory, the states at the beginning of every segment of steps: the segment is evaluated
again when its steps are needed (a two-level schedule; each sweep over the steps then costs one more
evaluation).
"""

import functools
from dataclasses import dataclass

import numpy as np

from pcl import factor, sequence
from pcl.errors import TrialFailure
from pcl.memory import size_of
from pcl.plan import Plan
from pcl.scan_base import ScanBase, Source
from pcl.segment import Segment

# What a step holds with its derivatives, against its values alone (measured: 2 to 4).
DERIVATIVES = 4


@dataclass(frozen=True, eq=False)
class ScanCall:
    """The kept states of a recurrence, variable number `output` of shape (Σ sizes, kept).

    Attributes
    ----------
    start : Segment
        The initial state, an output for each of its arrays.
    inputs : Segment
        Arrays with a leading axis of one row a step.
    state, rows : tuples of numbers
        The variables that stand for the state and for the rows of the inputs within a step.
    calls, following : tuple of calls, Segment
        One step: its nodes in order, and the state that follows.
    keep : ndarray
        Times k = 0 … N at which the state is kept, increasing.
    kept : tuple
        Which arrays of the state are kept.
    memory : int
        Bytes for the steps that are held at a time.
    """

    start: Segment
    inputs: Segment
    state: tuple
    rows: tuple
    calls: tuple
    following: Segment
    n_steps: int
    keep: np.ndarray
    kept: tuple
    output: int
    memory: int

    def evaluate(self, values):
        """Run the recurrence; the kept states are entered into `values`."""
        point = ScanPoint(self, values)
        values[self.output] = point.value
        return point

    def pull_back(self, point, values, bars):
        """Adjoints through all steps; returns them for `extend`."""
        adjoint = point.pull_back(bars[self.output])
        sequence.accumulate(bars, adjoint.outer)
        sequence.accumulate(bars, self.start.pullback(values, adjoint.start))
        sequence.accumulate(bars, self.inputs.pullback(values, adjoint.inputs))
        return adjoint

    def extend(self, plan, point, values, bars, adjoint, tangents):
        """The tangent of the kept states as one base of the plan."""
        sources = [Source("outer", d, values[d].shape, tangents[d])
                   for d in self.outer if d in tangents]
        start = sequence.glue_tangents(self.start, values, tangents)
        inputs = sequence.glue_tangents(self.inputs, values, tangents)
        for kind, numbers, arrays, glued in (("start", self.state, point.start, start),
                                             ("inputs", self.rows, point.inputs, inputs)):
            sources += [Source(kind, d, a.shape, t) for d, a, t in zip(numbers, arrays, glued) if t]
        if not sources:
            return None
        if adjoint is not None:
            sequence.add_glue(plan, self.start, values, tangents, adjoint.start)
            sequence.add_glue(plan, self.inputs, values, tangents, adjoint.inputs)
        base = ScanBase(point, sources, adjoint)
        if adjoint is not None:
            plan.curved.add(base)
        return plan.add_base(base)

    def inner(self):
        """Numbers of the variables that belong to the steps alone."""
        within = [n for call in self.calls for n in (call.output, *call.inner())]
        return [*self.state, *self.rows, *within]

    @functools.cached_property
    def outer(self):
        """Numbers of the variables that a step takes from outside."""
        used = set(self.following.deps).union(*(call.dependencies() for call in self.calls))
        return sorted(used - set(self.inner()))

    def dependencies(self):
        """Numbers of the variables in front."""
        return {*self.outer, *self.start.deps, *self.inputs.deps}


@dataclass
class Adjoint:
    """What a sweep backwards leaves: adjoints of the inputs, and those of the states at segment ends."""

    output: np.ndarray
    ends: list
    outer: dict
    start: list
    inputs: list


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
        self._outer = {d: values[d] for d in call.outer}
        self.inputs = [np.asarray(x) for x in call.inputs.value(values)]
        self.start = [np.array(s) for s in call.start.value(values)]
        self.sizes = [self.start[i].size for i in call.kept]
        self.value = np.empty((sum(self.sizes), len(call.keep)))
        self._run()

    # --- the steps -------------------------------------------------------------------------
    def _run(self):
        """All steps forward; keeps the states at segment starts, and the last segment's steps."""
        self._starts, self.length, steps, state = [self.start], None, [], self.start
        self._keep_state(0, state)
        for k in range(self.call.n_steps):
            if self.length and k % self.length == 0:
                self._starts.append(state)
                steps = []
            steps.append(Step(self, k, state))
            state = steps[-1].following()
            self._keep_state(k + 1, state)
            if k == min(1, self.call.n_steps - 1):
                self._choose_length(steps)
        self._last = len(self._starts) - 1, steps

    def _choose_length(self, steps):
        """Steps a segment: as many as the memory allows, by the size of the second step."""
        seen, held = set(), [[step.values, step.points] for step in steps]
        size = [size_of(step, seen) for step in held][-1]
        self.length = int(np.clip(self.call.memory // (DERIVATIVES * max(size, 1)), 2, self.call.n_steps))

    def _keep_state(self, k, state):
        j = np.searchsorted(self.call.keep, k)
        if j < len(self.call.keep) and self.call.keep[j] == k:
            self.value[:, j] = np.concatenate([state[i].ravel() for i in self.call.kept])

    @property
    def n_segments(self):
        """Number of segments."""
        return len(self._starts)

    def local(self, k, state):
        """The values of the variables that a step starts from."""
        rows = [x[k] for x in self.inputs]
        return {**self._outer, **dict(zip(self.call.state, state)), **dict(zip(self.call.rows, rows))}

    def steps(self, s, adjoint=None):
        """The steps of segment s, with their adjoints if those at its end are given."""
        with factor.using(self._factors):
            if self._last[0] != s:
                self._last = s, self._evaluated(s)
            steps = self._last[1]
            if adjoint is not None and steps[0].adjoint is not adjoint:
                self.backward(steps, adjoint, adjoint.ends[s])
        return steps

    def _evaluated(self, s):
        first, state, steps = s * self.length, self._starts[s], []
        for k in range(first, min(first + self.length, self.call.n_steps)):
            steps.append(Step(self, k, state))
            state = steps[-1].following()
        return steps

    # --- adjoints --------------------------------------------------------------------------
    def pull_back(self, output):
        """Adjoints of everything in front, from that of the kept states."""
        call = self.call
        inputs = [np.zeros(x.shape) for x in self.inputs]
        adjoint = Adjoint(output, [None] * self.n_segments, {}, [], inputs)
        bars = [np.zeros(s.shape) for s in self.start]
        for s in reversed(range(self.n_segments)):
            adjoint.ends[s] = bars
            steps = self.steps(s)
            bars = self.backward(steps, adjoint, bars)
            for step in steps:
                for x_bar, number in zip(adjoint.inputs, call.rows):
                    if number in step.bars:
                        x_bar[step.k] = step.bars[number]
                sequence.accumulate(adjoint.outer, {d: step.bars.get(d) for d in call.outer})
        adjoint.start = self.with_output(bars, 0, output)
        return adjoint

    def backward(self, steps, adjoint, bars):
        """The adjoint at the beginning of the steps from that at their end, `bars`."""
        for step in reversed(steps):
            bars = step.pull_back(adjoint, self.with_output(bars, step.k + 1, adjoint.output))
        return bars

    def with_output(self, bars, k, output):
        """Adjoints of the state at time k with that of the kept states added."""
        j = np.searchsorted(self.call.keep, k)
        if j == len(self.call.keep) or self.call.keep[j] != k:
            return bars
        bars, rows = list(bars), np.split(output[:, j], np.cumsum(self.sizes)[:-1])
        for i, row in zip(self.call.kept, rows):
            bars[i] = bars[i] + row.reshape(self.start[i].shape)
        return bars


class Step:
    """One step evaluated, and what derivatives need of it once they are asked for."""

    def __init__(self, point, k, state):
        self.k, self._call = k, point.call
        self.values = point.local(k, state)
        self.adjoint = self.bars = self._kept = self._following_bars = self._plan = None
        try:
            self.points = sequence.evaluate(self._call.calls, self.values)
        except TrialFailure as failure:
            failure.add_note(f"in step {k + 1} of {self._call.n_steps}")
            raise

    def following(self):
        """The state that follows."""
        return self._call.following.value(self.values)

    def pull_back(self, adjoint, following_bars):
        """The adjoint of the state, from that of the state that follows."""
        bars = {}
        sequence.accumulate(bars, self._call.following.pullback(self.values, following_bars))
        kept = sequence.pull_back(self._call.calls, self.points, self.values, bars)
        self.adjoint, self.bars, self._kept, self._plan = adjoint, bars, kept, None
        self._following_bars = following_bars
        return [bars.get(n, np.zeros(self.values[n].shape)) for n in self._call.state]

    def plan(self, given, curved):
        """(the plan of this step over {variable: base of its tangent}, tangents of the next state).

        Its forms are there if `curved`, after `pull_back`.
        """
        if self._plan is None or self._plan[:2] != (given, curved):
            self._plan = given, curved, self._extended(given, curved)
        return self._plan[2]

    def _extended(self, given, curved):
        call, plan = self._call, Plan(0)
        tangents = {d: plan.add_base(base) for d, base in given.items()}
        adjoints = (self.bars, self._kept) if curved else None
        sequence.extend(plan, call.calls, self.points, self.values, adjoints, tangents)
        if curved:
            sequence.add_glue(plan, call.following, self.values, tangents, self._following_bars)
        return plan, sequence.glue_tangents(call.following, self.values, tangents)
