"""Loss, residuals and limited quantities at one (θ, u), with first and second derivatives."""

import functools

import numpy as np
import scipy.sparse as sp

from pcl import factor
from pcl.engine.procedure import accumulate
from pcl.engine.second import sweep
from pcl.engine.second.bases import LeafBase
from pcl.engine.second.plan import Plan
from pcl.engine.second.tangent import Identity
from pcl.support import memory


class FullPoint:
    """ℓ, R and q at x = (θ, u):   𝓛 = σ ℓ + λᵀ R + μᵀ q.

    `layout` is {number of a variable: (slice of x, shape)}, `opened` has a state or None for each call.
    """

    def __init__(self, program, opened, layout, factors, x):
        self.program, self.opened, self.layout, self._factors = program, opened, layout, factors
        self.n = x.size
        self.values = {number: x[part].reshape(shape) for number, (part, shape) in layout.items()}
        self.points, residuals = [], []
        with factor.using(factors):
            factors.new_evaluation()
            for call, state in zip(program.calls, opened):
                if state is None:
                    self.points.append(call.evaluate(self.values))
                    continue
                point, r = state.evaluate(self.values)
                self.points.append(point)
                residuals.append(r)
        q = [] if program.residuals is None else program.residuals.value(self.values)
        value, self._front = program.loss.result.value_and_gradient(self.values)
        self.value = float(value)
        self.rows = np.concatenate([np.zeros(0), *(np.ravel(r) for r in (*residuals, *q))])

    def lagrangian(self, lam, sigma):
        """(bars, kept): adjoints of 𝓛 by one sweep over the calls from the last to the first."""
        bars: dict = {}
        kept: list = [None] * len(self.opened)
        multipliers, mu = self._split(lam)
        accumulate(bars, {d: sigma * bar for d, bar in self._front.items()})
        if self.program.residuals is not None:
            accumulate(bars, self.program.residuals.pullback(self.values, [mu]))
        with factor.using(self._factors):
            for k in reversed(range(len(kept))):
                call, state = self.program.calls[k], self.opened[k]
                if state is not None:
                    kept[k] = state.pullback(self.points[k], self.values, bars, multipliers[k])
                elif call.output in bars:
                    kept[k] = call.pullback(self.points[k], self.values, bars)
        return bars, kept

    def gradient(self):
        """∇ℓ in x, (n,)."""
        return self._flat(self.lagrangian(np.zeros(self.rows.size), 1.0)[0])

    @functools.cached_property
    def jacobian(self):
        """∂(R, q)/∂x, sparse."""
        plan, tangents, rows = self._extended({}, [None] * len(self.opened))
        if self.program.residuals is not None:
            rows = [*rows, *self.program.residuals.tangents(self.values, tangents)]
        sizes = [self.values[s.call.output].size for s in self.opened if s is not None]
        sizes = [*sizes, *([self.rows.size - sum(sizes)] if len(rows) > len(sizes) else [])]
        if not rows:
            return sp.csr_array((0, self.n))
        return sp.csr_array(sp.vstack([_matrix(plan, t, m) for t, m in zip(rows, sizes)]))

    def hessian(self, lam, sigma):
        """∇²𝓛 in x, (n, n); sparse where no network and no inner solve depends on x."""
        bars, kept = self.lagrangian(lam, sigma)
        plan, tangents, _ = self._extended(bars, kept)
        for d, e, block in self._last_curvature(lam, sigma):
            if d in tangents and e in tangents:
                _add(plan, tangents, d, e, block)
        return _assembled(plan)

    def _last_curvature(self, lam, sigma):
        for (d, e), block in self.program.loss.result.curvature(self.values).items():
            yield d, e, sigma * block
        if self.program.residuals is not None:
            mu = self._split(lam)[1]
            for (d, e), block in self.program.residuals.curvature(self.values, [mu]).items():
                yield d, e, block

    def _extended(self, bars, kept):
        """(plan, tangents of all variables, those of R)."""
        plan, rows = Plan(self.n), []
        tangents = {d: plan.add_base(LeafBase(part.start, part.stop))
                    for d, (part, _) in self.layout.items()}
        with factor.using(self._factors):
            for call, state, point, own in zip(self.program.calls, self.opened, self.points, kept):
                if state is not None:
                    rows.append(state.extend(plan, point, self.values, own, tangents))
                    continue
                tangent = call.extend(plan, point, self.values, bars, own, tangents)
                if tangent is not None:
                    tangents[call.output] = tangent
        return plan, tangents, rows

    def _split(self, lam):
        """({call: λ of the shape of its state}, μ)."""
        multipliers, end = {}, 0
        for k, state in enumerate(self.opened):
            if state is not None:
                u = self.values[state.call.output]
                multipliers[k] = lam[end:end + u.size].reshape(u.shape)
                end += u.size
        return multipliers, lam[end:]

    def _flat(self, bars):
        x = np.zeros(self.n)
        for number, (part, _) in self.layout.items():
            if number in bars:
                x[part] = np.ravel(bars[number])
        return x


def _add(plan, tangents, d, e, block):
    if d == e:
        plan.add_square(tangents[d], block)
    else:
        plan.add_mixed(tangents[d], block, tangents[e])


def _matrix(plan, tangent, m):
    """A tangent as a sparse matrix (m, n)."""
    if tangent is None:
        return sp.csr_array((m, plan.n_theta))
    if not all(base.rhs is None and _is_matrix(L) for base, L in tangent.terms.items()):
        return sp.csr_array(sweep.jacobian(plan, tangent))
    return sum((_sparse(L) @ _placed(base, plan.n_theta) for base, L in tangent.terms.items()),
               sp.csr_array((m, plan.n_theta)))


def _assembled(plan):
    """Σ of the forms as one matrix: sparse where they stand between entries of x themselves."""
    forms = plan.all_forms()
    if plan.curved or not all(f.a.rhs is None and f.b.rhs is None and _is_matrix(f.L_a)
                              and _is_matrix(f.L_b) and _is_matrix(f.W) for f in forms):
        memory.require(16 * plan.n_theta ** 2, f"the Hessian of {plan.n_theta:,} unknowns",
                       "use a coarser mesh, or the reduced problem")
        return sp.csr_array(sweep.hessian(plan))
    H = sp.csr_array((plan.n_theta, plan.n_theta))
    for f in forms:
        block = (_placed(f.a, plan.n_theta).T @ _sparse(f.L_a).T @ _sparse(f.W)
                 @ _sparse(f.L_b) @ _placed(f.b, plan.n_theta))
        H = H + block + block.T if f.mixed else H + block
    return sp.csr_array(H)


def _is_matrix(L):
    return isinstance(L, (Identity, np.ndarray)) or sp.issparse(L)


def _sparse(L):
    return sp.eye_array(L.shape[0], format="csr") if isinstance(L, Identity) else sp.csr_array(L)


def _placed(base, n):
    """The columns of a base within x, (size, n)."""
    return sp.csr_array((np.ones(base.size), (np.arange(base.size), np.arange(base.start, base.stop))),
                        shape=(base.size, n))
