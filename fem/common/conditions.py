"""All conditions of a solve: what is prescribed, what is tied together, what multipliers keep."""

import functools

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.common.agreement import agreeing, concatenated
from fem.common.constraint import as_list, rows_and_values
from fem.common.dirichlet import gather_all
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import selection

# Conditions that agree differ by rounding only, against the largest value.
_AGREEMENT = 1e-10


class Conditions:
    """u = P z + g, and C u = d kept by multipliers.

    Parameters
    ----------
    space : Space or Grid
    dirichlet, constraints : as in `fem.solve`
    columns : int, optional
        Of several right-hand sides; with `fields` those of u (n, columns), flattened row by row.

    Attributes
    ----------
    numbers, values : (m,) and (m,) or (m, columns)
        The single unknowns that are prescribed.
    by_numbers : bool
        Whether there is nothing else: no ties and no multipliers.
    multipliers, targets : sparse (k, n), C, and (k,), d
    """

    def __init__(self, space, dirichlet, constraints=None, columns=None, fields=False):
        n = space.n * (columns if fields and columns else 1)
        given = as_list(constraints, n)
        found = gather_all(space, dirichlet, columns, fields)
        self._space, self._n, self._columns = space, n, (columns, fields)
        self.numbers, self.values = found.numbers, found.values
        matrix, values = rows_and_values(given, n, "elimination")
        parts = [(m, v) for m, v in ((found.matrix, found.tied), (matrix, values))
                 if m is not None and m.shape[0]]
        self._matrices, self._tied_values = [m for m, _ in parts], [v for _, v in parts]
        self._names = [c.name for c in given if c.name]
        self.multipliers, self.targets = rows_and_values(given, n, "multiplier")
        self.by_numbers = not parts and not self.multipliers.shape[0]

    @functools.cached_property
    def rows(self):
        """E of E u = h, sparse: single unknowns, then what ties several."""
        single = selection(self.numbers, self._n)
        return sp.vstack([single, *self._matrices], format="csr") if self._matrices else single

    @functools.cached_property
    def elimination(self):
        """The `Elimination` of all rows."""
        return self._space.elimination(self.rows)

    @property
    def fixed(self):
        """Numbers of the unknowns that are not free."""
        return self.elimination.fixed

    @functools.cached_property
    def h(self):
        """What the rows are equal to, refused where they contradict each other."""
        h = concatenated([self.values, *self._tied_values])
        return agreeing(h, self.elimination.redundant, self._contradiction, _AGREEMENT)

    @functools.cached_property
    def g(self):
        """(n,) or (n, columns), array or tensor; None for zero."""
        h = self.h
        return None if not tf.is_tensor(h) and not h.any() else times(self.elimination.lift, h)

    @functools.cached_property
    def border(self):
        """C P (k, n_z), and d − C g."""
        C = LinearMap(self.multipliers)
        target = self.targets if self.g is None else like(self.targets, self.g) - times(C, self.g)
        return LinearMap(self.multipliers @ self.elimination.put.matrix), target

    def name_null(self, null):
        """Words on null vectors (n_z + k, r) of the system of z and the multipliers; None without any."""
        if self._n != self._space.n:            # several columns
            return None
        z = null[:len(self.elimination.free)]
        if self.multipliers.shape[0] and np.linalg.norm(z) <= _AGREEMENT * np.linalg.norm(null):
            return (f"the multipliers of {' and '.join(self._names) or 'the constraints'} are not "
                    "determined: these constraints depend on each other, or on what is prescribed. "
                    "Leave one out.")
        return self._space.name_null(self.elimination.put.matrix @ z)

    def expanded(self, z):
        """u (n, …) from z."""
        u = self.elimination.put @ z
        return u if self.g is None else u + like(self.g, u)

    def _among(self):
        return f" (among them {', '.join(self._names)})" if self._names else ""

    def again(self, dirichlet, constraints):
        """The same with other values."""
        return Conditions(self._space, dirichlet, constraints, *self._columns)

    def _contradiction(self, k, h):
        gap = np.abs(self.elimination.redundant @ h).max()
        row = self.elimination.redundant[[k]]
        rows = row.indices[np.abs(row.data) > _AGREEMENT * np.abs(row.data).max()]
        dofs = np.unique(self.rows[rows].indices)
        if not dofs.size:
            return (f"a constraint{self._among()} has a row of zeros that is to be equal to {gap:.3g}; "
                    "expected entries in each row, or no such row.")
        shown = ", ".join(map(str, dofs[:4])) + (", …" if len(dofs) > 4 else "")
        return (f"Dirichlet values and constraints{self._among()} contradict each other on the degrees "
                f"of freedom {shown}, by up to {gap:.3g}. Give each unknown once, or the same value, for "
                "example by a predicate that leaves out the corner.")


def times(linear_map, x):
    """L x; of a constant at once."""
    return linear_map @ x if tf.is_tensor(x) else linear_map.matrix @ x


def like(x, b):
    """x (m,) as (m, 1) when b has columns, to be added to every column of b."""
    if len(x.shape) == len(b.shape):
        return x
    return x[:, None] * np.ones((1, b.shape[1]))
