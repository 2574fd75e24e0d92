"""Checks before the first iteration: bounds, start, shapes of the first evaluations, settings."""

import numpy as np
import scipy.sparse as sp

from pcl.errors import TrialFailure
from pcl.interior_point.program import checked_bounds, finite
from pcl.interior_point.status import End, Status
from pcl.support.validate import float64_array, known, positive_integer


def checked_program(program):
    """(x_lower, x_upper, c_lower, c_upper) as float64 copies; ValueError where they are wrong."""
    n = positive_integer("program.n", program.n, minimum=0)
    m = positive_integer("program.m", program.m, minimum=0)
    return (*checked_bounds("x", program.x_lower, program.x_upper, n, program.variable_name),
            *checked_bounds("c", program.c_lower, program.c_upper, m, program.row_name))


def checked_settings(tol, acceptable_tol, constraint_tol, maxiter, max_seconds, barrier, scaling,
                     initial_barrier, attempts, solver="pcl"):
    """Refuse settings that are not positive or not known."""
    for name, value in (("tol", tol), ("acceptable_tol", acceptable_tol),
                        ("constraint_tol", constraint_tol), ("max_seconds", max_seconds),
                        ("initial_barrier", initial_barrier)):
        if value is not None and not (np.isreal(value) and np.isfinite(value) and value > 0.0):
            raise ValueError(f"{name} is {value!r}; expected a positive number.")
    positive_integer("maxiter", maxiter, minimum=0)
    positive_integer("attempts", attempts)
    known("barrier", barrier, ("adaptive", "monotone"))
    known("scaling", scaling, ("gradient", "none"))
    known("solver", solver, ("pcl", "ipopt"))


def checked_for_ipopt(callback, hessian):
    """Refuse what IPOPT cannot be told."""
    if callback is not None:
        raise ValueError("callback is given with solver='ipopt', which has none; leave it out, and read "
                         "result.history, or verbose=1.")
    if hessian not in ("exact", "limited-memory"):
        raise ValueError(f"hessian is {hessian!r}; expected 'exact' or 'limited-memory' with "
                         "solver='ipopt'.")


def checked_warm_start(result, program):
    """Refuse a warm start without point, multipliers and barrier of the shapes of the program."""
    if result is None:
        return
    sizes = {"x": program.n, "lam": program.m, "z_lower": program.n, "z_upper": program.n}
    given = result if isinstance(result, dict) else {}
    missing = [name for name in (*sizes, "barrier") if name not in given]
    if missing:
        raise TypeError(f"warm_start is a {type(result).__name__} without {', '.join(missing)}; expected "
                        "the Result of an earlier solve.")
    for name, size in sizes.items():
        if np.shape(result[name]) != (size,):
            raise ValueError(f"warm_start.{name} has shape {np.shape(result[name])}; expected ({size},), "
                             "as the program has it. Start from x0=result.x instead.")


class First:
    """The first evaluation at a start: f, c, g, J (and W) with the right shapes, finite.

    Raises
    ------
    ValueError
        A wrong shape or dtype, with what was expected.
    End
        START_FAILED where a value is not finite.
    """

    def __init__(self, program, x):
        n, m = program.n, program.m
        try:
            with np.errstate(all="ignore"):
                f = float64_array("objective(x)", program.objective(x.copy()), (), finite=False)
                c = float64_array("constraints(x)", program.constraints(x.copy()), (m,), finite=False)
                g = float64_array("gradient(x)", program.gradient(x.copy()), (n,), finite=False)
                self.J = matrix("jacobian(x)", program.jacobian(x.copy()), (m, n))
            self.f, self.c = float(finite("objective", f)), finite("constraints", c, program.row_name)
            self.g = finite("gradient", g, program.variable_name)
            finite("jacobian (its column sums)", self.J.T @ np.ones(m), program.variable_name)
        except TrialFailure as error:
            raise End(Status.START_FAILED, f"{error}.") from error

    def hessian(self, program, x):
        """W for f alone at the start, its shape checked."""
        return matrix("hessian(x, lam, sigma)", program.hessian(x.copy(), np.zeros(program.m), 1.0),
                      (program.n, program.n))


def matrix(name, A, shape):
    """A if it has the shape and real entries, else a ValueError or TypeError."""
    if getattr(A, "shape", None) != shape:
        raise ValueError(f"{name} has shape {getattr(A, 'shape', None)}; expected {shape} "
                         f"(got a {type(A).__name__}).")
    if (sp.issparse(A) or isinstance(A, np.ndarray)) and A.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {A.dtype}; expected real numbers.")
    return A
