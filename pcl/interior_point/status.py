"""Why a solve of a nonlinear program ended, in words."""

import enum


class Status(enum.Enum):
    """Reason for the end of a solve; the value is a sentence that says what to do next.

    `status.success` is True for SOLVED alone: the first-order conditions hold to the tolerance, with
    residuals taken before scaling.

    Examples
    --------
    >>> import pcl
    >>> status = pcl.interior_point.Status.ITERATION_LIMIT
    >>> status.success
    False
    >>> print(status.value)
    Not converged: maxiter iterations are used up. Continue with warm_start=result, or raise
    maxiter.
    """

    SOLVED = (
        "Solved: the first-order conditions hold to the tolerance.")
    ACCEPTABLE = (
        "Solved to an acceptable level only: the first-order conditions hold to acceptable_tol and no "
        "further progress was made. Rescale the program, or accept the point after looking at its "
        "residuals.")
    INFEASIBLE = (
        "Infeasible: the violation of the constraints has a local minimum here. Relax the rows named, "
        "or start elsewhere.")
    UNBOUNDED = (
        "Unbounded: the objective falls without end while the constraints hold. Bound the variables, "
        "or check the sign of the objective.")
    DIVERGED = (
        "Diverged: unknowns grow without end although the objective no longer falls; there may be no "
        "minimiser (an infimum that is not attained). Bound the variables.")
    START_FAILED = (
        "Cannot evaluate at the start: a function is not finite there. Start where all functions "
        "and derivatives are defined.")
    EVALUATION_FAILED = (
        "Evaluation failed: a function or a derivative is not finite, and shorter steps did not "
        "help. Bound the variables away from that region.")
    ITERATION_LIMIT = (
        "Not converged: maxiter iterations are used up. Continue with warm_start=result, or raise "
        "maxiter.")
    TIME_LIMIT = (
        "Not converged: max_seconds are over. Continue with warm_start=result, or raise max_seconds.")
    RESTORATION_FAILED = (
        "Not converged: the restoration of feasibility failed. Check the derivatives with "
        "check_derivatives=True, or start elsewhere.")
    STEP_TOO_SMALL = (
        "Not converged: no step along the search direction is acceptable, down to rounding. Check the "
        "derivatives with check_derivatives=True, or rescale the program.")
    WRONG_DERIVATIVE = (
        "Wrong derivative suspected: a derivative disagrees with differences of its function. Run "
        "with check_derivatives=True.")
    STOPPED_BY_CALLBACK = (
        "Stopped by the callback (StopIteration). Continue with warm_start=result.")
    INTERRUPTED = (
        "Interrupted (Ctrl-C); the best point so far is returned. Continue with warm_start=result.")
    ERROR = (
        "Ended by an exception; this is the best point before it.")

    @property
    def success(self) -> bool:
        """True if the first-order conditions hold to the tolerance."""
        return self is Status.SOLVED

    def __int__(self) -> int:
        """The place in the list above: 0 is success, as SciPy has it."""
        return list(Status).index(self)


class End(Exception):
    """Leaves the iteration with a status; `detail` is added to its sentence."""

    def __init__(self, status, detail=""):
        super().__init__(status, detail)
        self.status, self.detail = status, detail
