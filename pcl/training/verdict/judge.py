"""The status of a run at the point it returns, from evaluations around that point.

An optimizer ends where its own tests say so, or where no step helps any more. Neither tells what the
point is. In this order:

1. a method that is not monotone is judged at its best point;
2. where no step helped, the rounding errors of loss and gradient are measured: the point is a minimum to
   rounding if |g| is at that level, or if the decrease ½ gᵀH⁻¹g that a Newton step promises is;
3. a point that claims to be stationary, or where no step helped, has loss and gradient compared along
   a direction (two values of the loss where they agree);
4. a stationary point is no success where the loss went blind to most parameters, or where a negative
   eigenvalue of the Hessian leads to a visibly lower loss.
"""

import dataclasses

import numpy as np

from pcl.training.drivers.curvature import Spectrum, decrement, spectrum, spectrum_of_product
from pcl.training.run.evaluator import Counts
from pcl.training.run.run import CLOSE_ROOT, norm
from pcl.training.run.status import Status
from pcl.training.verdict.agreement import compared
from pcl.training.verdict.flat import SHARE, blind_share, flat_share
from pcl.training.verdict.noise import deviation, measured
from pcl.training.verdict.surroundings import UNAVAILABLE

_STUCK = (Status.RADIUS_COLLAPSED, Status.LINE_SEARCH_FAILED, Status.PRECISION_LIMIT,
          Status.SUBPROBLEM_FAILED)
_AT_NOISE, _BELOW_NOISE = 10.0, 100.0   # gradient and decrease, in standard deviations
_TOLERANCE = 1e-8       # of |g(x0)|: errors of the gradient below it spoil no result
_PRODUCTS_AT_START, _PRODUCTS, _PRODUCTS_FOR_GAIN = 200, 30, 100
_ESCAPES = (1e-3, 1e-2, 1e-1, 1.0)      # of |θ|, along the vector of a negative eigenvalue
_MATERIAL = 1e-8        # of the loss: a smaller decrease is not worth calling a minimum a saddle


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`status`, success, the `Spectrum` or None, what was found, and `Counts` of what it took."""

    status: Status
    success: bool
    spectrum: Spectrum | None
    evidence: str
    counts: Counts


def judged(run, status, around, hessian, sum_of_squares):
    """The `Verdict` on the best point of `run`, which ended with `status`.

    Parameters
    ----------
    around : Surroundings of that point
    hessian : function of no argument giving the Hessian (p, p) there, or None where the method forms none
    sum_of_squares : bool
        The loss cannot fall below 0.
    """
    judge = _Judge(run, around, hessian, sum_of_squares)
    if status is Status.STATIONARY_START:
        return judge.start()
    if status in _STUCK:
        status = judge.rounding(status)
    if status in _STUCK or status.success:
        status = judge.derivatives(status)
    if status.success:
        status = judge.root(status)
    if status.success:
        status = judge.flat(status)
    if status is Status.PRECISION_LIMIT or status.success and run.stationary(run.objective.best):
        status = judge.saddle(status)
    return judge.verdict(status, status.success)


class _Judge:
    """Collects evidence; every method takes a status and returns the one that remains."""

    def __init__(self, run, around, hessian, sum_of_squares):
        self._run, self._around, self._hessian = run, around, hessian
        self._sum_of_squares, self._words = sum_of_squares, []
        self._spectrum: Spectrum | None = None

    def verdict(self, status, success):
        """What was found."""
        return Verdict(status, success, self._spectrum, " ".join(self._words), self._around.counts)

    def start(self):
        """A stationary start is a success only with evidence of a minimum."""
        around = self._around
        self._curvature(_PRODUCTS_AT_START)
        found = self._spectrum
        if self._sum_of_squares and around.loss == 0.0:
            return self.verdict(Status.STATIONARY_START, True)
        if found is None:
            return self.verdict(Status.STATIONARY_START, bool(around.gradient.any()))
        share = self._share(lambda: blind_share(around))
        if share > 0.0:
            self._say(f"{share:.0%} of the parameters do not change the loss at the start")
        if found.indefinite and self._escape(found):
            return self.verdict(Status.STATIONARY_SADDLE, False)
        return self.verdict(Status.STATIONARY_START, found.shows_minimum)

    def rounding(self, status):
        """PRECISION_LIMIT where noise is all that is left, else why not."""
        noise = measured(self._around)
        if noise is None or self._pushed(noise):
            return status
        gain, settled = self._gain(noise)
        if gain is None:
            return status
        self._say(f"a Newton step promises to lower the loss by {gain:.1e}, where its rounding error is "
                  f"{noise.loss:.1e}")
        if settled and gain <= _BELOW_NOISE * noise.loss:
            return Status.PRECISION_LIMIT
        return Status.RADIUS_COLLAPSED if status is Status.PRECISION_LIMIT else status

    def _pushed(self, noise):
        # on a bound, but drawn inside
        around, run = self._around, self._run
        held = 1.0 - around.free
        push = norm(held * run.projected_gradient(run.objective.best))
        return push > max(_AT_NOISE * norm(held * deviation(noise.gradients)),
                          _TOLERANCE * run.start_norm)

    def derivatives(self, status):
        """DERIVATIVES_WRONG where loss and gradient are seen to disagree."""
        around, run = self._around, self._run
        tolerance = 0.0
        if status.success:
            tolerance = max(_TOLERANCE * run.start_norm, norm(around.free_gradient))
        pairs = [(around.random_direction(), "a random direction")]
        if not status.success:
            pairs.append((around.unit_gradient, "the gradient"))
        found = [compared(around, direction, along, tolerance) for direction, along in pairs]
        found = [comparison for comparison in found if comparison is not None]
        wrong = [comparison for comparison in found if comparison.wrong]
        if wrong:
            self._say(str(wrong[-1]))
            return Status.DERIVATIVES_WRONG
        if not status.success and found:
            self._say(f"loss and gradient do not contradict each other: {found[-1]}")
        return status

    def root(self, status):
        """STILL_FAR where a sum of squares, about to vanish to first order, is larger than at θ = 0."""
        around = self._around
        if not self._near_root():
            return status
        loss = around.value(around.inside(np.zeros(around.theta.size)))
        return Status.STILL_FAR if loss is not None and loss < around.loss else status

    def flat(self, status):
        """FLAT_TAIL where the loss went blind to most parameters without a fit."""
        around, start = self._around, self._run.start
        share = self._share(lambda: flat_share(around, start.theta, self._sum_of_squares))
        if share <= SHARE:
            return status
        self._say(f"{share:.0%} of the parameters do not change the loss here (zero columns of the "
                  f"sensitivities), but do at the start or when they are smaller; the loss is "
                  f"{around.loss:.3e}, at the start {start.loss:.3e}")
        return Status.FLAT_TAIL

    def _share(self, share):
        try:
            return share() if self._around.second_derivatives else 0.0
        except UNAVAILABLE:
            return 0.0

    def saddle(self, status):
        """STATIONARY_SADDLE where a negative eigenvalue leads to a visibly lower loss."""
        self._curvature(_PRODUCTS)
        found = self._spectrum
        if found is None or not found.indefinite or self._near_root() or not self._escape(found):
            return status
        return Status.STATIONARY_SADDLE

    def _curvature(self, most):
        around = self._around
        try:
            if self._hessian is not None:
                self._spectrum = spectrum(self._hessian(), around.free > 0.0)
            elif around.second_derivatives and around.free.any():
                start = np.random.default_rng(0).standard_normal(around.theta.size) * around.free
                self._spectrum = spectrum_of_product(around.free_product, start, most)
        except UNAVAILABLE as error:
            self._say(f"the Hessian was not available ({type(error).__name__}: {error})")

    def _gain(self, noise):
        """(predicted gain of a Newton step, whether it has settled), or (None, False)."""
        around = self._around
        g = around.free_gradient
        if not g.any():
            return 0.0, True
        product = around.free_product if around.second_derivatives else self._difference_product
        try:
            gain = decrement(product, g, _PRODUCTS_FOR_GAIN, noise.along)
            return (None, False) if self._exaggerated(product, g, noise) else gain
        except UNAVAILABLE:
            return None, False

    def _exaggerated(self, product, g, noise):
        """Whether the curvature along g is far above what the gradients show: then it hides a gain."""
        d = g / norm(g)
        stated, seen = float(d @ product(d)), float(d @ self._difference_product(d))
        sure = _BELOW_NOISE * float(noise.along(d[None])[0]) / self._difference_step(d)
        if stated <= 2.0 * max(seen, 0.0) + sure:
            return False
        self._say(f"the curvature along the gradient is stated as {stated:.3e}, differences of the "
                  f"gradient give {seen:.3e}; run pcl.check_hessian")
        return True

    def _difference_step(self, v):
        return 1e-6 * max(norm(self._around.theta), 1.0) / norm(v)

    def _difference_product(self, v):
        around, h = self._around, self._difference_step(v)
        ends = [around.value_and_gradient(around.theta + sign * h * v) for sign in (1.0, -1.0)]
        if None in ends:
            raise ArithmeticError("a neighbour cannot be evaluated")
        return around.free * (ends[0][1] - ends[1][1]) / (2.0 * h)

    def _near_root(self):
        # a sum of squares that vanishes within a small change of θ is at its minimum whatever H is
        around = self._around
        gain = norm(around.gradient * np.maximum(np.abs(around.theta), 1.0))
        return self._sum_of_squares and gain >= CLOSE_ROOT * abs(around.loss)

    def _escape(self, found):
        around = self._around
        v = found.lowest * around.free
        for part in _ESCAPES:
            t = part * max(norm(around.theta), 1.0)
            wanted = max(0.05 * abs(found.smallest) * t**2, _MATERIAL * abs(around.loss))
            for sign in (1.0, -1.0):
                loss = around.value(around.inside(around.theta + sign * t * v))
                if loss is not None and around.loss - loss >= wanted:
                    self._say(f"the lowest eigenvalue found is {found.smallest:.3e}; along its vector "
                              f"the loss falls from {around.loss:.6e} to {loss:.6e}")
                    return True
        return False

    def _say(self, words):
        self._words.append(words[0].upper() + words[1:] + ".")
