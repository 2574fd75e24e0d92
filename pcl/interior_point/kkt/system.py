"""The linear system of a step, with auxiliary variables eliminated and iterative refinement.

    [W + diag(d), Aᵀ; A, −δ_c] [dp; dy] = [r_p; r_c],      A = [s_c J, E],      d = Σ + w + δ_w

An auxiliary variable t with entry e = ±1 in its row is eliminated: dt = (r_t − e dy)/d_t. This leaves,
with λ = s_c y, the system of a backend with d_c = (δ_c + Σ_t 1/d_t)/s_c² and right-hand side
(r_c − Σ_t e r_t/d_t)/s_c.
"""

import numpy as np

from pcl.interior_point.kkt.dense import HELD
from pcl.interior_point.kkt.low_rank import LowRankKKT
from pcl.interior_point.kkt.low_rank_matrix import LowRank
from pcl.support.sparse import times_transposed

_GOOD = 1e-10       # relative residual at which refinement ends
_BAD = 1e-5         # relative residual above which the matrix counts as singular
_STEPS = 8
_CUT = 1e6          # of Ipopt's residual ratio: |r| / (min(|x|, 1e6 |b|) + |b|)


class System:
    """A factorised system at one point, for W, J and diagonal d (n + n_t,)."""

    def __init__(self, form, kkt, W, J, d, delta_c):
        self._form, self._W, self._J = form, W, J
        self._d_t = d[form.n:]
        self._scale = form.unit
        self._d_x = np.where(form.fixed, HELD, d[:form.n]) if form.any_fixed else d[:form.n]
        d_c = (delta_c + form.gathered(1.0 / self._d_t)) / self._scale ** 2
        self._free = form.row_scale == 0.0 if form.any_free else None
        self._d_c = d_c if self._free is None else np.where(self._free, HELD, d_c)
        kkt = LowRankKKT(kkt) if isinstance(W, LowRank) else kkt
        form.count["factorisations"] += 1
        self._factor = kkt.factor(W, J, self._d_x, self._d_c)
        self.ratio = 0.0

    @property
    def right_inertia(self):
        """n positive and m negative eigenvalues, none zero."""
        return self._factor.right_inertia and not self._factor.singular

    @property
    def singular(self):
        """A zero eigenvalue."""
        return self._factor.singular

    @property
    def accurate(self):
        """The last solve left a small residual."""
        return self.ratio <= _BAD

    def solve(self, r_p, r_c):
        """(dp, dy); `ratio` holds the relative residual that is left."""
        form = self._form
        r_x, r_t = r_p[:form.n], r_p[form.n:]
        b_c = (r_c - form.gathered(form.sign * r_t / self._d_t)) / self._scale
        if form.any_fixed:
            r_x = np.where(form.fixed, 0.0, r_x)
        if self._free is not None:
            b_c = np.where(self._free, 0.0, b_c)
        dx, lam = self._refined(r_x, b_c)
        dy = lam / self._scale
        dp = np.empty(form.size)
        dp[:form.n] = dx
        dp[form.n:] = (r_t - form.sign * dy[form.row]) / self._d_t
        return dp, dy

    def _refined(self, b_x, b_c):
        size = _norm(b_x, b_c)
        dx, lam = self._held(*self._factor.solve(b_x, b_c))
        r_x, r_c = self._residual(dx, lam, b_x, b_c)
        self.ratio = self._relative(r_x, r_c, dx, lam, size)
        for _ in range(_STEPS):
            if not self.ratio > _GOOD:
                break
            ex, el = self._held(*self._factor.solve(r_x, r_c))
            new_x, new_lam = dx + ex, lam + el
            r_x, r_c = self._residual(new_x, new_lam, b_x, b_c)
            ratio = self._relative(r_x, r_c, new_x, new_lam, size)
            if not ratio < self.ratio:
                break
            stalled = ratio > 0.5 * self.ratio
            dx, lam, self.ratio = new_x, new_lam, ratio
            if stalled:
                break
        return dx, lam

    def _held(self, dx, lam):
        if self._form.any_fixed:
            dx = np.where(self._form.fixed, 0.0, dx)
        if self._free is not None:
            lam = np.where(self._free, 0.0, lam)
        return dx, lam

    def _residual(self, dx, lam, b_x, b_c):
        r_x, r_c = b_x - self._d_x * dx, b_c
        if self._form.m:
            r_x -= times_transposed(self._J, lam)
            r_c = b_c - self._J @ dx + self._d_c * lam
        if self._W is not None:
            r_x -= self._W @ dx
        return self._held(r_x, r_c)

    @staticmethod
    def _relative(r_x, r_c, dx, lam, size):
        ratio = _norm(r_x, r_c) / max(min(_norm(dx, lam), _CUT * size) + size, 1e-300)
        return ratio if np.isfinite(ratio) else np.inf


def _norm(a, b):
    return max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)))
