"""Why a training run ended, in words."""

import enum


class Status(enum.Enum):
    """Reason for the end of a run; the value is a sentence that says what to do next.

    It is that of the point returned, see `pcl.training.verdict`, which may know better than the
    optimizer. `status.success` is True where the point returned is stationary as far as the stated
    tolerances, or double precision, can tell. A limit is never a success. A start where the
    gradient vanishes may be the solution or a loss that does not see θ: there the status alone
    cannot tell, and `result.success` is True only with evidence of a minimum, see `minimize`.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: (t["k"] - 2.0)**4, {"k": 0.0})
    >>> result = pcl.minimize(problem, maxiter=2)
    >>> result.status is pcl.Status.ITERATION_LIMIT, result.status.success
    (True, False)
    >>> print(result.status.value)
    Not converged: maxiter iterations are used up. Continue from the point returned with
    x0=result.x, or raise maxiter.
    """

    CONVERGED_GRADIENT = (
        "Converged: the gradient norm fell below gtol. Lower gtol to go further.")
    CONVERGED_LOSS = (
        "Converged: the loss changed by less than ftol, relative to itself, in three steps in "
        "a row. Lower ftol to go further.")
    CONVERGED_STEP = (
        "Converged: the step fell below xtol, relative to theta. Lower xtol to go further.")
    PRECISION_LIMIT = (
        "Converged to rounding: what is left of the gradient, or the decrease that it promises, "
        "is not above the rounding errors measured here. If that is not low enough, rescale "
        "the loss or subtract its constant part.")
    STATIONARY_START = (
        "Stationary start: the gradient vanishes at x0, so nothing was done. Unless x0 is the "
        "solution, start elsewhere; saturated networks, zero weights and a loss that does not "
        "depend on theta look like this.")
    STATIONARY_SADDLE = (
        "Stationary but not a minimum: the gradient vanishes and the Hessian has a negative "
        "eigenvalue. Start again from theta plus a small random vector.")
    FLAT_TAIL = (
        "Stationary on a flat tail, not at a minimum of the fit: most parameters no longer change "
        "the loss, as with saturated activations or a clipped output. Start again with smaller "
        "weights, scaled inputs, a wider output range or shorter steps.")
    LEFT_BEST = (
        "Not converged: the method went on to a stationary point with a higher loss; the best "
        "point, which is returned, is not stationary. Lower the learning rate, or continue with "
        "another method and x0=result.x.")
    STILL_FAR = (
        "Not converged: the gradient fell far below that at a remote start, but the loss is not near "
        "the root that this pretends: at theta = 0 it is lower. Continue with x0=result.x.")
    DERIVATIVES_WRONG = (
        "Not converged: loss and derivatives were compared at the point returned and disagree. Run "
        "pcl.check_gradient at this theta.")
    ITERATION_LIMIT = (
        "Not converged: maxiter iterations are used up. Continue from the point returned "
        "with x0=result.x, or raise maxiter.")
    TIME_LIMIT = (
        "Not converged: max_seconds are over. Continue from the point returned with "
        "x0=result.x, or raise max_seconds.")
    EVALUATION_LIMIT = (
        "Not converged: the limit on loss evaluations is used up. Continue with x0=result.x, "
        "or raise the option max_nfev or maxfun.")
    RADIUS_COLLAPSED = (
        "Not converged: steps were cut down to rounding size without lowering the loss. Every "
        "step leaves the admissible region, or the loss is not smooth here; see "
        "pcl.check_gradient at this theta.")
    LINE_SEARCH_FAILED = (
        "Not converged: no point along the search direction lowers the loss enough. The steps "
        "leave the admissible region, or the loss is not smooth here; continue with another "
        "method and x0=result.x, or see pcl.check_gradient at this theta.")
    SUBPROBLEM_FAILED = (
        "Not converged: the trust-region subproblem could not be solved with this Hessian. Run "
        "pcl.check_hessian at this theta, or use trust-ncg.")
    CURVATURE_FAILED = (
        "Not converged: a Hessian-vector product could not be evaluated at a point whose loss "
        "and gradient are fine. Run pcl.check_hessian at this theta.")
    STOPPED_BY_CALLBACK = (
        "Stopped by the callback (StopIteration). Continue with x0=result.x.")
    INTERRUPTED = (
        "Interrupted (Ctrl-C, or SIGTERM in a run with a checkpoint); the best point so far is "
        "returned. Continue with resume=path of the checkpoint, or with x0=result.x.")
    ERROR = (
        "Ended by an exception; this is the best point before it. Continue with x0=result.x "
        "once the cause is removed.")

    @property
    def success(self) -> bool:
        """True for a stationary point within the tolerances, reached by descent."""
        return self in _SUCCESS


_SUCCESS = frozenset({
    Status.CONVERGED_GRADIENT, Status.CONVERGED_LOSS, Status.CONVERGED_STEP,
    Status.PRECISION_LIMIT})
