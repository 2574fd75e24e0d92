"""Workers behind any executor of `concurrent.futures`."""

import concurrent.futures
from collections.abc import Callable
from typing import Any

from pcl.execute.remote import TIMEOUT, Remote
from pcl.support.processes import processors
from pcl.support.validate import positive_integer


class Futures(Remote):
    """An executor of the user's with the interface of `concurrent.futures.Executor`.

    Which of its workers takes an item is its own affair, so each comes to keep what any of them needs.
    A broken one cannot be mended from here: its error reaches the caller. It is not closed either.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        Its processes must not be forked from one that has loaded TensorFlow: take
        `ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))`.
    workers : int, optional
        How many it has; as many as processors by default.
    timeout : float
        Seconds to wait for the next result.
    """

    died = ()

    def __init__(self, executor: concurrent.futures.Executor, workers: int | None = None,
                 timeout: float = TIMEOUT):
        super().__init__(timeout)
        self._executor = executor
        self._count = processors() if workers is None else positive_integer("workers", workers)

    def __repr__(self) -> str:
        return f"{type(self._executor).__name__}({self._count})"

    @property
    def count(self) -> int:
        """Workers, as was said."""
        return self._count

    def submit(self, place: int | None, function: Callable[..., Any],
               *arguments: Any) -> tuple[Any, Any]:
        """See `Remote`."""
        return self._executor.submit(function, *arguments), None

    def replace(self, begun: Any) -> None:
        """Not from here."""

    def close(self) -> None:
        """It is the user's."""
