"""Damped Newton's method for r(u) = 0, with the residual history in every answer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pcl.errors import NotConverged, SingularMatrix, TrialFailure
from pcl.support.validate import positive_integer

# Smallest step length tried: below it the direction is useless at this accuracy.
SMALLEST_STEP = 2.0 ** -12

# Corrections below this, relative to u, are inside the region of quadratic convergence.
CLOSE = 1e-7


@dataclass(frozen=True)
class Newton:
    """Settings of the nonlinear solve.

    Parameters
    ----------
    tolerance : float
        Converged when the last Newton correction is below `tolerance` times the largest entry of u
        (or `atol`, in the unit of u, if that is larger; or it is exactly 0). Convergence being
        quadratic, the error of the u returned is then about its square: rounding.
    atol : float
    maxiter : int
        Newton steps in each load step.
    load_steps : int
        With m > 1 the equations r(u) = (1 − s) r(start), s = 1/m, 2/m, …, 1 are solved one after
        the other, each from the solution of the last.
    solver : str
        Factorisation of the Jacobian.
    warm_start : bool
        Inside a `Problem`, start from the solution of the last successful evaluation of the same
        call (without load steps), and from `start` when Newton's method fails from there. Off by default:
        with it a solution depends on the evaluations before it, to rounding, and, where there are
        several, in which of them is found; a resumed run does not repeat every digit.
    name_null : function of an array (n, r), optional
        Words for the null space of a singular Jacobian, spanned by the columns.
    """

    tolerance: float = 1e-9
    atol: float = 0.0
    maxiter: int = 50
    load_steps: int = 1
    solver: str = "superlu"
    warm_start: bool = False
    name_null: Callable[[np.ndarray], str | None] | None = None

    def __post_init__(self):
        positive_integer("maxiter", self.maxiter)
        positive_integer("load_steps", self.load_steps)
        if not 0.0 < self.tolerance < 1.0:
            raise ValueError(f"tolerance is {self.tolerance!r}; expected a number between 0 and 1.")
        if not 0.0 <= self.atol < np.inf:
            raise ValueError(f"atol is {self.atol!r}; expected a finite number ≥ 0, in the unit of u.")
        if not isinstance(self.warm_start, (bool, np.bool_)):
            raise TypeError(f"warm_start is {self.warm_start!r}; expected True or False.")


def newton(settings, start, at, advice=None):
    """Solve r(u) = 0.

    Parameters
    ----------
    settings : Newton
    start : array
    at : function u -> point with `residual` (n,) and `factor` of the Jacobian there
    advice : a sentence on what to do where it fails, other than more load steps

    Returns
    -------
    u, point
        The solution and the equation evaluated there.

    Raises
    ------
    NotConverged
        The message tells the residual norms of all iterations.
    """
    point = at(start)
    r0, u = point.residual, start
    history = _History([], advice or f"Start nearer to the solution, or ask for load_steps > "
                       f"{settings.load_steps}.")
    for s in np.linspace(0.0, 1.0, settings.load_steps + 1)[1:]:
        offset = (1.0 - s) * r0
        u, point = _newton(settings, u, point, offset, at, history)
    return u, point


def _newton(settings, u, point, offset, at, history):
    for _ in range(settings.maxiter):
        norm = history.with_norm(_norm(point.residual - offset))
        if not np.isfinite(norm):
            raise history.failed("the residual is not finite at the first iterate")
        step = _step(settings, point, offset, history).reshape(u.shape)
        size = np.abs(step).max(initial=0.0)
        u, point = _damped(u, offset, step, at, norm, history)
        if size <= max(settings.tolerance * np.abs(u).max(initial=0.0), settings.atol):
            return u, point
    raise history.failed("iteration limit")


def _step(settings, point, offset, history):
    """r_u⁻¹ (r − offset)."""
    try:
        return point.factor.solve(point.residual - offset)
    except SingularMatrix as failure:
        named = settings.name_null is not None and failure.null_space is not None
        words = settings.name_null(failure.null_space) if named else None
        reason = f"Jacobian: {failure if words is None else 'singular: ' + words}"
        raise history.failed(reason) from failure
    except TrialFailure as failure:
        raise history.failed(f"Jacobian: {failure}") from failure


def _damped(u, offset, step, at, norm, history):
    """u − α step with the largest α = 1, ½, ¼, … that shortens the residual below its `norm`.

    Near the solution, where the residual may be rounding already, the full step is taken as it is.
    """
    alpha = 1.0
    close = np.abs(step).max(initial=0.0) <= CLOSE * np.abs(u).max(initial=0.0)
    while alpha >= SMALLEST_STEP:
        trial = u - alpha * step
        try:
            new = at(trial)
            size = _norm(new.residual - offset)
        except TrialFailure:
            size = np.inf
        if size <= (1.0 - 1e-4 * alpha) * norm or (close and np.isfinite(size)):
            return trial, new
        alpha /= 2.0
    raise history.failed("no step along Newton's direction shortens the residual")


def _norm(r):
    """‖r‖₂; a trial step may make it infinite."""
    with np.errstate(over="ignore"):
        return float(np.linalg.norm(r))


@dataclass(frozen=True)
class _History:
    """Residual norms of all iterates, and what to do where they do not end in 0."""

    norms: list
    advice: str

    def with_norm(self, norm):
        """`norm`, noted."""
        self.norms.append(norm)
        return norm

    def failed(self, reason):
        """The error that tells of them."""
        shown = ", ".join(f"{r:.2e}" for r in self.norms[-8:])
        return NotConverged(
            f"Newton's method failed after {len(self.norms)} steps ({reason}); the residual norms "
            f"(Euclidean, in the unit of the equation) ended {shown}. {self.advice}")
