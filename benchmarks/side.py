"""A process of its own for each side of a comparison, with pinned threads and measured memory.

A *side* is any class whose methods are timed, named ``"module:Class"`` and built in a fresh
process, so that no side holds the memory or the threads of another. Calls are timed inside that
process; transport is not counted.
"""
import importlib
import multiprocessing
import os
import time
from dataclasses import dataclass, replace
from unittest import mock

BLAS_VARIABLES = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"
THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
    "NPROC",                                    # the size of the thread pool of XLA on a processor
)


class SideError(RuntimeError):
    """The process of a side has ended; its traceback, if any, stands on standard error."""


@dataclass(frozen=True)
class Call:
    """One call: seconds, peak memory in MB above the resident base before it, and the result.

    The base is taken before the first call of the method.
    """

    seconds: float
    memory: float
    result: object


class Side:
    """``Class(*settings)`` in a process of its own, on `threads` processors.

    `blas_threads` is the number of threads of BLAS, where it should not be that of all others.
    """

    def __init__(self, name, target, *settings, threads=2, blas_threads=None):
        self.name = name
        variables = (dict.fromkeys(THREAD_VARIABLES, str(threads))
                     | dict.fromkeys(BLAS_VARIABLES, str(blas_threads or threads)))
        context = multiprocessing.get_context("spawn")
        self._pipe, far_end = context.Pipe()
        with mock.patch.dict(os.environ, variables):
            self._process = context.Process(
                target=_serve, args=(far_end, target, settings, threads), daemon=True)
            self._process.start()
        far_end.close()
        self._making = self._receive()

    def call(self, method, *arguments):
        """Call and time one method; the first call includes the making of the side."""
        self._pipe.send((method, arguments))
        answer, making = self._receive(), self._making
        self._making = 0.0
        return replace(answer, seconds=answer.seconds + making)

    def close(self):
        """End the process."""
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _receive(self):
        try:
            return self._pipe.recv()
        except EOFError:
            self._process.join(timeout=10)
            raise SideError(f"the process of {self.name!r} ended with exit code "
                            f"{self._process.exitcode} (-9: out of memory)") from None


def _serve(pipe, target, settings, threads):
    """Build the side, then answer calls until the other end closes."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    module, name = target.split(":")
    make = getattr(importlib.import_module(module), name)
    start = time.perf_counter()
    side = make(*settings)
    pipe.send(time.perf_counter() - start)
    base = {}
    while True:
        try:
            method, arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(_timed(side, method, arguments, base))


def _timed(side, method, arguments, base):
    base.setdefault(method, _memory("VmRSS"))
    _forget_peak()
    start = time.perf_counter()
    result = getattr(side, method)(*arguments)
    seconds = time.perf_counter() - start
    return Call(seconds, _memory("VmHWM") - base[method], result)


def _memory(field):
    """A field of /proc/self/status in MB; NaN where there is no such file."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024
    except (OSError, StopIteration):
        return float("nan")


def _forget_peak():
    """Reset VmHWM to the present resident size, where Linux allows it."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")
    except OSError:
        pass
