"""What to measure next: candidate readings ranked by what they would tell beyond the data at hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from pcl.support.axes import new_axes
from pcl.support.style import RED, styled
from pcl.support import memory
from pcl.support.types import Array, ArrayLike, Axes
from pcl.support.validate import float64_array, known, positive_integer
from pcl.uncertainty.noise.scale import positive
from pcl.uncertainty.sensitivity import sensitivity


@dataclasses.dataclass(frozen=True, eq=False)
class Design:
    """Candidates chosen one after the other, each the best beside those before.

    Attributes
    ----------
    chosen : ndarray (count,) of int, in the order of choice
    gains : ndarray (count,)
        What each of them adds: nats of information ("D"), or the share of the trace it removes ("A").
    map : ndarray (q,)
        What each candidate alone would bring now, for a picture.
    maps : ndarray (count, q)
        The same at each choice, beside those chosen before.
    variance : ndarray (count + 1,) or None
        The trace of the covariance (of the law) before and after each choice, with criterion "A".
    criterion : "D" or "A"
    """

    chosen: Array
    gains: Array
    maps: Array
    criterion: str
    variance: Array | None = None

    @property
    def map(self) -> Array:
        """What each candidate alone would bring now (q,)."""
        return self.maps[0]

    def __str__(self) -> str:
        unit = "nats" if self.criterion == "D" else "of the trace"
        lines = [f"{i}: {gain:.4g} {unit}" for i, gain in zip(self.chosen, self.gains)]
        return "\n".join([f"{len(lines)} of {self.maps.shape[1]} candidates:", *lines])

    @styled
    def plot(self, points: ArrayLike, ax: Axes | None = None) -> Axes:
        """`map` over the candidates' points (q,) or (q, 2), those chosen marked with their number."""
        x = float64_array("points", points).reshape(self.map.size, -1)
        ax = new_axes(ax)
        words = "gain (nats)" if self.criterion == "D" else "share of the trace removed"
        height = self.map if x.shape[1] == 1 else x[:, 1]
        if x.shape[1] == 1:
            ax.plot(x[:, 0], self.map, ".-")
            ax.set(xlabel="candidate's place x", ylabel=words)
        else:
            image = ax.scatter(x[:, 0], x[:, 1], c=self.map, s=14, cmap="viridis")
            ax.figure.colorbar(image, ax=ax, label=words)
            ax.set(xlabel="x", ylabel="y", aspect="equal")
        for number, i in enumerate(self.chosen):
            ax.plot(x[i, 0], height[i], "o", color=RED, ms=7, mew=1.3, fillstyle="none")
            ax.annotate(f"{number + 1}", (x[i, 0], height[i]), xytext=(4, 4), textcoords="offset points")
        return ax


def choose(posterior: Any, candidates: Callable | ArrayLike, sigma: ArrayLike, count: int, *,
           criterion: str = "D", law: Callable | ArrayLike | None = None,
           repeats: bool = False) -> Design:
    """The `count` candidates that would tell most, chosen greedily from the linearised posterior.

        "D"   expected information  ½ ln det(1 + Σ^−½ J C Jᵀ Σ^−½), in nats
        "A"   removed share of tr C, or of the summed variance of a law at its points

    with C the posterior covariance and J the sensitivities of the candidates' predictions; after each
    choice C is that beside the reading, C − C jᵀ j C/(σ² + j C jᵀ). Only applications of a root of C are
    needed. The choice of "D" is within 1 − 1/e of the best set of `count`.

    Parameters
    ----------
    posterior : with `problem`, `theta`, and `covariance_form`
    candidates : function {name: tensor} -> tensor (q,) or (q, s)
        Predictions of all candidates, s readings each that are taken together (an experiment, a sensor
        read at several times). Or their sensitivities ∂f/∂θ, an array (q, p) or (q, s, p): for the
        sampling times of a fit of pcl.dae posterior.sensitivity("x", times, trajectory="0").
    sigma : number, or array of the shape of the predictions, > 0
        Standard deviation of the noise of each reading.
    count : int
    criterion : "D" or "A"
    law : function {name: tensor} -> tensor (n,), or sensitivities (n, p), optional, with "A"
        What is to become certain. Without it all numbers of θ count alike, whatever their units.
    repeats : bool
        Whether a candidate may be chosen more than once.

    Raises
    ------
    ValueError
        More candidates asked for than there are, shapes differ, σ ≤ 0, a law with "D".

    Notes
    -----
    Source: K. Chaloner and I. Verdinelli, 1995, Bayesian experimental design: a review, sections 2.1 and
    2.2; the bound: G. Nemhauser, L. Wolsey and M. Fisher, 1978.
    """
    known("criterion", criterion, ("D", "A"))
    if law is not None and criterion == "D":
        raise ValueError("a law is given with criterion 'D'; expected criterion='A', its variance.")
    form = posterior.covariance_form
    readings = _roots(posterior, candidates, sigma)
    count = positive_integer("count", count)
    if count > len(readings) and not repeats:
        raise ValueError(f"count is {count}, of {len(readings)} candidates; expected no more, or "
                         "repeats=True.")
    if criterion == "D":
        return _greedy(readings, None, count, repeats)
    J = _every_number(form.size) if law is None else _sensitivities("law", posterior, law)
    return _greedy(readings, form.root(J.reshape(-1, form.size)), count, repeats)


def _every_number(p):
    memory.require(3 * 8 * p ** 2, f"a root of the covariance of {p:,} numbers",
                   "name a law, which is what ought to become certain")
    return np.eye(p)


def _greedy(readings, target, count, repeats):
    """The `Design` from roots of the candidates (q, s, k) and of what is to become certain (n, k)."""
    chosen: list[int] = []
    maps, traces = [], [] if target is None else [np.sum(target ** 2)]
    for _ in range(count):
        gains = _information(readings) if target is None else _removed(readings, target)
        maps.append(gains)
        open_gains = gains.copy()
        if chosen and not repeats:
            open_gains[chosen] = -np.inf
        chosen.append(int(np.argmax(open_gains)))
        for v in _orthogonal(readings[chosen[-1]]):
            readings = _beside(readings, v)
            target = None if target is None else _beside(target, v)
        if target is not None:
            traces.append(np.sum(target ** 2))
    gains = np.array([gain[i] for gain, i in zip(maps, chosen)])
    return Design(np.array(chosen), gains, np.array(maps), "D" if target is None else "A",
                  None if target is None else np.array(traces))


def _information(readings):
    """½ ln det(1 + R_i R_iᵀ) of every candidate (q,)."""
    small = np.einsum("qsk,qtk->qst", readings, readings) + np.eye(readings.shape[1])
    return 0.5 * np.linalg.slogdet(small)[1]


def _removed(readings, target):
    """tr T R_iᵀ (1 + R_i R_iᵀ)⁻¹ R_i Tᵀ over tr T Tᵀ (q,)."""
    whole = np.sum(target ** 2)
    small = np.einsum("qsk,qtk->qst", readings, readings) + np.eye(readings.shape[1])
    seen = np.einsum("qsk,nk->qsn", readings, target)
    removed = np.einsum("qsn,qsn->q", seen, np.linalg.solve(small, seen))
    return removed / whole if whole else removed


def _orthogonal(R):
    """The rows (s, k) turned to be orthogonal to each other, which the noise, a unit matrix, allows."""
    _, sizes, V = np.linalg.svd(R, full_matrices=False)
    return sizes[:, None] * V


def _beside(R, v):
    """R (1 + v vᵀ)^−½ = R − α (R v) vᵀ, α = (1 − 1/√(1 + |v|²))/|v|²: R beside a reading with root v."""
    size = v @ v
    if not size:
        return R
    return R - ((1.0 - 1.0 / np.sqrt(1.0 + size)) / size * (R @ v))[..., None] * v


def _roots(posterior, candidates, sigma):
    """R (q, s, k) with R Rᵀ the covariance of the candidates' predictions in units of their noise."""
    J = _sensitivities("candidates", posterior, candidates)
    q, s, p = J.shape
    sigma = positive("sigma", sigma)
    if sigma.shape not in ((), (q,), (q, s)):
        raise ValueError(f"sigma has shape {sigma.shape}; expected a number, ({q},) or ({q}, {s}).")
    sigma = np.broadcast_to(sigma[:, None] if sigma.ndim == 1 else sigma, (q, s))
    return posterior.covariance_form.root(J.reshape(q * s, p)).reshape(q, s, -1) / sigma[..., None]


def _sensitivities(name, posterior, function):
    """∂f/∂θ (q, s, p)."""
    p = posterior.covariance_form.size
    if not callable(function):
        J = float64_array(name, function)
        if J.ndim not in (2, 3) or J.shape[-1] != p:
            raise ValueError(f"{name} has shape {J.shape}; expected (q, {p}) or (q, s, {p}).")
        return J.reshape(len(J), -1, p)
    shapes = []

    def noted(blocks):
        value = function(blocks)
        shapes.append(tuple(value.shape))
        return value
    _, J = sensitivity(posterior.problem, posterior.theta, noted)
    if len(shapes[-1]) not in (1, 2):
        raise ValueError(f"{name} gives {shapes[-1]}; expected (q,) or (q, s).")
    return J.reshape(shapes[-1][0], -1, p)
