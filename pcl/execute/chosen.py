"""From the argument `executor=` to workers."""

import concurrent.futures
from collections.abc import Callable
from typing import Any

from pcl.execute.cluster import Dask
from pcl.execute.futures import Futures
from pcl.execute.local import Serial, Threads
from pcl.execute.processes import Processes
from pcl.execute.remote import TIMEOUT
from pcl.support.nearest import nearest

_NAMED: dict[str, Callable[[int | None, float], Any]] = {
    "serial": lambda workers, timeout: Serial(),
    "threads": lambda workers, timeout: Threads(workers),
    "processes": lambda workers, timeout: Processes(workers, timeout),
    "dask": lambda workers, timeout: Dask(None, workers, timeout),
}


def chosen(executor: Any, workers: int | None = None, timeout: float = TIMEOUT) -> Any:
    """The `pcl.execute.executor.Workers` that an argument stands for.

    Parameters
    ----------
    executor : str, or an object
        "serial", "threads", "processes", "dask"; the address of a dask scheduler; a
        `distributed.Client`; a `concurrent.futures.Executor`; workers of `pcl.execute`.
    workers : int, optional
        How many, of those that are started here; as many as processors by default.
    timeout : float
        Seconds to wait for the next result of other processes.

    Raises
    ------
    ValueError, TypeError
        It stands for none.
    """
    if isinstance(executor, str):
        return _by_name(executor, workers, timeout)
    if isinstance(executor, concurrent.futures.Executor):
        return Futures(executor, workers, timeout)
    if type(executor).__module__.split(".")[0] == "distributed":
        return Dask(executor, workers, timeout)
    if callable(getattr(executor, "ordered", None)):
        return executor
    raise TypeError(f"executor is a {type(executor).__name__}; expected {', '.join(map(repr, _NAMED))}, "
                    "the address of a dask scheduler, a distributed.Client, an executor of "
                    "concurrent.futures, or workers of pcl.execute.")


def _by_name(name, workers, timeout):
    if "://" in name:
        return Dask(name, workers, timeout)
    if name not in _NAMED:
        raise ValueError(f"executor is {name!r}; known are {', '.join(_NAMED)}, or the address of a dask "
                         f"scheduler as tcp://host:8786.{nearest(name, _NAMED)}")
    return _NAMED[name](workers, timeout)
