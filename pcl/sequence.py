"""A sequence of calls with glue: evaluated forward, pulled back, extended to tangents.

All functions work on the common numbering of variables: the dicts `values`, `bars` and `tangents`
map the number of a variable to its value, adjoint and tangent; a missing adjoint or tangent stands
for zero.
"""

from pcl import clock
from pcl.tangent import total


def evaluate(calls, values):
    """The points of the calls in order; their values are entered into `values`."""
    return [_evaluated(call, values) for call in calls]


def _evaluated(call, values):
    clock.look()
    return call.evaluate(values)


def pull_back(calls, points, values, bars):
    """Pull `bars` back through all calls, in place; returns what each call keeps for `extend`."""
    kept = [None] * len(calls)
    for k in reversed(range(len(calls))):
        clock.look()
        if calls[k].output in bars:
            kept[k] = calls[k].pull_back(points[k], values, bars)
    return kept


def extend(plan, calls, points, values, adjoints, tangents):
    """Enter the tangents of all outputs into `tangents`, and the curvature into the plan.

    `adjoints` is (bars, kept) as `pull_back` leaves them, or None for tangents alone.
    """
    bars, kept = adjoints or ({}, [None] * len(calls))
    for call, point, call_kept in zip(calls, points, kept):
        clock.look()
        tangent = call.extend(plan, point, values, bars, call_kept, tangents)
        if tangent is not None:
            tangents[call.output] = tangent


def add_glue(plan, segment, values, tangents, bars=()):
    """Add the curvature ⟨ā, g⟩'' of a piece of glue to the plan."""
    for (d, e), block in segment.curvature(values, bars, tangents).items():
        if d in tangents and e in tangents:
            if d == e:
                plan.add_square(tangents[d], block)
            else:
                plan.add_mixed(tangents[d], block, tangents[e])


def glue_tangents(segment, values, tangents):
    """The tangents of the outputs of a piece of glue, None where nothing moves."""
    return [total([tangents[d].left(L) for d, L in jacobian.items() if d in tangents])
            for jacobian in segment.jacobian(values, tangents)]


def accumulate(bars, new):
    """bars[d] += new[d]; arrays are never changed in place."""
    for d, bar in new.items():
        if bar is not None:
            bars[d] = bars[d] + bar if d in bars else bar
