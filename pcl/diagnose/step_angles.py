"""The angle between the steps of an optimizer and the directions −g and −H⁻¹g."""

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg

from pcl.diagnose.common import checked_hessian, flat_theta, frozen_array
from pcl.support.axes import key, level, new_axes
from pcl.support.interface import FAILURES
from pcl.support.style import styled
from pcl.support.types import Array, Axes, Integers, Theta
from pcl.support.validate import positive_integer, positive_number
from pcl.training.run.history import Snapshot

_SAME = 1e-6    # relative: the step of the snapshot is the one from the point remembered


@dataclasses.dataclass(frozen=True, eq=False)
class StepAngles:
    """cos of the angle of each recorded step p from θ.

    Attributes
    ----------
    iterations : ndarray (n,), int
    to_gradient : ndarray (n,), −pᵀg / (|p| |g|)
    to_newton : ndarray (n,), pᵀq / (|p| |q|), q = −H⁻¹g; NaN where H was not asked for or failed

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 + 10 * t["x"][1]**2, {"x": [1.0, 1.0]})
    >>> recorder = pcl.diagnose.AngleRecorder(problem)
    >>> result = pcl.minimize(problem, "newton-trust-region", callback=recorder)
    >>> angles = recorder.angles
    >>> angles.iterations, angles.to_gradient.round(3), angles.to_newton.round(3)
    (array([1, 2]), array([0.933, 0.616]), array([0.95, 1.  ]))
    """

    iterations: Integers
    to_gradient: Array
    to_newton: Array

    @styled
    def plot(self, ax: Axes | None = None) -> Axes:
        """Both cosines against the iteration, on `ax` or on new axes."""
        ax = new_axes(ax)
        ax.plot(self.iterations, self.to_gradient, ".-", lw=0.8, label="to −g")
        if np.isfinite(self.to_newton).any():
            ax.plot(self.iterations, self.to_newton, "x-", lw=0.8, ms=4, label="to −H⁻¹g")
        level(ax, 0.0)
        ax.set(xlabel="iteration", ylabel="cosine of the step's angle", ylim=(-1.05, 1.05))
        key(ax)
        return ax


class AngleRecorder:
    """A callback of `pcl.minimize` that records the angles of its steps.

        cos ∠(p, −g) = −pᵀg / (|p| |g|),   cos ∠(p, q) = pᵀq / (|p| |q|),   q = −H⁺g

    with g and H at the point the step p starts from. H⁺ leaves out eigenvalues of size up to
    `threshold` · max|λ|: the Hessian of a network is singular to rounding, −H⁻¹g then noise.

        recorder = pcl.diagnose.AngleRecorder(problem)
        result = pcl.minimize(problem, "BFGS", callback=recorder)
        recorder.angles.plot()

    Parameters
    ----------
    problem : Problem, or an object with `size`, `theta0`, `gradient` and `hessian`
    x0 : (p,) array or {block: array}, optional
        The start that `minimize` is given; `problem.theta0` if None.
    every : int
        Record the steps of every so many iterations.
    newton : bool
        False leaves out H: `to_newton` is NaN.
    threshold : float

    Attributes
    ----------
    angles : StepAngles, so far

    Raises
    ------
    ValueError, TypeError
        `every` is no whole number ≥ 1, `threshold` not positive, x0 of another shape.

    Notes
    -----
    Cost: a gradient a recorded step (shared with the optimizer's own where the problem remembers its
    last point) and with `newton` a Hessian and an eigendecomposition, about 10 p³ operations. They are
    counted in the factorisations, back-substitutions and seconds of the run's history. Rejected
    iterations have no step and are not recorded; nor is a first step that did not start from `x0`.
    With bounds, g is not projected.
    Source: K. Xu and E. Darve, "Training Deep Neural Networks with Trust-Region Methods".

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 + 10 * t["x"][1]**2, {"x": [1.0, 1.0]})
    >>> recorder = pcl.diagnose.AngleRecorder(problem)
    >>> result = pcl.minimize(problem, "newton-trust-region", callback=recorder)
    >>> float(recorder.angles.to_newton[-1].round(6))       # the last step is Newton's
    1.0
    """

    def __init__(self, problem: Any, x0: Theta | None = None, every: int = 1, newton: bool = True,
                 threshold: float = 1e-12):
        needed = ("theta0", "gradient", "hessian") if newton else ("theta0", "gradient")
        self._theta = flat_theta(problem, problem.theta0 if x0 is None else x0, *needed)
        self._every = positive_integer("every", every)
        self._problem, self._newton = problem, newton
        self._threshold = positive_number("threshold", threshold)
        self._rows: list[tuple[int, float, float]] = []
        self._directions: tuple[Array, Array] | None = None

    def __call__(self, snapshot: Snapshot) -> None:
        """Record the step that led to `snapshot.theta`."""
        if snapshot.accepted:
            if snapshot.iteration % self._every == 0:
                self._record(snapshot)
            self._theta, self._directions = np.array(snapshot.theta), None
        if (snapshot.iteration + 1) % self._every == 0 and self._directions is None:
            self._directions = self._descent()   # now, while the problem remembers this point

    def _record(self, snapshot):
        step = snapshot.theta - self._theta
        length = np.linalg.norm(step)
        if abs(length - snapshot.step) <= _SAME * snapshot.step:
            g, q = self._descent() if self._directions is None else self._directions
            self._rows.append((snapshot.iteration, _cosine(step, -g), _cosine(step, q)))

    def _descent(self):
        """g and q at the current point; what cannot be evaluated is NaN."""
        unknown = np.full(self._theta.size, np.nan)
        try:
            g = self._problem.gradient(self._theta)
            return g, self._newton_direction(g) if self._newton else unknown
        except FAILURES:
            return unknown, unknown

    def _newton_direction(self, g):
        values, V = scipy.linalg.eigh(checked_hessian(self._problem, self._theta))
        kept = np.abs(values) > self._threshold * np.abs(values).max()
        return -V[:, kept] @ ((V[:, kept].T @ g) / values[kept])

    @property
    def angles(self) -> StepAngles:
        """The angles so far, a `StepAngles`."""
        iterations, to_gradient, to_newton = zip(*self._rows) if self._rows else ((), (), ())
        return StepAngles(frozen_array(np.array(iterations, dtype=np.int64)),
                          frozen_array(np.array(to_gradient, dtype=np.float64)),
                          frozen_array(np.array(to_newton, dtype=np.float64)))


def _cosine(v, w):
    lengths = np.linalg.norm(v) * np.linalg.norm(w)
    return v @ w / lengths if lengths > 0 else np.nan
