"""Fewer columns than parameters: networks whose Jacobian is of low numerical rank.

The Jacobian J_c (nodes × p) of a smooth network at the nodes of a `CollapsedBase` has far fewer singular
values above rounding than parameters, J_c = U R with r rows in R. Where θ enters through such bases alone
everything between them and the loss is computed for r columns,

    H = Rᵀ H_r R + C,   C the curvature of the networks themselves, already over θ.

R is found by the randomised range finder of `pcl.support.range_finder` for J_cᵀ, and judged by other
random vectors. The columns of J_c are scaled to one length first, so that what is neglected is rounding
in each parameter.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.engine.second.collapsed import CollapsedColumns
from pcl.engine.second.columns import Columns, InPlace
from pcl.support.range_finder import range_of

# Parts of the parameters: columns tried first, columns added, most columns that pay.
FIRST, FURTHER, MOST = 4, 24, 0.6

# Fewest parameters; combinations that a row takes part in.
FEWEST, IN_SKETCH = 64, 8

# Multiplications in dense products that take the time of one in a back-substitution.
SPARSE = 8


class Reduction:
    """The columns of a plan's leaves in terms of fewer ones.

    Attributes
    ----------
    n_columns : int, of the fewer ones
    given : {base: its columns}
        Of all leaves but the reduced ones, and of the bases that stand on those.
    forms : list of Form
        The forms between reduced leaves, which stay over θ.
    """

    def __init__(self, plan, leaves):
        self.n_columns, self._parts = 0, []
        self.given: dict[Any, Columns] = {}
        self._leaves = set(leaves)
        for base in plan.bases:
            if base in leaves:
                bases, lefts, R = leaves[base]
                own = self._add(base, len(R), R)
                self.given.update({b: CollapsedColumns(b, U, own) for b, U in zip(bases, lefts)})
            elif base.rhs is None:
                self.given[base] = InPlace(self._add(base, base.size, None))

    def _add(self, leaf, n, R):
        own = slice(self.n_columns, self.n_columns + n)
        self.n_columns += n
        self._parts.append((own, slice(leaf.start, leaf.stop), R))
        return own

    def inside(self, form):
        """Whether a form is to be summed over the fewer columns."""
        return form.a not in self._leaves

    def expanded(self, X):
        """X E (n, p) of X (n, n_columns), where the fewer columns are E (n_columns, p) of θ."""
        out = np.zeros((len(X), max(theta.stop for _, theta, _ in self._parts)))
        for own, theta, R in self._parts:
            out[:, theta] = X[:, own] if R is None else X[:, own] @ R
        return out

    def add_expanded(self, Q, reduced):
        """Q += Eᵀ Q_reduced E."""
        right = self.expanded(reduced)
        for own, theta, R in self._parts:
            Q[theta] += right[own] if R is None else R.T @ right[own]


def reduction(plan: Any, forms: list, wanted: Collection = ()) -> Reduction | None:
    """The `Reduction` of a plan with these forms, or None if no leaf is of low rank.

    The bases `wanted` are asked for themselves, and not reduced.
    """
    leaves = {}
    for leaf in plan.bases if plan.collapsed else ():
        if leaf.rhs is None and leaf.size >= FEWEST and leaf not in wanted:
            bases = _standing_on(plan, forms, leaf)
            pays = bases and _pays(plan, forms, bases, leaf.size)
            factors = _low_rank([base.at_nodes() for base in bases]) if pays else None
            if factors is not None:
                leaves[leaf] = bases, *factors
    return Reduction(plan, leaves) if leaves else None


def _pays(plan, forms, bases, p):
    """Whether fewer columns in solves, and in SᵀZ if there are forms, save what it costs to find them."""
    rows = sum(base.at.shape[0] * base.n_outputs for base in bases)
    others = [base for base in plan.bases if base.rhs is not None and base not in plan.collapsed]
    saved = sum(SPARSE * base.cost(1)[0] + (base.size * p if forms else 0) for base in others)
    return rows <= p // FIRST or saved >= rows * p


def _standing_on(plan, forms, leaf):
    """The collapsed bases by which a leaf enters; none if it enters by anything else too."""
    if any((f.a is leaf) != (f.b is leaf) for f in forms):
        return []
    bases = [base for base in plan.bases if base.rhs is not None and leaf in base.rhs.terms]
    if all(base in plan.collapsed and base.rhs.single_base() is leaf for base in bases):
        return bases
    return []


def _low_rank(arrays):
    """([U_i (n_i, r)], R (r, p)) with arrays[i] = U_i R to rounding; None if that does not pay."""
    p, X = arrays[0].shape[1], arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    ends = np.cumsum([len(array) for array in arrays])[:-1]
    if len(X) <= p // FIRST:
        return np.split(np.eye(len(X)), ends), X
    lengths = np.sqrt(np.einsum("ij,ij->j", X, X))
    lengths[lengths == 0.0] = 1.0
    X /= lengths
    B = range_of(X.T, min(int(MOST * p), len(X)), p // FIRST, p // FURTHER, _sparse_signs(X))
    if B is None:
        return None
    return np.split(X @ B, ends), B.T * lengths


def _sparse_signs(X):
    """Random combinations of the rows of X, each row with a sign in eight of them at most.

    Source: J. A. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Streaming low-rank matrix approximation with
    an application to scientific simulation", SIAM J. Sci. Comput. 41 (2019) A2430–A2463, sparse maps.
    """
    n = len(X)

    def sketch(columns, rng):
        taken = min(IN_SKETCH, columns)
        places, signs = rng.integers(columns, size=(n, taken)), rng.choice([-1.0, 1.0], size=(n, taken))
        mix = sp.csc_array((signs.ravel(), places.ravel(), np.arange(n + 1) * taken), shape=(columns, n))
        return (mix.tocsr() @ X).T
    return sketch
