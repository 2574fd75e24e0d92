"""`minimize` with SciPy's arguments on top of `solve`."""

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

from pcl.interior_point.differences import gradient_by_differences, jacobian_by_differences
from pcl.interior_point.solve import solve
from pcl.validate import float64_array, known


def minimize(fun, x0, args=(), jac=None, hess=None, bounds=None, constraints=(), **options):
    """A local minimum of fun(x, *args), arguments as in `scipy.optimize.minimize`.

    Parameters
    ----------
    fun : function (x, *args) -> float, or (float, gradient) with jac=True
    x0 : (n,) array
    jac : function (x, *args) -> (n,), True, or None for central differences
    hess : function (x, *args) -> (n, n); with the `hess(x, v)` of every nonlinear constraint it gives the
        exact Hessian of the Lagrangian, without it limited-memory BFGS is used
    bounds : scipy.optimize.Bounds or a sequence of pairs (lower, upper), None for no bound
    constraints : LinearConstraint, NonlinearConstraint, {"type": "eq" or "ineq", "fun", "jac", "args"},
        or a sequence of them
    options : those of `pcl.interior_point.solve`

    Returns
    -------
    Result, see `pcl.interior_point.solve`; `lam` holds the rows of all constraints in their order.
    """
    x0 = float64_array("x0", np.atleast_1d(x0), (None,))
    parts = constraints if isinstance(constraints, (list, tuple)) else [constraints]
    program = _Program(_Objective(fun, jac, hess, args), x0, bounds, [_rows(part, x0) for part in parts])
    exact = hess is not None and all(part.hess is not None for part in program.parts)
    return solve(program, x0, **{"hessian": "exact" if exact else "limited-memory", **options})


class _Objective:
    def __init__(self, fun, jac, hess, args):
        self._fun, self._jac, self._hess, self._args = fun, jac, hess, args

    def value(self, x):
        out = self._fun(x, *self._args)
        return float(float64_array("fun(x)", np.squeeze(out[0] if self._jac is True else out), (),
                                   finite=False))

    def gradient(self, x):
        if self._jac is True:
            return self._fun(x, *self._args)[1]
        if callable(self._jac):
            return self._jac(x, *self._args)
        return gradient_by_differences(self.value, x)

    def hessian(self, x):
        return self._hess(x, *self._args)


class _Rows:
    """lower ≤ fun(x) ≤ upper with jac(x) and hess(x, v)."""

    def __init__(self, fun, jac, hess, lower, upper, x0):
        self._fun = fun
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
        return _Rows(lambda x: A @ x, lambda x: A, lambda x, v: np.zeros((x.size, x.size)),
                     constraint.lb, constraint.ub, x0)
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


class _Program:
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
        W = _matrix(self._objective.hessian(x)) * sigma
        for part, begin, end in zip(self.parts, self._cuts, self._cuts[1:]):
            W = W + _matrix(part.hess(x, lam[begin:end]))
        return W

    def row_name(self, j):
        part = int(np.searchsorted(self._cuts, j, side="right")) - 1
        return f"constraint {part}, row {j - self._cuts[part]}"

    def variable_name(self, i):
        return f"x[{i}]"


def _matrix(H):
    if sp.issparse(H):
        return H
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
