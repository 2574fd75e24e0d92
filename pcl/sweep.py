"""Multiplying a plan out: the dense Hessian and dense sensitivities.

    S_b = Op_b (Σ_a N_ba B_a)                            one block solve a base, in order
    H   = Q + Qᵀ,   Q = Σ_b S_bᵀ Z_b,   Z_b = ½ W_bb S_b + Σ_{a<b} W_ba B_a

Networks are never expanded over all points: their Jacobian passes by in blocks of points, once for
the right-hand side of a solve and its curvature together. A sensitivity is dropped after its last use,
so a time march holds two of them, not all.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from pcl import clock
from pcl.plan import LazyMatrix
from pcl.scan_base import ScanBase
from pcl.scan_sweep import sweep_scan
from pcl.streamed import StreamedBase
from pcl.tangent import Identity, compose, plus


def hessian(plan):
    """H (n_theta, n_theta), symmetric to rounding, not symmetrised beyond Q + Qᵀ."""
    sweep = _Sweep(plan, _leaves(plan), plan.n_theta)
    Q = np.zeros((plan.n_theta, plan.n_theta))
    for base in plan.bases:
        sweep.advance(base, Q)
    return Q + Q.T


def jacobian(plan, tangent):
    """dv/dθ (n, n_theta), dense."""
    rows = next(iter(tangent.terms.values())).shape[0]
    return _tangents(plan, _leaves(plan), plan.n_theta, [(rows, tangent.terms)], None)[0]


def _tangents(plan, given, n_columns, wanted, Q, sums=()):
    """Dense Σ_b L_b B_b for each (rows, {b: L_b}) wanted, and Q as in `hessian`.

    `given` has the columns of each base without a right-hand side: a slice of them, or dense. Of the
    forms with a base b in `sums` only the other side is added to sums[b]: B_bᵀ sums[b] is missing in Q.
    """
    sweep = _Sweep(plan, given, n_columns, keep={b for _, terms in wanted for b in terms}, sums=sums)
    for base in plan.bases:
        sweep.advance(base, Q)
    return sweep.products(wanted)


def _leaves(plan):
    return {base: slice(base.start, base.stop) for base in plan.bases if base.rhs is None}


class _Sweep:
    """The dense bases known so far, and the forms by the later of their two bases."""

    def __init__(self, plan, given, n_columns, keep=(), sums=()):
        self.n_columns, self.sums = n_columns, sums
        self.slices = {base: columns for base, columns in given.items() if isinstance(columns, slice)}
        self.dense = {base: columns for base, columns in given.items() if base not in self.slices}
        self.position = {base: i for i, base in enumerate(plan.bases)}
        self.forms = defaultdict(list)
        self.last_use = {base: len(plan.bases) for base in keep}
        for base in plan.bases:
            for a in base.rhs.terms if base.rhs else ():
                self._used(a, base)
        for form in plan.forms:
            form = form if self.position[form.a] <= self.position[form.b] else form.swapped()
            self.forms[form.b].append(form)
            self._used(form.a, form.b)
            self._used(form.b, form.b)

    def _used(self, a, b):
        self.last_use[a] = max(self.last_use.get(a, 0), self.position[b])

    def advance(self, base, Q):
        """Compute one base and add the forms whose later base it is to Q."""
        clock.look()
        forms = [formed(form) for form in self.forms[base]] if Q is not None else []
        if isinstance(base, StreamedBase):
            base.columns = self._columns(base)
        elif base.rhs is not None and (base in self.last_use or isinstance(base, ScanBase)):
            self._solve(base, [form for form in forms if not _is_small(form)], Q)
            forms = [form for form in forms if _is_small(form)]
        for form in forms:
            self._contract(form, Q)
        for a in [a for a in self.dense if self.last_use.get(a, 0) <= self.position[base]]:
            del self.dense[a]

    def _columns(self, base):
        """Where the parameters of a network stand in θ: a slice, or their dense tangent."""
        return self._columns_of(base.rhs, base.n_parameters)

    def _columns_of(self, tangent, size):
        """Where a tangent stands among the columns: a slice of them, or dense."""
        leaf = tangent.single_base()
        return self.slices[leaf] if leaf in self.slices else self.products([(size, tangent.terms)])[0]

    def _solve(self, base, forms, Q):
        """S_b, and Q += S_bᵀ Z_b over the forms."""
        square, mixed = None, {}
        for form in forms:
            if form.a is base:
                K = compose(form.L_a.T, compose(form.W, form.L_b))
                square = plus(square, K if form.mixed else 0.5 * K)
            else:
                K = compose(form.L_b.T, compose(form.W.T, form.L_a))
                mixed[form.a] = plus(mixed.get(form.a), K)
        if isinstance(base, ScanBase):
            self._solve_scan(base, square, mixed, Q)
            return
        folded = {a: K for a, K in mixed.items() if a not in self.sums}
        rhs, Z = self.products([(base.size, base.rhs.terms), (base.size, folded)])
        S = self.dense[base] = np.ascontiguousarray(base.forward(rhs))
        for a in mixed.keys() - folded.keys():
            self.sums[a] += mixed[a].T @ S
        if square is not None:
            Z += square @ S
        if square is not None or folded:
            Q += S.T @ Z

    def _solve_scan(self, base, square, mixed, Q):
        """The same for a recurrence; its columns may be fewer than those of θ."""
        tangents = {source: self._columns_of(source.tangent, source.size) for source in base.sources}
        Y, expand = sweep_scan(base, tangents, self.n_columns, square, Q, _tangents)
        if mixed:
            Z = Y.T @ self.products([(base.size, mixed)])[0]
            Q += Z if expand is None else expand.T @ Z
        if self.last_use.get(base, 0) > self.position[base] or any(map(_is_small, self.forms[base])):
            self.dense[base] = Y if expand is None else Y @ expand

    def products(self, requests):
        """Σ_a L_a B_a for each (rows, {a: L_a}); every base is gone through once."""
        outs = [np.zeros((rows, self.n_columns)) for rows, _ in requests]
        by_base = defaultdict(list)
        for out, (_, terms) in zip(outs, requests):
            for a, L in terms.items():
                by_base[a].append((out, L))
        for a, pairs in by_base.items():
            self._add_products(a, pairs)
        return outs

    def _add_products(self, base, pairs):
        if isinstance(base, StreamedBase):
            base.add_products(pairs)
            return
        for out, L in pairs:
            if base in self.slices:
                out[:, self.slices[base]] += explicit_matrix(L)
            else:
                out += L @ self.dense[base]

    def _contract(self, form, Q):
        """Q += (L_a B_a)ᵀ W (L_b B_b), halved when it is its own transpose."""
        if form.mixed and self._is_shorter(form.b, form.a):
            form = form.swapped()
        if form.a in self.sums:
            K = compose(form.L_a.T, compose(form.W if form.mixed else 0.5 * form.W, form.L_b))
            self.sums[form.a] += self.products([(form.a.size, {form.b: K})])[0]
            return
        W = form.W if form.mixed else 0.5 * form.W
        a, b = form.a, form.b
        if a in self.slices:
            K = compose(form.L_a.T, compose(W, form.L_b))
            if b in self.slices:
                Q[self.slices[a], self.slices[b]] += explicit_matrix(K)
            else:
                Q[self.slices[a]] += self.products([(a.size, {b: K})])[0]
            return
        if isinstance(a, StreamedBase) and a is b:
            if a.add_gram(compose(form.L_a.T, compose(W, form.L_b)), Q):
                return
        if a in self.dense and not _is_small(form):
            K = compose(form.L_a.T, compose(W, form.L_b))
            Q += self.dense[a].T @ self.products([(a.size, {b: K})])[0]
            return
        left, right = self.products([(W.shape[0], {a: form.L_a}), (W.shape[1], {b: form.L_b})])
        Q += left.T @ (W @ right)

    def _is_shorter(self, b, a):
        """Whether b is better the left side of a form: what is summed, columns of θ, few rows, many."""
        if b in self.sums or a in self.sums:
            return a not in self.sums
        if b in self.slices or a in self.slices:
            return a not in self.slices
        return b in self.dense and (a not in self.dense or b.size < a.size)


def formed(form):
    """The form with its middle as a matrix."""
    return replace(form, W=form.W.matrix()) if isinstance(form.W, LazyMatrix) else form


def _is_small(form):
    """Whether the middle is so small that multiplying it out costs less than folding it into Z."""
    return 2 * max(form.W.shape) < form.b.size


def explicit_matrix(L):
    """A factor as a dense array."""
    if isinstance(L, Identity):
        return np.eye(L.shape[0])
    if isinstance(L, LinearOperator):
        return L @ np.eye(L.shape[1])
    return L.toarray() if sp.issparse(L) else L
