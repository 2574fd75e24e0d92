"""The tangent of a recurrence: products with it and with its curvature, step by step."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from pcl.plan import GivenBase, add_to, combine
from pcl.tangent import Tangent, total


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
    adjoint : what ScanPoint.pull_back left, or None for tangents without curvature
    """

    def __init__(self, point, sources, adjoint):
        self.point, self.sources, self.adjoint = point, sources, adjoint
        self.size = point.value.size
        self._ends = np.cumsum([source.size for source in sources])
        self.rhs = total(source.tangent.left(_below(end - source.size, source.size, self._ends[-1]))
                         for source, end in zip(sources, self._ends))
        self.given = {source.number: GivenBase(_step_size(source)) for source in sources
                      if source.kind != "start"}
        self.given.update((n, GivenBase(s.size)) for n, s in zip(point.call.state, point.start))
        self._last = None

    # --- steps, for all kinds of sweeps ---------------------------------------------------------
    def steps(self, s):
        """The steps of segment s as (step, plan, tangents of the state that follows)."""
        curved = self.adjoint is not None
        return [(step, *step.plan(self.given, curved)) for step in self.point.steps(s, self.adjoint)]

    def state(self):
        """The bases of the state's tangent."""
        return [self.given[n] for n in self.point.call.state]

    # --- products with vectors -----------------------------------------------------------------
    def forward(self, x):
        """M x, for x (Σ sizes,) or (Σ sizes, k)."""
        if x.ndim == 2:
            return np.stack([self.forward(column) for column in x.T], axis=1)
        return self._forward(x)[0].ravel()

    def transposed(self, y):
        """Mᵀ y, for y (size,) or (size, k)."""
        if y.ndim == 2:
            return np.stack([self.transposed(column) for column in y.T], axis=1)
        return self.second(y, None)

    def second(self, y, x):
        """Mᵀ y + C x, either of them None."""
        call, point = self.point.call, self.point
        y = np.zeros(point.value.shape) if y is None else y.reshape(point.value.shape)
        forward = None if x is None else self._forward(x)[1:]
        result = {source: np.zeros(source.shape) for source in self.sources}
        bars = [np.zeros(s.shape) for s in point.start]
        for s in reversed(range(point.n_segments)):
            steps = self.steps(s)
            tangents = [None] * len(steps) if forward is None else self._tangents(s, x, *forward)
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

    def _forward(self, x):
        """M x (Σ sizes, kept), tangents of the state at segment starts, those of the last segment.

        Those of the same x as last time are not computed again, if they belong to the plans of now:
        sweeps without curvature between the two, and those cut short, make new ones.
        """
        if not self._knows(x):
            self._last = x, self._run(x), self._last_plans()
        return self._last[1]

    def _knows(self, x):
        last = self._last
        return last is not None and np.array_equal(last[0], x) and self._last_plans() == last[2]

    def _last_plans(self):
        """The plans of the last segment's steps; they are compared by identity."""
        return [plan for _, plan, _ in self.steps(self.point.n_segments - 1)]

    def _run(self, x):
        point, parts = self.point, self._parts(x)
        result, starts = np.zeros(point.value.shape), []
        state = [parts.get(("start", n), np.zeros(s.size))
                 for n, s in zip(point.call.state, point.start)]
        self._keep(result, 0, state)
        for s in range(point.n_segments):
            starts.append(state)
            tangents = []
            for step, plan, following in self.steps(s):
                tangents.append(self._step_forward(step, plan, parts, state))
                state = [_combined(t, tangents[-1], b.size) for t, b in zip(following, self.state())]
                self._keep(result, step.k + 1, state)
        return result, starts, tangents

    def _tangents(self, s, x, starts, last):
        """The tangents of all bases in every step of segment s."""
        if s == self.point.n_segments - 1:
            return last
        parts, state, tangents = self._parts(x), starts[s], []
        for step, plan, following in self.steps(s):
            tangents.append(self._step_forward(step, plan, parts, state))
            state = [_combined(t, tangents[-1], b.size) for t, b in zip(following, self.state())]
        return tangents

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
                add_to(y, a, L.T @ bar.ravel())
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
        call = self.point.call
        j = np.searchsorted(call.keep, k)
        if j < len(call.keep) and call.keep[j] == k:
            result[:, j] = np.concatenate([state[i] for i in call.kept])


def _step_size(source):
    return source.size // source.shape[0] if source.kind == "inputs" else source.size


def _below(first, size, total_size):
    """The matrix (total_size, size) that puts a vector at rows first … first + size − 1."""
    return sp.csr_array(sp.eye_array(total_size, size, k=-first, format="csr"))


def _combined(tangent, x, size):
    return np.zeros(size) if tangent is None else combine(tangent, x)
