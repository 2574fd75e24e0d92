"""Adam in float64.

    m ← m + (1 − β₁)(g − m),   v ← v + (1 − β₂)(g² − v)
    θ ← θ − rate · sqrt(1 − β₂ᵏ)/(1 − β₁ᵏ) · m/(sqrt(v) + ε)        in the k-th step

With batches of experiments an iteration is a pass through all of them, a step a batch, after which the
loss and the gradient of all tell where it has led: what is accepted and recorded is not noisy.

Source: Kingma and Ba, Adam: a method for stochastic optimization, 2015, the efficient form at the
end of section 2, in which ε is added to sqrt(v); so does Keras.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.support.interface import FAILURES
from pcl.training.drivers.batches import BatchEvaluator
from pcl.training.drivers.scipy_minimize import kept_scale
from pcl.training.run.driven import Driven
from pcl.training.run.inside import pushed_inside
from pcl.training.run.run import Stop
from pcl.training.run.status import Status

_SMALLEST_RATE = 1e-12      # relative to the learning rate asked for


def drive(run: Driven, method: str, options: Mapping[str, Any],
          batches: BatchEvaluator | None = None) -> None:
    """Adam. A failed trial is taken back and the rate halved; each success doubles it again, up to
    `learning_rate`.

    The gradient is divided by a power of two near |g(x0)|, so that ε does not depend on the unit of
    the loss. With bounds every step is projected onto the box.
    """
    full, kept = options["learning_rate"], run.restored
    scale, rate = kept_scale(run, options), float(kept.get("rate", full))
    moments = _Moments(kept, run.current.theta.size, options)
    while True:
        if run.offers:
            run.offer(scale=float(scale), rate=rate, **moments.state())
        if batches is None or batches.size is None:
            theta = pushed_inside(run.current.theta - rate * moments.step(run.current.gradient / scale),
                                  run.bounds)
        else:
            before = moments.state()
            theta = _through(run, batches, moments, rate, scale)
        point = run.trial(theta, gradient=True)
        if point.failed:
            rate *= 0.5
            if batches is not None and batches.size is not None:
                moments = _Moments(before, theta.size, options)
            if rate < _SMALLEST_RATE * full:
                raise Stop(Status.RADIUS_COLLAPSED)
            run.reject()
        else:
            rate = min(2.0 * rate, full)
            run.accept(point)


def _through(run, batches, moments, rate, scale):
    """θ after a step along each batch of this iteration; NaN where one of them has no gradient."""
    theta = run.current.theta
    for numbers in batches.batches(run.iteration + run.failed_since_accepted):
        run.require_time()
        try:
            g = batches.batch_gradient(theta, numbers)
        except FAILURES:
            return np.full(theta.size, np.nan)
        theta = pushed_inside(theta - rate * moments.step(g / scale), run.bounds)
    return theta


class _Moments:
    """m and v (p,) after k steps, as `kept` or 0."""

    def __init__(self, kept, size, options):
        self._m, self._v = (np.array(kept.get(name, np.zeros(size))) for name in ("m", "v"))
        self._k = int(kept.get("k", 0))
        self._beta_1, self._beta_2 = float(options["beta_1"]), float(options["beta_2"])
        self._epsilon = float(options["epsilon"])

    def state(self):
        """{name: array or number}."""
        return {"m": self._m.copy(), "v": self._v.copy(), "k": self._k}

    def step(self, g):
        """(θ before − θ after)/rate, (p,), from the gradient."""
        self._k += 1
        self._m += (1.0 - self._beta_1) * (g - self._m)
        self._v += (1.0 - self._beta_2) * (g * g - self._v)
        unbiased = np.sqrt(1.0 - self._beta_2 ** self._k) / (1.0 - self._beta_1 ** self._k)
        return unbiased * self._m / (np.sqrt(self._v) + self._epsilon)
