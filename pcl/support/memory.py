"""Is there memory for a large array? Asked before the work, since the kernel answers by a kill."""

import os
import pathlib

import numpy as np

_MEMINFO = pathlib.Path("/proc/meminfo")


# The largest block whose release tells glibc to keep its like: DEFAULT_MMAP_THRESHOLD_MAX is 32 MiB.
_LARGEST_KEPT = 31 * 2 ** 20


def keep_released():
    """Arrays of some MB that are dropped and made again at every θ stay with the process, up to 64 MB.

    glibc hands freed memory above a threshold back to the kernel and faults it in again page by page,
    which costs a third of a Hessian of 921 parameters. The threshold follows the
    largest block released so far (mallopt(3), M_MMAP_THRESHOLD): one is made here, untouched, and let go.
    """
    np.empty(_LARGEST_KEPT, dtype=np.uint8)


def available():
    """Free bytes of main memory, caches that can be dropped included; None if unknown."""
    try:
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def require(nbytes, what, remedy):
    """Raise MemoryError unless `nbytes` are free.

    Parameters
    ----------
    nbytes : number
    what : str
        What needs them, the subject of the sentence: "the Hessian of 50,000 parameters".
    remedy : str
        What to do instead: "use trust-ncg or L-BFGS-B".
    """
    free = available()
    if free is not None and nbytes > free:
        raise MemoryError(f"{what} needs {_gigabytes(nbytes)}, but {_gigabytes(free)} are free; "
                          f"{remedy}.")


def size_of(thing, seen=None):
    """Bytes of the arrays and factors within nested containers and our own objects, each counted once.

    `seen` collects what was counted, so that a second call tells what comes on top.
    """
    seen, total, stack = set() if seen is None else seen, 0, [thing]
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, (str, type)):
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, (list, tuple)):
            stack.extend(item)
        elif isinstance(getattr(item, "nbytes", None), int):
            total += item.nbytes
        elif hasattr(item, "__dict__") and not callable(item):
            stack.extend(vars(item).values())
    return total


def _gigabytes(nbytes):
    return f"{nbytes / 1e9:,.3g} GB" if nbytes < 1e12 else f"{nbytes / 1e9:,.0f} GB"
