"""What is added to a state at a known time: a table of doses, repeated ones written as one row."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from pcl.support.validate import float64_array, positive_integer

_COLUMNS = ("time", "state", "amount", "interval", "count")


class Dose(NamedTuple):
    """amount is added to a state at a time."""

    time: float
    state: str
    amount: float


def doses(at: str, given: Any) -> tuple[Dose, ...]:
    """Doses in order of time, of rows or columns.

    Parameters
    ----------
    at : words on whose doses they are, for messages
    given : rows (time, state, amount) or (time, state, amount, interval, count); or a mapping, or data
        frame, of columns with these names, the last two optional. `count` doses, `interval` apart, begin
        at `time`.

    Raises
    ------
    TypeError, ValueError
        Not such a table; NaN; an interval that is not positive, a count below 1.
    """
    rows = _rows(at, given)
    found = [dose for k, row in enumerate(rows) for dose in _repeated(f"doses{at}, row {k}", *row)]
    return tuple(sorted(found, key=lambda dose: dose.time))


def _rows(at, given):
    if given is None:
        return []
    if hasattr(given, "items"):
        columns = {str(name): list(column) for name, column in given.items()}
        unknown = [name for name in columns if name not in _COLUMNS]
        absent = [name for name in _COLUMNS[:3] if name not in columns]
        if unknown or absent:
            raise ValueError(f"doses{at} have the columns {', '.join(columns)}; expected time, state, "
                             "amount and perhaps interval and count.")
        return list(zip(*(columns[name] for name in _COLUMNS if name in columns), strict=True))
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"doses{at} are a {type(given).__name__}; expected rows (time, state, amount).")
    rows = [tuple(row) for row in given]
    for k, row in enumerate(rows):
        if len(row) not in (3, 5):
            raise ValueError(f"doses{at}, row {k}, has {len(row)} entries; expected (time, state, "
                             "amount) or (time, state, amount, interval, count).")
    return rows


def _repeated(label, time, state, amount, interval=None, count=1):
    if not isinstance(state, str):
        raise TypeError(f"the state of {label} is a {type(state).__name__}; expected a name.")
    time, amount = (float(float64_array(f"the {what} of {label}", value, shape=()))
                    for what, value in (("time", time), ("amount", amount)))
    count = positive_integer(f"the count of {label}", count)
    if count == 1:
        return [Dose(time, state, amount)]
    interval = float(float64_array(f"the interval of {label}", interval, shape=()))
    if not interval > 0.0:
        raise ValueError(f"the interval of {label} is {interval:g}; expected a number > 0.")
    return [Dose(float(t), state, amount) for t in time + interval * np.arange(count)]
