"""Events at conditions on the state: c(x', x, y, t) that falls to 0, on the collocation polynomial."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from pcl.support.validate import float64_array

SAMPLES = 16        # of an element: a condition that dips below 0 and back between two is not seen
_BACK = 1e-3        # of an element: over which the slope of a condition is taken


@dataclass(frozen=True)
class Happened:
    """An event: its time, and which condition fell to 0."""

    time: float
    number: int


class Watch:
    """Conditions on the way of a simulation.

    Parameters
    ----------
    conditions : list of functions (x' (m, n_x), x (m, n_x), y (m, n_y), t (m,)) -> (m,)
        An event is where one falls from above 0 to 0 or below; one that begins there has to rise first.
    point : (x', x, y, t) where the simulation begins
    """

    def __init__(self, conditions, point):
        self._conditions, self.found = list(conditions), []
        self._above = self._values(*(np.asarray(a)[None] for a in point))[:, 0] > 0.0

    def first(self, chain):
        """The first `Happened` on the elements of a row, None if there is none."""
        above = self._above
        for e in range(len(chain.t)) if self._conditions else ():
            tau = np.linspace(0.0, 1.0, SAMPLES + 1)[1:]
            is_above = self._along(chain, e, tau) > 0.0
            before = np.concatenate([above[:, None], is_above[:, :-1]], axis=1)
            numbers, places = np.nonzero(before & ~is_above)
            if places.size:
                step = places.min()
                roots = [Happened(self._root(chain, e, i, step / SAMPLES, tau[step]), int(i))
                         for i in numbers[places == step]]
                return min(roots, key=lambda found: found.time)
            above = is_above[:, -1]
        return None

    def passed(self, chain):
        """Remember at the end of accepted elements which conditions are above 0."""
        if self._conditions:
            self._above = self._along(chain, len(chain.t) - 1, np.ones(1))[:, 0] > 0.0

    def late(self, chain, number):
        """By how much the end of a row comes after the zero of a condition, to first order."""
        end, before = self._along(chain, len(chain.t) - 1, np.array([1.0, 1.0 - _BACK]))[number]
        slope = (before - end) / (_BACK * chain.h[-1])
        return -float(end) / slope if slope > 0.0 else 0.0

    def happened(self, found, point):
        """Note an event; conditions go on from the point after it, its own once it has risen."""
        self.found.append(Happened(point[3], found.number))
        self._above = self._values(*(np.asarray(a)[None] for a in point))[:, 0] > 0.0
        self._above[found.number] = False

    def _root(self, chain, e, i, a, b):
        """Time of the zero of condition i between the local times a and b of element e."""
        def value(tau):
            return float(self._along(chain, e, np.array([tau]))[i, 0])
        tau = brentq(value, a, b, xtol=1e-15, rtol=1e-14) if value(a) > 0.0 else a
        return float(chain.t[e] + tau * chain.h[e])

    def _along(self, chain, e, tau):
        """Values (conditions, m) at local times τ (m,) of element e."""
        scheme, z = chain.scheme, np.concatenate([chain.x0[e][None], chain.slots[e]])
        return self._values(scheme.derivative_at(tau) @ z / chain.h[e], scheme.value_at(tau) @ z,
                            scheme.algebraic_at(tau) @ chain.algebraic[e], chain.t[e] + tau * chain.h[e])

    def _values(self, dx, x, y, t):
        found = [float64_array(f"the value of event {i}", condition(dx, x, y, t), shape=t.shape)
                 for i, condition in enumerate(self._conditions)]
        return np.array(found).reshape(len(found), len(t))


def checked_events(given: Any) -> list[tuple[Any, Any]]:
    """[(condition, function of (x', x, y, t) that gives x, or None to stop), …]."""
    found = [tuple(event) for event in given]
    for k, event in enumerate(found):
        if len(event) != 2 or not callable(event[0]) or not (event[1] is None or callable(event[1])):
            raise TypeError(f"events[{k}] is {event!r}; expected (condition, function of (x', x, y, t) "
                            "that gives x, or None to stop there).")
    return found
