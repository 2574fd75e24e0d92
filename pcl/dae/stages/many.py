"""A fit from many starts, here or in processes of their own; the best of them with a table of all."""

from __future__ import annotations

import contextlib
import functools
import time
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pcl.dae.program.log_scale import solved_for
from pcl.dae.program.setting import Setting
from pcl.dae.result.fit_result import Fit
from pcl.dae.result.starts import Starts, StartOutcome, close
from pcl.dae.result.uncertainty import weights_known
from pcl.dae.stages.drawn import drawn
from pcl.execute.surviving import hired, surviving
from pcl.interior_point.status import Status
from pcl.support import processes

_DIED = ("its process died: killed, out of memory, or a fault in compiled code. Fit from this start "
         "alone to see more.")
AGAIN = b""         # in the place of a fit that cannot be sent: it is made again here
_UNFINISHED = "Not finished: interrupted from the keyboard."


@dataclass(frozen=True)
class Task:
    """fit(start=start, seed=seed): one of many."""

    number: int
    start: Any          # None, {name: number} or an earlier Fit
    numbers: dict       # {parameter: first guess} that the table tells
    seed: int


def tasks(setting, start, given, count, seed, apart):
    """`count` of them: the start that was given, then draws of all parameters (`drawn`).

    start : stages.Start, given : the argument it was made of, apart : between seeds
    """
    n, q = setting.elements.n, setting.elements.parameters.n
    first = dict(zip(setting.labels, setting.told(start.x)[n - q:n].tolist()))
    own = {name: value for name, value in start.numbers.items()
           if name not in (*setting.labels, *setting.declared.parameters)}
    draws = drawn(setting, first, count - 1, seed)
    return [Task(0, given, first, seed)] + [
        Task(k, {**own, **numbers} or None, numbers, seed + k * apart)
        for k, numbers in enumerate(draws, 1)]


def best_of(one, todo, n_jobs, executor=None):
    """The best `Fit` of tasks, its `starts` the table of all; one : function (start=…, seed=…) -> Fit.

    Everything runs on one thread, here as in processes, so that numbers do not depend on n_jobs or on the
    executor, see `pcl.execute.chosen`.

    Raises
    ------
    ValueError
        No start gave a fit; with the table.
    """
    kept, outcomes, interrupted = _Best(), {}, False
    n_jobs = min(processes.jobs(n_jobs), len(todo))
    try:
        with _fitted(one, todo, n_jobs, executor) as fits:
            for number, (outcome, parcel) in fits:
                outcomes[number] = outcome
                kept.offer(outcome, parcel)
                if outcome.message.startswith(Status.INTERRUPTED.value):
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        interrupted = True
        if kept.parcel is None:
            raise
    runs = tuple(outcomes.get(task.number) or _failure(task, _UNFINISHED, 0.0) for task in todo)
    if kept.parcel is None:
        raise ValueError(f"None of {len(runs)} starts gave a fit.\n"
                         f"{Starts(runs, 0.0, interrupted)}")
    if kept.parcel == AGAIN:
        with processes.one_thread():
            kept.parcel = _ran(one, todo[kept.outcome.number])[1]
    fit, said = _restored(kept.parcel)
    for words, category in said:
        warnings.warn(words, category, stacklevel=4)
    likely = weights_known(fit.setting)
    return replace(fit, starts=Starts(runs, close(kept.outcome.objective, fit.setting.spread, likely),
                                      interrupted))


class _Best:
    """The parcel of the best outcome offered so far."""

    outcome = parcel = None

    def offer(self, outcome, parcel):
        if parcel is not None and (self.outcome is None or outcome.rank < self.outcome.rank):
            self.outcome, self.parcel = outcome, parcel


# --- one start -----------------------------------------------------------------------------------

def _ran(one, task):
    """(outcome, parcel of the fit and what it warned of, or None)."""
    clock = time.perf_counter()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit = one(start=task.start, seed=task.seed)
    except Exception as error:
        return _failure(task, f"{type(error).__name__}: {error}", time.perf_counter() - clock), None
    said = [(str(each.message), each.category) for each in caught]
    return StartOutcome(task.number, task.numbers, task.seed, fit.objective, fit.misfit,
                        bool(fit.success), sum(line.iterations for line in fit.stages),
                        time.perf_counter() - clock, fit.status), (_parcel(fit), said)


def _failure(task, words, seconds):
    return StartOutcome(task.number, task.numbers, task.seed, np.nan, np.nan, False, 0, seconds, words,
                        True)


def _here(one, todo):
    with processes.one_thread():
        for task in todo:
            yield task.number, _ran(one, task)


# --- many processes ------------------------------------------------------------------------------

@contextlib.contextmanager
def _fitted(one, todo, n_jobs, executor):
    """Pairs (number, (outcome, parcel))."""
    if executor is None:
        yield _here(one, todo) if n_jobs == 1 else _side_by_side(one, todo, n_jobs)
        return
    with hired(executor, None if n_jobs == 1 else n_jobs) as workers:
        if workers.here:
            yield zip((task.number for task in todo),
                      workers.ordered(functools.partial(_ran, one), todo))
        else:
            yield _unpacked(surviving(_work, _jobs(one, todo), workers,
                                      lambda job: (job[0], _dead(job))))


def _side_by_side(one, todo, n_jobs):
    """Pairs (number, (outcome, parcel)) as they are ready."""
    return _unpacked(processes.surviving(_work, _jobs(one, todo), n_jobs, _dead))


def _jobs(one, todo):
    return [(task.number, task, processes.packed(
        (one, task), "the model, its data, a network or an option",
        "Make what it closes over of numbers, arrays and functions, or use n_jobs=1.")) for task in todo]


def _dead(job):
    return _failure(job[1], f"The start failed: {_DIED}", 0.0), None


def _unpacked(fits):
    for number, (outcome, packed) in fits:
        yield number, (outcome, packed if packed in (None, AGAIN) else processes.restored(packed))


def _work(number, task, packed):
    """In a process: (number, (outcome, packed parcel))."""
    try:
        one, task = processes.unpacked(packed)
    except Exception as error:
        words = f"cannot be restored in a process: {type(error).__name__}: {error}"
        return number, (_failure(task, words, 0.0), None)
    with processes.one_thread():
        outcome, parcel = _ran(one, task)
    try:
        return number, (outcome, None if parcel is None else processes.packed(parcel, "the fit", ""))
    except TypeError:               # what is traced in densities of noise cannot be sent
        return number, (outcome, AGAIN)


def _parcel(fit):
    """What a `Fit` is made of, without what is traced or factorised."""
    shift = None if fit.shift is None else replace(fit.shift, uncertainty=None)
    return (replace(fit.setting), list(fit.program.laws), fit.program.penalties, fit.result,
            fit.stages, fit.note, shift, fit.enough)


def _restored(parcel):
    """(Fit, [(words, category) of its warnings])."""
    (setting, laws, penalties, *rest), said = parcel
    return Fit(setting, setting.transcription(laws, penalties), *rest), said


def with_model(fit, model):
    """The same fit of this very model, where processes gave it another copy."""
    if fit.setting.own or fit.model is model:
        return fit
    setting: Setting = replace(fit.setting, declared=model, model=solved_for(model))
    program = setting.transcription(list(fit.program.laws), fit.program.penalties)
    return replace(fit, setting=setting, program=program)
