"""Further attempts where a run ends before it has found a feasible point.

A local minimum of the violation, and a failure on the way to feasibility, are matters of the path. The
second attempt takes another path from the same start: the monotone barrier from μ = 1, ten times farther
from the bounds. The next ones set off elsewhere, one size of the unknowns away at random (fixed seeds).
"""

import numpy as np

from pcl.interior_point.status import Status

ATTEMPTS = 4
SECOND_BARRIER, SECOND_PUSH = 1.0, 0.1      # μ and `bound_push` of the further attempts
_FAILED = (Status.INFEASIBLE, Status.RESTORATION_FAILED, Status.STEP_TOO_SMALL, Status.EVALUATION_FAILED)
_TAKEN = (Status.SOLVED, Status.ACCEPTABLE, Status.UNBOUNDED, Status.STOPPED_BY_CALLBACK,
          Status.INTERRUPTED)
_TOTALS = ("nit", "history", "counts", "seconds", "nfev", "njev", "nhev", "execution_time")


def tried(first, again, x, count, tol):
    """The result of the first of up to `count` attempts that ends well, or that of the first of all.

    again(x) -> Result of one more attempt;  x (n,): the start. Iterations and evaluations of all
    attempts are counted together; the result's `attempts` lists how each of them ended.
    """
    ends, last = [first.status], first
    while len(ends) < count and (_is_lost(last, tol) or ends[1:] and last.status is Status.START_FAILED):
        k = len(ends)
        last = again(x if k == 1 else _elsewhere(x, first.x, k))
        ends.append(last.status)
    return _told(last if last.status in _TAKEN else first, last, ends)


def _is_lost(result, tol):
    """The run failed, and not at a feasible point."""
    return result.status in _FAILED and not result.constraint_violation <= tol


def _elsewhere(x, end, k):
    """x moved by N(0, 1) times the larger of |x_i| at the start and at the end, 1 where both are zero."""
    size = np.maximum(np.abs(x), np.abs(end))
    return x + np.where(size > 0.0, size, 1.0) * np.random.default_rng(k).standard_normal(x.size)


def _told(result, last, ends):
    """The result with the counts of all attempts, and their ends in words."""
    result.update({name: last[name] for name in _TOTALS if result is not last})
    result["attempts"] = ends
    if len(ends) > 1:
        result["message"] += f" Ends of {len(ends)} attempts: " + ", ".join(s.name for s in ends) + "."
    return result
