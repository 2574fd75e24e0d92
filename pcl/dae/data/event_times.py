"""Times at which something happens: which are one, which are inside a span."""

import numpy as np

CLOSE = 1e-9        # of the span: times nearer than this are one time


def inside(times, span):
    """Sorted (n,), without those at or beyond the ends, and of those that are close the first."""
    close = CLOSE * (span[1] - span[0])
    kept, last = [], span[0]
    for time in np.unique(times):
        if last + close < time < span[1] - close:
            kept.append(time)
            last = time
    return np.array(kept)


def at_once(times, time, span):
    """Which times (n,) are the same as another one."""
    return np.abs(times - time) <= CLOSE * (span[1] - span[0])


def at_start(time, span):
    """Whether a time is that of the beginning of the span."""
    return bool(at_once(time, span[0], span))


def boundary(times, time):
    """Number of the boundary among `times` (n,) at a time, None if there is none."""
    k = int(np.abs(times - time).argmin())
    return k if abs(times[k] - time) <= CLOSE * (times[-1] - times[0]) else None
