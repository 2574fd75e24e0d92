"""The clock between a problem and an optimizer: no evaluation begins after the time is over."""

import functools
import time

from pcl.drivers.run import Stop
from pcl.status import Status

_EVALUATIONS = frozenset({"value", "gradient", "value_and_gradient", "hessian", "hvp", "residuals",
                          "jacobian"})


class TimedProblem:
    """A problem whose evaluations raise `Stop` once `seconds` are over since it was made.

    Those before `begin`, of the start, are always made. One value, gradient, Hessian, Jacobian or
    product is the grain: it is finished once begun.
    """

    def __init__(self, problem, seconds):
        self._problem, self._end, self._begun = problem, time.perf_counter() + seconds, False

    def begin(self):
        """The start is evaluated."""
        self._begun = True

    def __getattr__(self, name):
        found = getattr(self._problem, name)
        return functools.partial(self._answer, found) if name in _EVALUATIONS else found

    def _answer(self, evaluate, *arguments):
        if self._begun and time.perf_counter() > self._end:
            raise Stop(Status.TIME_LIMIT)
        return evaluate(*arguments)
