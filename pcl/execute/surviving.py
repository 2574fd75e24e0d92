"""Tasks of which one that kills its workers stops none of the others."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pcl.execute.chosen import chosen
from pcl.execute.executor import Workers
from pcl.execute.remote import WorkerLost

LONG = 30 * 24 * 3600.0     # seconds that a whole training may take


def surviving(work: Callable[..., Any], tasks: Sequence[tuple], workers: Workers,
              died: Callable[[tuple], Any], places: Sequence[int] | None = None) -> Iterator[Any]:
    """work(*task) of all tasks in their order; died(task) of one that no worker survives.

    places : as in `Workers.ordered`; by default any worker takes any task
    """
    left, there = list(tasks), None if places is None else list(places)
    while left:
        done = 0
        try:
            for found in workers.ordered(_Starred(work), left, there):
                yield found
                done += 1
            return
        except WorkerLost:
            yield died(left[done])
            left, there = left[done + 1:], None if there is None else there[done + 1:]


class _Starred:
    """function(*task)."""

    def __init__(self, function):
        self._function = function

    def __call__(self, task):
        return self._function(*task)


@contextlib.contextmanager
def hired(executor: Any, count: int | None) -> Iterator[Workers]:
    """The workers of an argument `executor=`; those started for it are ended after the block."""
    workers = chosen(executor, count, LONG)
    try:
        yield workers
    finally:
        if isinstance(executor, str):
            workers.close()
