"""The reduced Hessian as a sparse quadratic form over a chain of bases.

A plan holds, at one point, everything second order needs and nothing multiplied out:

    bases       B_b = Op_b (Σ_a N_ba B_a), Op_b the inverse of a matrix, the Jacobian of a
                network, …, starting from the blocks of θ; B_b has as many columns as θ entries
    curvature   ∇²𝓛 as blocks: forms (L_a B_a)ᵀ W (L_b B_b)

so that H = Σ forms, which is L_θθ + L_θu S + Sᵀ L_uθ + Sᵀ L_uu S with every factor kept sparse.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.engine.second.tangent import Tangent
from pcl.support import clock
from pcl.support.sparse import times_transposed


@dataclass(frozen=True)
class Form:
    """The contribution (L_a B_a)ᵀ W (L_b B_b); its transpose is added when `mixed`."""

    a: Any      # a base
    L_a: Any    # a factor
    W: Any
    b: Any
    L_b: Any
    mixed: bool

    def swapped(self):
        """The same contribution with the two sides exchanged."""
        return Form(self.b, self.L_b, self.W.T, self.a, self.L_a, self.mixed)


class Plan:
    """Bases in order of computation, and the curvature as a list of forms.

    Attributes
    ----------
    n_theta : int
    bases : list
    forms : list of Form
    curved : set
        The bases that bring curvature of their own, see `pcl.engine.second.bases.CurvedBase`.
    collapsed : set of `pcl.engine.second.collapsed.CollapsedBase`
    """

    def __init__(self, n_theta):
        self.n_theta = n_theta
        self.bases, self.forms, self.curved, self.collapsed = [], [], set(), set()

    def add_base(self, base):
        """Append a base; returns it as a tangent."""
        self.bases.append(base)
        return Tangent.of(base)

    def of_leaves(self):
        """A plan of the blocks of θ alone."""
        plan = Plan(self.n_theta)
        plan.bases = [base for base in self.bases if base.rhs is None]
        return plan

    def all_forms(self):
        """The forms and those of the curved bases, formed now."""
        return [*self.forms, *(f for base in self.bases if base in self.curved for f in base.forms())]

    def add_square(self, tangent, W):
        """Add VᵀW V with W symmetric, V = dv/dθ."""
        terms = list(tangent.terms.items())
        for i, (a, L_a) in enumerate(terms):
            self.forms.append(Form(a, L_a, W, a, L_a, False))
            for b, L_b in terms[:i]:
                self.forms.append(Form(a, L_a, W, b, L_b, True))

    def add_mixed(self, left, W, right):
        """Add VᵀW U + UᵀWᵀV for two tangents V, U."""
        for a, L_a in left.terms.items():
            for b, L_b in right.terms.items():
                self.forms.append(Form(a, L_a, W, b, L_b, True))

    # --- products with vectors --------------------------------------------------------------
    def pushforward(self, v):
        """{b: B_b v} for every base."""
        return self.fill({b: v[b.start:b.stop] for b in self.bases if b.rhs is None})

    def pullback(self, y):
        """Σ_b B_bᵀ y_b for y = {b: y_b}."""
        return self._flat(self.gather(dict(y)))

    def hvp(self, v):
        """H v: tangents forward, curvature, adjoints backward; no matrix with n_theta columns."""
        x = self.pushforward(v)
        return self._flat(self.gather(self.curvature(x), x))

    def fill(self, x):
        """Complete {b: B_b v}, given for the bases without a right-hand side; returns it."""
        for base in self.bases:
            clock.look()
            if base.rhs is not None:
                x[base] = base.pushforward(combine(base.rhs, x))
        return x

    def curvature(self, x, y=None):
        """Add the forms applied to x = {b: B_b v} to y = {b: adjoint of B_b v}; returns y."""
        y = {} if y is None else y
        for f in self.forms:
            right = f.L_b @ x[f.b]
            add_to(y, f.a, times_transposed(f.L_a, f.W @ right))
            if f.mixed:
                left = f.L_a @ x[f.a]
                add_to(y, f.b, times_transposed(f.L_b, times_transposed(f.W, left)))
        return y

    def gather(self, y, x=None):
        """Pull y = {b: y_b} back to the bases without a right-hand side, in place; returns it.

        With the tangents x the curvature inside the bases themselves (`curved`) is added.
        """
        for base in reversed(self.bases):
            clock.look()
            inner = x is not None and base in self.curved
            if base.rhs is None or not (base in y or inner):
                continue
            y_bar = (base.second(y.get(base), combine(base.rhs, x)) if inner
                     else base.pullback(y[base]))
            for a, L in base.rhs.terms.items():
                add_to(y, a, times_transposed(L, y_bar))
        return y

    def _flat(self, y):
        theta = np.zeros(self.n_theta)
        for base in self.bases:
            if base.rhs is None and base in y:
                theta[base.start:base.stop] += y[base]
        return theta


def combine(tangent, x):
    """Σ_b L_b x_b."""
    return sum(L @ x[a] for a, L in tangent.terms.items())


def add_to(y, b, term):
    """y[b] += term; arrays are never changed in place."""
    y[b] = y[b] + term if b in y else term
