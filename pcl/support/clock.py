"""A time limit that long computations look at between parts: nodes, steps, blocks of points or columns.

    with until(perf_counter() + 5.0):
        problem.hessian(theta)              # raises TimeOver within one part after five seconds
"""

import contextvars
from time import perf_counter

import numpy as np

from pcl.support.context import having

_end = contextvars.ContextVar("pcl_end_of_time", default=np.inf)


class TimeOver(Exception):
    """The time limit around this computation is over; nothing half done is kept."""


def until(end):
    """A limit on `perf_counter()` for everything computed inside the block."""
    return having(_end, end)


def look():
    """Raises `TimeOver` once the time is over: to be called before each part of something long."""
    if perf_counter() > _end.get():
        raise TimeOver
