"""Work in other processes: results in order, lost workers replaced, no wait without an end."""

import abc
import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pcl.execute.executor import Item, Result
from pcl.support import processes
from pcl.support.validate import positive_number

LOG = logging.getLogger(__name__)

TIMEOUT = 3600.0        # seconds
TRIES = 3               # workers that one item may cost
AHEAD = 3               # items a worker has at most: one it works on, the others wait for it


class WorkerLost(RuntimeError):
    """Every worker that was given one item died of it.

    Attributes
    ----------
    number : int, of the item
    """

    def __init__(self, number: int):
        self.number = number
        super().__init__(f"item {number} ended {TRIES} workers one after the other: they were killed, "
                         "ran out of memory, or met a fault in compiled code. Run it alone with "
                         "executor='serial' to see more.")


class TimeOut(TimeoutError):
    """No worker answered in time; they were given up."""


@dataclasses.dataclass(eq=False)
class _Task:
    """An item on its way. `begun` stands for the life of the worker that it was sent to."""

    number: int
    item: bytes
    place: int | None
    future: Any = None
    begun: Any = None
    tries: int = 0


class Remote(abc.ABC):
    """Workers that share no memory with this process.

    A lost worker is replaced and what it was given is computed again, at most `TRIES` times.

    Parameters
    ----------
    timeout : float
        Seconds to wait for the next result.
    """

    here = False
    died: tuple[type[BaseException], ...]

    def __init__(self, timeout: float = TIMEOUT):
        self.timeout = positive_number("timeout", timeout)

    # --- of each kind ------------------------------------------------------------------------------
    @property
    @abc.abstractmethod
    def count(self) -> int:
        """Workers at present."""

    @abc.abstractmethod
    def submit(self, place: int | None, function: Callable[..., Any],
               *arguments: Any) -> tuple[Any, Any]:
        """(future, what stands for the worker's life): function(*arguments) by worker `place` % count, or
        by any of them.

        The future has `result(timeout)`, `done()` and `cancel()`; its result raises one of `died` if
        the worker does.
        """

    @abc.abstractmethod
    def replace(self, begun: Any) -> None:
        """Another worker instead of one that died, if that has not been done."""

    @abc.abstractmethod
    def close(self) -> None:
        """End the workers that are ours; the next call begins anew."""

    # --- of all ------------------------------------------------------------------------------------
    def ordered(self, function: Callable[[Item], Result], items: Sequence[Item],
                places: Sequence[int] | None = None) -> Iterator[Result]:
        """function(item) of each item; see `pcl.execute.executor.Workers`.

        Raises
        ------
        TypeError
            The function cannot be sent.
        WorkerLost
            An item ended its workers three times.
        TimeOut
            No result for `timeout` seconds: the workers are ended.
        """
        packed = processes.packed(function, "the function", "Let it close over plain data.")
        places = [None] * len(items) if places is None else places      # type: ignore[list-item]
        waiting: deque[_Task] = deque()
        try:
            for number, (item, place) in enumerate(zip(items, places)):
                content = processes.packed(item, f"item {number}", "Let it hold plain data.")
                waiting.append(self._sent(_Task(number, content, place), packed))
                if len(waiting) > AHEAD * self.count:
                    yield self._first(waiting, packed)
            while waiting:
                yield self._first(waiting, packed)
        except KeyboardInterrupt:
            self.close()
            raise
        finally:
            for task in waiting:
                task.future.cancel()

    def _sent(self, task, packed):
        task.future, task.begun = self.submit(task.place, _call, packed, task.item)
        return task

    def _first(self, waiting, packed):
        """The result of the first task; what a dead worker had is sent again."""
        task = waiting[0]
        while True:
            try:
                found = self._result(task.future)
            except self.died:
                self._again(waiting, packed)
            else:
                waiting.popleft()
                return processes.restored(found)

    def _again(self, waiting, packed):
        task = waiting[0]
        task.tries += 1
        if task.tries == TRIES:
            raise WorkerLost(task.number) from None
        LOG.warning("a worker died; what it was given is computed again")
        begun = task.begun
        self.replace(begun)
        for each in waiting:
            if each.begun is begun:
                self._sent(each, packed)

    def _result(self, future):
        try:
            return future.result(self.timeout)
        except TimeoutError:
            if future.done():       # the function's own
                raise
            self.close()
            raise TimeOut(f"no worker answered for {self.timeout:g} s; they were given up. If the work "
                          "takes longer than that, give a larger timeout=.") from None


def _call(packed, item):
    """In a worker: the result as bytes, so that classes of scripts and notebooks come and go."""
    function = processes.unpacked(packed)
    return processes.packed(function(processes.restored(item)), "a result", "Let it hold plain data.")
