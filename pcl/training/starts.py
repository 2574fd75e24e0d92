"""Many starts of one problem, trained side by side in processes of their own."""

import contextlib
import dataclasses
import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pcl.execute.surviving import hired, surviving
from pcl.support import processes
from pcl.support.nearest import nearest
from pcl.support.outcome import Outcome
from pcl.support.style import styled
from pcl.support.types import Array, Path
from pcl.support.validate import float64_array, positive_integer
from pcl.support.waterfall import waterfall
from pcl.training.methods import choose, merge
from pcl.training.minimize import minimize
from pcl.training.progress import Progress
from pcl.training.result import Result
from pcl.training.run.status import Status
from pcl.training.scipy_words import as_scipy

__all__ = ["multi_start"]

_OWN = ("problem", "method", "x0", "progress")      # arguments of minimize that are set here
_SHARED = ("checkpoint", "resume")                  # one file cannot belong to many runs
_DIED = ("its process died: killed, out of memory, or a fault in compiled code. Run it alone with "
         "n_jobs=1 to see more.")
_UNFINISHED = "Not finished: interrupted from the keyboard."


@dataclasses.dataclass(frozen=True, eq=False)
class StartRecord:
    """One start and what became of it.

    Attributes
    ----------
    start : int or array or dict
        The seed, or the vector it started from.
    loss : float, NaN where there is none
    status : Status or None
        None if there is no result: the start failed or was not finished.
    iterations : int
    seconds : float, making the problem included
    message : str, why it ended
    result : Result or None, what `minimize` returned, without the Hessian
    """

    start: object
    loss: float
    status: Status | None
    iterations: int
    seconds: float
    message: str
    result: Result | None

    @property
    def failed(self) -> bool:
        """True if it ended by an exception or has no result."""
        return self.status in (None, Status.ERROR)


@dataclasses.dataclass(frozen=True, eq=False)
class MultiStartResult(Outcome):
    """All starts in the order given; prints as a table.

    Attributes
    ----------
    runs : tuple of StartRecord
    best : Result or None
        The result with the smallest loss of those that did not fail; None if all failed.
    failures : list of StartRecord
    interrupted : bool, by Ctrl-C: some starts are not finished
    seconds : float
    """

    runs: tuple[StartRecord, ...]
    interrupted: bool
    seconds: float

    @property
    def best_run(self) -> StartRecord | None:
        """The record of the smallest finite loss, the first of equals; None if all failed."""
        usable = [run for run in self.runs if not run.failed and np.isfinite(run.loss)]
        return min(usable, key=lambda run: run.loss, default=None)

    @property
    def best(self) -> Result | Any:
        """Its result."""
        return None if self.best_run is None else self.best_run.result

    @property
    def failures(self) -> list[StartRecord]:
        """The starts that failed or were not finished."""
        return [run for run in self.runs if run.failed]

    @property
    def x(self) -> Array:
        """θ of the best start; this and the next five raise ValueError where no start can be used."""
        return self._usable.x

    @property
    def fun(self) -> float:
        """Its loss."""
        return self._usable.fun

    @property
    def success(self) -> bool:
        """Whether there is a best start, and it succeeded."""
        return self.best is not None and self.best.success

    @property
    def status(self) -> Status:
        """Why the best start ended."""
        return self._usable.status

    @property
    def message(self) -> str:
        """The same in words."""
        return self._usable.message

    @property
    def nit(self) -> int:
        """Iterations of all starts together."""
        return sum(run.iterations for run in self.runs)

    @property
    def _usable(self):
        if self.best is None:
            raise ValueError(f"none of the {len(self.runs)} starts can be used; print the result to see "
                             "why.")
        return self.best

    def save(self, path: Path, **options: Any) -> None:
        """Write the best start, see `Result.save`; of starts trained in other processes by
        `problem.save(path, result.best)`."""
        self._usable.save(path, **options)

    @styled
    def plot(self, ax: Any = None) -> Any:
        """The waterfall: losses of the starts in ascending order; filled where the start succeeded."""
        good = [run.status is not None and run.status.success for run in self.runs]
        return waterfall([run.loss for run in self.runs], good, ax)

    def as_dict(self):
        """{column: list over the starts} of start, loss, status, iterations, seconds, message."""
        columns = ("start", "loss", "status", "iterations", "seconds", "message")
        return {name: [getattr(run, name) for run in self.runs] for name in columns}

    def __str__(self):
        best, failed = self.best_run, len(self.failures)
        rows = [f"  {'start':>8} {'loss':>12} {'iterations':>10} {'seconds':>8}  ended because"]
        for i, run in enumerate(self.runs):
            rows.append(f"{'*' if run is best else ' '} {_label(run.start, i):>8} {run.loss:>12.5e} "
                        f"{run.iterations:>10} {run.seconds:>8.1f}  {_first_clause(run)}")
        rows.append(f"  {len(self.runs)} starts, {failed} failed or not finished, {self.seconds:.1f} s"
                    + ("; interrupted" if self.interrupted else "")
                    + ("; * is the best" if best is not None else "; none can be used"))
        return "\n".join(rows)


def multi_start(make_problem: Callable, starts: Sequence, method: str = "auto", n_jobs: int = 1,
                progress: bool | None = None, executor: Any = None, **options: Any) -> MultiStartResult:
    """Train from many starts and keep the best, a `MultiStartResult`.

        def make_problem(seed):
            return pcl.Problem(loss, {"kappa": net.init(seed)})

        runs = pcl.multi_start(make_problem, range(20), n_jobs=4, maxiter=200)
        print(runs)
        runs.best.theta["kappa"]

    Parameters
    ----------
    make_problem : function
        With seeds: `make_problem(seed)` returns the `Problem`, started from its `theta0`. With
        vectors: `make_problem()` returns it, started from the vector. For n_jobs > 1 it must be
        possible to pickle it with what it closes over (by cloudpickle: functions of a notebook are
        fine, a Problem is not).
    starts : sequence of whole numbers ≥ 0, the seeds; or of vectors (p,) or {block: array}
    method : str, see `minimize`
    n_jobs : int
        Processes at a time; −1 is one a processor; 1 trains in this process, one after the other.
    progress : bool, optional
        A bar over all starts with the best loss so far; None shows it on a terminal only.
    executor : str or object, optional
        Where starts are trained instead, as in `Problem.sum`: "processes", "dask", the address of a
        scheduler, an executor of `concurrent.futures`; n_jobs above 1 says how many workers are started.
        A start is sent to another worker where one dies, three times.
    options
        Further arguments of `minimize`, the same for every start.

    Returns
    -------
    MultiStartResult
        `best`, a `Result`, and all others with their losses.

    Raises
    ------
    ValueError, TypeError
        Bad arguments. What goes wrong in one start is in its record and stops nothing else: an
        exception while the problem is made or trained, a start that cannot be evaluated, a process
        that dies.

    Notes
    -----
    The processes start afresh (TensorFlow does not survive a fork), which takes some seconds; they
    wait for five minutes to be used again. Each uses one thread. Results come in the order of
    `starts` and do not depend on n_jobs or on who finished first: bit by bit if this process runs
    with one thread too (OPENBLAS_NUM_THREADS=1), otherwise up to the rounding of its linear algebra;
    provided `make_problem` draws from the seed alone, not from a global generator, and no
    `max_seconds` is set.
    Ctrl-C ends all and returns what is finished; the others are recorded as not finished.

    Examples
    --------
    (k² − 1)² + k/4 has two minima; the start decides.

    >>> import pcl
    >>> def make_problem():
    ...     return pcl.Problem(lambda t: (t["k"]**2 - 1.0)**2 + 0.25 * t["k"], {"k": 0.0})
    >>> runs = pcl.multi_start(make_problem, [[-2.0], [2.0]])
    >>> runs.best.x.round(3)
    array([-1.03])
    """
    starts, seeded = _checked_starts(starts)
    if not callable(make_problem):
        raise TypeError(f"make_problem is a {type(make_problem).__name__}; expected a function of the "
                        "seed that returns a pcl.Problem.")
    _check_options(method, options)
    n_jobs = min(processes.jobs(n_jobs), len(starts))
    count = None if n_jobs == 1 else n_jobs
    clock, found, interrupted = time.perf_counter(), {}, False
    jobs = [(make_problem, start, seeded, method, options) for start in starts]
    with _Bar(progress, len(starts)) as bar, _trained(jobs, n_jobs, executor, count) as records:
        try:
            for i, record in records:
                found[i] = record
                bar.update(record)
                if record.status is Status.INTERRUPTED:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            interrupted = True
    runs = tuple(found.get(i) or StartRecord(start, np.nan, None, 0, 0.0, _UNFINISHED, None)
                 for i, start in enumerate(starts))
    return MultiStartResult(runs, interrupted, time.perf_counter() - clock)


# --- one start -----------------------------------------------------------------------------------

def _train(make_problem, start, seeded, method, options):
    """The record of one start; whatever it raises becomes the message."""
    clock = time.perf_counter()
    try:
        problem, x0 = (make_problem(start), None) if seeded else (make_problem(), start)
        result = minimize(problem, method, x0=x0, progress=False, **options)
    except Exception as error:
        result = getattr(error, "partial_result", None)
        message = f"{type(error).__name__}: {error}"
    else:
        message = result.message
    seconds = time.perf_counter() - clock
    if result is None:
        return StartRecord(start, np.nan, None, 0, seconds, message, None)
    result.hess = None      # p² numbers a start
    return StartRecord(start, float(result.fun), result.status, result.nit, seconds, message, result)


@contextlib.contextmanager
def _trained(jobs, n_jobs, executor, count):
    """Pairs (number, record)."""
    if executor is None:
        yield _one_by_one(jobs) if n_jobs == 1 else _side_by_side(jobs, n_jobs)
        return
    with hired(executor, count) as workers:
        yield _by_workers(jobs, workers)


def _by_workers(jobs, workers):
    if workers.here:
        return enumerate(workers.ordered(lambda job: _train(*job), jobs))
    return surviving(_work, _tasks(jobs), workers, lambda task: (task[0], _dead(task)))


def _one_by_one(jobs):
    for i, job in enumerate(jobs):
        yield i, _train(*job)


# --- many processes ------------------------------------------------------------------------------

def _side_by_side(jobs, n_jobs):
    """Pairs (number, record) as they are ready."""
    return processes.surviving(_work, _tasks(jobs), n_jobs, _dead)


def _tasks(jobs):
    return [(i, job[1], _packed(job)) for i, job in enumerate(jobs)]


def _dead(task):
    return StartRecord(task[1], np.nan, None, 0, 0.0, f"The start failed: {_DIED}", None)


def _packed(job):
    return processes.packed(job, "make_problem or an option", "Make the Problem and its meshes inside "
                            "make_problem, or use n_jobs=1.")


def _work(i, start, packed):
    """In a process: the job, its record."""
    try:
        job = processes.unpacked(packed)
    except Exception as error:
        message = f"make_problem cannot be restored in a process: {type(error).__name__}: {error}"
        return i, StartRecord(start, np.nan, None, 0, 0.0, message, None)
    return i, _train(*job)


# --- the door ------------------------------------------------------------------------------------

def _checked_starts(starts):
    """The starts as a list, and whether they are seeds."""
    try:
        starts = list(starts)
    except TypeError:
        raise TypeError(f"starts is {starts!r}; expected a sequence of seeds, as range(20), or of "
                        "vectors.") from None
    if not starts:
        raise ValueError("starts is empty; expected at least one seed or vector.")
    seeded = np.ndim(starts[0]) == 0 and not isinstance(starts[0], dict)
    return [_checked_start(i, start, seeded) for i, start in enumerate(starts)], seeded


def _checked_start(i, start, seeded):
    if seeded:
        return positive_integer(f"starts[{i}]", start, minimum=0)
    if isinstance(start, dict):
        return {name: float64_array(f"starts[{i}][{name!r}]", a) for name, a in start.items()}
    return float64_array(f"starts[{i}]", start, shape=(None,))


def _check_options(method, options):
    known = [n for n in inspect.signature(minimize).parameters if n not in (*_OWN, *_SHARED)]
    for option in options:
        if option in _SHARED:
            raise ValueError(f"{option} is one file, but every start needs its own. Train the best start "
                             "further with pcl.minimize, which takes it.")
        if option not in known:
            raise TypeError(f"multi_start got an unknown argument {option!r}; known are "
                            f"{', '.join(known)}.{nearest(option, known)}")
    given = as_scipy(options.get("options"), None, None)[0]
    if method != "auto":
        merge(choose(method)[0], given)
    elif given:
        raise ValueError("options are given, but method is 'auto', which each start's problem decides; "
                         f"name the method that has {', '.join(map(repr, given))}.")


# --- what is shown -------------------------------------------------------------------------------

class _Bar:
    """A progress bar over the starts that shows the best loss so far and its gradient norm."""

    loss = gradient_norm = np.inf

    def __init__(self, enabled, total):
        self._bar = Progress(enabled, total, "multi-start, best")

    def update(self, record):
        if not record.failed and record.loss < self.loss:
            self.loss, self.gradient_norm = record.loss, record.result.gradient_norm
        self._bar.update(self)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._bar.close()


def _label(start, i):
    return str(start) if isinstance(start, int) else f"#{i}"


def _first_clause(run):
    text = " ".join(run.message.split())
    stop = text.find(": ") if run.status is not None and not run.failed else -1
    end = text.find(".", stop + 1)
    text = text if end < 0 else text[:end]
    return text if len(text) <= 72 else text[:71] + "…"
