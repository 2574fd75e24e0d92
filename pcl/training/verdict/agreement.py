"""Whether loss and gradient agree at the end of a run: central differences along one direction.

    (ℓ(θ + h d) − ℓ(θ − h d)) / 2h = g·d + O(h²) + O(σ/h),      σ the rounding error of ℓ

At two h, eight apart. They are found to disagree only when both differences miss g·d by ten times more
than they miss each other, by twenty times σ/h, and by more than the tolerance that was claimed: what a
curved or noisy loss does to the differences is never laid at the gradient's door.
"""

import dataclasses

import numpy as np

from pcl.training.run.run import norm
from pcl.training.verdict.noise import loss_noise, spread

STEP = 2.0**-17         # ε^(1/3), where the two errors balance
_AGAIN = 8.0
_SURE, _NOISE = 10.0, 20.0


@dataclasses.dataclass(frozen=True)
class Comparison:
    """g·d, the differences at the two steps, and whether they contradict it."""

    slope: float
    differences: tuple
    wrong: bool
    along: str

    def __str__(self):
        found = " and ".join(f"{value:.6e}" for value in self.differences)
        return f"along {self.along}, g·d is {self.slope:.6e}, differences of the loss give {found}"


def compared(around, direction, along, tolerance):
    """`Comparison` along `direction` (p,); None if the loss cannot be evaluated there, or d is 0.

    tolerance : of the gradient's 2-norm; an error below it is none.
    """
    if direction is None or not direction.any():
        return None
    slope, allowed = float(around.gradient @ direction), tolerance * norm(direction)
    near = _difference(around, direction, STEP)
    if near is None or abs(near - slope) <= allowed:
        return None if near is None else Comparison(slope, (near,), False, along)
    far = _difference(around, direction, _AGAIN * STEP)
    if far is None:
        return None
    missed = min(abs(near - slope), abs(far - slope))
    sure = missed > max(allowed, _SURE * abs(near - far))
    wrong = sure and missed > _NOISE * _loss_noise(around, direction) / STEP
    return Comparison(slope, (near, far), wrong, along)


def _difference(around, direction, h):
    ends = [around.value(around.theta + sign * h * direction) for sign in (1.0, -1.0)]
    if None in ends or not np.isfinite(ends).all():
        return None
    return (ends[0] - ends[1]) / (2.0 * h)


def _loss_noise(around, direction):
    losses = spread(around.value, around.theta, direction)
    return np.inf if losses is None else loss_noise(losses, around.loss)
