"""Workers that are processes of their own on this machine, by loky."""

import os
import signal
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from pcl.execute.remote import TIMEOUT, Remote
from pcl.support.processes import ONE_THREAD, Died, processors
from pcl.support.validate import positive_integer

_IDLE = 24 * 3600.0     # seconds after which a worker without work ends, as loky asks for a number


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
    """

    died = (Died,)

    def __init__(self, workers: int | None = None, timeout: float = TIMEOUT):
        super().__init__(timeout)
        self._count = processors() if workers is None else positive_integer("workers", workers)
        self._lanes: list[Any] = [None] * self._count       # an executor of one process each
        weakref.finalize(self, _end, self._lanes)

    def __repr__(self) -> str:
        return f"processes({self._count})"

    @property
    def count(self) -> int:
        """Processes at a time."""
        return self._count

    def submit(self, place: int, function: Callable[..., Any], *arguments: Any) -> tuple[Any, Any]:
        """See `Remote`."""
        lane = self._lane(place % self._count)
        try:
            return lane.submit(function, *arguments), lane
        except Died:                # it died without work
            self.replace(place, lane)
            lane = self._lane(place % self._count)
            return lane.submit(function, *arguments), lane

    def _lane(self, number):
        if self._lanes[number] is None:
            from joblib.externals import loky
            self._lanes[number] = loky.ProcessPoolExecutor(
                max_workers=1, timeout=_IDLE, initializer=_begin, initargs=(os.getpid(),), env=ONE_THREAD)
        return self._lanes[number]

    def replace(self, place: int, begun: Any) -> None:
        """See `Remote`."""
        number = place % self._count
        if self._lanes[number] is begun:
            self._lanes[number] = None
            begun.shutdown(wait=True, kill_workers=True)

    def close(self) -> None:
        """End the processes, in the middle of their work if need be; the next call starts others."""
        _end(self._lanes)


def _end(lanes):
    ended = [lane for lane in lanes if lane is not None]
    lanes[:] = [None] * len(lanes)
    for lane in ended:
        lane.shutdown(wait=True, kill_workers=True)


def _begin(parent):
    """In a worker: Ctrl-C is for its parent, without which it does not stay."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent):
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
