"""Work in processes of their own, one thread each; TensorFlow does not survive a fork."""

import concurrent.futures.process
import os

from pcl.support.validate import positive_integer

Died = concurrent.futures.process.BrokenProcessPool     # killed, out of memory, a fault in compiled code

ONE_THREAD = {name: "1" for name in (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS")}


def jobs(n_jobs):
    """How many processes at a time; −1 is one a processor."""
    if isinstance(n_jobs, int) and n_jobs == -1:
        return processors()
    return positive_integer("n_jobs", n_jobs)


def processors():
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def packed(thing, what, remedy):
    """It as bytes, so that a process can set its threads before it meets TensorFlow; else a TypeError."""
    import cloudpickle
    try:
        return cloudpickle.dumps(thing)
    except Exception as error:
        raise TypeError(f"{what} cannot be sent to another process: {error} {remedy}") from error


def unpacked(content):
    """In a process: its threads, then the thing."""
    import cloudpickle
    os.environ.update(ONE_THREAD)
    return cloudpickle.loads(content)


def restored(content):
    """The thing that a process packed."""
    import cloudpickle
    return cloudpickle.loads(content)


def one_thread():
    """A context in which linear algebra here stays on one thread, as it does in a process."""
    import threadpoolctl
    return threadpoolctl.threadpool_limits(1)


def each(function, tasks, n_jobs):
    """function(*task) of all tasks as they are ready; `Died` if a process does.

    joblib runs everything here where n_jobs is 1.
    """
    import joblib
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
        yield from parallel(joblib.delayed(function)(*task) for task in tasks)


def surviving(work, tasks, n_jobs, died):
    """Yield (number, outcome) = work(number, …) of all tasks as they are ready.

    died : function task -> outcome, of the one that kills its process
    """
    waiting = {task[0]: task for task in tasks}
    try:
        for number, outcome in each(work, list(waiting.values()), n_jobs):
            del waiting[number]
            yield number, outcome
    except Died:
        for task in waiting.values():       # one at a time, to tell which of them kills its process
            yield _alone(work, task, died)


def _alone(work, task, died):
    try:
        return next(each(work, [task], 2))          # joblib runs a single job without a process
    except Died:
        return task[0], died(task)
