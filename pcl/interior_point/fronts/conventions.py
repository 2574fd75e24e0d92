"""SciPy's words for settings and callbacks as those of `solve`."""

import inspect
import warnings

from scipy.optimize import OptimizeResult, OptimizeWarning

from pcl.support.validate import known

METHODS = ("interior-point", "trust-constr", "slsqp")
_SOLVE = ("tol", "maxiter", "max_seconds", "hessian", "kkt", "barrier", "initial_barrier", "scaling",
          "verbose", "acceptable_tol", "constraint_tol", "check_derivatives",
          "reestimate_below", "bound_push", "attempts")
_RENAMED = {"disp": "verbose", "gtol": "tol", "ftol": "tol",
            "initial_barrier_parameter": "initial_barrier"}
_WITHOUT = ("xtol", "barrier_tol", "initial_barrier_tolerance", "initial_tr_radius",
            "initial_constr_penalty", "factorization_method", "sparse_jacobian", "finite_diff_rel_step",
            "eps", "iprint", "workers")


def checked_method(method):
    """Refuse a method that is not named; None is the interior point."""
    if method is not None:
        known("method", str(method).lower(), METHODS)


def settings(options):
    """The settings of `solve` that SciPy's `options` mean.

    Raises
    ------
    ValueError
        An option that neither has. One of SciPy's that has no counterpart here only warns.
    """
    found = {}
    for name, value in (options or {}).items():
        if name in _WITHOUT:
            warnings.warn(f"options[{name!r}] has no counterpart in the interior point and is left out.",
                          OptimizeWarning, stacklevel=3)
            continue
        known("option", name, (*_SOLVE, *_RENAMED, *_WITHOUT))
        name = _RENAMED.get(name, name)
        found[name] = int(value) if name == "verbose" else value
    return found


def adapted(callback):
    """The callback as `solve` calls it, by its parameters.

    callback(xk); callback(intermediate_result), an OptimizeResult; callback(xk, state), which ends the
    run by returning True; callback(snapshot), the `Snapshot` itself.
    """
    if callback is None:
        return None
    names = _required(callback)
    if names == ["snapshot"]:
        return callback
    if names == ["intermediate_result"]:
        return lambda snapshot: callback(intermediate_result=intermediate(snapshot))
    if len(names) == 2:
        return lambda snapshot: _stop_if(callback(snapshot.x, intermediate(snapshot)))
    return lambda snapshot: callback(snapshot.x)


def _required(callback):
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):         # builtins such as list.append have no signature
        return ["xk"]
    return [p.name for p in parameters
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _stop_if(answer):
    if answer is True:
        raise StopIteration


def intermediate(snapshot):
    """A snapshot by SciPy's names."""
    return OptimizeResult(
        x=snapshot.x, fun=snapshot.objective, nit=snapshot.iteration,
        optimality=snapshot.dual_infeasibility, constr_violation=snapshot.infeasibility,
        barrier_parameter=snapshot.barrier,
        execution_time=snapshot.seconds)
