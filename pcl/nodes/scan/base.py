"""The tangent of a recurrence: products with it and with its curvature, step by step."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.engine.second.backward import costs
from pcl.engine.second.bases import GivenBase
from pcl.engine.second.columns import Columns, Dense
from pcl.engine.second.plan import add_to, combine
from pcl.engine.second.tangent import Tangent, total
from pcl.nodes.scan.backward import eliminate_scan
from pcl.nodes.scan.sweep import sweep_scan
from pcl.support.arrays import placed
from pcl.support.sparse import times_transposed


@dataclass(frozen=True, eq=False)
class Source:
    """Something moving that the steps start from: an outer variable, an initial state, an input array."""

    kind: str
    number: int
    shape: tuple
    tangent: Tangent

    @property
    def size(self):
        """Number of entries."""
        return int(np.prod(self.shape))


class ScanBase:
    """dY/dθ = M Σ_a N_a B_a, Y the kept states, M their derivative in the sources one below the other.

    Each product runs through the plans of the steps, forward for M x, backward for

        Mᵀ y + C x,    C = ∇²⟨ȳ, Y⟩ in the sources

    which needs two solves a step; neither M nor C is ever formed.

    Attributes
    ----------
    rhs : Tangent
    size : int
        Entries of Y.
    sources : list of Source
    given : dict number -> GivenBase, what stands in the plan of a step for a variable that moves
    """

    stays = False

    def __init__(self, point, sources, adjoint):
        self.point, self.sources, self._adjoint = point, sources, adjoint
        self.size = point.value.size
        self._ends = np.cumsum([source.size for source in sources])
        self.rhs = total(source.tangent.left(placed(end - source.size, source.size, self._ends[-1]))
                         for source, end in zip(sources, self._ends))
        self.given = {source.number: GivenBase(_step_size(source)) for source in sources
                      if source.kind != "start"}
        self.given.update((n, GivenBase(s.size)) for n, s in zip(point.call.state, point.start))
        self._planned, self._pushed = (None, None), None

    # --- steps, for all kinds of sweeps ---------------------------------------------------------
    def steps(self, s):
        """The steps of stretch s as (step, plan, tangents of the state that follows).

        Those of the last stretch asked for are remembered.
        """
        planned = self._planned
        if planned[0] != s:
            self._planned = planned = None, None        # let go before as much is made again
            self._planned = planned = s, self._plans(s)
        return planned[1]

    def _plans(self, s):
        steps = self.point.steps(s)
        adjoints = [None] * len(steps) if self._adjoint is None else self._adjoint.of_steps(s)
        with self.point.using_factors():
            return [(step, *step.plan(self.given, adjoint)) for step, adjoint in zip(steps, adjoints)]

    def state(self):
        """The bases of the state's tangent."""
        return [self.given[n] for n in self.point.call.state]

    # --- the directions of a plan --------------------------------------------------------------
    def cost(self, p: int) -> tuple[float, float]:
        """Every step as the last one."""
        *_, (_, plan, _) = self.steps(self.point.n_stretches - 1)
        step, n = costs(plan, p), self.point.call.n_steps
        return n * step["forward"], n * step["backward"]

    def forms(self) -> list:
        return []

    def columns(self, sweep: Any) -> Columns:
        """Y by all steps, their curvature added to Q; its columns may be fewer than those of θ."""
        square, mixed = sweep.take(self)
        tangents = {source: sweep.placed(source.tangent, source.size) for source in self.sources}
        Y, expand = sweep_scan(self, tangents, sweep.n_columns, square, sweep.Q, sweep.is_reduced)
        if mixed:
            Z = Y.T @ sweep.products([(self.size, mixed)])[0]
            sweep.Q += Z if expand is None else expand.T @ Z
        return Dense(Y if expand is None or not sweep.is_used(self) else Y @ expand)

    def eliminated(self, forms: list) -> list:
        return eliminate_scan(self, forms)

    # --- products with vectors -----------------------------------------------------------------
    def pushforward(self, x: np.ndarray) -> np.ndarray:
        """M x, for x (Σ sizes,) or (Σ sizes, k)."""
        if x.ndim == 2:
            return np.stack([self.pushforward(column) for column in x.T], axis=1)
        return self._pushed_forward(x)[0].ravel()

    def pullback(self, y: np.ndarray) -> np.ndarray:
        """Mᵀ y, for y (size,) or (size, k)."""
        if y.ndim == 2:
            return np.stack([self.pullback(column) for column in y.T], axis=1)
        return self.second(y, None)

    def second(self, y: np.ndarray | None, x: np.ndarray | None) -> np.ndarray:
        """Mᵀ y + C x, either of them None."""
        call, point = self.point.call, self.point
        y = np.zeros(point.value.shape) if y is None else y.reshape(point.value.shape)
        pushed = None if x is None else self._pushed_forward(x)[1:]
        result = {source: np.zeros(source.shape) for source in self.sources}
        bars = [np.zeros(s.shape) for s in point.start]
        for s in reversed(range(point.n_stretches)):
            steps, tangents = self._stretch(s, x, pushed)
            for (step, plan, following), tangent in zip(reversed(steps), reversed(tangents)):
                bars = point.with_output(bars, step.k + 1, y)
                step_bars = self._step_back(plan, following, bars, tangent)
                bars = [step_bars.get(b, np.zeros(b.size)).reshape(s0.shape)
                        for b, s0 in zip(self.state(), point.start)]
                self._collect(result, step.k, step_bars)
        for source in self.sources:
            if source.kind == "start":
                i = call.state.index(source.number)
                result[source] = point.with_output(bars, 0, y)[i]
        return np.concatenate([result[source].ravel() for source in self.sources])

    def _pushed_forward(self, x):
        """M x (Σ sizes, kept), tangents of the state at stretch starts, those of the last stretch.

        Those of the same x as last time are not computed again.
        """
        pushed = self._pushed
        if pushed is None or not np.array_equal(pushed[0], x):
            self._pushed = pushed = x, self._run(x)
        return pushed[1]

    def _run(self, x):
        point, parts = self.point, self._parts(x)
        result, starts = np.zeros(point.value.shape), []
        state = [parts.get(("start", n), np.zeros(s.size))
                 for n, s in zip(point.call.state, point.start)]
        self._keep(result, 0, state)
        for s in range(point.n_stretches):
            starts.append(state)
            steps, tangents = self.steps(s), []
            for step, plan, following in steps:
                tangents.append(self._step_forward(step, plan, parts, state))
                state = [_combined(t, tangents[-1], b.size) for t, b in zip(following, self.state())]
                self._keep(result, step.k + 1, state)
        return result, starts, (steps, tangents)

    def _stretch(self, s, x, pushed):
        """(steps of stretch s, the tangents of all bases of their plans: None without `pushed`)."""
        if pushed is None:
            steps = self.steps(s)
            return steps, [None] * len(steps)
        starts, last = pushed
        if s == self.point.n_stretches - 1:
            return last
        parts, state, steps, tangents = self._parts(x), starts[s], self.steps(s), []
        for step, plan, following in steps:
            tangents.append(self._step_forward(step, plan, parts, state))
            state = [_combined(t, tangents[-1], b.size) for t, b in zip(following, self.state())]
        return steps, tangents

    def _step_forward(self, step, plan, parts, state):
        x = dict(zip(self.state(), state))
        for source in self.sources:
            if source.kind != "start":
                part = parts[source.kind, source.number]
                row = part.reshape(source.shape)[step.k].ravel() if source.kind == "inputs" else part
                x[self.given[source.number]] = row
        return plan.fill(x)

    @staticmethod
    def _step_back(plan, following, bars, tangent):
        y = {} if tangent is None else plan.curvature(tangent)
        for follows, bar in zip(following, bars):
            for a, L in follows.terms.items() if follows else ():
                add_to(y, a, times_transposed(L, bar.ravel()))
        return plan.gather(y, tangent)

    def _collect(self, result, k, bars):
        for source in self.sources:
            if source.kind != "start" and self.given[source.number] in bars:
                bar = bars[self.given[source.number]]
                if source.kind == "inputs":
                    result[source][k] = bar.reshape(source.shape[1:])
                else:
                    result[source] = result[source] + bar.reshape(source.shape)

    def _parts(self, x):
        """{(kind, number): the part of x for this source}."""
        parts = np.split(x, self._ends[:-1])
        return {(source.kind, source.number): part for source, part in zip(self.sources, parts)}

    def _keep(self, result, k, state):
        j = self.point.call.place_of(k)
        if j is not None:
            result[:, j] = np.concatenate([state[i] for i in self.point.call.kept])


def _step_size(source):
    return source.size // source.shape[0] if source.kind == "inputs" else source.size


def _combined(tangent, x, size):
    return np.zeros(size) if tangent is None else combine(tangent, x)
