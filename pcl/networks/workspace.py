"""Memory of a thread that is used again from block to block."""

import math
import threading

import numpy as np

_FLOAT = np.dtype(np.float64)


class Workspace:
    """Arrays by name, used again from block to block: fresh memory costs as much as the work in it."""

    def __init__(self, storage=None, source=None):
        self._arrays, self._storage, self._source, self._used = {}, storage, source, 0
        self._views = {}

    def part(self):
        """A workspace of its own names whose arrays come one after the other from the same storage."""
        return Workspace(source=self)

    def _new(self, size):
        if self._source is not None:
            return self._source._new(size)
        if self._storage is None:
            return np.empty(size)
        self._used += size
        return self._storage[self._used - size:self._used]

    def take(self, name, *shape, dtype=_FLOAT):
        """An array of this shape with any contents; what was taken by this name before is overwritten."""
        key = dtype, shape
        views = self._views.setdefault(name, {})
        if key not in views:
            size = math.prod(shape) * (dtype.itemsize // _FLOAT.itemsize)
            if name not in self._arrays or self._arrays[name].size < size:
                views.clear()
                self._arrays[name] = self._new(size)
            views[key] = self._arrays[name][:size].view(dtype).reshape(shape)
        return views[key]


class _OfThread(threading.local):
    def __init__(self):
        self.workspace = Workspace()


_of_thread = _OfThread()


def workspace():
    """The workspace of this thread, kept for good: some 25 arrays of the size of a sweep, 6 MB.

    Who takes it must be done with it before anything else in this thread takes it.
    """
    return _of_thread.workspace
