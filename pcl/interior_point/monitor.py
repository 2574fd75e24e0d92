"""What an iteration tells outside: history, callback, limits, and the best point so far."""

import time
from dataclasses import dataclass

import numpy as np

from pcl.interior_point.status import End, Status


@dataclass(frozen=True)
class Snapshot:
    """One iteration. infeasibility and dual_infeasibility are those of the program as given.

    step: step length α that led here; regularisation: its shift δ_w; restoration: True inside the
    restoration phase, where objective and dual_infeasibility belong to that phase. length: largest entry
    of the step before α; dual_step: step length of z; trials: points tried.
    """

    iteration: int
    objective: float
    infeasibility: float
    dual_infeasibility: float
    barrier: float
    step: float
    regularisation: float
    restoration: bool
    seconds: float
    x: np.ndarray
    length: float = 0.0
    dual_step: float = 0.0
    trials: int = 0


class Monitor:
    """Counts iterations of all phases together."""

    def __init__(self, callback, maxiter, max_seconds, tol):
        self.callback, self.maxiter, self.max_seconds = callback, maxiter, max_seconds
        self.history, self.iteration, self.begun = [], 0, time.monotonic()
        self.best, self._best_key, self.tol = None, (np.inf, np.inf), tol

    @property
    def seconds(self):
        """Since the start."""
        return time.monotonic() - self.begun

    def visit(self, state, mu, taken, shift, restoration):
        """Record an iterate; End at a limit or when the callback stops the run.

        taken: (α, α of z, largest entry of the step, trial points) of the step that led here.
        """
        step, dual_step, length, trials = taken
        dual, violation = state.unscaled[:2]
        objective = state.point.f / (state.form.objective_scale or 1.0)
        row = (objective, violation, dual, mu, step, shift)
        if not restoration:
            self._remember(state, objective, violation)
        self.history.append(row)
        self._call(Snapshot(self.iteration, *row, restoration, self.seconds,
                            state.point.p[:state.form.n].copy(), length, dual_step, trials))
        if self.iteration >= self.maxiter:
            raise End(Status.ITERATION_LIMIT)
        self.check_time()
        self.iteration += 1

    def check_time(self):
        """End when the seconds are over."""
        if self.max_seconds is not None and self.seconds >= self.max_seconds:
            raise End(Status.TIME_LIMIT)

    def _remember(self, state, objective, violation):
        key = (max(violation, self.tol), objective)
        if key < self._best_key:
            self.best, self._best_key = state, key

    def _call(self, snapshot):
        if self.callback is None:
            return
        try:
            self.callback(snapshot)
        except StopIteration as reason:
            raise End(Status.STOPPED_BY_CALLBACK, str(reason)) from None
