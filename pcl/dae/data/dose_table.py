"""Doses of several experiments in one CSV file, in our words or in those of NONMEM."""

from pathlib import Path
from typing import Any

from pcl.dae.data.csv_table import rows_of

# NONMEM: ADDL further doses, II apart; CMT names the compartment, here a state
_WORDS = {"ID": "trajectory", "TIME": "time", "CMT": "state", "AMT": "amount", "II": "interval",
          "ADDL": "further"}
_COLUMNS = ("trajectory", "time", "state", "amount", "interval", "count", "further")


def read_doses(path: Any, state: str | None = None) -> dict[str, list[tuple]]:
    """{trajectory, or "" for all of them: [(time, state, amount, interval, count), …]} of a CSV file.

    The columns are time, amount and state, and perhaps trajectory, interval and count; or TIME, AMT, CMT,
    ID, II and ADDL, the number of doses beyond the first. Other columns are left alone, and so are rows
    without an amount, or with the amount 0: a file that has readings in other rows may be given as it is.

    state : the state of all doses, where no column names it

    Raises
    ------
    OSError, ValueError
        A file that cannot be read; columns that are missing; an entry that is no number (with its line).
    """
    header, lines, rows = rows_of(Path(path))
    header = [_WORDS.get(name, name) for name in header]
    absent = [name for name in ("time", "amount", *(() if state else ("state",))) if name not in header]
    if absent:
        raise ValueError(f"{path} has no column {absent[0]!r} of doses; expected time, amount and state "
                         "(or TIME, AMT, CMT), or give dosed=… for the state.")
    found: dict[str, list[tuple]] = {}
    for line, row in zip(lines, rows):
        entry = {name: value for name, value in zip(header, row) if name in _COLUMNS}
        number = _Numbers(f"{path}, line {line}", entry)
        if number("amount"):
            count = int(number("count", 1.0)) + int(number("further"))
            found.setdefault(entry.get("trajectory", ""), []).append(
                (number("time"), entry.get("state") or state, number("amount"), number("interval"),
                 count))
    return found


class _Numbers:
    """Entries of one row as numbers."""

    def __init__(self, label, entry):
        self._label, self._entry = label, entry

    def __call__(self, name, empty=0.0):
        text = self._entry.get(name, "")
        try:
            return float(text) if text not in ("", ".") else empty
        except ValueError:
            raise ValueError(f"{self._label}, column {name!r} is {text!r}; expected a number or "
                             "nothing.") from None
