"""The methods of `minimize` by name, with their options, defaults and admissible values."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from pcl.support.nearest import nearest
from pcl.support.validate import require_free
from pcl.training.drivers import (adam, hand_over, least_squares, levenberg_marquardt, newton_cg,
                                  quasi_newton, scipy_minimize, trust_region)
from pcl.training.run.driven import Driven


class Driver(Protocol):
    """x_{k+1} from x_k until the run is over: which it is, the driver does not say.

    `run` is a `pcl.training.run.driven.Driven`:

        run.current, run.trial(θ, gradient=True)    points with theta, loss (+inf: no value), gradient
        run.accept(point), run.reject()             one of them each iteration; they end the run
        run.dead_end(status)                        nothing more can be done

    `name` and `options` (checked, complete) are those of the call; methods that need residuals are given
    their evaluator as a fourth argument.
    """

    # `**named` lets a checker take three or four arguments; nothing is given by name.
    def __call__(self, run: Driven, name: str, options: Any, /, *residuals: Any,
                 **named: Any) -> None: ...


@dataclasses.dataclass(frozen=True)
class Method:
    """A method of `minimize`: what drives it, its limits, and what it needs.

    Parameters
    ----------
    drive : `pcl.training.methods.Driver`
        x_{k+1} from x_k, see `register_method`.
    maxiter : int, by default
    options : {name: (default, check)}
        `check` is a function of a value, True where it is admissible.
    bounds : bool or str
        Takes them; or the name of the method that runs in its place where there are any.
    hessian : bool, uses second derivatives
    dense : bool, and forms them
    residuals : bool or "optional"
        Needs residuals; "optional" uses them where the problem has them.
    batches : bool
        May take gradients of batches of experiments, and is given the evaluator that has them as a fourth
        argument; the options "batch" and "seed" are its.
    metric : bool
        Measures gradients by its option "preconditioner", and is given the evaluator that holds it as a
        fourth argument.
    """

    drive: Driver
    maxiter: int
    options: Mapping
    bounds: bool | str = False
    hessian: bool = False
    dense: bool = False
    residuals: bool | str = False
    metric: bool = False
    batches: bool = False


def positive(value):
    """True for a finite number above 0."""
    return _is_number(value) and 0 < value < np.inf


def _is_number(value):
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _whole(value):
    return _is_number(value) and 1 <= value < np.inf and value == int(value)


def _within(low, high):
    return lambda value: _is_number(value) and low <= value < high


class _one_of:
    """One of some words."""

    def __init__(self, *known):
        self.known = known

    def __call__(self, value):
        return isinstance(value, str) and value in self.known


def _optional(check):
    return lambda value: value is None or check(value)


def _flag(value):
    return isinstance(value, bool)


def _mapping(value):
    return isinstance(value, Mapping)


def _scale(value):
    if isinstance(value, str):
        return value == "jac"
    return bool(np.all([positive(entry) for entry in np.ravel(value)]))


def _positive_array(value):
    return not isinstance(value, str) and _scale(value)


def _count(value):
    return _is_number(value) and 0 <= value < np.inf and value == int(value)


def _anything(value):
    return True


_SCALED = {"loss_scale": (1.0, _optional(positive))}     # 1: SciPy's own iterates
_UNIT_FREE = {"loss_scale": (None, _optional(positive))}
_TRUST = {"initial_trust_radius": (1.0, positive), "max_trust_radius": (1000.0, positive),
          "eta": (0.15, _within(0.0, 0.25)), "skip_rejected_hessians": (True, _flag), **_SCALED}
_WOLFE = {"c1": (1e-4, _within(0.0, 1.0)), "c2": (0.9, _within(0.0, 1.0)), "hess_inv0": (None, _anything)}
_ROBUST = {"loss": ("linear", _one_of(*least_squares.RHO)), "f_scale": (1.0, positive)}


def _hand_over(run, method, options, evaluator):
    """First-order method, Levenberg–Marquardt given residuals, exact Hessian."""
    last = ["newton-trust-region"] if hasattr(evaluator.problem, "hessian") else []
    names = [options["first"], *(["levenberg-marquardt"] if evaluator.residuals else []), *last]
    hand_over.drive(run, evaluator, {name: functools.partial(_stage, name) for name in names})


def _stage(name, run, residuals):
    extra = (residuals,) if METHODS[name].residuals else ()
    unit_free = {"loss_scale": None} if "loss_scale" in METHODS[name].options else None
    METHODS[name].drive(run, name, merge(name, unit_free), *extra)


METHODS = {
    "trust-exact": Method(scipy_minimize.drive_trust_region, 200, {
        **_TRUST, "subproblem_maxiter": (100, _whole)}, bounds="newton-trust-region", hessian=True,
        dense=True),
    "trust-krylov": Method(scipy_minimize.drive_trust_region, 200, {
        **_TRUST, "inexact": (True, _flag), **_UNIT_FREE}, bounds="newton-cg", hessian=True),
    "trust-ncg": Method(scipy_minimize.drive_trust_region, 200, _TRUST, bounds="newton-cg", hessian=True),
    "BFGS": Method(quasi_newton.drive, 2000, _WOLFE, bounds=True),
    "ssbfgs": Method(quasi_newton.drive, 2000, _WOLFE, bounds=True),
    "ssbroyden": Method(quasi_newton.drive, 2000, _WOLFE, bounds=True),
    "L-BFGS-B": Method(scipy_minimize.drive_line_search, 2000, {
        "maxcor": (None, _optional(_whole)), "maxls": (50, _whole), "maxfun": (None, _optional(_whole)),
        **_SCALED}, bounds=True),
    "newton-trust-region": Method(trust_region.drive, 200, {
        key: _TRUST[key] for key in ("initial_trust_radius", "max_trust_radius", "eta")},
        bounds=True, hessian=True, dense=True),
    "newton-cg": Method(newton_cg.drive, 200, {
        "hessian": ("auto", _one_of(*newton_cg.HESSIANS)), "preconditioner": (None, _optional(callable)),
        "eta_max": (0.5, _within(0.0, 1.0)), "c1": (1e-4, _within(0.0, 0.5)),
        "memory": (100, _count), "max_products": (200, _whole)}, bounds=True, hessian=True, metric=True),
    "least-squares": Method(least_squares.drive, 200, {
        "algorithm": ("trf", _one_of(*least_squares.ALGORITHMS)), **_ROBUST,
        "x_scale": (None, _optional(_scale)), "tr_solver": (None, _optional(_one_of("exact", "lsmr"))),
        "tr_options": (None, _optional(_mapping)), "max_nfev": (None, _optional(_whole))}, bounds=True,
        residuals=True),
    "levenberg-marquardt": Method(levenberg_marquardt.drive, 200, {
        **_ROBUST, "x_scale": (None, _optional(_positive_array)),
        "initial_trust_radius": (None, _optional(positive)), "corrections": (3, _count),
        "linear_algebra": ("auto", _one_of("auto", "svd", "cholesky"))},
        bounds=True, residuals=True),
    "hand-over": Method(_hand_over, 2000, {"first": ("L-BFGS-B", _one_of("L-BFGS-B", "adam"))},
                        bounds=True, residuals="optional"),
    "adam": Method(adam.drive, 5000, {
        "learning_rate": (1e-3, positive), "beta_1": (0.9, _within(0.0, 1.0)),
        "beta_2": (0.999, _within(0.0, 1.0)), "epsilon": (1e-7, positive),
        "batch": (None, _optional(_whole)), "seed": (0, _count), **_UNIT_FREE}, bounds=True,
        batches=True),
}


def register_method(name: str, method: Method) -> None:
    """Make a `Method` available to `minimize` under a name.

    `method.drive(run, name, options)` takes trial points, `run.trial(theta, gradient=True)`, and tells
    of each iteration by `run.accept(point)` or `run.reject()`, which end the run when it is over;
    `run.dead_end(status)` ends it where nothing more can be done. Methods that need residuals are given
    their evaluator as a fourth argument.

    Parameters
    ----------
    name : str
    method : Method

    Raises
    ------
    ValueError
        The name is taken (in upper or lower case), or a default fails its own check.
    TypeError
        It is no Method, or a part of it is of the wrong kind.

    Examples
    --------
    Steepest descent with a fixed length:

    >>> import pcl
    >>> def descend(run, name, options):
    ...     while True:
    ...         step = -options["rate"] * run.current.gradient
    ...         run.accept(run.trial(run.current.theta + step, gradient=True))
    >>> method = pcl.Method(descend, maxiter=500, options={"rate": (0.1, lambda rate: 0 < rate < 1)})
    >>> pcl.register_method("steepest-descent", method)
    >>> problem = pcl.Problem(lambda t: (t["k"] - 2.0)**2, {"k": 0.0})
    >>> pcl.minimize(problem, "steepest-descent", options={"rate": 0.2}).x.round(4)
    array([2.])
    """
    if not isinstance(method, Method):
        raise TypeError(f"method is a {type(method).__name__}; expected a pcl.Method.")
    require_free("method", name, METHODS)
    if not callable(method.drive) or not _whole(method.maxiter) or not _mapping(method.options):
        raise TypeError(f"method {name!r} has drive={method.drive!r}, maxiter={method.maxiter!r}, "
                        f"options={method.options!r}; expected a function, a whole number ≥ 1 and "
                        "{name: (default, check)}.")
    for key, (default, accepts) in method.options.items():
        if not accepts(default):
            raise ValueError(f"the default {default!r} of option {key!r} fails its own check.")
    METHODS[name] = method


# Other names people know them by.
ALIASES = {"lm": "levenberg-marquardt", "l-bfgs": "L-BFGS-B", "lbfgs": "L-BFGS-B"}


def choose(method):
    """(name, Method) of a method's name or alias in upper or lower case, _ for - if need be."""
    names = {name.lower(): name for name in METHODS} | ALIASES
    name = names.get(method.lower().replace("_", "-")) if isinstance(method, str) else None
    if name is None:
        raise ValueError(f"method is {method!r}; known are {', '.join(METHODS)}."
                         f"{nearest(method, (*METHODS, *ALIASES))}")
    return name, METHODS[name]


def within(name, bounds):
    """(name, Method) that runs where `name` is asked for: with bounds possibly another one."""
    other = METHODS[name].bounds
    name = other if bounds is not None and isinstance(other, str) else name
    return name, METHODS[name]


def merge(name, given):
    """The options of a method: those given, checked, over its defaults."""
    method = METHODS[name]
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"options is a {type(given).__name__}; expected a dict.")
    given = dict(given or {})
    unknown = sorted(map(str, set(given) - set(method.options)))
    if unknown:
        raise ValueError(f"options holds {', '.join(map(repr, unknown))}, unknown to {name}; known are "
                         f"{', '.join(sorted(method.options))}.{nearest(unknown[0], method.options)}")
    for key, value in given.items():
        default, accepts = method.options[key]
        if not accepts(value):
            words = getattr(accepts, "known", ())
            others = f" Known are {', '.join(words)}.{nearest(value, words)}" if words else ""
            raise ValueError(f"options[{key!r}] is {value!r}, which {name} cannot use; the "
                             f"default is {default!r}.{others}")
    settings = {key: default for key, (default, _) in method.options.items()} | given
    if (settings.get("initial_trust_radius") or 0.0) >= settings.get("max_trust_radius", np.inf):
        raise ValueError(f"options['initial_trust_radius'] is {settings['initial_trust_radius']}"
                         f"; expected less than max_trust_radius, "
                         f"{settings['max_trust_radius']}.")
    if settings.get("c1", 0.0) >= settings.get("c2", 1.0) or settings.get("c1") == 0.0:
        raise ValueError(f"options['c1'] is {settings['c1']} and c2 is {settings['c2']}; "
                         "expected 0 < c1 < c2 < 1.")
    return settings
