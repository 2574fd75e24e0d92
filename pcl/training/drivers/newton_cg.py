"""Newton's method with inexact steps by preconditioned conjugate gradients: products alone.

    H s = −g  to  |H s + g|_M ≤ η |g|_M,     |v|²_M = vᵀ M⁻¹ v,     θ ← θ + t s

M⁻¹ stands for the inverse of the Hessian of the prior. The norms and the conjugate gradients are those
of the space where that prior is standard normal, so neither counts of iterations nor of products change
when the mesh of a field is refined: H − M is compact there.

Forcing. η = 0.9 (|g|/|g before|)², kept from falling while 0.9 η² > 0.1, at most `eta_max`: Newton's
quadratic end without solving too well at the beginning; and not below what the tolerance of the run asks.
The residual is led by what the data see best and says little of the rest, so the conjugate gradients also
go on while they still lower the quadratic model q: until j (q_{j−1} − q_j) ≤ `GOING` |q_j|.

Hessian. "auto" takes Gauss–Newton's until a full step lowers ℓ by less than `SETTLED` of all that it fell
since the start, then the exact one, as long as its steps are not cut: far from the minimum the first is
positive and its steps are good, near it the second converges quadratically. In that second stage the
products of the steps before precondition the next ones, see `products`; in the first one, conjugate
gradients that begin with the smooth directions of M and stop are what keeps the steps short.

Negative curvature. The conjugate gradients end at the first direction d with dᵀ H d ≤ 0; the step is
what they have found before. If that is nothing, it is d = −M⁻¹g, lengthened as long as ℓ falls.

Line search. Armijo's condition ℓ(θ + t s) ≤ ℓ + c₁ t gᵀs from t = 1, t cut by quadratic interpolation.

Bounds. Parameters on a bound that the gradient pushes outwards are held, H and M⁻¹ being those of the
others. Steps are projected onto the box, P(θ + t s), with gᵀ(P(θ + t s) − θ) for t gᵀs in Armijo's
condition; where none is found so, s = −g.

Sources: S. Eisenstat, H. Walker, 1996, SIAM J. Sci. Comput. 17 (choice 2 and its safeguard); C. Kelley,
1995, Iterative methods for linear and nonlinear equations, (6.20); S. Nash, A. Sofer, 1990, Oper. Res.
Lett. 9 (the test of q); J. Nocedal, S. Wright, 2006, Numerical Optimization, algorithm 7.1; U. Villa, N.
Petra, O. Ghattas, 2021, hIPPYlib, ACM TOMS 47(2) (prior as preconditioner, Gauss–Newton first); D.
Bertsekas, 1982, SIAM J. Control Optim. 20 (bounds).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.errors import TrialFailure
from pcl.support.interface import require_interface
from pcl.support.types import Array
from pcl.training.drivers.box_step import held_by
from pcl.training.drivers.products import RememberedProducts
from pcl.training.run.driven import Driven
from pcl.training.run.evaluator import LossEvaluator
from pcl.training.run.inside import pushed_inside
from pcl.training.run.run import EPS, Stop, norm
from pcl.training.run.status import Status

HESSIANS = ("auto", "exact", "gauss-newton")
GAMMA, POWER, FALLING = 0.9, 2.0, 0.1       # Eisenstat and Walker's choice 2
GOING = 0.05            # Nash and Sofer take 0.5
SETTLED = 1e-3
CUT = (0.1, 0.5)        # by which t is multiplied
CUTS, DOUBLINGS = 40, 10


class MetricEvaluator(LossEvaluator):
    """The loss with products, and with M⁻¹: given, that of the problem, or the identity.

    Parameters
    ----------
    preconditioner : function v (p,) -> M⁻¹ v, or None
    """

    def __init__(self, problem, counts, hessian, preconditioner):
        super().__init__(problem, counts)
        require_interface(problem, *({"gauss-newton": ["gauss_newton_product"]}.get(hessian, ["hvp"])))
        self._inverse = preconditioner or getattr(problem, "preconditioner", None)
        near = hessian != "gauss-newton"
        far = hessian == "auto" and getattr(problem, "gauss_newton_product", None) is None
        self._exact = {False: far or hessian == "exact", True: near}

    def length(self, v):
        """|v|_M = √(vᵀ M⁻¹ v)."""
        return norm(v) if self._inverse is None else float(np.sqrt(positive(v @ self.preconditioned(v))))

    def preconditioned(self, v):
        """M⁻¹ v (p,)."""
        return v if self._inverse is None else self._vector("preconditioner", self._inverse(np.array(v)))

    def product(self, point, v, settled):
        """The Hessian of this stage of the run times v (p,)."""
        if self._exact[settled]:
            return self.hvp(point, v)
        self._counts.hessian_products += 1
        return self._vector("gauss_newton_product",
                            self._problem.gauss_newton_product(point.theta.copy(), np.array(v)))


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """s (p,), and whether ℓ falls along it without end as far as the products tell."""

    s: Array
    endless: bool


@dataclasses.dataclass(frozen=True)
class Memory:
    """What is kept from one iteration to the next: |g|, η, ℓ at the start, and the stage of the run.

    It is settled after a full step by which ℓ fell by `level` of all that it fell, or less; no longer
    when a step has to be cut, and then `level` is ten times lower.
    """

    before: float
    eta: float
    first: float
    settled: bool = False
    level: float = SETTLED

    def after(self, size: float, eta: float, t: float, share: float) -> "Memory":
        """That of the next iteration."""
        full = t >= 1.0
        level = self.level if full or not self.settled else 0.1 * self.level
        return Memory(size, eta, self.first, full and (self.settled or share <= level), level)


def drive(run: Driven, method: str, options: Mapping[str, Any], evaluator: Any) -> None:
    """An iteration is a step with its line search."""
    known = _begun(run)
    P = RememberedProducts(evaluator.preconditioned, options["memory"],
                           run.restored.get("S", ()), run.restored.get("Y", ()))
    while True:
        if run.offers:
            run.offer(**dataclasses.asdict(known), **P.arrays())
        size, loss = run.gradient_norm(run.current), run.current.loss
        if not size > 0.0:
            run.dead_end(Status.LINE_SEARCH_FAILED)
        eta = _forcing(size, known.before, known.eta, options["eta_max"])
        wanted = max(eta, 0.5 * run.wanted_norm / size)
        step = _step(run, evaluator, P, known.settled, wanted, options["max_products"])
        point, t = _searched(run, step, options["c1"]) or _fallback(run, options["c1"])
        total = known.first - point.loss
        known = known.after(size, eta, t, (loss - point.loss) / total if total > 0.0 else 0.0)
        run.accept(point)


def _begun(run):
    """The `Memory` at the start, or where a run is taken up again."""
    kept = run.restored
    if not kept:
        return Memory(0.0, 0.0, run.current.loss)
    return Memory(float(kept["before"]), float(kept["eta"]), float(kept["first"]), bool(kept["settled"]),
                  float(kept["level"]))


def _forcing(size, before, eta, most):
    """η of this iteration."""
    if not before:
        return most
    new = GAMMA * (size / before) ** POWER
    kept = GAMMA * eta ** POWER
    return min(max(new, kept) if kept > FALLING else new, most)


# --- the step ----------------------------------------------------------------------------------
def _step(run, evaluator, P, settled, wanted, most):
    """Conjugate gradients on H s = −g until |H s + g| ≤ `wanted` |g| and the model hardly falls."""
    point, s, q = run.current, np.zeros_like(run.current.theta), 0.0
    free = ~held_by(point.theta, point.gradient, run.bounds)
    r, metric = free * point.gradient, P if settled else evaluator.preconditioned

    def inverse(v):
        return free * metric(v)
    found: list[tuple[Array, Array]] = []
    z = inverse(r)
    square = start = positive(r @ z)
    d = -z
    for j in range(1, most + 1):
        Hd = free * _product(evaluator, point, d, settled)
        curvature = d @ Hd
        if not curvature > 0.0:
            return Step(s if found else d, not found)
        found.append((d, Hd))
        a = square / curvature
        s, r, fall = s + a * d, r + a * Hd, 0.5 * a * square
        z, q = inverse(r), q + fall
        square, last = positive(r @ z), square
        if square <= wanted ** 2 * start and j * fall <= GOING * q or square <= EPS ** 2 * start:
            break
        d = square / last * d - z
    for pair in found:
        P.add(*pair)
    return Step(s, False)


def positive(square):
    """vᵀ M⁻¹ v, refused where M⁻¹ is not positive definite."""
    if not square >= 0.0:
        raise ValueError(f"preconditioner is not positive definite: v·M⁻¹v is {square:.3g} for a "
                         "residual v; expected the product with a covariance.")
    return square


def _product(evaluator, point, d, settled):
    try:
        return evaluator.product(point, d, settled)
    except TrialFailure as error:
        raise Stop(Status.CURVATURE_FAILED) from error


# --- the line search ---------------------------------------------------------------------------
def _searched(run, step, c1):
    """(point, t) along the step; None where a box has none, or the end of the run."""
    start, t = run.current, 1.0
    slope, noise = start.gradient @ step.s, 10.0 * EPS * abs(start.loss)
    if not slope < 0.0:
        return _nothing(run)
    for _ in range(CUTS):
        theta = pushed_inside(start.theta + t * step.s, run.bounds)
        promised = t * slope if run.bounds is None else start.gradient @ (theta - start.theta)
        visible = -promised > noise
        point = run.trial(theta, gradient=not visible)
        if promised < 0.0 and point.loss <= start.loss + c1 * promised:
            return _lengthened(run, point, step.s) if step.endless and t == 1.0 else (point, t)
        if not visible and _settles(run, point, noise):
            return point, t
        t *= _cut(start.loss, slope * t, point.loss)
    return _nothing(run)


def _nothing(run):
    return None if run.bounds is not None else run.dead_end(Status.LINE_SEARCH_FAILED)


def _fallback(run, c1):
    """(point, t) along the projected gradient, or the end of the run."""
    s = np.where(held_by(run.current.theta, run.current.gradient, run.bounds), 0.0, -run.current.gradient)
    return _searched(run, Step(s, False), c1) or run.dead_end(Status.LINE_SEARCH_FAILED)


def _settles(run, point, noise):
    """Where a decrease cannot be seen: whether the gradient is smaller."""
    current = run.current
    return point.loss <= current.loss + noise and run.gradient_norm(point) < run.gradient_norm(current)


def _cut(loss, slope, found):
    """The minimum of the parabola through ℓ, its slope and ℓ(t), within `CUT`."""
    if not np.isfinite(found):
        return CUT[1]
    return float(np.clip(-0.5 * slope / (found - loss - slope), *CUT))


def _lengthened(run, point, s):
    """Twice as far as long as the loss falls."""
    start, t = run.current.theta, 1.0
    for _ in range(DOUBLINGS):
        further = run.trial(pushed_inside(start + 2.0 * t * s, run.bounds))
        if not further.loss < point.loss:
            break
        point, t = further, 2.0 * t
    return point, t
