"""CSV files as tables of trajectories."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pcl.dae.data.signal import KINDS
from pcl.support.nearest import nearest
from pcl.support.validate import known


@dataclass(frozen=True)
class Table:
    """Rows of one trajectory: times (n,), observed {variable: (n,)}, inputs {name: (times, values,
    kind)}."""

    name: str
    times: np.ndarray
    observed: dict
    inputs: dict


def read_table(paths, time, trajectory, observed, inputs, unknown):
    """A `Table` for each trajectory, in the order of the files and their rows; see `data.read_csv`."""
    known("unknown", unknown, ("refuse", "ignore"))
    inputs = inputs if hasattr(inputs, "items") else dict.fromkeys(_listed(inputs), "linear")
    for name, kind in inputs.items():
        known(f"the interpolation of input {name!r}", kind, KINDS)
    if observed is not None and not hasattr(observed, "items"):
        observed = {name: name for name in _listed(observed)}
    paths = [paths] if isinstance(paths, (str, Path)) else list(paths)
    return [table for path in paths
            for table in _tables(Path(path), time, trajectory, observed, inputs, unknown)]


def _tables(path, time, trajectory, observed, inputs, unknown):
    header, lines, rows = rows_of(path)
    others = [name for name in header if name not in (time, trajectory, *inputs)]
    if observed is None:
        observed = {name: name for name in others}
    extra = [name for name in others if name not in observed]
    if extra and unknown == "refuse":
        raise ValueError(f"{path} has a column {extra[0]!r} that is neither observed nor an input; "
                         "name it, or set unknown='ignore'."
                         f"{nearest(extra[0], (*observed, *inputs))}")
    _require_columns(path, header, (time, *observed, *inputs))
    numbers = {name: _column(path, name, header.index(name), lines, rows)
               for name in (time, *observed, *inputs)}
    return [_table(name, chosen, numbers, time, observed, inputs)
            for name, chosen in _groups(path, header, trajectory, lines, rows)]


def rows_of(path):
    """(column names, line numbers, rows of text)."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, skipinitialspace=True)
        numbered = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    numbered = [(i, row) for i, row in numbered if any(row) and not row[0].startswith("#")]
    if not numbered:
        raise ValueError(f"no observations: {path} is empty.")
    header = numbered[0][1]
    for name in header:
        if header.count(name) > 1:
            raise ValueError(f"{path} has {header.count(name)} columns {name!r}; expected different "
                             "names.")
    for i, row in numbered[1:]:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {i} has {len(row)} entries; expected {len(header)} as in the "
                             "first row.")
    if len(numbered) == 1:
        raise ValueError(f"no observations: {path} has a row of names only.")
    return header, [i for i, _ in numbered[1:]], [row for _, row in numbered[1:]]


def _require_columns(path, header, names):
    absent = [name for name in names if name not in header]
    if absent:
        raise ValueError(f"{path} has no column {absent[0]!r}; it has {', '.join(header)}."
                         f"{nearest(absent[0], header)}")


def _column(path, name, place, lines, rows):
    """Numbers (n,), NaN where the entry is empty."""
    found = np.full(len(rows), np.nan)
    for k, (line, row) in enumerate(zip(lines, rows)):
        try:
            found[k] = float(row[place] or "nan")
        except ValueError:
            raise ValueError(f"{path}, line {line}, column {name!r} is {row[place]!r}; expected a "
                             "number or nothing.") from None
    return found


def _groups(path, header, trajectory, lines, rows):
    """[(name, row numbers), …]."""
    if trajectory not in header:
        return [(path.stem, np.arange(len(rows)))]
    place = header.index(trajectory)
    found: dict[str, list[int]] = {}
    for k, row in enumerate(rows):
        if not row[place]:
            raise ValueError(f"{path}, line {lines[k]}, column {trajectory!r} is empty; expected the "
                             "name of a trajectory.")
        found.setdefault(row[place], []).append(k)
    return [(name, np.array(chosen)) for name, chosen in found.items()]


def _table(name, chosen, numbers, time, observed, inputs):
    times = numbers[time][chosen]
    signals = {}
    for key, kind in inputs.items():
        values = numbers[key][chosen]
        given = ~np.isnan(values)
        signals[key] = (times[given], values[given], kind)
    values = {variable: numbers[column][chosen] for column, variable in observed.items()}
    return Table(name, times, values, signals)


def _listed(names):
    return (names,) if isinstance(names, str) else tuple(names)
