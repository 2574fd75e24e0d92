"""A program as IPOPT calls it: values of fixed patterns, NaN where an evaluation fails."""

import numpy as np
import scipy.sparse as sp

from pcl.errors import TrialFailure
from pcl.interior_point.door import First

_DENSE = 250_000        # entries up to which every place of a matrix is handed over


class Evaluations:
    """f, ∇f, c, entries of J and of the triangle of W; methods as cyipopt's `problem_obj` has them.

    `jacobian_places`, `hessian_places`: (rows, columns), column by column; those of W have row ≤ column.
    `counts` are the calls by function. An exception of the program is kept as `error`; from then on all
    values are NaN, which ends the run, and the caller raises it.
    """

    def __init__(self, program, x, exact):
        first = First(program, x)
        self._program, self.error, self.history = program, None, []
        self.counts = dict.fromkeys(("objective", "gradient", "constraints", "jacobian", "hessian",
                                     "factorisations"), 0)
        self.jacobian_places = _places(first.J)
        empty = (np.zeros(0, dtype=np.int64),) * 2
        if exact:
            first.hessian(program, x)
            W = program.hessian(x.copy(), np.ones(program.m), 1.0)
        self.hessian_places = _upper(*_places(W)) if exact else empty

    def objective(self, x):
        """f(x)."""
        return float(self._value("objective", 1, x)[0])

    def gradient(self, x):
        """∇f(x), (n,)."""
        return self._value("gradient", self._program.n, x)

    def constraints(self, x):
        """c(x), (m,)."""
        return self._value("constraints", self._program.m, x)

    def jacobian(self, x):
        """Entries of J(x) at `jacobian_places`."""
        return self._value("jacobian", self.jacobian_places, x)

    def hessian(self, x, lagrange, obj_factor):
        """Entries of W(x) at `hessian_places`, one triangle."""
        return self._value("hessian", self.hessian_places, x, np.array(lagrange, dtype=np.float64),
                           float(obj_factor))

    def jacobianstructure(self):
        """(rows, columns) of J."""
        return self.jacobian_places

    def hessianstructure(self):
        """(rows, columns) of the lower triangle of W."""
        return self.hessian_places[::-1]

    def intermediate(self, alg_mod, iter_count, obj_value, inf_pr, inf_du, mu, d_norm,
                     regularization_size, alpha_du, alpha_pr, ls_trials):
        """Keep one row of the history; False, which ends the run, after an exception."""
        self.history.append((obj_value, inf_pr, inf_du, mu, alpha_pr, regularization_size))
        return self.error is None

    def _value(self, name, shape, x, *rest):
        """program.name(x, *rest), a vector of that size or the entries at those places."""
        missing = np.full(shape if isinstance(shape, int) else shape[0].size, np.nan)
        if self.error is not None:
            return missing
        self.counts[name] += 1
        try:
            with np.errstate(all="ignore"):
                value = getattr(self._program, name)(np.array(x, dtype=np.float64).ravel(), *rest)
            if isinstance(shape, int):
                return np.asarray(value, dtype=np.float64).reshape(shape)
            return _entries(name, value, shape)
        except TrialFailure:
            return missing
        except (Exception, KeyboardInterrupt) as error:     # raised by the caller, outside compiled code
            self.error = error
            return missing


def _places(A):
    """(rows, columns) of the entries that a matrix can have, column by column: all of a small one."""
    if isinstance(A, np.ndarray) or A.shape[0] * A.shape[1] <= _DENSE:
        columns, rows = np.indices(A.shape[::-1]).reshape(2, -1)
        return rows, columns
    A = sp.csc_array(_sparse(A))
    A.sum_duplicates()
    return A.indices.astype(np.int64), np.repeat(np.arange(A.shape[1]), np.diff(A.indptr))


def _upper(rows, columns):
    return rows[rows <= columns], columns[rows <= columns]


def _sparse(A):
    return A if sp.issparse(A) else A.tocsc()


def _entries(name, A, places):
    """A at the places; refused if there is anything elsewhere."""
    if isinstance(A, np.ndarray):
        return A[places].astype(np.float64)
    A = _sparse(A)
    A = sp.csr_array(sp.triu(A) if name == "hessian" else A)
    entries = np.asarray(A[places], dtype=np.float64).ravel()
    if np.count_nonzero(entries) < A.count_nonzero():
        raise ValueError(f"{name}(x) has entries where it had none at the start; IPOPT needs one "
                         "pattern: store zeros wherever an entry can be different from zero.")
    return entries
