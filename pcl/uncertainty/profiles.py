"""Profile likelihood: how far a number can move before the rest cannot make up for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pcl.support.axes import key, level, new_axes
from pcl.support.style import GREY, styled
from pcl.support.types import Array, ArrayLike, Axes, Tensor
from pcl.support.validate import float64_array, known
from pcl.training.bounds import parse_bounds
from pcl.training.result import Result
from pcl.uncertainty.held import OfFunction, OfNumber
from pcl.uncertainty.laplace.bands import SEEN
from pcl.uncertainty.walk import Walk, chi_root, end


Name = str | tuple[str, int] | tuple[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True, eq=False)
class Profile:
    """The log density of one number, c(θ) = θ_i or any function, maximised over the rest of θ.

        drop(c) = (min over θ with c(θ) = c of ℓ(θ) − ℓ*)/2σ²,  in the interval where drop ≤ χ²₁(level)/2

    Attributes
    ----------
    name : str
    value : float, c at the peak
    deviation : float, its standard error by Laplace's approximation
    points : ndarray (n,), c, ascending
    drop : ndarray (n,), ≥ 0 if the peak is one
    theta : ndarray (n, p), the minimisers
    interval : (lower, upper)
        ±∞ on a side that is not closed.
    closed : (bool, bool)
    level : float
    words : tuple of str
        What happened on the way: a side without end, a bound, solves that failed.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> problem = pcl.Problem.from_data(lambda t: t["m"] * np.ones(4), [1.0, 1.2, 0.8, 1.4],
    ...                                 pcl.uncertainty.noise.Gaussian(0.2), {"m": 1.0})
    >>> found = pcl.uncertainty.profile(problem, pcl.minimize(problem), "m")["m"]
    >>> round(found.value, 6), np.round(found.interval, 6)              # ± 1.96 σ/√4
    (1.1, array([0.904004, 1.295996]))
    >>> np.round(found.linear_interval, 6)                              # the same: m enters linearly
    array([0.904004, 1.295996])
    """

    name: str
    value: float
    deviation: float
    points: Array
    drop: Array
    theta: Array
    interval: tuple[float, float]
    closed: tuple[bool, bool]
    level: float
    words: tuple[str, ...] = ()

    @property
    def linear_interval(self) -> tuple[float, float]:
        """That of Laplace's approximation, to compare."""
        half = chi_root(self.level) * self.deviation
        return self.value - half, self.value + half

    @property
    def verdict(self) -> str:
        """What limits the interval, in words; empty if nothing was found."""
        return " ".join(self.words)

    def __str__(self) -> str:
        (lower, upper), (low, high) = self.interval, self.linear_interval
        text = (f"{self.name} = {self.value:.6g}: {100 * self.level:g} % profile interval {lower:.6g} to "
                f"{upper:.6g}; linearised {low:.6g} to {high:.6g}")
        return f"{text}\n{self.verdict}" if self.verdict else text

    @styled
    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """The drop over c, Laplace's parabola, and the interval; returns the axes.

        On `ax`, or on new axes; `options` are those of the curve.
        """
        ax = new_axes(ax)
        wanted = 0.5 * chi_root(self.level) ** 2
        ax.plot(self.points, self.drop, "o-", label="profile", **options)
        c = np.linspace(self.points[0], self.points[-1], 101)
        ax.plot(c, 0.5 * ((c - self.value) / self.deviation) ** 2, "--", color=GREY, label="linearised")
        level(ax, wanted, f"{100 * self.level:g} %")
        for side, closed in zip(self.interval, self.closed):
            if closed:
                ax.axvline(side, color=GREY, lw=0.8, ls=":")
        ax.set(xlabel=self.name, ylabel="drop of the log density", ylim=(0.0, 2.0 * wanted))
        key(ax)
        return ax


def profile(problem: Any, theta: Result | ArrayLike | Mapping[str, ArrayLike],
            names: Name | Sequence[Name] | Mapping[str, Callable[..., Tensor]], *,
            level: float = 0.95, sigma: float | None = None,
            bounds: Any = None) -> dict[str, Profile]:
    """The profile of every number named, or function of θ: how far it can go with θ trained again.

    Exact where the linearisation of `Posterior` is not: invariant under a change of coordinates, of the
    other numbers and of the number itself. For a linear model both are the same.

        found = pcl.uncertainty.profile(problem, result, ["ln K", ("x", 2)])
        print(found["ln K"], found["x[2]"].interval)
        found = pcl.uncertainty.profile(problem, result, {"u at 3": lambda θ: law(θ, 3.0)})

    Parameters
    ----------
    problem : Problem
        From `Problem.from_data`; or of residuals, with ℓ = Σ r², or ℓ = −2 log p with sigma=1.
    theta : Result, (p,) array or {block: array}, the minimiser
    names : names, or list of them
        A block of one number, or (block, index). Or {name: function of the blocks -> tensor of one
        number}, written as a loss is, solves included.
    level : float in (0, 1)
    sigma : float, optional
        The standard deviation of a residual; as for `pcl.uncertainty.posterior`.
    bounds : as of `pcl.minimize`, optional
        Where θ may go. A side that ends at a bound is not closed.

    Returns
    -------
    dict {name: Profile}, a number of a block under "block[index]"

    Raises
    ------
    ValueError
        An unknown name, a block of several numbers without an index, a function that does not give one
        number or does not change with θ, a level outside (0, 1), a Hessian with negative directions
        (`Indefinite`).

    Notes
    -----
    Points are taken along c from the peak, closer where the drop is steep, until it passes
    χ²₁(level)/2, and the end is found by Brent's method; each starts from its neighbour, moved by
    C g/gᵀ C g, g = ∂c/∂θ. The rest is trained by Levenberg and Marquardt's method where there are
    residuals, else by trust-exact (L-BFGS-B with bounds). With a function θ is trained subject to
    c(θ) = c, to 1e-6 of its standard error at most, by the interior point method with exact Hessians.

    Source: D. Bates and D. Watts, 1988, Nonlinear regression analysis, chapter 6; S. Murphy and
    A. van der Vaart, 2000, On profile likelihood.

    Examples
    --------
    x = 10 e^−k at one time, σ = 1: the interval of k is not symmetric.

    >>> import numpy as np, tensorflow as tf, pcl
    >>> problem = pcl.Problem.from_data(lambda t: 10.0 * tf.exp(-t["k"]), 3.0,
    ...                                 pcl.uncertainty.noise.Gaussian(1.0), {"k": 1.0})
    >>> found = pcl.uncertainty.profile(problem, pcl.minimize(problem), "k", level=0.9)["k"]
    >>> np.round(found.interval, 3)                         # ln(10/(3 ± 1.645))
    array([0.767, 1.999])
    >>> np.round(found.linear_interval, 3)
    array([0.656, 1.752])
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level!r}; expected a probability between 0 and 1.")
    theta = theta.x if isinstance(theta, Result) else theta
    theta = problem.ravel(theta) if isinstance(theta, Mapping) else theta
    theta = float64_array("theta", theta, (problem.size,))
    box = parse_bounds(bounds, problem.size, problem.slices) or (np.full(theta.size, -np.inf),
                                                                 np.full(theta.size, np.inf))
    posterior = problem.posterior(theta, sigma=sigma)
    return {name: _profiled(problem, posterior, name, target, level)
            for name, target in _targets(problem, posterior, names, box)}


def _targets(problem, posterior, names, box):
    """(name, Target) of numbers by their names, or of {name: function}."""
    if isinstance(names, Mapping):
        for name, function in names.items():
            if not callable(function):
                raise TypeError(f"names[{name!r}] is a {type(function).__name__}; expected a function of "
                                "the blocks that gives one number.")
        return [(name, OfFunction(problem, posterior, name, function, box))
                for name, function in names.items()]
    single = isinstance(names, str) or (isinstance(names, tuple) and len(names) == 2
                                        and not isinstance(names[1], (str, tuple)))
    places = dict(_place(problem, name) for name in ([names] if single else names))
    return [(name, OfNumber(problem, posterior, i, box)) for name, i in places.items()]


def _place(problem, name):
    """(name, index in θ)."""
    block, index = name if isinstance(name, tuple) else (name, None)
    known("the block of names", block, problem.slices)
    where, shape = problem.slices[block], np.shape(problem.unravel(problem.theta0)[block])
    if index is None:
        if where.stop - where.start != 1:
            raise ValueError(f"block {block!r} has shape {shape}; name one of its numbers by "
                             f"({block!r}, index).")
        return block, where.start
    try:
        flat = int(np.ravel_multi_index(index if isinstance(index, tuple) else (index,), shape))
    except (ValueError, TypeError):
        raise ValueError(f"({block!r}, {index!r}) is outside the block of shape {shape}.") from None
    return f"{block}[{str(index).strip('()')}]", where.start + flat


def _profiled(problem, posterior, name, target, level):
    value, deviation, directions = target.value, target.deviation, posterior.directions
    if directions is not None and directions.outside(target.gradient[None])[0] > SEEN:
        words = (f"Neither data nor prior determine {name}: no interval.",)
        return Profile(name, value, deviation, np.array([value]), np.zeros(1), posterior.theta[None],
                       (-np.inf, np.inf), (False, False), level, words)
    peak, sigma = problem.value(posterior.theta), posterior.sigma

    def minimised(theta, step):
        theta, converged = target.minimised(theta, step)
        return theta, 0.5 * (problem.value(theta) - peak) / sigma ** 2, converged
    walk = Walk(value, posterior.theta, minimised)
    ends = [end(walk, sign * deviation, chi_root(level), target.bounds[sign > 0]) for sign in (-1, 1)]
    points, drop, thetas = walk.ascending()
    words = tuple(word for _, word in ends if word) + walk.words(name)
    closed = not ends[0][1], not ends[1][1]
    return Profile(name, value, deviation, points, drop, np.array(thetas),
                   (ends[0][0], ends[1][0]), closed, level, words)
