"""What became of many starts of one fit: a table, and how many of them reach the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.support.style import styled
from pcl.support.types import Axes
from pcl.support.waterfall import waterfall

AGREE = 0.01        # of the least objective: so far above it a start counts as having reached it
LIKELY = 0.1        # the same of −2 log p, absolute: a likelihood has no size
_EXACT = 1e-6       # of the spread of the data, the same for data without noise
_WIDTH = 72         # of what the table says of a start


@dataclass(frozen=True, eq=False)
class StartOutcome:
    """One start.

    Attributes
    ----------
    number : int
    numbers : {parameter: value} it began with, drawn or given
    seed : int, of the weights
    objective, misfit : float, NaN where it failed
    success : bool
    iterations : int
    seconds : float
    message : str, why it ended, or what failed
    failed : bool, whether there is no fit
    """

    number: int
    numbers: Mapping[str, float]
    seed: int
    objective: float
    misfit: float
    success: bool
    iterations: int
    seconds: float
    message: str
    failed: bool = False

    @property
    def rank(self) -> tuple:
        """What orders starts: solved ones first, then by objective, the first of equals."""
        known = not self.failed and np.isfinite(self.objective)
        return not self.success, self.objective if known else np.inf, self.number


@dataclass(frozen=True, eq=False)
class Starts:
    """All starts of a fit in the order of their numbers; prints as a table.

    Attributes
    ----------
    runs : tuple of StartOutcome
    close : float, distance from the least objective up to which a start has reached it: 1 % of it,
        0.1 where it is −2 log p, at least 1e-6 of the spread of the data
    interrupted : bool, by Ctrl-C: some starts are not finished

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
    >>> starts = dae.fit(model, data, guess=None, elements=2, starts=2).starts
    >>> len(starts.reached), starts.share, starts.failures, starts.best.success
    (2, 1.0, [], True)
    >>> [round(k, 2) for k in starts.as_dict()["objective"]]
    [0.42, 0.42]
    """

    runs: tuple[StartOutcome, ...]
    close: float
    interrupted: bool = False

    @property
    def best(self) -> StartOutcome:
        """The solved start of the least objective; without any solved one, the least of the others."""
        return min(self.runs, key=lambda run: run.rank)

    @property
    def reached(self) -> list[StartOutcome]:
        """Solved starts that end at the objective of the best, up to `close`."""
        return [run for run in self.runs
                if run.success and run.objective <= self.best.objective + self.close]

    @property
    def share(self) -> float:
        """Share of all starts that reach the best, from 0 to 1."""
        return len(self.reached) / len(self.runs)

    @property
    def failures(self) -> list[StartOutcome]:
        """Starts without a fit."""
        return [run for run in self.runs if run.failed]

    def as_dict(self) -> dict[str, list[Any]]:
        """{column: list over the starts}, for a data frame.

        The columns are number, seed, objective, misfit, success, iterations, seconds, message, and one a
        parameter with the value begun with.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> starts = dae.fit(model, data, guess=None, elements=2, starts=2).starts
        >>> starts.as_dict()["success"]
        [True, True]
        """
        columns = ("number", "seed", "objective", "misfit", "success", "iterations", "seconds", "message")
        names = list(dict.fromkeys(name for run in self.runs for name in run.numbers))
        return {**{column: [getattr(run, column) for run in self.runs] for column in columns},
                **{name: [run.numbers.get(name, np.nan) for run in self.runs] for name in names}}

    @styled
    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """The waterfall: objectives of the starts in ascending order.

        Solved ones are filled dots. A step at the left end is a minimum that is found again and again.

        Parameters
        ----------
        ax : matplotlib axes, optional
        options : of `ax.plot`, for the solved ones

        Returns
        -------
        matplotlib axes

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> starts = dae.fit(model, data, guess=None, elements=2, starts=2).starts
        >>> starts.plot().get_ylabel()
        'objective'
        """
        best = self.best.objective + self.close
        reach = (best, f"{len(self.reached)} of {len(self.runs)} reach the best")
        return waterfall([run.objective for run in self.runs], [run.success for run in self.runs], ax,
                         ("solved", "not solved"), "objective", reach, **options)

    def __str__(self) -> str:
        best = self.best
        rows = [f"  {'start':>5} {'objective':>13} {'misfit':>13} {'iterations':>10} {'seconds':>8}  "
                "ended because"]
        for run in self.runs:
            rows.append(f"{'*' if run is best and not run.failed else ' '} {run.number:>5} "
                        f"{run.objective:>13.6g} {run.misfit:>13.6g} {run.iterations:>10} "
                        f"{run.seconds:>8.1f}  {_short(run.message)}")
        failed = len(self.failures)
        rows.append(f"  {len(self.reached)} of {len(self.runs)} starts reach the best"
                    + (f", {failed} without a fit" if failed else "")
                    + ("; interrupted" if self.interrupted else ""))
        return "\n".join(rows)


def close(objective: float, spread: float, likely: bool) -> float:
    """The `close` of `Starts` at the least objective."""
    return LIKELY if likely else max(AGREE * abs(objective), _EXACT * spread)


def _short(words):
    words = " ".join(words.split())
    return words if len(words) <= _WIDTH else words[:_WIDTH - 1] + "…"
