"""A time limit that long computations look at between parts: nodes, steps, blocks of points or columns.

    with until(perf_counter() + 5.0):
        problem.hessian(theta)              # raises TimeOver within one part after five seconds
"""

import contextlib
import contextvars
from time import perf_counter

import numpy as np

_end = contextvars.ContextVar("pcl_end_of_time", default=np.inf)


class TimeOver(Exception):
    """The time limit around this computation is over; nothing half done is kept."""


@contextlib.contextmanager
def until(end):
    """A limit on `perf_counter()` for everything computed inside the block."""
    token = _end.set(end)
    try:
        yield
    finally:
        _end.reset(token)


def look():
    """Raises `TimeOver` once the time is over: to be called before each part of something long."""
    if perf_counter() > _end.get():
        raise TimeOver
