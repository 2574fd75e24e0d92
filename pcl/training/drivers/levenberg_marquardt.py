"""Levenberg–Marquardt on the residuals' sensitivities, one singular value decomposition each.

    minimise  C² Σ_i ρ((r_i(θ) / C)²),    lower ≤ θ ≤ upper,      C = f_scale

At θ let W = diag ρ'((r/C)²), and U Σ Vᵀ the decomposition of W^½ J D, J = dr/dθ, D = x_scale.
Then s = D V y with  (Σ² + λ) y = −Σ Uᵀ W^½ r  minimises |W^½ (r + J s)|² + λ |D⁻¹ s|². All λ
share the decomposition, so that |y| = radius costs O(min(m, p)) a trial, and since JᵀJ is never
formed the step has the condition number of J, not its square. ρ is concave, so this quadratic lies
above the robust one: the gain ratio is on the safe side.

Corrections. Where the data hardly determine some directions, the steps are long there and what
spoils them is the curvature of r along them, mostly seen by directions that are well determined.
So s is improved with the same decomposition: with n(s) = r(θ + s) − r − J s,

    s ← the minimiser of |W^½ (r + n(s) + J s)|² + λ |D⁻¹ s|²

one evaluation of r each, as long as the loss falls. The first correction is the geodesic
acceleration, with the second derivative of r along s replaced by n(s).

Cost. Of a J with few singular values above rounding only those are computed, see `singular_values`. Where
that is not so, and the normal equations are well-conditioned or the SVD would take more than
`SVD_FLOPS`, a `damped_normal.NormalModel` takes its place: JᵀJ + λ or, with fewer rows than parameters,
JJᵀ + λ.

Source: Moré, The Levenberg–Marquardt algorithm, 1978 (radius, λ by Newton's method on
1/|y(λ)|); Transtrum and Sethna, Improvements to the Levenberg–Marquardt algorithm, 2012 (geodesic
acceleration).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.training.drivers.damped_normal import SVD_FLOPS, normal_model, svd_flops
from pcl.training.drivers.least_squares import RHO
from pcl.training.drivers.singular_values import SMALL, full_svd, low_rank_svd, svd
from pcl.training.run.driven import Driven
from pcl.training.run.inside import pushed_inside
from pcl.training.run.run import EPS, norm
from pcl.training.run.status import Status

# As in the trust-region methods: Moré 1978, and Nocedal and Wright, Algorithm 4.1.
POOR, GOOD, SHRINK, GROW = 0.25, 0.75, 0.25, 2.0
CONTRACTION = 0.5       # a correction larger than this times the one before is not contracting
_RADIUS_ERROR = 1e-3    # relative error of |y| = radius; Moré takes 0.1
_NEWTON_STEPS = 60
_NONE = np.zeros(0)


class DampedModel:
    """|r + J s|² with the decomposition of J, for any radius.

    Parameters
    ----------
    r : (m,) array
    J : (m, p) array, not zero
    decomposition : (U, σ, Vᵀ), optional
        Of J, where it is known; `pcl.training.drivers.singular_values.svd` if None.

    Notes
    -----
    y and radius are in the unit of s; singular values below m ε σ_max count as zero.
    """

    algebra = "svd"

    def __init__(self, r, J, decomposition=None):
        U, sigma, self._Vt = decomposition or svd(J)
        self.unit = sigma[0]        # everything below is divided by it, against overflow
        self._sigma = np.where(sigma > max(J.shape) * EPS * sigma[0], sigma / sigma[0], 0.0)
        self._Ut, self._r = U.T, r
        self._b = self._Ut @ r / self.unit
        self._damping = 0.0

    @property
    def rank(self):
        """The number of singular values above rounding."""
        return int(np.count_nonzero(self._sigma))

    @property
    def memory(self):
        """What the next step depends on beside r, J and the radius, (1,): λ."""
        return np.array([self._damping])

    @memory.setter
    def memory(self, values):
        self._damping, = map(float, values)

    def solve(self, radius):
        """y with |y| ≤ radius: undamped if that is inside, else |y| = radius up to 1e-3."""
        y = self._damped(0.0, self._b)
        if norm(y) <= radius:
            self._damping = 0.0
            return y
        low, high = 0.0, norm(self._sigma * self._b) / radius
        damping = self._damping if 0.0 < self._damping < high else 1e-3 * high
        for _ in range(_NEWTON_STEPS):
            y = self._damped(damping, self._b)
            length = norm(y)
            if abs(length - radius) <= _RADIUS_ERROR * radius:
                break
            low, high = (damping, high) if length > radius else (low, damping)
            slope = ((y / length) ** 2 / (self._sigma**2 + damping)).sum()
            new = damping + (length - radius) / radius / slope
            damping = new if low < new < high else max(1e-3 * high, np.sqrt(low * high))
        self._damping = damping
        return y

    def step(self, y):
        """V y, (p,)."""
        return self._Vt.T @ y

    def coordinates(self, s):
        """Vᵀ s."""
        return self._Vt @ s

    def corrected(self, y, r):
        """y improved by the residuals `r` found at its end, for the λ of the last `solve`."""
        target = self._Ut @ r / self.unit - self._sigma * y      # b + nonlinear part
        return self._damped(self._damping, target)

    def decrease(self, y):
        """(|r|² − |r + J s|²) / unit², without cancellation where λ is that of `solve`."""
        z = self._sigma * y
        return float(-2.0 * (self._b @ z) - z @ z)

    def _damped(self, damping, b):
        q = self._sigma**2 + damping
        return np.where(self._sigma > 0.0, -self._sigma * b / np.where(q > 0.0, q, 1.0), 0.0)


def drive(run: Driven, method: str, options: Mapping[str, Any], evaluator: Any) -> None:
    """An iteration is a radius: one step with its corrections, accepted if the loss is lower.

    Failed trials count as +inf and shrink the radius. Bounds: parameters on a bound that the
    gradient pushes outwards are held, the others' step is cut at the box, and the predicted
    decrease is that of the step cut.
    """
    search = _Search(run, options, evaluator)
    while True:
        model = search.model()
        point = search.attempt(model)
        while point is None:
            run.reject()
            search.offer(model.memory)
            point = search.attempt(model)
        run.accept(point)


class _Search:
    """Radius, weights and the set of held parameters around `run.current`."""

    def __init__(self, run, options, evaluator):
        self._run, self._evaluator = run, evaluator
        self._slope, self._C = RHO[options.get("loss", "linear")][1], options.get("f_scale", 1.0)
        given = options.get("x_scale")
        self._scale = np.broadcast_to(1.0 if given is None else np.asarray(given, float),
                                      run.current.theta.shape)
        self._algebra = options["linear_algebra"]
        self._corrections = int(options["corrections"])
        self._radius = float(run.restored.get("radius", options["initial_trust_radius"]
                                              or norm(run.current.theta / self._scale) or 1.0))
        self._memory = run.restored.get("memory", _NONE)    # of a model in a run taken up again
        # numbers of singular values, expected of this model and of the next
        self._rank = self._next_rank = int(run.restored.get("rank", 0))

    def model(self):
        """The `DampedModel` at the current point."""
        current = self._run.current
        r, J = self._evaluator.residuals(current), self._evaluator.jacobian(current)
        self._rank = self._next_rank
        self.offer(self._memory)        # after what a run taken up again computes anew
        self._weight = np.sqrt(self._slope((r / self._C) ** 2))
        free = self._scale * ~self._held(current)
        J = self._weight[:, None] * J * free
        if not J.any():
            self._run.dead_end(Status.RADIUS_COLLAPSED)
        model = self._decomposed(self._weight * r, J)
        if self._memory.size:
            model.memory, self._memory = self._memory, _NONE
        return model

    def offer(self, memory):
        """Here the run can be taken up, with a model of this `memory`."""
        self._run.offer(radius=self._radius, memory=memory, rank=self._rank)

    def _decomposed(self, r, J):
        in_time = self._run.require_time
        in_time()
        if self._algebra == "svd":
            model = DampedModel(r, J, full_svd(J))
        else:
            model = self._by_size(r, J) if self._algebra == "auto" else normal_model(r, J, in_time)
        self._run.linear_algebra = model.algebra
        return model

    def _by_size(self, r, J):
        """Few singular values; else the normal equations where J is too large or well-conditioned."""
        found, in_time = low_rank_svd(J, self._rank), self._run.require_time
        self._next_rank = 0
        if found is not None:
            model = DampedModel(r, J, found)
            self._next_rank = model.rank
            return model
        large = svd_flops(*J.shape) > SVD_FLOPS
        if large or min(J.shape) >= SMALL:
            model = normal_model(r, J if large else J.copy(), in_time)
            if large or model.well_conditioned():
                return model
        return DampedModel(r, J, full_svd(J))

    def attempt(self, model):
        """The accepted point, with gradient, or None; the radius is updated."""
        y = model.solve(self._radius)
        length = norm(y)
        predicted, best = self._descend(model, y)
        self._run.observe(best)
        point = best
        if best.loss < self._run.current.loss:
            point = self._run.trial(best.theta, gradient=True)
        with np.errstate(over="ignore", divide="ignore"):
            ratio = (self._run.current.loss - point.loss) / model.unit / model.unit / predicted
        if not ratio >= POOR:
            self._radius = SHRINK * length
        elif ratio > GOOD and length > 0.9 * self._radius:
            self._radius *= GROW
        return point if point.loss < self._run.current.loss else None

    def _descend(self, model, y):
        """Decrease predicted for y, and the best point among its end and the corrections."""
        current, best, last = self._run.current, None, norm(y)
        for k in range(self._corrections + 1):
            theta = pushed_inside(current.theta + self._scale * model.step(y), self._run.bounds)
            moved = model.coordinates((theta - current.theta) / self._scale) \
                if self._run.bounds is not None else y
            if k == 0:
                predicted = max(model.decrease(moved), np.finfo(float).tiny)
            point = self._run.objective.trial(theta)
            if best is not None and not point.loss < best.loss:
                break
            best = point
            if point.failed or k == self._corrections or self._as_predicted(
                    point, predicted, model):
                break
            new = model.corrected(moved, self._weight * self._evaluator.residuals(point))
            change = norm(new - y)
            if not change <= (CONTRACTION if k else 1.0) * last:
                break
            y, last = new, change
        return predicted, best

    def _as_predicted(self, point, predicted, model):
        return (self._run.current.loss - point.loss) / model.unit / model.unit >= predicted

    def _held(self, point):
        if self._run.bounds is None:
            return np.zeros(point.theta.size, bool)
        lower, upper = self._run.bounds
        g = point.gradient
        return (point.theta <= lower) & (g > 0) | (point.theta >= upper) & (g < 0)
