"""Blocks of work spread over threads, each of which calls a BLAS that stays on its own thread.

NumPy and SciPy release the interpreter's lock in their loops and products, so blocks of points run
side by side in one process. OpenBLAS's own threads gain nothing on the small products of a block;
while blocks are being worked on it is therefore set to one thread. As many threads are used as it had
before, and not more than this process has processors: OPENBLAS_NUM_THREADS, OMP_NUM_THREADS,
threadpoolctl and taskset are respected. With another BLAS everything runs on the caller's thread.

SciPy may bring an OpenBLAS of its own. SuperLU calls that one, on blocks so small that a second thread
of it only waits in a loop: where other processes are after the processors, solves take four to eight
times as long.
"""

import contextlib
import contextvars
import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy  # noqa: F401  their BLAS must be there to be found
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController

from pcl.execute.executor import Item, Result
from pcl.support.processes import processors as _processors

# Rows of a dense system from which on BLAS gains from threads of its own.
SMALL = 400


def workers() -> int:
    """The number of threads that blocks are spread over; 1 inside a block."""
    return 1 if _inside.get() else min(_blas.threads(), _processors())


def ordered(function: Callable[[Item], Result], items: Sequence[Item],
            asked: int | None = None) -> Iterator[Result]:
    """Yields function(item) for each item in order; up to workers() of them are computed at a time, or as
    many as asked for outside of blocks.

    At most one result more than there are workers waits for its turn.
    """
    n = min(asked if asked and not _inside.get() else workers(), len(items))
    if n <= 1:
        with _blas.single_threaded():
            yield from map(function, items)
        return
    waiting: deque = deque()
    pool = _pool(n)
    with _blas.single_threaded():
        for item in items:
            waiting.append(pool.submit(contextvars.copy_context().run, _block, function, item))
            if len(waiting) > n:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def alone(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yields function(item) for each item, worked on as a block is: on one thread, BLAS included.

    Bit for bit what threads and processes of one thread give.
    """
    with for_small(0):
        for item in items:
            yield contextvars.copy_context().run(_block, function, item)


def _block(function, item):
    _inside.set(True)
    return function(item)


def single() -> contextlib.AbstractContextManager[Any]:
    """SciPy's BLAS on the caller's thread alone inside the block."""
    return _scipys_blas.single_threaded()


def for_small(n: int) -> contextlib.AbstractContextManager[Any]:
    """Every BLAS on the caller's thread inside the block, if its systems have fewer than `SMALL` rows.

    A second thread gains nothing there and waits in a loop for its turn: on processors that others use,
    too, a fit of nineteen weights took five times as long. What is spread over blocks still is.
    """
    open_blocks = contextlib.ExitStack()
    if n < SMALL:
        open_blocks.enter_context(_blas.single_threaded())
        if _scipys_blas is not _blas:
            open_blocks.enter_context(_scipys_blas.single_threaded())
    return open_blocks


def shares(items: Sequence[Item]) -> list[Sequence[Item]]:
    """`items` in consecutive shares, at most one a worker; at least one, perhaps empty."""
    n = max(1, min(workers(), len(items)))
    ends = [len(items) * i // n for i in range(n + 1)]
    return [items[a:b] for a, b in zip(ends, ends[1:])]


class _OpenBLAS:
    """The number of threads of an OpenBLAS; 1 for good with another BLAS."""

    def __init__(self, library):
        self._get, self._set = _functions(library)
        self.reset()

    def reset(self):
        self._lock, self._regions, self._before = threading.Lock(), 0, 1

    def threads(self):
        """The threads it has now, or had before the first region that is still open."""
        with self._lock:
            return self._before if self._regions else self._get()

    def single_threaded(self):
        """One thread inside the block; regions of several callers may overlap."""
        return self

    def __enter__(self):
        with self._lock:
            if not self._regions:
                self._before = self._get()
                if self._before != 1:
                    self._set(1)
            self._regions += 1

    def __exit__(self, *_):
        with self._lock:
            self._regions -= 1
            if not self._regions and self._before != 1:
                self._set(self._before)


def _functions(library):
    """Functions to get and to set the number of threads of an OpenBLAS, which may be None."""
    if library is None:
        return lambda: 1, lambda n: None
    return library.get_num_threads, library.set_num_threads


def _of_package(name):
    """The OpenBLAS beside NumPy or SciPy, the only one where they share it; None without one."""
    found = ThreadpoolController().select(internal_api="openblas").lib_controllers
    found.sort(key=lambda library: not {f"{name}.libs", name}.intersection(Path(library.filepath).parts))
    return found[0] if found else None


def _by_package(*names):
    """An `_OpenBLAS` for each, the same one where they share it: regions must be counted together."""
    libraries = [_of_package(name) for name in names]
    known = {library and library.filepath: _OpenBLAS(library) for library in libraries}
    return [known[library and library.filepath] for library in libraries]


_inside = contextvars.ContextVar("pcl_inside_block", default=False)
_blas, _scipys_blas = _by_package("numpy", "scipy")
_pool = functools.cache(ThreadPoolExecutor)


def _after_fork():
    """Threads do not survive a fork."""
    _pool.cache_clear()
    _blas.reset()
    _scipys_blas.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
