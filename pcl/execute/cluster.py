"""Workers of a dask cluster: of this machine, or behind a scheduler anywhere."""

from collections.abc import Callable
from typing import Any

from pcl.execute.remote import TIMEOUT, Remote
from pcl.support.optional import of_extra
from pcl.support.processes import processors
from pcl.support.validate import positive_integer

CONNECT = 30.0      # seconds to reach a scheduler


class Dask(Remote):
    """Workers of `dask.distributed`.

    An item goes to the worker that has its place, or to another one if that is gone; dask itself
    computes again what a lost worker had.

    Parameters
    ----------
    client : distributed.Client, address of a scheduler ("tcp://host:8786"), or None
        None starts workers on this machine, one thread each.
    workers : int, optional
        With None: how many; as many as processors by default.
    timeout : float
        Seconds to wait for the next result.

    Raises
    ------
    ImportError
        dask.distributed is not installed (extra `dask`).
    ConnectionError
        The scheduler cannot be reached.
    """

    def __init__(self, client: Any = None, workers: int | None = None, timeout: float = TIMEOUT):
        super().__init__(timeout)
        self._package = of_extra("distributed", "executor='dask'", "dask")
        self.died = (self._package.KilledWorker,)
        self._given, self._wanted = client, workers
        self._client = self._connected() if isinstance(client, str) else client
        if client is None:
            self._wanted = processors() if workers is None else positive_integer("workers", workers)

    def __repr__(self) -> str:
        return f"dask({self._given if isinstance(self._given, str) else self.count})"

    @property
    def count(self) -> int:
        """Workers that the scheduler has at present; at least 1."""
        return max(1, len(self._addresses()))

    def submit(self, place: int | None, function: Callable[..., Any],
               *arguments: Any) -> tuple[Any, Any]:
        """See `Remote`."""
        there, where = self._addresses(), {}
        if there and place is not None:
            where = {"workers": [there[place % len(there)]], "allow_other_workers": True}
        future = self._client.submit(function, *arguments, pure=False, **where)
        return future, object()         # dask replaces its workers

    def replace(self, begun: Any) -> None:
        """dask does."""

    def close(self) -> None:
        """End the workers that were started here, and leave a scheduler that was named."""
        if self._client is not self._given and self._client is not None:
            self._client.close()
            self._client = None

    def _addresses(self):
        if self._client is None:
            self._client = self._connected()
        return sorted(self._client.nthreads())

    def _connected(self):
        if self._given is None:
            return self._package.Client(n_workers=self._wanted, threads_per_worker=1, processes=True,
                                        set_as_default=False)
        try:
            return self._package.Client(self._given, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:      # TimeoutError is an OSError
            raise ConnectionError(f"no scheduler answers at {self._given!r} ({error}). Start one with "
                                  "`dask scheduler`, or take its address from its log.") from error
