"""In a worker: what it was sent of each run is kept, so that it travels once."""

import dataclasses
import os
import platform
from importlib import metadata
from typing import Any

from pcl.experiments.question import Answer, Question
from pcl.experiments.station import Layout, Station
from pcl.support import processes

RUNS = 4        # sums that a worker knows at a time
_PACKAGES = ("pcl-fem", "tensorflow", "numpy", "scipy")
_runs: dict[str, "_Run"] = {}       # the latest last


def versions() -> dict[str, str]:
    """{package: version} of what both sides have to agree on."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class Parcel:
    """What travels once: how experiments are made, and the items of some of them, packed."""

    versions: dict[str, str]
    make: bytes
    items: dict[int, bytes]
    keep: int
    layout: Layout | None


@dataclasses.dataclass(frozen=True, eq=False)
class Order:
    """A question about the run `key`, with a parcel where the worker may need one."""

    key: str
    question: Question
    parcel: Parcel | None


@dataclasses.dataclass(frozen=True)
class Missing:
    """The worker has no parcel for this."""


@dataclasses.dataclass(frozen=True)
class Refused:
    """The worker cannot take part, for a reason in words."""

    reason: str


class _Run:
    """A station and the items it was sent."""

    def __init__(self, parcel):
        self.items = {}
        self.station = Station(processes.unpacked(parcel.make), self._item, parcel.keep, parcel.layout)

    def _item(self, number):
        return processes.restored(self.items[number])


def work(order: Order) -> Answer | Missing | Refused:
    """The answer to an order."""
    if order.parcel is not None:
        refused = _received(order.key, order.parcel)
        if refused is not None:
            return refused
    run = _runs.get(order.key)
    if run is None or not run.items.keys() >= set(order.question.numbers):
        return Missing()
    _runs[order.key] = _runs.pop(order.key)
    return _sendable(run.station.answer(order.question))


def _received(key, parcel):
    """Keep what came; `Refused` where it cannot be used."""
    if parcel.versions != versions():
        return Refused(_differing(parcel.versions, versions()))
    if key not in _runs:
        try:
            run = _Run(parcel)
        except Exception as error:
            return Refused(f"make cannot be restored in a worker: {type(error).__name__}: {error}")
        while len(_runs) >= RUNS:
            _runs.pop(next(iter(_runs)))
        _runs[key] = run
    _runs[key].items.update(parcel.items)
    return None


def _differing(client, worker):
    parts = [f"{name} {client[name]} here and {worker.get(name)} there" for name in client
             if client[name] != worker.get(name)]
    return ("versions differ between this process and a worker "
            f"({platform.node()}, process {os.getpid()}): {', '.join(parts)}. Install the same ones on "
            "both sides.")


def _sendable(answer: Answer) -> Answer:
    """The answer with errors that can be sent."""
    if not answer.failures:
        return answer
    failures = [dataclasses.replace(failure, error=_sendable_error(failure.error))
                for failure in answer.failures]
    return dataclasses.replace(answer, failures=tuple(failures))


def _sendable_error(error: Exception) -> Any:
    """The error if it survives the way, else one that says the same."""
    bare = error.with_traceback(None)
    bare.__cause__ = bare.__context__ = None
    try:
        processes.restored(processes.packed(bare, "an error", ""))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return bare
