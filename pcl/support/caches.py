"""What is constant and costs time to make, kept where it is used and let go again."""

import threading
import weakref


class Bounded:
    """The last values made, by their keys: at most `capacity` of them."""

    def __init__(self, capacity):
        self._capacity, self._values, self._lock = capacity, {}, threading.Lock()

    def kept(self, key, make):
        """The value of a key, `make()` where it is not there; the one used longest ago makes room."""
        with self._lock:
            if key in self._values:
                self._values[key] = value = self._values.pop(key)
                return value
        value = make()      # may ask this cache itself
        with self._lock:
            value = self._values.setdefault(key, value)
            while len(self._values) > self._capacity:
                del self._values[next(iter(self._values))]
        return value

    def __reduce__(self):
        return Bounded, (self._capacity,)       # a copy begins empty


class Companions:
    """Values that belong to an owner and to others together, let go with the first of them that goes.

    The owner holds the `Companions`; the others are held weakly.
    """

    def __init__(self):
        self._values = {}

    def kept(self, others, make):
        """The value for these others, `make()` where it is not there; it must not hold them."""
        value = self._values.get(tuple(map(weakref.ref, others)))
        if value is None:
            value = self._values.setdefault(self._key(others), make())
        return value

    def _key(self, others):
        holder = weakref.ref(self)

        def forget(_):
            companions = holder()
            if companions is not None:
                companions._values.pop(key, None)
        key = tuple(weakref.ref(other, forget) for other in others)
        return key

    def __reduce__(self):
        return Companions, ()                   # a copy begins empty
