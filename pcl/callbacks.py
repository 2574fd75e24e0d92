"""Ready-made callbacks: `callback(snapshot)` after every iteration, the same for all methods."""

import csv
import dataclasses
import inspect
import os
import time
import warnings
from collections.abc import Sequence

import numpy as np
from scipy.optimize import OptimizeResult

from pcl.support.validate import positive_integer
from pcl.training.run.history import ROWS, History, Snapshot

__all__ = ["CSVLogger", "Callback", "NoProgress", "TargetLoss", "TensorBoard", "TimeLimit"]


class Callback:
    """A callback that wants to know when a run is taken up again; functions need no class.

    Examples
    --------
    >>> import pcl
    >>> class Best(pcl.Callback):
    ...     loss = float("inf")
    ...     def __call__(self, snapshot): self.loss = min(self.loss, snapshot.loss)
    ...     def restore(self, history): self.loss = min(history.loss)
    >>> best = Best()
    >>> problem = pcl.Problem(lambda t: (t["k"] - 2.0)**2 + 1.0, {"k": 0.0})
    >>> result = pcl.minimize(problem, "BFGS", callback=best)
    >>> round(best.loss, 6)
    1.0
    """

    def __call__(self, snapshot: Snapshot) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(snapshot).")

    def restore(self, history: History) -> None:
        """Called before the first iteration of a resumed run with the `history` so far, a `History`."""


@dataclasses.dataclass(frozen=True)
class _All(Callback):
    """Several callbacks as one; if one ends the run the others see the snapshot all the same."""

    members: tuple

    def __call__(self, snapshot: Snapshot) -> None:
        reasons = []
        for member in self.members:
            try:
                member(snapshot)
            except StopIteration as reason:
                reasons.append(str(reason))
        if reasons:
            raise StopIteration("; ".join(filter(None, reasons)))

    def restore(self, history: History) -> None:
        for member in self.members:
            restore(member, history)


def combined(callback):
    """One callable of the argument `callback`: None, a function of a snapshot, or a list."""
    members = callback if isinstance(callback, Sequence) else [callback]
    for member in members:
        if not callable(member) and (member is not None or callback is not None):
            raise TypeError(f"callback is a {type(member).__name__}; expected a function of one "
                            "snapshot, a list of such functions, or None.")
    spoken = tuple(map(_spoken, members))
    return spoken[0] if members is not callback else _All(spoken) if callback else None


def _spoken(callback):
    """The callback, or one that calls SciPy's `callback(intermediate_result)` by that name."""
    if isinstance(callback, Callback) or callback is None:
        return callback
    try:
        parameters = set(inspect.signature(callback).parameters)
    except ValueError:              # compiled ones tell no names
        return callback
    if parameters != {"intermediate_result"}:
        return callback
    return lambda snapshot: callback(intermediate_result=OptimizeResult(
        x=snapshot.theta, fun=snapshot.loss, nit=snapshot.iteration))


def restore(callback, history):
    """Tell a `Callback` of the iterations before, if there were any."""
    if isinstance(callback, Callback) and history is not None:
        callback.restore(history)


class TimeLimit(Callback):
    """Ends the run at the first iteration that is over `seconds` after this object was made.

    Made at the beginning of a script it bounds the script, start-up included, which is what a
    batch system counts.

    Parameters
    ----------
    seconds : float > 0

    Raises
    ------
    ValueError
        It is no number above 0.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: (t["k"] - 2.0)**2, {"k": 0.0})
    >>> result = pcl.minimize(problem, "adam", callback=pcl.TimeLimit(1e-6))
    >>> result.nit, result.message.split("Reason: ")[1]
    (1, 'the time limit of 1e-06 s is over.')
    """

    def __init__(self, seconds: float):
        self.seconds, self._begun = _positive("seconds", seconds), time.monotonic()

    def __call__(self, snapshot: Snapshot) -> None:
        if time.monotonic() - self._begun >= self.seconds:
            raise StopIteration(f"the time limit of {self.seconds:g} s is over")


class TargetLoss(Callback):
    """Ends the run when the loss is at most `value`.

    Parameters
    ----------
    value : float, in the unit of the loss

    Raises
    ------
    ValueError
        It is no number.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: (t["k"] - 2.0)**2, {"k": 0.0})
    >>> result = pcl.minimize(problem, "adam", callback=pcl.TargetLoss(3.9))
    >>> result.status.name, result.fun <= 3.9
    ('STOPPED_BY_CALLBACK', True)
    """

    def __init__(self, value: float):
        self.value = _number("value", value)

    def __call__(self, snapshot: Snapshot) -> None:
        if snapshot.loss <= self.value:
            raise StopIteration(f"the loss reached the target {self.value:g}")


class NoProgress(Callback):
    """Ends the run when the lowest loss fell by less than a fraction in many iterations.

        min loss over all iterations  >  (1 − relative) · the same, `iterations` earlier

    Parameters
    ----------
    iterations : int
    relative : float
        Between 0 and 1; 0 asks for any decrease at all.

    Raises
    ------
    ValueError
        iterations no whole number ≥ 1; relative outside [0, 1).

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: 1.0 + 1e-3 * (t["k"] - 2.0)**2, {"k": 0.0})
    >>> result = pcl.minimize(problem, "adam", maxiter=200, callback=pcl.NoProgress(20, relative=0.01))
    >>> result.status.name, result.nit < 200
    ('STOPPED_BY_CALLBACK', True)
    """

    _last: int
    _lowest: list[float]

    def __init__(self, iterations: int = 100, relative: float = 1e-3):
        self.iterations = positive_integer("iterations", iterations)
        self.relative = _number("relative", relative)
        if not 0.0 <= self.relative < 1.0:
            raise ValueError(f"relative is {relative!r}; expected a number from 0 to below 1.")
        self._reset()

    def __call__(self, snapshot: Snapshot) -> None:
        if snapshot.iteration <= self._last:    # the object serves another run
            self._reset()
        self._last = snapshot.iteration
        if self._see(snapshot.loss):
            raise StopIteration(f"the loss fell by less than {self.relative:g} of itself in "
                                f"{self.iterations} iterations")

    def restore(self, history: History) -> None:
        """Count the iterations before, those of `history`."""
        self._reset()
        self._last = len(history) - 1
        for loss in history.loss[1:]:
            self._see(loss)

    def _reset(self):
        self._last, self._lowest = 0, []

    def _see(self, loss):
        self._lowest = [*self._lowest[-self.iterations:], min(loss, *self._lowest[-1:], np.inf)]
        then, now = self._lowest[0], self._lowest[-1]
        return len(self._lowest) > self.iterations and not now < then - self.relative * abs(then)


class CSVLogger(Callback):
    """One line per iteration in a text file: iteration, then the columns of `History`.

    The file is begun anew by a new run, and flushed after every line. In a resumed run the lines
    of the iterations before are written again from the checkpoint, so that none is missing
    or there twice. A line that cannot be written is warned of once and the run goes on.

    Parameters
    ----------
    path : path

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: (t["k"] - 2.0)**2, {"k": 0.0})
    >>> result = pcl.minimize(problem, "BFGS", callback=pcl.CSVLogger("run.csv"))
    >>> open("run.csv").read().split(",")[:3]
    ['iteration', 'loss', 'gradient_norm']
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = os.path.abspath(os.fspath(path))
        self._last: int | None = None
        self._warned = False

    def __call__(self, snapshot: Snapshot) -> None:
        if self._last is None or snapshot.iteration <= self._last:
            self._write("w", [])
        self._last = snapshot.iteration
        self._write("a", [[snapshot.iteration, *(getattr(snapshot, name) for name in ROWS)]])

    def restore(self, history: History) -> None:
        """Write the iterations before, those of `history`."""
        columns = [history.as_dict()[name].tolist() for name in ROWS]
        rows = list(zip(range(len(history)), *columns))
        self._write("w", rows[1:])
        self._last = len(history) - 1

    def _write(self, mode, rows):
        try:
            self._write_lines(mode, rows)
        except OSError as error:
            if not self._warned:
                self._warned = True
                warnings.warn(f"the log {self.path} lacks lines ({error}); the run goes on.",
                              RuntimeWarning, stacklevel=2)

    def _write_lines(self, mode, rows):
        with open(self.path, mode, newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            if mode == "w":
                lines.writerow(["iteration", *ROWS])
            lines.writerows(rows)


class TensorBoard(Callback):
    """Loss, gradient norm, step and work of every iteration as scalars for TensorBoard.

    Parameters
    ----------
    logdir : path
        Directory of the event files; see `tensorboard --logdir`.

    Examples
    --------
    >>> import os, pcl
    >>> problem = pcl.Problem(lambda t: (t["k"] - 2.0)**2, {"k": 0.0})
    >>> result = pcl.minimize(problem, "BFGS", callback=pcl.TensorBoard("logs"))
    >>> len(os.listdir("logs"))
    1
    """

    def __init__(self, logdir: str | os.PathLike[str]):
        import tensorflow as tf
        self._tf, self._writer = tf, tf.summary.create_file_writer(os.fspath(logdir))
        # tf.summary.scalar would want the package tensorboard installed where the run is
        self._scalar = tf.compat.v1.SummaryMetadata(data_class="DATA_CLASS_SCALAR")
        self._scalar.plugin_data.plugin_name = "scalars"

    def __call__(self, snapshot: Snapshot) -> None:
        with self._writer.as_default(step=snapshot.iteration):
            for name in ROWS:
                value = self._tf.constant(float(getattr(snapshot, name)), self._tf.float32)
                self._tf.summary.write(name, value, metadata=self._scalar)
        self._writer.flush()


def _number(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) \
            or np.isnan(value):
        raise ValueError(f"{name} is {value!r}; expected a number.")
    return float(value)


def _positive(name, value):
    if _number(name, value) <= 0.0:
        raise ValueError(f"{name} is {value!r}; expected a number above 0.")
    return float(value)
