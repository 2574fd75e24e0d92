"""A recurrence in the Hessian from the loss backwards: W of the state carried from step to step."""

import numpy as np
import scipy.sparse as sp

from pcl.plan import Form, GivenBase, Plan
from pcl.tangent import Identity, Tangent, compose, plus, total


def eliminate_scan(base, forms, eliminate):
    """The forms on the kept states Y as forms on the tangents of what the recurrence starts from.

    Parameters
    ----------
    base : ScanBase
    forms : list of Form, those of the whole plan
    eliminate : function (base, forms) -> forms without that base
    """
    rest = [f for f in forms if base not in (f.a, f.b)]
    outputs = [GivenBase(base.point.value.shape[0]) for _ in base.point.call.keep]
    Y = total(Tangent({kept: E}) for kept, E in zip(outputs, _columns_of_output(base)))
    pending = _merged(_substituted([f for f in forms if base in (f.a, f.b)], {base: Y}))
    rows = {s.number: GivenBase(s.size) for s in base.sources if s.kind == "inputs"}
    state, ended = base.state(), []
    for s in reversed(range(base.point.n_segments)):
        for step, plan, following in reversed(base.steps(s)):
            pending = _substituted(pending, _at_time(base, outputs, step.k + 1, following)) + plan.forms
            for inner in reversed(plan.bases):
                if inner.rhs is not None:
                    pending = eliminate(inner, pending)
            pending = _substituted(pending, _rows(base, rows, step.k))
            ended += [f for f in pending if not _is_carried(f, state, outputs)]
            pending = _merged(f for f in pending if _is_carried(f, state, outputs))
    starts = {s.number: s.tangent for s in base.sources if s.kind == "start"}
    first = [starts.get(n) for n in base.point.call.state]
    pending = _substituted(pending, _at_time(base, outputs, 0, first))
    moving = {base.given[s.number] if s.kind == "outer" else rows[s.number]: s.tangent
              for s in base.sources if s.kind != "start"}
    return rest + _substituted(ended + pending, moving)


def _at_time(base, outputs, k, state):
    """What stands for the state, and for the output kept there, at time k: {base: tangent or None}."""
    call, mapping = base.point.call, dict(zip(base.state(), state))
    for output, kept_at in zip(outputs, call.keep):
        if kept_at == k:
            ends = np.cumsum(base.point.sizes)
            mapping[output] = total(state[i].left(_rows_from(end - size, size, ends[-1]))
                                    for i, size, end in zip(call.kept, base.point.sizes, ends)
                                    if state[i])
    return mapping


def _rows(base, rows, k):
    """Row k of each input array: {base of the row: tangent over the whole array}."""
    return {base.given[s.number]: Tangent({rows[s.number]: _rows_from(k * n, n, s.size).T})
            for s in base.sources if s.kind == "inputs" for n in [s.size // s.shape[0]]}


def _columns_of_output(base):
    """For each kept time the matrix that puts a state into the flattened (states, kept) array."""
    n, m = base.point.value.shape
    rows = np.arange(n)
    return [sp.csr_array((np.ones(n), (rows * m + j, rows)), shape=(n * m, n)) for j in range(m)]


def _rows_from(first, size, of):
    """The matrix (of, size) that puts a vector at rows first … first + size − 1."""
    return sp.csr_array(sp.eye_array(of, size, k=-first, format="csr"))


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


def _is_carried(form, state, outputs):
    return any(x in state or x in outputs for x in (form.a, form.b))


def _merged(forms):
    """One form for each pair of bases; those that are zero are left out.

    Squares are made symmetric: from step to step, rounding that is not would grow.
    """
    squares, mixed = {}, {}
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
