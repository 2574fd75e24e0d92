"""Data of experiments: trajectories, several of them together, and CSV files."""

from collections.abc import Mapping, Sequence
from typing import Any

from pcl.dae.data.csv_table import read_table
from pcl.dae.data.dose_table import read_doses
from pcl.dae.data.experiments import Data
from pcl.dae.data.trajectory import Trajectory
from pcl.support.nearest import nearest
from pcl.support.types import Path

__all__ = ["Data", "Trajectory", "read_csv"]


def read_csv(paths: Path | Sequence[Path], *, time: str = "t", trajectory: str = "trajectory",
             observed: Sequence[str] | Mapping[str, str] | None = None,
             inputs: Sequence[str] | Mapping[str, str] = (), unknown: str = "refuse",
             missing: str = "refuse", weights: float | Mapping[str, float] = 1.0,
             initial: Mapping[str, Any] | None = None,
             signals: Mapping[str, Any] | None = None,
             sigma: float | Mapping[str, float] | None = None, doses: Path | None = None,
             dosed: str | None = None) -> Data:
    """`Data` of CSV files with one row a time and one column a variable.

    The first row names the columns: `time`, the variables, and perhaps `trajectory`, whose entries
    name the experiment of a row; without it every file is one trajectory, named as the file. Lines
    that begin with # are comments. Rows of a trajectory are in the order of time. An empty entry is a
    missing value.

        trajectory,t,x1,x2,F
        a,0.0,1.00,0.5,0.05
        a,0.5,0.83,,0.05

    Parameters
    ----------
    paths : path or list of paths
    time, trajectory : str, names of these columns
    observed : names, or {column: variable}, optional
        By default all other columns are observed variables, under their own names.
    inputs : names, or {name: "linear" or "constant"}
        Columns that are tables of inputs u(t), interpolated linearly by default; empty entries are
        skipped.
    unknown : "refuse" or "ignore" columns that are none of these
    missing : "refuse" or "drop" empty and NaN entries of observed columns
    weights, sigma : number or {variable: number}
    initial : {state: value} for all trajectories, or {trajectory: {state: value}}
    signals : {name: number, function or table}, inputs of all trajectories that are not in the file
    doses : path of a table of doses, optional; see `pcl.dae.data.dose_table.read_doses`
        Its rows belong to the trajectory they name, to all without such a column. A trajectory begins at
        its first dose where that is before the first reading; `initial` holds there.
    dosed : the state of all doses, where no column of that table names it

    Raises
    ------
    OSError, ValueError
        A file that cannot be read; a column that is missing, unknown or there twice; an entry that is
        no number (with its line); and what `Trajectory` and `Data` refuse.

    Returns
    -------
    Data

    Examples
    --------
    >>> import os, tempfile
    >>> from pcl import dae
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "runs.csv")
    ...     with open(path, "w") as file:
    ...         print("trajectory,t,x,F", "a,0.0,1.00,0.05", "a,0.5,0.83,0.05", sep=os.linesep, file=file)
    ...     data = dae.read_csv(path, inputs=["F"])
    >>> data.names, data.values("x").tolist()
    (('a',), [1.0, 0.83])
    """
    tables = read_table(paths, time, trajectory, observed, inputs, unknown)
    initial, given = initial or {}, {} if doses is None else read_doses(doses, dosed)
    _require_names("doses", [name for name in given if name], tables)
    per_name = any(hasattr(value, "items") for value in initial.values())
    _require_names("initial", initial if per_name else {}, tables)
    return Data([
        Trajectory(table.times, table.observed, initial.get(table.name) if per_name else initial,
                   {**(signals or {}), **table.inputs}, weights, name=table.name, missing=missing,
                   sigma=sigma, **_dosing(table, [*given.get("", []), *given.get(table.name, [])]))
        for table in tables])


def _dosing(table, rows):
    """Doses and span of a trajectory."""
    if not rows:
        return {}
    return {"doses": rows, "span": (min(table.times[0], *(row[0] for row in rows)), table.times[-1])}


def _require_names(label, given, tables):
    names = [table.name for table in tables]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"{label} has {unknown[0]!r}, which is no trajectory; there are "
                         f"{', '.join(names)}.{nearest(unknown[0], names)}")
