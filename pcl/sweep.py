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

from pcl.plan import LazyMatrix, LeafBase
from pcl.streamed import StreamedBase
from pcl.tangent import Identity, add, compose


def hessian(plan):
    """H (n_theta, n_theta), symmetric to rounding, not symmetrised beyond Q + Qᵀ."""
    sweep = _Sweep(plan)
    Q = np.zeros((plan.n_theta, plan.n_theta))
    forms = defaultdict(list)
    for form in plan.forms:
        forms[form.b].append(form)
    for b in range(len(plan.bases)):
        sweep.advance(b, forms[b], Q)
    return Q + Q.T


def jacobian(plan, tangent):
    """dv/dθ (n, n_theta), dense."""
    sweep = _Sweep(plan, keep=tangent.terms)
    for b in range(max(tangent.terms) + 1):
        sweep.advance(b, [], None)
    rows = next(iter(tangent.terms.values())).shape[0]
    return sweep.products([(rows, tangent.terms)])[0]


class _Sweep:
    """The dense bases known so far."""

    def __init__(self, plan, keep=()):
        self.plan, self.dense = plan, {}
        self.last_use = {b: len(plan.bases) for b in keep}
        for b, base in enumerate(plan.bases):
            for a in base.rhs.terms if base.rhs else ():
                self._used(a, b)
        for form in plan.forms:
            self._used(form.a, form.b)

    def _used(self, a, b):
        self.last_use[a] = max(self.last_use.get(a, a), b)

    def advance(self, b, forms, Q):
        """Compute base b and add the forms whose later base it is to Q."""
        base = self.plan.bases[b]
        hosted, loose = [], []
        for form in forms:
            form = replace(form, W=form.W.matrix()) if isinstance(form.W, LazyMatrix) else form
            (hosted if self._hosts(form) else loose).append(form)
        if isinstance(base, StreamedBase):
            base.columns = self._columns(base)
        elif not isinstance(base, LeafBase) and b in self.last_use:
            hosted = self._solve(b, base, hosted, Q)
        for form in hosted + loose:
            self._contract(form, Q)
        for a in [a for a in self.dense if self.last_use[a] <= b]:
            del self.dense[a]

    def _hosts(self, form):
        """Whether a form is best folded into Z_b: its middle is not smaller than the base."""
        return not _is_small(form, self.plan.bases[form.b])

    def _columns(self, base):
        """Where the parameters of a network stand in θ: a slice, or their dense tangent."""
        single = base.rhs.single_base()
        if single is not None and isinstance(self.plan.bases[single], LeafBase):
            leaf = self.plan.bases[single]
            return slice(leaf.start, leaf.stop)
        return self.products([(base.n_parameters, base.rhs.terms)])[0]

    def _solve(self, b, base, forms, Q):
        """S_b, and Q += S_bᵀ Z_b over the forms that fold; returns those that do not."""
        square, mixed, rest = None, {}, []
        for form in forms:
            if form.a == form.b:
                K = compose(form.L_a.T, compose(form.W, form.L_b))
                square = _plus(square, K if form.mixed else 0.5 * K)
            else:
                K = compose(form.L_b.T, compose(form.W.T, form.L_a))
                mixed[form.a] = _plus(mixed.get(form.a), K)
        rhs, Z = self.products([(base.size, base.rhs.terms), (base.size, mixed)])
        S = self.dense[b] = np.ascontiguousarray(base.forward(rhs))
        if square is not None:
            Z += square @ S
        if Q is not None and (mixed or square is not None):
            Q += S.T @ Z
        return rest

    def products(self, requests):
        """Σ_a L_a B_a for each (rows, {a: L_a}); every base is gone through once."""
        outs = [np.zeros((rows, self.plan.n_theta)) for rows, _ in requests]
        by_base = defaultdict(list)
        for out, (_, terms) in zip(outs, requests):
            for a, L in terms.items():
                by_base[a].append((out, L))
        for a, pairs in by_base.items():
            self._add_products(a, pairs)
        return outs

    def _add_products(self, a, pairs):
        base = self.plan.bases[a]
        if isinstance(base, StreamedBase):
            base.add_products(pairs)
            return
        for out, L in pairs:
            if isinstance(base, LeafBase):
                out[:, base.start:base.stop] += _dense(L)
            else:
                out += L @ self.dense[a]

    def _contract(self, form, Q):
        """Q += (L_a B_a)ᵀ W (L_b B_b), halved when it is its own transpose."""
        W = form.W if form.mixed else 0.5 * form.W
        a, b = self.plan.bases[form.a], self.plan.bases[form.b]
        if isinstance(a, LeafBase):
            K = compose(form.L_a.T, compose(W, form.L_b))
            if isinstance(b, LeafBase):
                Q[a.start:a.stop, b.start:b.stop] += _dense(K)
            else:
                Q[a.start:a.stop] += self.products([(a.size, {form.b: K})])[0]
            return
        if isinstance(a, StreamedBase) and a is b:
            if a.add_gram(compose(form.L_a.T, compose(W, form.L_b)), Q):
                return
        left, right = self.products([(W.shape[0], {form.a: form.L_a}), (W.shape[1], {form.b: form.L_b})])
        Q += left.T @ (W @ right)


def _is_small(form, base):
    return 2 * max(form.W.shape) < base.size


def _plus(a, b):
    return b if a is None else add(a, b)


def _dense(L):
    if isinstance(L, Identity):
        return np.eye(L.shape[0])
    if isinstance(L, LinearOperator):
        return L @ np.eye(L.shape[1])
    return L.toarray() if sp.issparse(L) else L
