"""Workers that are processes of their own on this machine."""

import concurrent.futures
import contextlib
import multiprocessing.context
import os
import signal
import weakref
from collections.abc import Callable
from typing import Any

from pcl.execute.begin import begin
from pcl.execute.remote import TIMEOUT, Remote
from pcl.support.processes import ONE_THREAD, Died, processors
from pcl.support.validate import positive_integer


class Processes(Remote):
    """Processes with one thread each, started afresh: TensorFlow does not survive a fork.

    They are started when they are first used, keep what they are given, do not hear Ctrl-C, and end
    with this process whatever ends it.

    Parameters
    ----------
    workers : int, optional
        As many as processors by default.
    timeout : float
        Seconds to wait for the next result.

    Notes
    -----
    Python's executor over processes that loky starts: those do not run the main script again, as
    Python's own would, and Python's executor does not take a worker that keeps what it is given for one
    that leaks, as loky's does.
    """

    died = (Died,)

    def __init__(self, workers: int | None = None, timeout: float = TIMEOUT):
        super().__init__(timeout)
        self._count = processors() if workers is None else positive_integer("workers", workers)
        self._lanes: list[_Lane | None] = [None] * self._count
        weakref.finalize(self, _end, self._lanes)

    def __repr__(self) -> str:
        return f"processes({self._count})"

    @property
    def count(self) -> int:
        """Processes at a time."""
        return self._count

    def submit(self, place: int | None, function: Callable[..., Any],
               *arguments: Any) -> tuple[Any, Any]:
        """See `Remote`."""
        number = self._idlest() if place is None else place % self._count
        lane = self._lane(number)
        try:
            return lane.submit(function, *arguments), lane
        except Died:                # it died without work
            self.replace(lane)
            lane = self._lane(number)
            return lane.submit(function, *arguments), lane

    def _idlest(self):
        loads = [0 if lane is None else lane.load for lane in self._lanes]
        return loads.index(min(loads))

    def _lane(self, number):
        if self._lanes[number] is None:
            self._lanes[number] = _Lane()
        return self._lanes[number]

    def replace(self, begun: Any) -> None:
        """See `Remote`."""
        if begun in self._lanes:
            self._lanes[self._lanes.index(begun)] = None
            begun.end()

    def close(self) -> None:
        """End the processes, in the middle of their work if need be; the next call starts others."""
        _end(self._lanes)


class _Lane:
    """An executor of one process."""

    def __init__(self):
        self._started = _started_by_loky()
        self._executor = concurrent.futures.ProcessPoolExecutor(
            max_workers=1, mp_context=self._started, initializer=begin, initargs=(os.getpid(),))

        self._futures = []

    @property
    def load(self):
        """Calls that it has not answered."""
        self._futures = [future for future in self._futures if not future.done()]
        return len(self._futures)

    def submit(self, function, *arguments):
        future = self._executor.submit(function, *arguments)
        self._futures.append(future)
        return future

    def end(self):
        for process in self._started.processes:
            with contextlib.suppress(ProcessLookupError):       # its end was noticed in between
                if process.is_alive():
                    os.kill(process.pid, signal.SIGKILL)
        self._executor.shutdown(wait=True, cancel_futures=True)


def _started_by_loky() -> Any:
    """A context whose `processes` have one thread each."""
    from joblib.externals.loky.backend.context import LokyContext

    class OneThread(LokyContext):
        def __init__(self):
            self.processes: list[multiprocessing.process.BaseProcess] = []

        def Process(self, *arguments, **named):         # type: ignore[override]
            process = LokyContext.Process(*arguments, **named, env=ONE_THREAD)
            self.processes.append(process)
            return process

    return OneThread()


def _end(lanes):
    ended = [lane for lane in lanes if lane is not None]
    lanes[:] = [None] * len(lanes)
    for lane in ended:
        lane.end()
