"""The statement: minimise f(x) subject to c_lower ≤ c(x) ≤ c_upper, x_lower ≤ x ≤ x_upper.

    𝓛(x, λ) = σ f(x) + λᵀ c(x),      ∇f + Jᵀ λ − z_lower + z_upper = 0,      z ≥ 0
"""

from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from pcl.errors import TrialFailure
from pcl.support.validate import float64_array


class EvaluationFailed(TrialFailure):
    """A function of the program is not finite at a point; the message names function and entry."""


class Program(Protocol):
    """A nonlinear program with n variables and m rows; missing bounds are ±inf.

    A value that is NaN or infinite, or `pcl.errors.TrialFailure` raised, is a rejected trial point.
    J (m, n) and W (n, n) are sparse or dense arrays, or structured objects for a KKT backend that knows
    them. A structured object has `@`, `.T`, `.shape` and `.tocsc()`. W is full (both triangles).

    Attributes
    ----------
    n, m : int
    x_lower, x_upper : (n,) arrays
    c_lower, c_upper : (m,) arrays; equal entries state an equation

    Examples
    --------
    minimise x² + y² subject to x + y = 1:

    >>> import numpy as np, pcl
    >>> class Nearest:
    ...     n, m = 2, 1
    ...     x_lower, x_upper = np.full(2, -np.inf), np.full(2, np.inf)
    ...     c_lower = c_upper = np.ones(1)
    ...     def objective(self, x): return x @ x
    ...     def gradient(self, x): return 2 * x
    ...     def constraints(self, x): return np.array([x.sum()])
    ...     def jacobian(self, x): return np.ones((1, 2))
    ...     def hessian(self, x, lam, sigma): return 2 * sigma * np.eye(2)
    ...     def row_name(self, j): return "sum"
    ...     def variable_name(self, i): return "xy"[i]
    >>> found = pcl.interior_point.solve(Nearest(), [3.0, 0.0])
    >>> found.x.round(6), found.lam.round(6)                # 2x + λ = 0
    (array([0.5, 0.5]), array([-1.]))
    """

    n: int
    m: int
    x_lower: np.ndarray
    x_upper: np.ndarray
    c_lower: np.ndarray
    c_upper: np.ndarray

    def objective(self, x: np.ndarray) -> float:
        """f(x)."""

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """∇f(x), (n,)."""

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """c(x), (m,)."""

    def jacobian(self, x: np.ndarray) -> Any:
        """J(x) = c'(x), (m, n)."""

    def hessian(self, x: np.ndarray, lam: np.ndarray, sigma: float) -> Any:
        """W = σ ∇²f(x) + Σ_j λ_j ∇²c_j(x), (n, n), with λ = `lam` (m,) and σ = `sigma`."""

    def row_name(self, j: int) -> str:
        """Name of row j, for messages."""

    def variable_name(self, i: int) -> str:
        """Name of variable i, for messages."""


def row_maxima(J):
    """max_i |J_ji| of every row (m,); 0 for an empty row."""
    if not sp.issparse(J) and not isinstance(J, np.ndarray):
        J = J.tocsc()
    m, n = J.shape
    if m == 0 or n == 0:
        return np.zeros(m)
    if isinstance(J, np.ndarray):
        return np.abs(J).max(axis=1)
    return np.asarray(abs(sp.csr_array(J)).max(axis=1).toarray(), dtype=np.float64).ravel()


def checked_bounds(name, lower, upper, size, label):
    """The bounds as float64 arrays (size,), refused where no number can lie between them.

    Raises
    ------
    ValueError
        NaN; a lower bound +inf or an upper bound −inf; lower above upper, with the index.
    """
    lower = float64_array(f"{name}_lower", lower, (size,), finite=False)
    upper = float64_array(f"{name}_upper", upper, (size,), finite=False)
    for side, bound, wrong in (("lower", lower, np.inf), ("upper", upper, -np.inf)):
        bad = np.flatnonzero(np.isnan(bound) | (bound == wrong))
        if bad.size:
            raise ValueError(f"{name}_{side}[{bad[0]}] ({label(bad[0])}) is {bound[bad[0]]}; expected "
                             f"a number, or {-wrong} where there is no bound.")
    bad = np.flatnonzero(lower > upper)
    if bad.size:
        i = bad[0]
        raise ValueError(f"{name}_lower[{i}] = {lower[i]:g} is above {name}_upper[{i}] = {upper[i]:g} "
                         f"({label(i)}); no value lies between them.")
    return lower, upper


def finite(name, value, x_name=None):
    """`value` if every entry is finite; EvaluationFailed with the first bad entry if not."""
    if not np.isfinite(value).all():
        bad = np.flatnonzero(~np.isfinite(np.ravel(value)))
        where = f" ({x_name(int(bad[0]))})" if x_name else ""
        entry = f"[{bad[0]}]" if np.ndim(value) else ""
        raise EvaluationFailed(f"{name}{entry}{where} is {np.ravel(value)[bad[0]]}")
    return value


def is_finite(A: Any) -> bool:
    """True if all entries are; of a structured matrix, if its row sums are."""
    if sp.issparse(A) or isinstance(A, np.ndarray):
        return bool(np.isfinite(A.data if sp.issparse(A) else A).all())
    return bool(np.isfinite(A @ np.ones(A.shape[1])).all())
