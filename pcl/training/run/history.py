"""The record of a training run: one row per iteration, row 0 is the start."""

import dataclasses

from typing import Any

import numpy as np

from pcl.support.axes import key, new_axes
from pcl.support.nearest import nearest
from pcl.support.style import styled
from pcl.support.types import Array, Booleans, Integers

ROWS = ("loss", "gradient_norm", "step", "seconds", "factorisations", "back_substitutions",
        "evaluations", "failed", "accepted")
_INTEGER = {"factorisations", "back_substitutions", "evaluations", "failed"}


@dataclasses.dataclass(frozen=True, eq=False)
class Snapshot:
    """What a callback is given after every iteration; the same for all methods.

    Attributes
    ----------
    iteration : int
        1, 2, ...; rejected steps of the trust-region methods count.
    theta : ndarray (p,), float64
        The current point, a read-only copy.
    loss, gradient_norm : float
        At `theta`. With bounds, the norm of the projected gradient.
    step : float
        Norm of the accepted step, 0 for a rejected one.
    seconds : float
        Since the start of the run.
    factorisations, back_substitutions, evaluations, failed : int
        Since the start of the run; `failed` trial points could not be evaluated.
    accepted : bool
        False when the iteration left theta where it was.
    """

    iteration: int
    theta: Array
    loss: float
    gradient_norm: float
    step: float
    seconds: float
    factorisations: int
    back_substitutions: int
    evaluations: int
    failed: int
    accepted: bool


class History:
    """Arrays over the iterations, index 0 being the start; the names are those of `Snapshot`.

    `len(history)` is the number of iterations plus one. The arrays are copies.
    """

    loss: Array
    gradient_norm: Array
    step: Array
    seconds: Array
    factorisations: Integers
    back_substitutions: Integers
    evaluations: Integers
    failed: Integers
    accepted: Booleans

    def __init__(self) -> None:
        self._rows: dict[str, list] = {name: [] for name in ROWS}

    @classmethod
    def from_dict(cls, columns: dict[str, Any]) -> "History":
        """The history whose `as_dict` is `columns`."""
        history = cls()
        history._rows = {name: np.asarray(columns[name]).tolist() for name in ROWS}
        return history

    def append(self, snapshot: Snapshot) -> None:
        """Add one row."""
        for name, values in self._rows.items():
            values.append(getattr(snapshot, name))

    def cell(self, name: str, row: int) -> float:
        """One number."""
        return self._rows[name][row]

    def __len__(self) -> int:
        return len(self._rows[ROWS[-1]])     # a row that Ctrl-C cut short is none

    def __getattr__(self, name):
        if name in ROWS and "_rows" in self.__dict__:
            return self._array(name)
        raise AttributeError(f"History has no {name!r}; it has {', '.join(ROWS)}.{nearest(name, ROWS)}")

    def __dir__(self):
        return [*super().__dir__(), *ROWS]

    def __repr__(self) -> str:
        if not len(self):
            return "History(empty)"
        return (f"History({len(self) - 1} iterations, loss {self.loss[0]:.6g} -> "
                f"{self.loss[-1]:.6g}, {self.seconds[-1]:.3g} s)")

    def as_dict(self) -> dict[str, np.ndarray]:
        """{name: array (n + 1,)}, for saving or a table."""
        return {name: self._array(name) for name in ROWS}

    @styled
    def plot(self, ax: Any = None, against: str = "iterations") -> Any:
        """Loss and gradient norm on a logarithmic axis; returns the matplotlib axes.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Drawn into; a new figure otherwise.
        against : "iterations" or "seconds"
        """
        if against not in ("iterations", "seconds"):
            raise ValueError(f"against is {against!r}; known are iterations, seconds."
                             f"{nearest(against, ('iterations', 'seconds'))}")
        ax = new_axes(ax)
        x = np.arange(len(self)) if against == "iterations" else self.seconds
        ax.semilogy(x, self.loss, label="loss")
        ax.semilogy(x, self.gradient_norm, "--", label="gradient norm")
        ax.set(xlabel=against, ylabel="loss, gradient norm")
        key(ax)
        return ax

    def _array(self, name):
        kind = np.int64 if name in _INTEGER else bool if name == "accepted" else np.float64
        return np.array(self._rows[name][:len(self)], dtype=kind)
