"""The clock between a problem and an optimizer: no evaluation goes on for long after the time is over."""

import functools
import time

from pcl.support import clock
from pcl.training.run.run import Stop
from pcl.training.run.status import Status

_EVALUATIONS = frozenset({"value", "gradient", "value_and_gradient", "hessian", "hvp",
                          "gauss_newton_product", "residuals", "jacobian", "estimated_gradient"})


class TimedProblem:
    """A problem whose evaluations raise `Stop` once `seconds` are over since it was made.

    Those before `begin`, of the start, are always made in full. None begins later; one of a
    `pcl.Problem` also ends between two parts (see `pcl.support.clock`), one of another object is the
    grain.
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
        if not self._begun:
            return evaluate(*arguments)
        try:
            with clock.until(self._end):
                clock.look()
                return evaluate(*arguments)
        except clock.TimeOver:
            raise Stop(Status.TIME_LIMIT) from None
