"""`minimize` with SciPy's arguments on top of `solve`."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

from pcl.interior_point.fronts.conventions import adapted, checked_method, settings
from pcl.interior_point.fronts.differences import gradient_by_differences, jacobian_by_differences
from pcl.interior_point.result import Result
from pcl.interior_point.solve import solve
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, known


def minimize(fun: Callable, x0: ArrayLike | None = None, args: tuple = (), method: str | None = None,
             jac: Any = None, hess: Callable | None = None, hessp: Callable | None = None,
             bounds: Any = None, constraints: Any = (), tol: float | None = None,
             callback: Callable | None = None, options: Mapping[str, Any] | None = None, *,
             warm_start: Result | None = None, **more: Any) -> Result:
    """A local minimum of fun(x, *args), arguments as in `scipy.optimize.minimize`.

    Parameters
    ----------
    args : tuple
        Further arguments of `fun`, `jac`, `hess` and `hessp`.
    fun : function (x, *args) -> float, or (float, gradient) with jac=True
    x0 : (n,) array; may be left out with `warm_start`
    method : None or "interior-point"; "trust-constr" and "slsqp" are taken, too, so that calls need no
        change, and are solved by the interior point all the same
    jac : function (x, *args) -> (n,), True, or None or a string for central differences
    hess : function (x, *args) -> (n, n), dense or sparse; with the `hess(x, v)` of every nonlinear
        constraint it gives the exact Hessian of the Lagrangian, without it limited-memory BFGS is used
    hessp : function (x, p, *args) -> (n,), instead of `hess`
    bounds : scipy.optimize.Bounds or a sequence of pairs (lower, upper), None for no bound
    constraints : LinearConstraint, NonlinearConstraint, {"type": "eq" or "ineq", "fun", "jac", "args"},
        or a sequence of them
    tol : float, the `tol` of `solve`
    callback : callback(xk); callback(intermediate_result); callback(xk, state), ends the run by True;
        callback(snapshot), a `Snapshot`: told apart by their parameters. StopIteration ends the run
    options : dict, maxiter, disp or verbose (a table), gtol or ftol, and the settings of `solve`
    warm_start : Result of an earlier solve: the run starts at its x, with its multipliers and barrier
    more : the settings of `solve` as keywords

    Returns
    -------
    Result, see `pcl.interior_point.solve`; `lam` holds the rows of all constraints in their order; nfev
    counts calls of `fun`, those for differences included.

    Raises
    ------
    ValueError, TypeError
        As `solve`; an unknown method or option, with the known ones.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> from scipy.optimize import LinearConstraint
    >>> found = pcl.interior_point.minimize(lambda x: x @ x, [3.0, 0.0], jac=lambda x: 2 * x,
    ...                                     constraints=LinearConstraint([[1.0, 1.0]], 1.0, np.inf))
    >>> found.x.round(6), found.status.name
    (array([0.5, 0.5]), 'SOLVED')
    """
    checked_method(method)
    x0 = _first(x0, warm_start)
    parts = constraints if isinstance(constraints, (list, tuple)) else [constraints]
    objective = _Objective(fun, jac, hess, hessp, args)
    program = _FromScipy(objective, x0, bounds, [_rows(part, x0) for part in parts])
    exact = objective.has_hessian and all(part.linear or part.hess is not None for part in program.parts)
    given = {} if tol is None else {"tol": tol}
    result = solve(program, x0, callback=adapted(callback), warm_start=warm_start,
                   **{"hessian": "exact" if exact else "limited-memory", **given, **settings(options),
                      **more})
    result.nfev = objective.calls
    return result


def _first(x0, warm_start):
    """Where to start: at the earlier point, if there is one."""
    if warm_start is not None and isinstance(warm_start, dict) and "x" in warm_start:
        x0 = warm_start["x"]
    if x0 is None:
        raise ValueError("x0 is None; expected a start (n,), or warm_start=result.")
    return float64_array("x0", np.atleast_1d(x0), (None,))


class _Objective:
    def __init__(self, fun, jac, hess, hessp, args):
        self._fun, self._jac, self._args, self.calls = fun, jac, args, 0
        self._hess, self._hessp = hess if callable(hess) else None, hessp
        self.has_hessian = self._hess is not None or hessp is not None

    def _called(self, x):
        self.calls += 1
        return self._fun(x, *self._args)

    def value(self, x):
        out = self._called(x)
        return float(float64_array("fun(x)", np.squeeze(out[0] if self._jac is True else out), (),
                                   finite=False))

    def gradient(self, x):
        if self._jac is True:
            return self._called(x)[1]
        if callable(self._jac):
            return self._jac(x, *self._args)
        return gradient_by_differences(self.value, x)

    def hessian(self, x):
        if self._hess is not None:
            return self._hess(x, *self._args)
        return np.array([self._hessp(x, p, *self._args) for p in np.eye(x.size)]).T


class _Rows:
    """lower ≤ fun(x) ≤ upper with jac(x) and hess(x, v); linear rows have no Hessian."""

    def __init__(self, fun, jac, hess, lower, upper, x0, linear=False):
        self._fun, self.linear = fun, linear
        self._jac = jac if callable(jac) else lambda x: jacobian_by_differences(self.value, x)
        self.hess = hess if callable(hess) else None
        self.m = self.value(x0).size
        self.lower, self.upper = (np.broadcast_to(np.asarray(b, dtype=np.float64), (self.m,)).copy()
                                  for b in (lower, upper))

    def value(self, x):
        return np.atleast_1d(float64_array("fun(x) of a constraint", self._fun(x), finite=False))

    def jacobian(self, x):
        J = self._jac(x)
        if sp.issparse(J):
            return sp.csr_array(J)
        return np.atleast_2d(float64_array("jac(x) of a constraint", J, finite=False))


def _rows(constraint, x0):
    if isinstance(constraint, LinearConstraint):
        A = constraint.A if sp.issparse(constraint.A) else np.atleast_2d(
            np.asarray(constraint.A, dtype=np.float64))
        return _Rows(lambda x: A @ x, lambda x: A, None, constraint.lb, constraint.ub, x0, linear=True)
    if isinstance(constraint, NonlinearConstraint):
        return _Rows(constraint.fun, constraint.jac, constraint.hess, constraint.lb, constraint.ub, x0)
    if not isinstance(constraint, dict) or not {"type", "fun"} <= set(constraint):
        raise TypeError(f"constraints has an entry {constraint!r}; expected LinearConstraint, "
                        "NonlinearConstraint or a dict with 'type' and 'fun'.")
    kind, args = known("constraint type", constraint["type"], ("eq", "ineq")), constraint.get("args", ())
    jac = constraint.get("jac")
    return _Rows(lambda x: constraint["fun"](x, *args),
                 (lambda x: jac(x, *args)) if callable(jac) else None, None,
                 0.0, 0.0 if kind == "eq" else np.inf, x0)


class _FromScipy:
    def __init__(self, objective, x0, bounds, parts):
        self._objective, self.parts = objective, parts
        self.n, self.m = x0.size, sum(part.m for part in parts)
        self.x_lower, self.x_upper = _bounds(bounds, self.n)
        empty = [np.zeros(0)]
        self.c_lower = np.concatenate(empty + [part.lower for part in parts])
        self.c_upper = np.concatenate(empty + [part.upper for part in parts])
        self._cuts = np.cumsum([0] + [part.m for part in parts])
        self.objective, self.gradient = objective.value, objective.gradient

    def constraints(self, x):
        return np.concatenate([np.zeros(0)] + [part.value(x) for part in self.parts])

    def jacobian(self, x):
        blocks = [part.jacobian(x) for part in self.parts]
        if any(sp.issparse(block) for block in blocks):
            return sp.csr_array(sp.vstack([sp.csr_array(block) for block in blocks]))
        return np.vstack([np.zeros((0, self.n)), *blocks])

    def hessian(self, x, lam, sigma):
        """The sum; sparse if every Hessian is, rows that are linear add nothing."""
        terms = [_matrix(self._objective.hessian(x)) * sigma]
        for part, begin, end in zip(self.parts, self._cuts, self._cuts[1:]):
            if not part.linear:
                terms.append(_matrix(part.hess(x, lam[begin:end])))
        if not all(sp.issparse(term) for term in terms):
            terms = [term.toarray() if sp.issparse(term) else term for term in terms]
        return sum(terms[1:], terms[0])

    def row_name(self, j):
        part = int(np.searchsorted(self._cuts, j, side="right")) - 1
        return f"constraint {part}, row {j - self._cuts[part]}"

    def variable_name(self, i):
        return f"x[{i}]"


def _matrix(H):
    if sp.issparse(H):
        return sp.csr_array(H)
    if hasattr(H, "shape") and not isinstance(H, np.ndarray):
        H = H @ np.eye(H.shape[1])      # scipy's LinearOperator
    return np.asarray(H, dtype=np.float64)


def _bounds(bounds, n):
    if bounds is None:
        return np.full(n, -np.inf), np.full(n, np.inf)
    if isinstance(bounds, Bounds):
        return tuple(np.broadcast_to(np.asarray(b, dtype=np.float64), (n,)).copy()
                     for b in (bounds.lb, bounds.ub))
    pairs = list(bounds)
    if len(pairs) != n:
        raise ValueError(f"bounds has {len(pairs)} pairs; expected {n}, one for each entry of x0.")
    return (np.array([-np.inf if low is None else low for low, _ in pairs], dtype=np.float64),
            np.array([np.inf if high is None else high for _, high in pairs], dtype=np.float64))
