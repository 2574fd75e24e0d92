"""Sparse solvers by name."""

from collections.abc import Callable

import numpy as np
import scipy.sparse

from pcl.factor.factorisation import Factorisation
from pcl.support.validate import known, require_free

_solvers: dict[str, Callable[..., Factorisation]] = {}


def register_solver(name: str, factorise: Callable[..., Factorisation]) -> None:
    """Make `factorise(matrix, symmetric)` available as solver `name`.

    `matrix` is a square CSC array; `symmetric` says that its values are. The result must have, for b
    of shape (n,) or (n, k),

        solve(b, transpose)   A⁻¹b or A⁻ᵀb with a backward error near rounding
        estimate(b)           A⁻¹b to a few digits, as cheaply as it comes
        entries, nbytes       multiplications of one solve, and the memory held

    and may raise SingularMatrix or NotConverged, in making it and in `solve`. A small positive definite
    matrix is solved at once, to see that it does.

    Parameters
    ----------
    name : str
    factorise : function (matrix, symmetric) -> Factorisation

    Raises
    ------
    ValueError
        The name is taken, or the trial has another solution.
    TypeError
        `factorise` cannot be called, or its result lacks a part.

    Examples
    --------
    >>> import numpy as np, scipy.linalg, pcl
    >>> class Dense:
    ...     def __init__(self, matrix, symmetric):
    ...         self.lu = scipy.linalg.lu_factor(matrix.toarray())
    ...         self.entries, self.nbytes = matrix.shape[0]**2, 8 * matrix.shape[0]**2
    ...     def solve(self, b, transpose=False):
    ...         return scipy.linalg.lu_solve(self.lu, b, trans=int(transpose))
    ...     def estimate(self, b): return self.solve(b)
    >>> pcl.register_solver("dense-lu", Dense)
    >>> A = pcl.SparseMatrix.from_entries([0, 1], [0, 1], [2.0, 4.0], (2, 2))
    >>> pcl.solve(A, [1.0, 1.0], solver="dense-lu").numpy()
    array([0.5 , 0.25])
    """
    require_free("solver", name, _solvers)
    if not callable(factorise):
        raise TypeError(f"factorise is a {type(factorise).__name__}; expected a function "
                        "factorise(matrix, symmetric).")
    _try_out(name, factorise)
    _solvers[name] = factorise


def _try_out(name, factorise):
    A = np.diag(np.full(4, 3.0)) - np.eye(4, k=1) - np.eye(4, k=-1)
    factor = factorise(scipy.sparse.csc_array(A), True)
    missing = [part for part in ("solve", "estimate", "entries", "nbytes")
               if getattr(factor, part, None) is None]
    if missing:
        raise TypeError(f"solver {name!r} makes a {type(factor).__name__} without "
                        f"{', '.join(missing)}; expected solve, estimate, entries and nbytes.")
    for b in (np.arange(1.0, 5.0), np.arange(8.0).reshape(4, 2)):
        for transpose in (False, True):
            x = np.asarray(factor.solve(b, transpose))
            if x.shape != b.shape or not np.abs(A @ x - b).max() <= 1e-8 * np.abs(b).max():
                raise ValueError(f"solver {name!r} does not solve a positive definite 4×4 matrix with "
                                 f"b of shape {b.shape} and transpose={transpose}.")


def solvers():
    """The registered names."""
    return sorted(_solvers)


def backend(name):
    """What was registered under this name: `factorise` without its checks."""
    return _solvers[known("solver", name, _solvers)]
