"""Multiplying a plan out: the dense Hessian and dense sensitivities.

    S_b = Op_b (Σ_a N_ba B_a)                            one block solve a base, in order
    H   = Q + Qᵀ,   Q = Σ_b S_bᵀ Z_b,   Z_b = ½ W_bb S_b + Σ_{a<b} W_ba B_a

Networks are never expanded over all points: their Jacobian passes by in blocks of points, once for
the right-hand side of a solve and its curvature together. A sensitivity is dropped after its last use,
so a time march holds two of them, not all.
"""

from collections import defaultdict

import numpy as np

from pcl.engine.second.columns import Dense, InPlace, Summed, columns_of
from pcl.engine.second.reduced import reduction
from pcl.engine.second.tangent import compose, plus
from pcl.support import clock

# Rows of H that are made symmetric at a time: fresh memory for all of them costs more than the sum.
STRIP = 64


def hessian(plan):
    """H (n_theta, n_theta), symmetric to rounding, not symmetrised beyond Q + Qᵀ."""
    Q, forms = np.zeros((plan.n_theta, plan.n_theta)), plan.all_forms()
    reduced = reduction(plan, forms)
    if reduced is None:
        Sweep(plan, _leaves(plan), plan.n_theta, Q, forms=forms).run()
        return _with_transpose(Q)
    inside = np.zeros((reduced.n_columns, reduced.n_columns))
    within = [form for form in forms if reduced.inside(form)]
    Sweep(plan, reduced.given, reduced.n_columns, inside, forms=within, is_reduced=True).run()
    reduced.add_expanded(Q, inside)
    Sweep(plan.of_leaves(), _leaves(plan), plan.n_theta, Q,
          forms=[form for form in forms if not reduced.inside(form)]).run()
    return _with_transpose(Q)


def jacobian(plan, tangent):
    """dv/dθ (n, n_theta), dense."""
    rows = next(iter(tangent.terms.values())).shape[0]
    reduced = reduction(plan, [], tangent.terms)
    if reduced is None:
        return _tangents(plan, _leaves(plan), plan.n_theta, [(rows, tangent.terms)])[0]
    sweep = Sweep(plan, reduced.given, reduced.n_columns, keep=set(tangent.terms), is_reduced=True)
    sweep.run()
    return reduced.expanded(sweep.products([(rows, tangent.terms)])[0])


def tangents(plan, given, n_columns, wanted, Q=None, sums=None):
    """Dense Σ_b L_b B_b for each (rows, {b: L_b}) wanted, and Q as in `hessian`.

    `given` has the columns of each base without a right-hand side: a slice of them, or dense. Of the
    forms with a base b in `sums` only the other side is added to sums[b]: B_bᵀ sums[b] is missing in Q.
    """
    given = {base: columns_of(columns) for base, columns in given.items()}
    return _tangents(plan, given, n_columns, wanted, Q, sums)


def _tangents(plan, given, n_columns, wanted, Q=None, sums=None):
    sweep = Sweep(plan, given, n_columns, Q, {b for _, terms in wanted for b in terms}, sums or {})
    sweep.run()
    return sweep.products(wanted)


def _with_transpose(Q):
    """Q + Qᵀ in place of Q, a strip of rows and one of columns at a time."""
    for start in range(0, len(Q), STRIP):
        strip, below = slice(start, start + STRIP), slice(start + STRIP, None)
        Q[strip, start:] += Q[start:, strip].T
        Q[below, strip] = Q[strip, below].T
    return Q


def _leaves(plan):
    return {base: InPlace(slice(base.start, base.stop)) for base in plan.bases if base.rhs is None}


class Sweep:
    """The columns of the bases known so far, and the forms by the later of their two bases.

    Attributes
    ----------
    given : {base: its `Columns`}, of the leaves at least
    n_columns : int
    Q : (n_columns, n_columns), or None where no curvature is wanted
    sums : see `tangents`
    is_reduced : whether the columns are those of a `pcl.engine.second.reduced.Reduction`
    """

    def __init__(self, plan, given, n_columns, Q=None, keep=(), sums=None, forms=None,
                 is_reduced=False):
        self.n_columns, self.Q, self.sums, self.is_reduced = n_columns, Q, sums or {}, is_reduced
        self._plan = plan
        self._columns = {base: Summed(columns.array, self.sums[base]) if base in self.sums else columns
                         for base, columns in given.items()}
        self._position = {base: i for i, base in enumerate(plan.bases)}
        self._last_use = {base: len(plan.bases) for base in keep}
        for base in plan.bases:
            for a in base.rhs.terms if base.rhs else ():
                self._used(a, base)
        self._forms = defaultdict(list)
        if forms is None:
            forms = plan.all_forms() if Q is not None else []
        for form in forms:
            form = form if self._position[form.a] <= self._position[form.b] else form.swapped()
            self._forms[form.b].append(form)
            self._used(form.a, form.b)
            self._used(form.b, form.b)

    def _used(self, a, b):
        self._last_use[a] = max(self._last_use.get(a, 0), self._position[b])

    def run(self):
        """Compute the bases in order, and add the forms to Q."""
        for base in self._plan.bases:
            clock.look()
            asked = base in self._last_use or base in self._plan.curved
            if base.rhs is not None and asked and base not in self._columns:
                self._columns[base] = base.columns(self)
            for form in self._forms.pop(base, ()):
                self._contract(form)
            for a in [a for a in self._columns if self._last_use.get(a, 0) <= self._position[base]]:
                del self._columns[a]

    # --- what a base asks for --------------------------------------------------------------------
    def take(self, base):
        """(K_bb, {a: K_ba}) for S_bᵀ (K_bb S_b + Σ_a K_ba B_a), the part of Q that the base adds itself.

        K_bb is None for zero. Forms with a small middle are left to the sweep.
        """
        forms = self._forms[base]
        self._forms[base] = [form for form in forms if _is_small(form)]
        square = None
        mixed: dict = {}
        for form in forms:
            if _is_small(form):
                continue
            if form.a is base:
                K = compose(form.L_a.T, compose(form.W, form.L_b))
                square = plus(square, K if form.mixed else 0.5 * K)
            else:
                K = compose(form.L_b.T, compose(form.W.T, form.L_a))
                mixed[form.a] = plus(mixed.get(form.a), K)
        return square, mixed

    def is_used(self, base):
        """Whether the columns of a base are asked for once it has given them."""
        return self._last_use.get(base, 0) > self._position[base] or bool(self._forms[base])

    def placed(self, tangent, size):
        """Where a tangent stands among the columns: a slice of them, or dense (size, n_columns)."""
        base = tangent.single_base()
        place = None if base is None else self._columns[base].place
        return self.products([(size, tangent.terms)])[0] if place is None else place

    def products(self, requests):
        """Σ_a L_a B_a for each (rows, {a: L_a}); every base is gone through once."""
        outs = [np.zeros((rows, self.n_columns)) for rows, _ in requests]
        by_base = defaultdict(list)
        for out, (_, terms) in zip(outs, requests):
            for a, L in terms.items():
                by_base[a].append((out, L))
        for a, pairs in by_base.items():
            self._columns[a].add_products(pairs)
        return outs

    def _contract(self, form):
        """Q += (L_a B_a)ᵀ W (L_b B_b), halved when it is its own transpose."""
        left, right = self._columns[form.a], self._columns[form.b]
        if form.mixed and _side(form.b, right) < _side(form.a, left):
            form, left, right = form.swapped(), right, left
        W = form.W if form.mixed else 0.5 * form.W
        if left.takes(right, _is_small(form)):
            if left.add_form(self.Q, compose(form.L_a.T, compose(W, form.L_b)), right):
                return
        a, b = self.products([(W.shape[0], {form.a: form.L_a}), (W.shape[1], {form.b: form.L_b})])
        self.Q += a.T @ (W @ b)


def _side(base, columns):
    """Of two sides the smaller is the better left one; of dense ones that with fewer rows."""
    return columns.rank, base.size if columns.rank == Dense.rank else 0


def _is_small(form):
    """Whether the middle is so small that multiplying it out costs less than folding it into Z."""
    return 2 * max(form.W.shape) < form.b.size
