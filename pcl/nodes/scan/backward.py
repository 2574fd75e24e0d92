"""A recurrence in the Hessian from the loss backwards: W of the state carried from step to step."""

import numpy as np
import scipy.sparse as sp

from pcl.engine.second.bases import GivenBase
from pcl.engine.second.plan import Form, Plan
from pcl.engine.second.tangent import Identity, Tangent, compose, plus, total
from pcl.support.arrays import placed


def eliminate_scan(base, forms):
    """The forms on the kept states Y of a `ScanBase` as forms on what the recurrence starts from."""
    walk = _Walk(base, [f for f in forms if base in (f.a, f.b)])
    for s in reversed(range(base.point.n_stretches)):
        for step, plan, following in reversed(base.steps(s)):
            walk.step(step.k, plan, following)
    return [f for f in forms if base not in (f.a, f.b)] + walk.end()


class _Walk:
    """Forms on the state at time k, on states kept before, and on what the steps take from outside.

    The kept states Y are one base for each time, the input arrays one base each; both become tangents of
    the plan outside at the `end`.
    """

    def __init__(self, base, forms):
        self._base, self._call, self._state = base, base.point.call, base.state()
        self._outputs = [GivenBase(base.point.value.shape[0]) for _ in self._call.keep]
        self._rows = {s.number: GivenBase(s.size) for s in base.sources if s.kind == "inputs"}
        Y = total(Tangent({kept: E}) for kept, E in zip(self._outputs, _columns_of_output(base)))
        self._carried, self._ended = _merged(_substituted(forms, {base: Y})), []

    def step(self, k, plan, following):
        """From time k + 1 to k, `following` being the tangents of the state at k + 1."""
        forms = _substituted(self._carried, self._at_time(k + 1, following)) + plan.all_forms()
        for inner in reversed(plan.bases):
            if inner.rhs is not None:
                forms = inner.eliminated(forms)
        forms = _substituted(forms, self._row(k))
        self._ended += [f for f in forms if not self._is_carried(f)]
        self._carried = _merged(f for f in forms if self._is_carried(f))

    def end(self):
        """All forms over the bases of the plan outside, once time 0 is reached."""
        sources = self._base.sources
        starts = {s.number: s.tangent for s in sources if s.kind == "start"}
        first = [starts.get(n) for n in self._call.state]
        forms = self._ended + _substituted(self._carried, self._at_time(0, first))
        given = {"outer": self._base.given, "inputs": self._rows}
        return _substituted(forms, {given[s.kind][s.number]: s.tangent for s in sources
                                    if s.kind != "start"})

    def _at_time(self, k, state):
        """{base: tangent or None} of the state and of the output kept there, at time k."""
        mapping, j = dict(zip(self._state, state)), self._call.place_of(k)
        if j is not None:
            sizes = self._base.point.sizes
            ends = np.cumsum(sizes)
            mapping[self._outputs[j]] = total(state[i].left(placed(end - size, size, ends[-1]))
                                              for i, size, end in zip(self._call.kept, sizes, ends)
                                              if state[i])
        return mapping

    def _row(self, k):
        """Row k of each input array: {base of the row: tangent over the whole array}."""
        return {self._base.given[s.number]: Tangent({self._rows[s.number]: placed(k * n, n, s.size).T})
                for s in self._base.sources if s.kind == "inputs" for n in [s.size // s.shape[0]]}

    def _is_carried(self, form):
        return any(x in self._state or x in self._outputs for x in (form.a, form.b))


def _columns_of_output(base):
    """For each kept time the matrix that puts a state into the flattened (states, kept) array."""
    n, m = base.point.value.shape
    rows = np.arange(n)
    return [sp.csr_array((np.ones(n), (rows * m + j, rows)), shape=(n * m, n)) for j in range(m)]


def _substituted(forms, mapping):
    """The forms with bases replaced by tangents; None stands for zero."""
    plan = Plan(0)
    for f in forms:
        a, b = (mapping.get(x, Tangent({x: Identity(x.size)})) for x in (f.a, f.b))
        if a and b and f.mixed:
            plan.add_mixed(a.left(f.L_a), f.W, b.left(f.L_b))
        elif a and b:
            plan.add_square(a.left(f.L_a), f.W)
    return plan.forms


def _merged(forms):
    """One form for each pair of bases; those that are zero are left out.

    Squares are made symmetric: from step to step, rounding that is not would grow.
    """
    squares: dict = {}
    mixed: dict = {}
    for f in forms:
        K = compose(f.L_a.T, compose(f.W, f.L_b))
        if f.a is f.b:
            squares[f.a] = plus(squares.get(f.a), (1.0 if f.mixed else 0.5) * plus(K, K.T))
        elif (f.b, f.a) in mixed:
            mixed[f.b, f.a] = plus(mixed[f.b, f.a], K.T)
        else:
            mixed[f.a, f.b] = plus(mixed.get((f.a, f.b)), K)
    pairs = [((a, a), K, False) for a, K in squares.items()] + [(ab, K, True) for ab, K in mixed.items()]
    return [Form(a, Identity(a.size), K, b, Identity(b.size), is_mixed)
            for (a, b), K, is_mixed in pairs if _is_nonzero(K)]


def _is_nonzero(K):
    return K.count_nonzero() > 0 if sp.issparse(K) else not isinstance(K, np.ndarray) or bool(np.any(K))
