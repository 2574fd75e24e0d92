"""The loss along lines and on a plane through θ."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pcl.diagnose.common import flat_theta, frozen_array
from pcl.diagnose.hessian_spectrum import HessianSpectrum, spectrum_at
from pcl.support.axes import MOST, coloured, key, new_axes
from pcl.support.interface import FAILURES
from pcl.support.style import RED, styled
from pcl.support.types import Array, ArrayLike, Axes, Theta
from pcl.support.validate import float64_array, positive_integer, positive_number


@dataclasses.dataclass(frozen=True, eq=False)
class Profile:
    """F_j(α) = ℓ(θ + α v_j).

    Attributes
    ----------
    steps : ndarray (n,), α; the one in the middle is 0
    loss : ndarray (n, k), NaN where ℓ could not be evaluated
    directions : ndarray (p, k), unit columns v_j
    labels : tuple of k str
    failed : int, number of NaN

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 + 4 * t["x"][1]**2, {"x": [1.0, 1.0]})
    >>> found = pcl.diagnose.profile(problem, [0.0, 0.0], [0.0, 1.0], points=5)
    >>> found.steps, found.loss[:, 0], found.failed
    (array([-1. , -0.5,  0. ,  0.5,  1. ]), array([4., 1., 0., 1., 4.]), 0)
    """

    steps: Array
    loss: Array
    directions: Array
    labels: tuple[str, ...]

    @property
    def failed(self) -> int:
        """How many points could not be evaluated."""
        return int(np.isnan(self.loss).sum())

    @styled
    def plot(self, ax: Axes | None = None) -> Axes:
        """One curve a direction, the first six, on `ax` or new axes; gaps where it failed."""
        ax = new_axes(ax)
        for loss, label in zip(self.loss.T[:MOST], self.labels):
            ax.plot(self.steps, loss, ".-", ms=3, label=_with_failures(label, np.isnan(loss).sum()))
        if _spans_decades(self.loss):
            ax.set_yscale("log")
        ax.set(xlabel="α", ylabel="loss at θ + α v")
        key(ax)
        return ax


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """F(α, β) = ℓ(θ + α v + β w).

    Attributes
    ----------
    steps : ndarray (n,), values of α and of β; the one in the middle is 0
    loss : ndarray (n, n), loss[i, j] at α = steps[i], β = steps[j]; NaN where it could not be evaluated
    directions : ndarray (p, 2), orthonormal columns v, w
    failed : int, number of NaN

    Examples
    --------
    >>> import numpy as np, pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 + 4 * t["x"][1]**2, {"x": [1.0, 1.0]})
    >>> pcl.diagnose.plane(problem, [0.0, 0.0], np.eye(2), points=3).loss
    array([[5., 1., 5.],
           [4., 0., 4.],
           [5., 1., 5.]])
    """

    steps: Array
    loss: Array
    directions: Array

    @property
    def failed(self) -> int:
        """How many points could not be evaluated."""
        return int(np.isnan(self.loss).sum())

    @styled
    def plot(self, ax: Axes | None = None) -> Axes:
        """Colours and contours on `ax` or on new axes; points that could not be evaluated are grey."""
        ax, logarithmic = new_axes(ax), _spans_decades(self.loss)
        shown = np.ma.masked_invalid(np.log10(self.loss) if logarithmic else self.loss)
        ax.set_facecolor("0.75")
        image = ax.pcolormesh(self.steps, self.steps, shown.T, shading="nearest", cmap="viridis")
        if shown.count() > 3 and shown.max() > shown.min():
            ax.contour(self.steps, self.steps, shown.T, 10, colors="w", linewidths=0.5, alpha=0.7)
        words = "log₁₀ loss" if logarithmic else "loss"
        ax.figure.colorbar(image, ax=ax, label=_with_failures(words, self.failed, ", grey"))
        ax.plot(0.0, 0.0, "+", color=RED, ms=9, mew=1.5)
        ax.set(xlabel="α, along v", ylabel="β, along w", aspect="equal")
        coloured(ax)
        return ax


def profile(problem: Any, theta: Theta, directions: ArrayLike, radius: float = 1.0, points: int = 41,
            labels: Sequence[str] | None = None) -> Profile:
    """The loss along lines through θ, a `Profile`.

        F_j(α) = ℓ(θ + α v_j),   −radius ≤ α ≤ radius

    Parameters
    ----------
    problem : Problem, or an object with `size` and `value`
    theta : (p,) array or {block: array}
    directions : (p,) or (p, k) array; each is scaled to unit length
    radius : float
    points : odd whole number ≥ 3; even ones are refused, for α = 0 belongs to the line
    labels : k names for the plot, optional

    Returns
    -------
    Profile

    Raises
    ------
    ValueError, TypeError
        Wrong shapes, a direction that is zero.
    TrialFailure
        ℓ(θ) itself cannot be evaluated. Elsewhere on the line that is a NaN.

    Notes
    -----
    Cost: k (points − 1) + 1 values of the loss.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 + 4 * t["x"][1]**2, {"x": [1.0, 1.0]})
    >>> pcl.diagnose.profile(problem, [1.0, 0.0], np.eye(2), points=3).loss     # a column a direction
    array([[0., 5.],
           [1., 1.],
           [4., 5.]])
    """
    theta = flat_theta(problem, theta, "value")
    vectors = _unit_columns(directions, theta.size)
    labels = _labels(labels, vectors.shape[1])
    steps, centre = _steps(radius, points), float(problem.value(theta))
    loss = np.full((steps.size, vectors.shape[1]), centre)
    for i in np.flatnonzero(steps):
        for j, v in enumerate(vectors.T):
            loss[i, j] = _loss(problem, theta + steps[i] * v)
    return Profile(frozen_array(steps), frozen_array(loss), frozen_array(vectors), labels)


def extreme_profiles(problem: Any, theta: Theta | HessianSpectrum, radius: float = 1.0,
                     points: int = 41) -> Profile:
    """The loss along the eigenvectors of the largest and the smallest eigenvalue, a `Profile`.

        F_±(α) = ℓ(θ + α v_±),   H v_± = λ_± v_±,   −radius ≤ α ≤ radius

    Parameters
    ----------
    problem : Problem, or an object with `size`, `value` and `hessian`
    theta : (p,) array, {block: array}, or the `HessianSpectrum` there, which is not computed again
    radius : float
    points : odd whole number ≥ 3

    Returns
    -------
    Profile, its first column along λ_max

    Raises
    ------
    ValueError, TypeError, TrialFailure
        As `spectrum` and `profile`.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 + 4 * t["x"][1]**2, {"x": [1.0, 1.0]})
    >>> found = pcl.diagnose.extreme_profiles(problem, [0.0, 0.0], points=3)
    >>> found.labels, found.loss
    (('λ_max, λ = 8.00e+00', 'λ_min, λ = 2.00e+00'), array([[4., 1.],
           [0., 0.],
           [4., 1.]]))
    """
    found = spectrum_at(problem, theta)
    ends = [-1, 0]
    names = [f"{name}, λ = {found.eigenvalues[i]:.2e}" for name, i in zip(("λ_max", "λ_min"), ends)]
    return profile(problem, found.theta, found.vectors[:, ends], radius, points, names)


def plane(problem: Any, theta: Theta, directions: ArrayLike | None = None, radius: float = 1.0,
          points: int = 21, seed: int = 0) -> Plane:
    """The loss on a plane through θ, a `Plane`.

        F(α, β) = ℓ(θ + α v + β w),   |α|, |β| ≤ radius

    Parameters
    ----------
    problem : Problem, or an object with `size` and `value`
    theta : (p,) array or {block: array}
    directions : (p, 2) array, optional
        Two independent directions, for instance eigenvectors; the second is made orthogonal to the
        first, both are scaled to unit length. None draws them from the normal distribution.
    radius : float
    points : odd whole number ≥ 3
    seed : int, of that draw

    Returns
    -------
    Plane

    Raises
    ------
    ValueError
        Parallel directions, or fewer than two parameters; see `profile`.

    Notes
    -----
    Cost: points² values of the loss.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 + 4 * t["x"][1]**2, {"x": [1.0, 1.0]})
    >>> found = pcl.diagnose.plane(problem, [0.0, 0.0], np.eye(2), radius=2.0, points=3)
    >>> found.steps, found.loss
    (array([-2.,  0.,  2.]), array([[20.,  4., 20.],
           [16.,  0., 16.],
           [20.,  4., 20.]]))
    """
    theta = flat_theta(problem, theta, "value")
    if theta.size < 2:
        raise ValueError("problem has one parameter; expected at least two for a plane. Use profile.")
    if directions is None:
        directions = np.random.default_rng(seed).standard_normal((theta.size, 2))
    vectors = _orthonormal_pair(float64_array("directions", directions, shape=(theta.size, 2)))
    steps, centre = _steps(radius, points), float(problem.value(theta))
    loss = np.full((steps.size, steps.size), centre)
    for i, alpha in enumerate(steps):
        for j, beta in enumerate(steps):
            if alpha or beta:
                loss[i, j] = _loss(problem, theta + vectors @ [alpha, beta])
    return Plane(frozen_array(steps), frozen_array(loss), frozen_array(vectors))


def _loss(problem, theta):
    """ℓ(θ), NaN where it cannot be evaluated or is not finite."""
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = float(problem.value(theta))
    except FAILURES:
        return np.nan
    return value if np.isfinite(value) else np.nan


def _steps(radius, points):
    points = positive_integer("points", points, minimum=3)
    if points % 2 == 0:
        raise ValueError(f"points is {points}; expected an odd number, so that θ itself is one of them.")
    steps = np.linspace(-1.0, 1.0, points) * positive_number("radius", radius)
    steps[points // 2] = 0.0
    return steps


def _unit_columns(directions, size):
    vectors = float64_array("directions", directions)
    if vectors.ndim == 1:
        vectors = vectors[:, None]
    vectors = float64_array("directions", vectors, shape=(size, None))
    lengths = np.linalg.norm(vectors, axis=0)
    if not lengths.size or not lengths.all():
        raise ValueError("directions has no columns or a column of zeros; expected directions (p, k).")
    return vectors / lengths


def _orthonormal_pair(directions):
    v, w = _unit_columns(directions, len(directions)).T
    w = w - (v @ w) * v
    if np.linalg.norm(w) < 1e-8:    # half the digits of w would be rounding
        raise ValueError("directions are parallel; expected two that span a plane.")
    w = w - (v @ w) * v             # once more: now orthogonal to rounding
    return np.column_stack([v, w / np.linalg.norm(w)])


def _labels(labels, count):
    if labels is None:
        return tuple(f"direction {j + 1}" for j in range(count))
    labels = tuple(map(str, labels))
    if len(labels) != count:
        raise ValueError(f"labels has {len(labels)} entries; expected one for each of the {count} "
                         "directions.")
    return labels


def _spans_decades(loss):
    """Whether a logarithmic axis shows more: all positive, over more than two decades."""
    finite = loss[np.isfinite(loss)]
    return finite.min() > 0 and finite.max() > 100 * finite.min()


def _with_failures(text, count, how=""):
    return f"{text} ({count} not evaluable{how})" if count else text
