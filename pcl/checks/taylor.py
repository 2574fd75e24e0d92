"""Are the derivatives right? Remainders of Taylor's formula along random directions.

    r(h) = |F(θ + h d) − F(θ) − h F'(θ) d|,     F = loss, gradient or residuals

falls by 100 per decade of h if F' is right and by 10 if it is not. Between truncation and
rounding an error of relative size δ shows as a kink at h ≈ δ only, so the verdict is not read
off the slope: F'(θ) d is compared with central differences, extrapolated once (Richardson),

    D(h) = (F(θ + h d) − F(θ − h d)) / 2h,      R(h) = (100 D(h/10) − D(h)) / 99,

at the steps where neighbouring R agree best. That agreement says how well R is known.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pcl.checks.report import DerivativeReport
from pcl.support.interface import FAILURES, require_interface
from pcl.support.types import Theta
from pcl.support.validate import float64_array, positive_integer

__all__ = ["check_gradient", "check_hessian", "check_jacobian"]

STEPS = 10.0 ** -np.arange(1, 9)
RTOL = 1e-9     # a right derivative through a sparse solve agrees to about 1e-11
_SAFETY = 10.0
_CONCLUSIVE = 1e-3      # R must be known to this, relative to F'd
_SMALLEST_SCALE = 1e-6      # relative to |F|: smaller derivatives are not seen in 16 digits
_NOISE = 1e4        # times eps |F|: remainders below are not used to judge smoothness
_CLEAN = 0.05       # |order − 2| in the reported window
_SCANNED = 256      # parameters up to which a wrong entry is looked for one by one
_START = ("theta0", "size")
EPS = np.finfo(np.float64).eps


def check_gradient(problem: Any, theta: Theta | None = None, directions: int = 3, seed: int = 0, *,
                   gradient: Callable | None = None, rtol: float = RTOL) -> DerivativeReport:
    """Taylor check of the gradient of a loss; θ and all random states are left alone.

        r(h) = |loss(θ + h d) − loss(θ) − h g·d| = O(h²)

    Parameters
    ----------
    problem : Problem, or a function
        With a `value` and a `gradient`. A function of θ returns the loss if `gradient` is
        given, the pair (loss, gradient) if not.
    theta : (p,) array or {block: array}, optional
        `problem.theta0` if None; needed for a function.
    directions : int
        Random directions, each entry of the size of its block of θ.
    seed : int
    gradient : function of θ, optional
    rtol : float
        Differences below this, relative to g·d, are not called wrong.

    Returns
    -------
    DerivativeReport
        Never raises on a wrong derivative, only if θ itself cannot be evaluated.

    Raises
    ------
    ValueError, TypeError, TrialFailure
        Bad arguments; θ itself cannot be evaluated.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> loss = lambda theta: float(np.sum(np.sin(theta)))
    >>> pcl.check_gradient(loss, [0.3, 0.7], gradient=np.cos).ok
    True
    >>> pcl.check_gradient(loss, [0.3, 0.7], gradient=np.sin).ok           # a wrong one is seen
    False
    """
    if not callable(problem):
        require_interface(problem, *_START, "value", "gradient")
        value, gradient = problem.value, problem.gradient
    elif gradient is None:
        def value(t):
            return problem(t)[0]

        def gradient(t):
            return problem(t)[1]
    else:
        value = problem
    theta = _theta(problem, theta)
    g = float64_array("gradient", gradient(theta.copy()), shape=theta.shape)
    check = _Taylor("gradient", lambda t: np.ravel(float64_array(
        "loss", value(t), shape=(), finite=False)), g[None, :], theta, rtol)
    return check.report(_directions(problem, theta, directions, seed))


def check_hessian(problem: Any, theta: Theta | None = None, directions: int = 3, seed: int = 0, *,
                  hessian: Callable | None = None, rtol: float = RTOL) -> DerivativeReport:
    """Taylor check of the Hessian against the gradient, its symmetry, and hvp against it.

        r(h) = |g(θ + h d) − g(θ) − h H d| = O(h²)

    Parameters
    ----------
    problem : Problem, or a function
        With `gradient`, `hessian` and, if present, `hvp`. A function of θ returns the gradient;
        `hessian` is then needed.
    theta, directions, seed, rtol
        As in `check_gradient`. `rtol` is also the bound on asymmetry and on the error of hvp.
    hessian : function of θ, optional

    Returns
    -------
    DerivativeReport

    Raises
    ------
    ValueError, TypeError, TrialFailure
        Bad arguments; θ itself cannot be evaluated.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> report = pcl.check_hessian(np.sin, [0.3, 0.7], hessian=lambda theta: np.diag(np.cos(theta)))
    >>> report.ok
    True
    """
    hvp = None
    if callable(problem):
        gradient = problem
        if hessian is None:
            raise ValueError("hessian is missing: with a function for the gradient, give a "
                             "function for the Hessian too.")
    else:
        require_interface(problem, *_START, "gradient", "hessian")
        gradient, hessian = problem.gradient, problem.hessian
        hvp = getattr(problem, "hvp", None)
    theta = _theta(problem, theta)
    H = float64_array("hessian", hessian(theta.copy()), shape=(theta.size, theta.size))
    ds = _directions(problem, theta, directions, seed)
    check = _Taylor("hessian", _vector("gradient", gradient, theta.shape), H, theta, rtol)
    extra = {"symmetry_error": _relative(H, H.T, H)}
    if hvp is not None:
        products = [float64_array("hvp", hvp(theta.copy(), d.copy()), shape=theta.shape)
                    for d in ds]
        extra["hvp_error"] = max(_relative(H @ d, Hd, np.abs(H) @ np.abs(d))
                                 for d, Hd in zip(ds, products, strict=True))
    return check.report(ds, **extra)


def check_jacobian(problem: Any, theta: Theta | None = None, directions: int = 3, seed: int = 0, *,
                   rtol: float = RTOL) -> DerivativeReport:
    """Taylor check of the residuals' sensitivities J = dr/dθ, and of 2 Jᵀr = g.

        r(h) = |r(θ + h d) − r(θ) − h J d| = O(h²)

    Parameters
    ----------
    problem : Problem
        With residuals.
    theta, directions, seed, rtol
        As in `check_gradient`. `rtol` is also the bound on |2 Jᵀr − g|.

    Returns
    -------
    DerivativeReport

    Raises
    ------
    ValueError, TypeError, TrialFailure
        Bad arguments, a problem without residuals; θ itself cannot be evaluated.

    Examples
    --------
    >>> import numpy as np, tensorflow as tf, pcl
    >>> x = np.array([0.0, 1.0, 2.0])
    >>> problem = pcl.Problem.from_residuals(lambda t: tf.exp(-t["k"] * x) - 0.5, {"k": 1.0})
    >>> pcl.check_jacobian(problem).ok
    True
    """
    require_interface(problem, *_START, "has_residuals", "residuals", "jacobian", "gradient")
    if not problem.has_residuals:
        raise ValueError("problem states no residuals, so there are no sensitivities to check. "
                         "State the residuals, or use check_gradient.")
    theta = _theta(problem, theta)
    r = float64_array("residuals", problem.residuals(theta.copy()), shape=(None,))
    J = float64_array("jacobian", problem.jacobian(theta.copy()), shape=(r.size, theta.size))
    g = float64_array("gradient", problem.gradient(theta.copy()), shape=theta.shape)
    check = _Taylor("jacobian", _vector("residuals", problem.residuals, r.shape), J, theta, rtol)
    return check.report(_directions(problem, theta, directions, seed),
                        adjoint_error=_relative(g, 2.0 * (J.T @ r),
                                                2.0 * (np.abs(J).T @ np.abs(r))))


class _Taylor:
    """F: (p,) → (m,) with the claimed derivative (m, p) at θ."""

    def __init__(self, name, function, derivative, theta, rtol):
        self._name, self._F, self._derivative = name, function, derivative
        self._theta, self._rtol = theta, rtol
        self._F0 = function(theta.copy())
        if not np.isfinite(self._F0).all():
            raise ValueError(f"The {name} cannot be checked: it is differentiated at a theta "
                             "where the function itself is not finite.")

    def report(self, directions, **extra):
        slopes = np.stack([self._derivative @ d for d in directions])     # (directions, m)
        plus, minus = (np.stack([[self._at(sign * h * d) for h in STEPS] for d in directions])
                       for sign in (1.0, -1.0))     # (directions, k, m)
        remainders = np.linalg.norm(
            plus - self._F0 - STEPS[:, None] * slopes[:, None, :], axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            orders = np.log10(remainders[:, :-1] / remainders[:, 1:])
        central = (plus - minus) / (2.0 * STEPS[:, None])
        best = (100.0 * central[:, 1:] - central[:, :-1]) / 99.0
        sizes = np.fmax(np.abs(plus), np.abs(minus)).max(axis=(0, 2), initial=0.0)     # (k,)
        error, uncertainty, scale, k = self._compare(best, slopes, sizes)
        tolerance = max(self._rtol, _SAFETY * uncertainty)
        wrong = [label for label, value in extra.items() if value > self._rtol]
        right = error <= tolerance
        conclusive = uncertainty <= _CONCLUSIVE
        worst = None if right or not conclusive else self._locate(STEPS[k], best[:, k], slopes)
        window = _window(orders)
        at_rounding = bool((remainders[:, :4] <= 100 * EPS * max(
            np.abs(self._F0).max(initial=0.0), np.abs(slopes).max(initial=0.0))).all())
        smooth = _smooth(orders[:, :k + 1], remainders[:, :k + 2] > _NOISE * EPS * sizes[:k + 2])
        stationary = bool((right or not conclusive) and window.stop - window.start > 1 and (
            np.linalg.norm(slopes, axis=1) < remainders[:, 1] / STEPS[1]).all())
        verdict = _verdict(right, conclusive, smooth, error, uncertainty, tolerance, worst, wrong,
                           extra, window, at_rounding, stationary)
        return DerivativeReport(
            name=self._name, verdict=verdict,
            ok=bool(right and conclusive and smooth and not wrong),
            steps=STEPS.copy(), remainders=remainders, orders=orders, window=window,
            error=error, uncertainty=uncertainty, tolerance=tolerance, scale=scale,
            worst_entry=worst, stationary=stationary, **extra)

    def _at(self, shift):
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                return self._F(self._theta + shift)
        except FAILURES:
            return np.full(self._F0.shape, np.nan)

    def _compare(self, best, slopes, sizes):
        """(error, uncertainty, scale, index of the step), relative, over all directions.

        sizes: largest |F| at each step.
        """
        sizes = np.fmax(sizes, np.abs(self._F0).max(initial=0.0))
        known = best[~np.isnan(best)]
        scale = max(np.abs(slopes).max(initial=0.0), np.median(np.abs(best), axis=1).max()
                    if known.size == best.size else 0.0, _SMALLEST_SCALE * sizes[1]) or 1.0
        change = np.abs(np.diff(best, axis=1)).max(axis=(0, 2), initial=0.0) / scale
        spread = np.maximum(change[:-1], change[1:])
        spread = np.where(np.isnan(spread), np.inf, spread)
        k = int(np.argmin(spread)) + 1      # the middle one of three that agree
        uncertainty = spread[k - 1] + 4 * EPS * sizes[k + 1] / (STEPS[k + 1] * scale)
        error = np.abs(best[:, k] - slopes).max(initial=0.0) / scale
        return float(np.nan_to_num(error, nan=np.inf)), float(uncertainty), float(scale), k

    def _locate(self, h, best, slopes):
        """Index of the entry furthest off, by central differences along every axis."""
        p = self._theta.size
        if p > _SCANNED:
            row = int(np.argmax(np.abs(best - slopes).max(axis=0)))
            return None if self._F0.size == 1 else (row,)
        steps = h * np.maximum(np.abs(self._theta), 0.1)
        columns = np.stack([(self._at(e * s) - self._at(-e * s)) / (2.0 * s)
                            for e, s in zip(np.eye(p), steps, strict=True)], axis=1)     # (m, p)
        off = np.nan_to_num(np.abs(columns - self._derivative), nan=-1.0)
        row, column = np.unravel_index(int(np.argmax(off)), off.shape)
        return (int(column),) if self._F0.size == 1 else (int(row), int(column))


def _smooth(orders, visible):
    """False if along some direction the remainder falls by 10 per decade, as at a kink.

    Judged by the last two decades above the step at which differences are best known.
    """
    for order, seen in zip(orders, visible[:, 1:] & visible[:, :-1], strict=True):
        if seen.sum() >= 2 and order[seen][-2:].max() < 1.5:
            return False
    return True


def _verdict(right, conclusive, smooth, error, uncertainty, tolerance, worst, wrong, extra, window,
             at_rounding, stationary):
    if not conclusive and stationary:
        return ("inconclusive: theta is stationary, so that differences see curvature and rounding, "
                f"not the derivative (known to {uncertainty:.1e}). Check beside it.")
    if not conclusive:
        return ("inconclusive: differences of the function agree with each other only to "
                f"{uncertainty:.1e}. Check at another theta, or look for a kink or noise in the "
                "loss.")
    if not right:
        place = "" if worst is None else f", most at entry {worst if len(worst) > 1 else worst[0]}"
        return (f"WRONG: differs from finite differences by {error:.1e} relative{place}, where "
                f"{tolerance:.1e} could be explained.")
    if not smooth:
        return ("inconclusive: the remainder falls by less than 100 per decade although central "
                "differences agree. The function has a kink at this theta; check elsewhere.")
    if wrong:
        words = {"symmetry_error": "the Hessian is not symmetric",
                 "hvp_error": "hvp disagrees with the Hessian",
                 "adjoint_error": "2 J^T r disagrees with the gradient"}
        return "WRONG: " + "; ".join(f"{words[label]} ({extra[label]:.1e} relative)"
                                     for label in wrong) + "."
    decades = window.stop - window.start - 1
    if decades >= 1:
        return f"right: the remainder falls by 100 per decade over {decades} decades."
    if at_rounding:
        return "right: the remainder is at rounding level (linear to 16 digits)."
    return f"right: agrees with extrapolated differences to {error:.1e} relative."


def _window(orders):
    """Steps of the longest run of decades whose orders are all 2 within 0.05."""
    clean = (np.abs(orders - 2.0) <= _CLEAN).all(axis=0)
    best, start = slice(0, 0), None
    for k, good in enumerate([*clean, False]):
        if good and start is None:
            start = k
        if not good and start is not None:
            if k + 1 - start > best.stop - best.start:
                best = slice(start, k + 1)
            start = None
    return best


def _theta(problem, theta):
    if theta is None:
        if callable(problem):
            raise ValueError("theta is missing: with a function instead of a problem, say where "
                             "to check.")
        theta = problem.theta0
    if isinstance(theta, Mapping) and not callable(problem):
        theta = problem.ravel(theta)
    return float64_array("theta", theta,
                         shape=(None,) if callable(problem) else (int(problem.size),))


def _directions(problem, theta, directions, seed):
    """(directions, p): random signs times 0.5 to 1.5 times the size of the block of θ."""
    count = positive_integer("directions", directions)
    rng = np.random.default_rng(seed)
    slices = getattr(problem, "slices", None) or {"theta": slice(0, theta.size)}
    scale = np.ones(theta.size)
    for block in slices.values():
        size = np.sqrt(np.mean(theta[block] ** 2)) if theta[block].size else 0.0
        scale[block] = size if size > 0 else 1.0
    signs = rng.choice([-1.0, 1.0], size=(count, theta.size))
    return signs * rng.uniform(0.5, 1.5, size=signs.shape) * scale


def _vector(name, function, shape):
    return lambda t: float64_array(name, function(t), shape=shape, finite=False)


def _relative(a, b, scale):
    difference, size = (np.abs(x).max(initial=0.0) for x in (a - b, scale))
    return 0.0 if difference == 0.0 else float(difference / size) if size > 0 else np.inf
