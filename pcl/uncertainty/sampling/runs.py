"""Chains side by side, some steps of each in turn: here or in processes."""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Iterator
from typing import Protocol

from pcl.execute.surviving import surviving
from pcl.support import processes
from pcl.uncertainty.sampling.methods import Sampler
from pcl.uncertainty.sampling.samples import ChainStatus
from pcl.uncertainty.sampling.state import Chain, Steps

ROUND = 2.0         # seconds that a round should take
FIRST = 5           # steps of the first round
ALONE = 2           # processes for one task: with 1, joblib would do it here, and die here


class Runner(Protocol):
    """Who takes chains further."""

    def round(self, chains: list[Chain], counts: list[int]) -> Iterator[tuple[int, Steps | None]]:
        """(number of the chain, its steps), as they are ready; None in their place if they are lost."""
        ...


class Here:
    """One after the other in this process."""

    def __init__(self, problem, reference, settings):
        self._sampler = Sampler(problem, reference, settings)

    def round(self, chains: list[Chain], counts: list[int]) -> Iterator[tuple[int, Steps]]:
        for chain, count in zip(chains, counts):
            yield chain.number, self._sampler.steps(chain, count)


class InProcesses:
    """Each in a process of those that joblib keeps; a process makes the problem once."""

    def __init__(self, make_problem, reference, settings, n_jobs):
        self._job = processes.packed(
            (make_problem, reference, settings), "make_problem or the posterior",
            "Make the Problem and its meshes inside make_problem, or use n_jobs=1.")
        self._key, self._n_jobs = uuid.uuid4().hex, n_jobs

    def round(self, chains: list[Chain], counts: list[int]) -> Iterator[tuple[int, Steps | None]]:
        waiting = {chain.number: (self._key, self._job, chain.bare(), count)
                   for chain, count in zip(chains, counts)}
        try:
            for number, steps in processes.each(_steps, list(waiting.values()), self._n_jobs):
                del waiting[number]
                yield number, steps
        except processes.Died:
            yield from self._alone(waiting)

    def _alone(self, waiting):
        """Each once more, alone: its steps are the same wherever they are made; one that dies again is
        lost."""
        for number, task in waiting.items():
            try:
                yield from processes.each(_steps, [task], ALONE)
            except processes.Died:
                yield number, None


class ByWorkers:
    """Each by a worker of an executor, always the same one as long as it lives."""

    def __init__(self, make_problem, reference, settings, workers):
        self._job = processes.packed(
            (make_problem, reference, settings), "make_problem or the posterior",
            "Make the Problem and its meshes inside make_problem, or leave executor out.")
        self._key, self._workers = uuid.uuid4().hex, workers

    def round(self, chains: list[Chain], counts: list[int]) -> Iterator[tuple[int, Steps | None]]:
        tasks = [(self._key, self._job, chain.bare(), count) for chain, count in zip(chains, counts)]
        yield from surviving(_steps, tasks, self._workers, lambda task: (task[2].number, None),
                             [chain.number for chain in chains])


_SAMPLER: dict[str, Sampler] = {}       # in a process: that of the run it works for


def _steps(key, job, chain, count):
    if key not in _SAMPLER:
        make_problem, reference, settings = processes.unpacked(job)
        _SAMPLER.clear()
        _SAMPLER[key] = Sampler(make_problem(), reference, settings)
    return chain.number, _SAMPLER[key].steps(chain, count)


class File:
    """Where chains are kept, if anywhere; written at most every `seconds`, and at the end.

    Parameters
    ----------
    write : function of a list of chains, or None
    """

    def __init__(self, write, path, seconds):
        self._write, self._path, self._seconds = write, path, seconds
        self._next = time.monotonic() + seconds

    def offer(self, chains: list[Chain], last: bool = False) -> None:
        """Write them if it is time to; a file that cannot be written is warned of."""
        if self._path is None or not (last or time.monotonic() >= self._next):
            return
        try:
            self._write(chains)
        except OSError as error:
            warnings.warn(f"checkpoint {self._path} could not be written ({error}); the chains go on.",
                          RuntimeWarning, stacklevel=2)
        self._next = time.monotonic() + self._seconds


def run(chains: list[Chain], total: int, warmup: int, runner: Runner, bar,
        file: File) -> tuple[ChainStatus, tuple[int, ...]]:
    """Take all chains to `total` steps, in place; an unfinished round leaves them as they were.

    Returns why it ended, and the numbers of chains that were lost.
    """
    count, status, lost = FIRST, ChainStatus.COMPLETE, []
    try:
        while going := [chain for chain in chains if chain.done < total and chain.number not in lost]:
            clock = time.monotonic()
            for number, steps in runner.round(going, [min(count, total - chain.done) for chain in going]):
                if steps is None:
                    lost.append(number)
                    continue
                chains[number] = chains[number].advanced(steps, warmup)
                bar.advance(len(steps.drawn["z"]), f"acceptance {steps.drawn['acceptance'].mean():.2f}")
            count = _paced(count, time.monotonic() - clock)
            file.offer(chains)
    except KeyboardInterrupt:
        status = ChainStatus.INTERRUPTED
    file.offer(chains, last=True)
    return ChainStatus.DIED if lost else status, tuple(lost)


def _paced(count, seconds):
    """Steps of the next round."""
    return max(1, min(4 * count, int(count * ROUND / max(seconds, 1e-3))))
