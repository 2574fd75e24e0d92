"""When a run is written to its file, and how it is taken up again."""

import contextlib
import os
import signal
import threading
import time
import warnings

import numpy as np

from pcl.training.checkpoint.agreement import describe, require_agreement, require_same_start
from pcl.training.checkpoint.answers import AnswerLog, RecordedProblem
from pcl.training.checkpoint.file import CheckpointError, read_checkpoint, write
from pcl.training.checkpoint.points import packed, unpacked
from pcl.training.run.evaluator import EvaluatedTheta
from pcl.training.run.run import Run

# A file that took t seconds to write is not written again within 4 t. A process that lives for W seconds
# then loses at most max(checkpoint_seconds, 4 t) + t of its work.
_SHARE = 4


class Session:
    """The file of a run, or nothing at all where neither is asked for.

    Two kinds of content. *state*: a driver that calls `Run.offer` with all it needs to go on
    from there. *log*: the answers of the problem, for any other driver, which is replayed.

    Parameters
    ----------
    path : path or None
        Written every `seconds` at the end of an iteration, and at the end of the run.
    seconds : float
    resume : path or None
        The file to go on from.
    """

    _run: Run       # from `begin` on

    def __init__(self, path=None, seconds=30.0, resume=None):
        self._path, self._seconds = _checked_path(path), _checked_seconds(seconds)
        self.loaded = None if resume is None else read_checkpoint(resume)
        log = self._holding("log")
        self._log = AnswerLog() if log is None else AnswerLog.from_file(log)
        self._log.keeping = self._path is not None
        self._pending = self.loaded is not None     # not yet where the file ends
        self._kept = 0 if self.loaded is None else self.loaded.meta["core"]["rows"]
        self._about: dict = {}
        self._fixed: dict = {}
        self._state: tuple | None = None    # captured, and what the driver offered
        self._begun = False
        self._next, self._complaint = time.monotonic() + self._seconds, None

    @property
    def active(self):
        """Whether there is a file to write or one to go on from."""
        return self._path is not None or self.loaded is not None

    @property
    def recorded_history(self):
        """`History` in the file to go on from, or None."""
        return None if self.loaded is None else self.loaded.history

    @property
    def restored(self):
        """{name: array} that the driver offered when the file was written, or {}."""
        if self.loaded is None:
            return {}
        return {name.removeprefix("state_"): value for name, value in self.loaded.arrays.items()
                if name.startswith("state_")}

    def prepare(self, problem, method, options, theta, box, given):
        """The start (p,) of the run; CheckpointError if the file is of another run."""
        self._about = describe(problem, method, options)
        if box is not None:
            self._fixed = {"lower": box[0], "upper": box[1]}
        if self.loaded is None:
            return theta
        require_agreement(self.loaded, self._about, self._fixed)
        start = self.loaded.arrays["start_theta"]
        if given and not np.array_equal(start, theta):
            raise CheckpointError(f"{self.loaded.path} holds a run from another start than x0. "
                                  "Leave x0 out, or start anew without resume.")
        return start.copy()

    def verify(self, evaluator, theta):
        """CheckpointError unless loss and gradient at the start are those of the file."""
        if self.loaded is not None:
            require_same_start(self.loaded, *evaluator.value_and_gradient(EvaluatedTheta(theta)))

    def recorded(self, problem):
        """The problem as the driver is to see it."""
        if self._path is None and not self._log.replaying:
            return problem
        return RecordedProblem(problem, self._log, self._replayed)

    def begin(self, run):
        """The run has evaluated its start."""
        self._run, self._begun = run, True
        file = self._holding("state")
        if file is not None:
            run.restore(file.meta["core"], unpacked(file), file.history)

    def offer(self, state):
        """Here the driver can be taken up from `state`, {name: array or number}."""
        self._arrive()
        if self._path is not None:
            self._state = self._run.capture(), state
        self._log.stop()
        self._write_if_due()

    def iterated(self):
        """An iteration is over."""
        if self._state is None and not self._pending:
            self._write_if_due()

    def finish(self, status):
        """The run is over: write it a last time."""
        if self._path is None or not self._begun or self._behind(status):
            return
        with contextlib.suppress(KeyboardInterrupt):    # the file before stays whole
            self._write(status)

    @contextlib.contextmanager
    def terminable(self):
        """SIGTERM acts as Ctrl-C where a file is written, in the main thread."""
        if self._path is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)

    def _behind(self, status):
        # an error on the way back to where the file ends, or a state not yet reached
        return self._pending and (status.name == "ERROR" or self._holding("state") is not None)

    def _replayed(self):
        if self._begun and self._holding("log") is not None:
            self._arrive()

    def _arrive(self):
        if self._pending and self.loaded is not None:
            self._pending = False
            self._run.rebase(self.loaded.meta["core"])

    def _holding(self, kind):
        """The file to go on from if its content is of this kind."""
        return self.loaded if self.loaded is not None and self.loaded.meta["kind"] == kind else None

    def _write_if_due(self):
        if self._path is not None and time.monotonic() >= self._next and self._rows() > self._kept:
            self._write(None)

    def _rows(self):
        # of the history in the next file: without a new one it would only put off the one after
        return len(self._run.history) if self._state is None else self._state[0]["rows"]

    def _write(self, status):
        begun = time.monotonic()
        try:
            write(self._path, *self._content(status))
        except (OSError, MemoryError) as error:
            self._complain(error)
        now, self._kept = time.monotonic(), self._rows()
        self._next = now + max(self._seconds, _SHARE * (now - begun))

    def _complain(self, error):
        reason = type(error), getattr(error, "errno", None)
        if reason != self._complaint:       # once for each
            self._complaint = reason
            warnings.warn(f"checkpoint {self._path} could not be written ({error}); the run goes "
                          "on and the file before is as it was.", RuntimeWarning, stacklevel=2)

    def _content(self, status):
        run, best, start = self._run, self._run.objective.best, self._run.start
        core, state = self._state or (run.bare_core(), None)
        meta = {"status": None if status is None else status.name, **self._about}
        arrays = {"start_theta": start.theta, "start_loss": start.loss,
                  "start_gradient": start.gradient, "best_theta": best.theta,
                  "best_loss": best.loss, **self._fixed}
        arrays |= {f"history_{name}": values[:core["rows"]]
                   for name, values in run.history.as_dict().items()}
        if state is None:
            log, failures = self._log.as_arrays()
            return meta | {"kind": "log", "core": core, "failures": failures}, arrays | log
        core = dict(core)
        points, words = packed(core.pop("points"))
        arrays |= points | {f"state_{name}": value for name, value in state.items()}
        return meta | {"kind": "state", "core": core | {"point_failures": words}}, arrays


def _interrupt(*_):
    raise KeyboardInterrupt("SIGTERM")


def _checked_seconds(seconds):
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float, np.number)) \
            or not 0 <= seconds < np.inf:
        raise ValueError(f"checkpoint_seconds is {seconds!r}; expected a number of seconds ≥ 0.")
    return float(seconds)


def _checked_path(path):
    if path is None:
        return None
    path = os.path.abspath(os.fspath(path))     # the working directory may change
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise ValueError(f"checkpoint is {path}, a directory; expected the name of a file.")
    if not os.path.isdir(folder):
        raise ValueError(f"checkpoint is {path}, but there is no directory {folder}. Create it.")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"checkpoint is {path}, but nothing can be written in {folder}.")
    if os.path.exists(path) and not _is_ours(path):
        raise ValueError(f"checkpoint is {path}, a file that is not a checkpoint and would be "
                         "overwritten. Choose another name or remove it.")
    return path


def _is_ours(path):
    # a damaged checkpoint may be overwritten, any other file not
    with open(path, "rb") as file:
        head = file.read(2)
    return head in (b"PK", b"")
