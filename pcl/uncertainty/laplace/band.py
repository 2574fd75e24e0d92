"""A band: a function of θ at points, with how certain it is and why."""

from __future__ import annotations

import dataclasses

import numpy as np

from pcl.support.types import Array
from pcl.uncertainty.laplace.linearity import Linearity


@dataclasses.dataclass(frozen=True, eq=False)
class Band:
    """Values f(θ) at q points with their posterior spread.

    Attributes
    ----------
    points : ndarray (q, d) or None
    value : ndarray (q,), f at the most probable θ
    deviation : ndarray (q,), its standard deviation, linearised
    lower, upper : ndarray (q,), the band
    level : float, its probability: at every single point, or at all of them together if `simultaneous`
    simultaneous : bool
    method : "linear" or "sampled"
    determined : ndarray (q,) or None
        1 − variance/(variance under the prior), 0 to 1: how much the data tell beyond the prior. 1 where
        the prior says nothing.
    bound : ndarray (q,) of bool
        Where f also moves along directions that nothing determines: the band there is a lower bound.
    cut_share : float
        The largest share of a variance along directions close to the cut; 0 if none are.
    linearity : Linearity
        How far f is from its linearisation at a few draws, and whether these are draws of the posterior.
    failed : int
        Draws at which f had no value.

    Examples
    --------
    A line through readings at x = 0 and 1, σ = 0.1, at x = ½ and 2:

    >>> import numpy as np, pcl
    >>> def line(t, x):
    ...     return t["ab"][0] + t["ab"][1] * x
    >>> noise = pcl.uncertainty.noise.Gaussian(0.1)
    >>> problem = pcl.Problem.from_data(lambda t: line(t, np.array([0.0, 1.0])), [1.0, 3.0], noise,
    ...                                 {"ab": [0.0, 0.0]})
    >>> posterior = problem.posterior(pcl.minimize(problem).x)
    >>> x = np.array([0.5, 2.0])
    >>> band = posterior.band(lambda t: line(t, x), x, level=0.9)
    >>> band.value.round(4), band.deviation.round(4)
    (array([2., 5.]), array([0.0707, 0.2236]))
    >>> ((band.upper - band.value) / band.deviation).round(3), band.linear
    (array([1.645, 1.645]), True)
    """

    points: Array | None
    value: Array
    deviation: Array
    lower: Array
    upper: Array
    level: float
    simultaneous: bool = False
    method: str = "linear"
    determined: Array | None = None
    bound: Array = dataclasses.field(default_factory=lambda: np.zeros(0, bool))
    cut_share: float = 0.0
    linearity: Linearity = Linearity()
    failed: int = 0

    @property
    def nonlinearity(self) -> float:
        """The largest error of the linearised f at any point, root mean square over a few draws.

        In standard deviations of f there; nan if it was not looked at, inf if f had no value at one.
        """
        return self.linearity.difference

    @property
    def linear(self) -> bool:
        """Whether no draws contradict the linearisation; see `linearity`."""
        return not self.linearity.fails

    @property
    def verdict(self) -> str:
        """What limits the band, in words; empty if nothing was found."""
        words = []
        if self.bound.any():
            words.append(f"at {self.bound.sum()} of {self.bound.size} points it is a lower bound: "
                         "neither data nor prior determine all that moves them; state a prior.")
        if self.cut_share > 0.1:
            words.append(f"up to {100 * self.cut_share:.0f} % of a variance lies along directions that "
                         "are barely told from rounding.")
        if self.method == "linear" and (said := str(self.linearity)):
            words.append(f"{said}.")
        if self.failed:
            words.append(f"{self.failed} draws had no value and are left out.")
        return " ".join(words)

    def __str__(self) -> str:
        where = "at all points together" if self.simultaneous else "at each point"
        text = (f"{100 * self.level:g} % band {where} ({self.method}): {self.value.size} points, "
                f"standard deviation {self.deviation.min():.3g} to {self.deviation.max():.3g}")
        numbers = zip(self.value, self.deviation, self.lower, self.upper, strict=True)
        rows = [f"  {value:.6g} ± {deviation:.3g}, from {lower:.6g} to {upper:.6g}"
                for value, deviation, lower, upper in numbers] if self.value.size <= WRITTEN else []
        return "\n".join([text, *rows, *([self.verdict] if self.verdict else [])])

    def plot(self, ax=None, **options):
        """Drawn over the first coordinate of the points, on `ax` or on new axes.

        `options` are those of `pcl.uncertainty.pictures.band`.
        """
        from pcl.uncertainty.pictures import band
        return band(self, ax, **options)


WRITTEN = 5             # bands of up to so many points are printed with their numbers
