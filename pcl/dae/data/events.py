"""What happens to the states of one experiment at known times: doses, and jumps of the model."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pcl.dae.data.dose import Dose, doses
from pcl.dae.data.event_times import CLOSE, at_once, at_start, inside
from pcl.support.validate import float64_array


@dataclass(frozen=True)
class Events:
    """Doses in order of time, and {name: increasing times} of jump conditions."""

    doses: tuple[Dose, ...] = ()
    jumps: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, at: str, given_doses: Any, given_jumps: Any) -> "Events":
        """Of a table of doses (see `dose.doses`) and {name: time or times}; `at` for messages."""
        return cls(doses(at, given_doses), _jump_times(at, given_jumps))

    def times(self, span):
        """Increasing times (n,) inside the span at which something happens."""
        return inside([dose.time for dose in self.doses] + [t for ts in self.jumps.values() for t in ts],
                      span)

    def added(self, state, time, span):
        """What the doses at a time add to a state."""
        return sum(dose.amount for dose in self.doses
                   if dose.state == state and at_once(dose.time, time, span))

    def after(self, time):
        """Those later than a time."""
        return Events(tuple(dose for dose in self.doses if dose.time > time),
                      {name: tuple(t for t in times if t > time) for name, times in self.jumps.items()})

    def require(self, at: str, span: tuple[float, float], known: Iterable[str]) -> None:
        """Refuse what happens before the span, and at its beginning jumps, and doses to states whose
        start is not among those `known`.

        Raises
        ------
        ValueError
        """
        for what, time in [*((f"a dose to {dose.state!r}", dose.time) for dose in self.doses[:1]),
                           *((f"jump {name!r}", min(ts)) for name, ts in self.jumps.items() if ts)]:
            if time < span[0] - CLOSE * (span[1] - span[0]):
                raise ValueError(f"{what}{at} is at t = {time:g}, before the span, which begins at "
                                 f"{span[0]:g}; widen it, or leave this out.")
            if what.startswith("jump") and at_start(time, span):
                raise ValueError(f"{what}{at} is at t = {time:g}, the beginning of the span; give the "
                                 "start after it, or let the span begin earlier.")
        for dose in self.doses:
            if at_start(dose.time, span) and dose.state not in known:
                raise ValueError(f"a dose to {dose.state!r}{at} is at t = {dose.time:g}, the beginning "
                                 "of the span, and what it is added to is free; give initial="
                                 f"{{{dose.state!r}: …}}, or let the span begin before the dose.")


def _jump_times(at, given):
    found = {}
    for name, times in ({} if given is None else dict(given)).items():
        times = np.atleast_1d(float64_array(f"times of jump {name!r}{at}", times))
        times = float64_array(f"times of jump {name!r}{at}", times, shape=(None,))
        found[name] = tuple(np.unique(times).tolist())
    return found
