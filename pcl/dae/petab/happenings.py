"""When the events of a model happen in one experiment: triggers as functions of time alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from pcl.dae.petab.expression import leaves, Node, RELATIONS
from pcl.dae.petab.network import Event
from pcl.dae.petab.switches import Known
from pcl.dae.petab.unsupported import Unsupported


def times_of(event: Event, known: Known, span: tuple[float, float], settled: bool) -> list[float]:
    """Times inside the span at which the trigger becomes true, delay added.

    Parameters
    ----------
    settled : bool, whether assignments do not depend on states, so that a delay leaves them as they are

    Raises
    ------
    Unsupported
        Triggers on states or estimated parameters, an event at the start itself, a delay after which
        values of the time of the trigger are assigned.
    """
    cuts = sorted({time for node in _comparisons(event.trigger)
                   for time in [known.crossing(node)] if span[0] <= time < span[1]})
    ends = np.array([span[0], *(cut for cut in cuts if cut > span[0]), span[1]])
    holds = [known.at(event.trigger, time) > 0.5 for time in 0.5 * (ends[1:] + ends[:-1])]
    if holds[0] and event.at_start:
        raise Unsupported(f"the event {event.name!r} happens at the start itself, which is not "
                          "supported: write it into the starts.")
    delay = 0.0 if event.delay is None else known.at(event.delay, 0.0)
    if delay and not event.late and not settled:
        raise Unsupported(f"the event {event.name!r} has a delay and assigns values of the time of its "
                          "trigger, which is not supported.")
    return [float(time) + delay for time, before, after in zip(ends[1:], holds, holds[1:])
            if after and not before]


def require_timed(event: Event, rules: Mapping[str, Node], start: Mapping[str, Node],
                  moving: Mapping[str, str]) -> None:
    """Unsupported where a trigger depends on what moves or is estimated."""
    for name in sorted(leaves(event.trigger, rules, start)):
        if name in moving:
            raise Unsupported(f"the event {event.name!r} is triggered by {name!r}, {moving[name]}; only "
                              "events at known times are supported.")


def _comparisons(tree: Node) -> Iterator[Node]:
    if tree.op in RELATIONS:
        yield tree
    else:
        for arg in tree.args:
            yield from _comparisons(arg)
