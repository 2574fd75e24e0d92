"""Standard form: one vector p = (x, t) of variables with bounds, and rows that are equations.

    minimise s_f f(x) + kᵀt + ½ Σ w (p − p_ref)²   subject to   s_c c(x) + E t − b = 0,   l ≤ p ≤ u

t are auxiliary variables, each in one row with coefficient ±1 (Wächter and Biegler 2006, section 3.4):
slacks of inequalities, and in the restoration phase the elastic variables of every row. As each has a
single entry in E it is eliminated from the KKT system before a backend sees it.
"""

from dataclasses import dataclass, field

import numpy as np

from pcl.interior_point.program import Program, finite, is_finite
from pcl.support.sparse import times_transposed

DAMPING = 1e-5      # κ_d of section 3.7: pulls variables with one bound only towards it

# Least distances of a variable from a bound: 1e-13 |bound| up to 1e-13, 1e-16 where it is zero. Where
# rows leave a variable no place but its bound (a state given at the beginning, say) z = μ/distance would
# grow until the rounding of z and λ hides the dual residual. Auxiliary variables: bounds are widened.
_GAP, _ZERO_GAP, _AUXILIARY_GAP = 1e-13, 1e-16, 1e-20


@dataclass(frozen=True)
class Form:
    """A program in standard form.

    row, sign, cost (n_t,): the row of every auxiliary variable, its coefficient, its linear cost.
    weight, reference (n + n_t,): the proximity term. fixed (n,): variables that are held.
    slope: ‖∇f‖∞ at the start, before scaling.
    unit (m,): s_c, 1 for free rows.  unbounded: masks (n + n_t,) of variables without a lower, an upper
    bound.  any_fixed, any_free: whether variables are held, rows switched off.
    """

    program: Program
    count: dict
    n: int
    m: int
    row: np.ndarray
    sign: np.ndarray
    cost: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    fixed: np.ndarray
    objective_scale: float
    row_scale: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    reference: np.ndarray
    slope: float = 0.0
    size: int = field(init=False, repr=False, compare=False)
    bounded: int = field(init=False, repr=False, compare=False)
    L: np.ndarray = field(init=False, repr=False, compare=False)
    U: np.ndarray = field(init=False, repr=False, compare=False)
    damp: np.ndarray = field(init=False, repr=False, compare=False)
    inner_lower: np.ndarray = field(init=False, repr=False, compare=False)
    inner_upper: np.ndarray = field(init=False, repr=False, compare=False)
    unit: np.ndarray = field(init=False, repr=False, compare=False)
    unbounded: tuple = field(init=False, repr=False, compare=False)
    any_fixed: bool = field(init=False, repr=False, compare=False)
    any_free: bool = field(init=False, repr=False, compare=False)
    proximal: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        has_lower, has_upper = np.isfinite(self.lower), np.isfinite(self.upper)
        derived = {
            "size": self.lower.size, "L": np.flatnonzero(has_lower), "U": np.flatnonzero(has_upper),
            "damp": DAMPING * (1.0 * (has_lower & ~has_upper) - (has_upper & ~has_lower)),
            "unit": np.where(self.row_scale > 0.0, self.row_scale, 1.0),
            "unbounded": (~has_lower, ~has_upper),
            "any_fixed": bool(self.fixed.any()), "any_free": not (self.row_scale != 0.0).all(),
            "proximal": bool(self.weight.any())}
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "bounded", self.L.size + self.U.size)
        room = 0.1 * (self.upper - self.lower)
        lower, upper = (np.minimum(_gap(bound, self.n), room) for bound in (self.lower, self.upper))
        object.__setattr__(self, "inner_lower", self.lower + lower)
        object.__setattr__(self, "inner_upper", self.upper - upper)

    def inside(self, p):
        """p with entries that rounding put on a bound moved off it by some units of rounding."""
        return np.minimum(np.maximum(p, self.inner_lower), self.inner_upper)

    def values(self, p):
        """(objective, residual of the rows (m,)); EvaluationFailed where they are not finite."""
        f = self._objective(p[:self.n])
        if self.proximal:
            f += 0.5 * float(self.weight @ (p - self.reference) ** 2)
        t = p[self.n:]
        return f + float(self.cost @ t), self._rows(p[:self.n]) + self.gathered(self.sign * t)

    def _objective(self, x):
        if self.objective_scale == 0.0:
            return 0.0
        self.count["objective"] += 1
        with np.errstate(all="ignore"):
            value = finite("objective", np.float64(self.program.objective(x.copy())))
        return self.objective_scale * float(value)

    def _rows(self, x):
        if self.m == 0:
            return np.zeros(0)
        self.count["constraints"] += 1
        with np.errstate(all="ignore"):
            c = np.asarray(self.program.constraints(x.copy()), dtype=np.float64)
        return self.row_scale * finite("constraints", c, self.program.row_name) - self.target

    def derivatives(self, p):
        """(gradient (n + n_t,), J); EvaluationFailed where they are not finite."""
        x = p[:self.n].copy()
        g = np.empty(self.size)
        g[self.n:] = self.cost
        g[:self.n] = self._gradient(x)
        if self.proximal:
            g += self.weight * (p - self.reference)
        return g, self._jacobian(x)

    def _gradient(self, x):
        if self.objective_scale == 0.0:
            return 0.0
        self.count["gradient"] += 1
        with np.errstate(all="ignore"):
            g = np.asarray(self.program.gradient(x), dtype=np.float64)
        g = self.objective_scale * finite("gradient", g, self.program.variable_name)
        return np.where(self.fixed, 0.0, g) if self.any_fixed else g

    def _jacobian(self, x):
        self.count["jacobian"] += 1
        with np.errstate(all="ignore"):
            J = self.program.jacobian(x)
        if not is_finite(J):
            finite("jacobian (its column sums)", J.T @ np.ones(self.m), self.program.variable_name)
        return J

    def gathered(self, t):
        """Sum over the auxiliary variables of every row (m,)."""
        return np.bincount(self.row, weights=t, minlength=self.m) if t.size else np.zeros(self.m)

    def product(self, J, dp):
        """A dp (m,), A = [s_c J, E]."""
        return self.row_scale * (J @ dp[:self.n]) + self.gathered(self.sign * dp[self.n:])

    def transposed(self, J, y):
        """Aᵀ y (n + n_t,); zero for fixed variables."""
        out = np.empty(self.size)
        out[:self.n] = times_transposed(J, self.row_scale * y) if self.m else 0.0
        out[self.n:] = self.sign * y[self.row]
        if self.any_fixed:
            out[:self.n][self.fixed] = 0.0
        return out


def _gap(bound, n):
    size = np.where(np.isfinite(bound), np.abs(bound), 0.0)
    least = np.full(size.size, _AUXILIARY_GAP)
    least[:n] = np.maximum(_GAP * np.minimum(size[:n], 1.0), _ZERO_GAP)
    return np.maximum(4.0 * np.spacing(size), least)


class Evaluated:
    """One point p of a form: values at once, derivatives when asked for.

        φ_μ = f − μ Σ ln(p − l) − μ Σ ln(u − p) + κ_d μ Σ (distance to the bound, where there is one only)

    (3a) and section 3.7. d_lower, d_upper: distances to the bounds, +inf where there is none.
    """

    def __init__(self, form, p):
        self.form, self.p = form, p
        self.f, self.c = form.values(p)
        self.theta = float(np.abs(self.c).sum())
        self.d_lower, self.d_upper = p - form.lower, form.upper - p
        near, far = self.d_lower[form.L], self.d_upper[form.U]
        self._logs = float(np.log(near).sum() + np.log(far).sum())
        self._damped = float(form.damp[form.L] @ near - form.damp[form.U] @ far)
        self.g = self.J = None
        self._slope: tuple | None = None        # the last μ and ∇φ_μ

    def differentiate(self):
        """Evaluate gradient and Jacobian; EvaluationFailed where they are not finite."""
        if self.g is None:
            self.g, self.J = self.form.derivatives(self.p)
        return self

    def phi(self, mu):
        """φ_μ(p)."""
        return self.f + mu * (self._damped - self._logs)

    def barrier_gradient(self, mu):
        """∇φ_μ(p)."""
        if self._slope is None or self._slope[0] != mu:
            slope = self.g + mu * (1.0 / self.d_upper - 1.0 / self.d_lower + self.form.damp)
            self._slope = mu, slope
        return self._slope[1]
