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
from pcl.tangent import Identity, compose, plus


def hessian(plan):
    """H (n_theta, n_theta), symmetric to rounding, not symmetrised beyond Q + Qᵀ."""
    sweep = _Sweep(plan)
    Q = np.zeros((plan.n_theta, plan.n_theta))
    for base in plan.bases:
        sweep.advance(base, Q)
    return Q + Q.T


def jacobian(plan, tangent):
    """dv/dθ (n, n_theta), dense."""
    sweep = _Sweep(plan, keep=tangent.terms)
    for base in plan.bases:
        sweep.advance(base, None)
    rows = next(iter(tangent.terms.values())).shape[0]
    return sweep.products([(rows, tangent.terms)])[0]


class _Sweep:
    """The dense bases known so far, and the forms by the later of their two bases."""

    def __init__(self, plan, keep=()):
        self.n_theta, self.dense = plan.n_theta, {}
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
        forms = [formed(form) for form in self.forms[base]] if Q is not None else []
        if isinstance(base, StreamedBase):
            base.columns = self._columns(base)
        elif not isinstance(base, LeafBase) and base in self.last_use:
            self._solve(base, [form for form in forms if not _is_small(form)], Q)
            forms = [form for form in forms if _is_small(form)]
        for form in forms:
            self._contract(form, Q)
        for a in [a for a in self.dense if self.last_use[a] <= self.position[base]]:
            del self.dense[a]

    def _columns(self, base):
        """Where the parameters of a network stand in θ: a slice, or their dense tangent."""
        leaf = base.rhs.single_base()
        if isinstance(leaf, LeafBase):
            return slice(leaf.start, leaf.stop)
        return self.products([(base.n_parameters, base.rhs.terms)])[0]

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
        rhs, Z = self.products([(base.size, base.rhs.terms), (base.size, mixed)])
        S = self.dense[base] = np.ascontiguousarray(base.forward(rhs))
        if square is not None:
            Z += square @ S
        if forms:
            Q += S.T @ Z

    def products(self, requests):
        """Σ_a L_a B_a for each (rows, {a: L_a}); every base is gone through once."""
        outs = [np.zeros((rows, self.n_theta)) for rows, _ in requests]
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
            if isinstance(base, LeafBase):
                out[:, base.start:base.stop] += explicit_matrix(L)
            else:
                out += L @ self.dense[base]

    def _contract(self, form, Q):
        """Q += (L_a B_a)ᵀ W (L_b B_b), halved when it is its own transpose."""
        W = form.W if form.mixed else 0.5 * form.W
        a, b = form.a, form.b
        if isinstance(a, LeafBase):
            K = compose(form.L_a.T, compose(W, form.L_b))
            if isinstance(b, LeafBase):
                Q[a.start:a.stop, b.start:b.stop] += explicit_matrix(K)
            else:
                Q[a.start:a.stop] += self.products([(a.size, {b: K})])[0]
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
