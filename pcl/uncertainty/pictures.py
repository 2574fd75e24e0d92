"""Pictures of posteriors in one style: bands, pairs of numbers, singular values, maps, chosen sensors.

Every function takes `ax`, draws into it or into a new figure, and returns it. Labels with their units are
the caller's: `xlabel="x (m)"`. Their look is that of `pcl.style`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pcl.support.axes import coloured, key, level, new_axes, on_the_right, readings, shade
from pcl.support.axes import truth as true_curve
from pcl.support.style import BLUE, COLUMN, ORANGE, RED, SHADE, styled
from pcl.support.types import ArrayLike, Axes
from pcl.support.validate import float64_array
from pcl.uncertainty.laplace.directions import Directions

_GRID = 101         # points of a density


@styled
def band(found: Any, ax: Axes | None = None, *, truth: ArrayLike | None = None,
         data: tuple[ArrayLike, ArrayLike] | None = None, xlabel: str = "x", ylabel: str = "value",
         colour: str = BLUE, label: str = "value", determined: bool = True) -> Axes:
    """A `pcl.uncertainty.Band` over the first coordinate of its points.

    Parameters
    ----------
    truth : (q,) array, optional, at the points
    data : (places, readings), optional
    determined : bool
        Whether the share of what is known that comes from data is drawn, on an axis of its own.

    Raises
    ------
    ValueError
        The band has no points.
    """
    if found.points is None:
        raise ValueError("the band has no points; give them to posterior.band(law, points).")
    order = np.argsort(found.points[:, 0], kind="stable")
    x, ax = found.points[order, 0], new_axes(ax)
    where = "together" if found.simultaneous else "at each point"
    shade(ax, x, found.lower[order], found.upper[order], color=colour,
          label=f"{100 * found.level:g} % {where}")
    ax.plot(x, found.value[order], color=colour, label=label)
    if truth is not None:
        true_curve(ax, x, float64_array("truth", truth, (x.size,))[order])
    if data is not None:
        readings(ax, *data)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if determined and found.determined is not None:
        key(ax, on_the_right(ax, x, found.determined[order], "share from data"))
    else:
        key(ax)
    return ax


@styled
def corner(posterior: Any, names: Sequence[str] | None = None, axes: Any = None, *,
           draws: ArrayLike | None = None, prior: dict[str, tuple[float, float]] | None = None,
           truth: dict[str, float] | None = None, labels: dict[str, str] | None = None) -> Any:
    """Pairs of numbers: ellipses of one and two standard deviations, or draws; densities on the diagonal.

    Parameters
    ----------
    posterior : pcl.uncertainty.Posterior
    names : blocks of a single number each; all of these by default
    axes : (n, n) array of matplotlib axes, optional
    draws : (count, p) array of θ, optional
        From a sampler, or `posterior.draws(1000, seed=0)`; points and histograms in place of ellipses.
    prior : {name: (mean, deviation)}, optional
        Normal densities drawn beside the posterior's.
    truth, labels : {name: number}, {name: label with its unit}, optional

    Returns
    -------
    axes : (n, n) array
    """
    names = _single(posterior, names)
    place = [posterior.problem.slices[name].start for name in names]
    mean, C, n = posterior.theta[place], posterior.covariance(names), len(names)
    draws = None if draws is None else float64_array("draws", draws, (None, posterior.theta.size))
    axes = _square(n) if axes is None else np.asarray(axes).reshape(n, n)
    for i in range(n):
        for j in range(n):
            pair = None if draws is None else draws[:, [place[j], place[i]]]
            if i == j:
                _density(axes[i, i], mean[i], C[i, i], pair, (prior or {}).get(names[i]))
            elif i > j:
                _pair(axes[i, j], mean[[j, i]], C[np.ix_([j, i], [j, i])], pair)
            else:
                axes[i, j].set_axis_off()
    _marked(axes, names, truth or {}, labels or {})
    return axes


def _single(posterior, names):
    slices = posterior.problem.slices
    single = [name for name, rows in slices.items() if rows.stop - rows.start == 1]
    names = list(single if names is None else names)
    wrong = [name for name in names if name not in single]
    if wrong or not names:
        raise ValueError(f"names has {wrong[0] if wrong else 'none'!r}; expected blocks of one number, "
                         f"of {', '.join(single) or 'which there are none'}.")
    return names


def _square(n):
    import matplotlib.pyplot as plt
    side = COLUMN if n < 3 else 1.5 * n
    return plt.figure(figsize=(side, side), layout="constrained").subplots(
        n, n, squeeze=False, sharex="col")


def _density(ax, mean, variance, pair, prior):
    def normal(x, mean, deviation):
        return np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2.0 * np.pi))
    x = mean + np.sqrt(variance) * np.linspace(-4.0, 4.0, _GRID)
    if pair is None:
        ax.plot(x, normal(x, mean, np.sqrt(variance)), color=BLUE, label="posterior")
    else:
        ax.hist(pair[:, 0], bins=30, density=True, color=BLUE, alpha=SHADE, label="posterior")
    if prior is not None:
        ax.plot(x, normal(x, *prior), "--", color=ORANGE, label="prior")
        key(ax)
    ax.set(yticks=[], ylabel="density")


def _pair(ax, mean, C, pair):
    if pair is not None:
        ax.plot(*pair.T, ".", ms=2, color=BLUE, alpha=0.4)
        return
    turn = np.linspace(0.0, 2.0 * np.pi, _GRID)
    L = np.linalg.cholesky(C)
    for radius, style in ((1.0, "-"), (2.0, "--")):
        ax.plot(*(mean[:, None] + radius * L @ np.stack([np.cos(turn), np.sin(turn)])), style, color=BLUE)
    ax.plot(*mean, "+", color=BLUE)


def _marked(axes, names, truth, labels):
    n = len(names)
    for i, name in enumerate(names):
        axes[-1, i].set_xlabel(labels.get(name, name))
        if i:
            axes[i, 0].set_ylabel(labels.get(name, name))
        if name in truth:
            for k in range(i, n):
                axes[k, i].axvline(truth[name], color=RED, lw=1.0)
            for k in range(i):
                axes[i, k].axhline(truth[name], color=RED, lw=1.0)


@styled
def singular_values(posterior: Any, ax: Axes | None = None) -> Axes:
    """How strongly each direction of θ is determined, relative to the strongest, with the cut."""
    found, ax = posterior.directions, new_axes(ax)
    if not isinstance(found, Directions):
        raise ValueError("the posterior has no singular values: it was made with rank=. Its eigenvalues "
                         "are posterior.directions.pairs.values.")
    values = found.strengths[found.strengths > 0.0]
    kept = values > found.cut
    number = np.arange(1, values.size + 1)
    ax.semilogy(number[kept], values[kept], "o", ms=4, color=BLUE, label=f"{kept.sum()} kept")
    if not kept.all():
        ax.semilogy(number[~kept], values[~kept], "x", ms=5, color=RED, label=f"{(~kept).sum()} left out")
    if found.cut > 0.0:
        level(ax, found.cut, f"cut {found.cut:.1e}")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="direction", ylabel="strength, relative")
    key(ax)
    return ax


@styled
def map(points: ArrayLike, values: ArrayLike, ax: Axes | None = None, *,
        label: str = "standard deviation", xlabel: str = "x", ylabel: str = "y",
        sensors: ArrayLike | None = None, triangles: ArrayLike | None = None) -> Axes:
    """Numbers at points of the plane as colours, such as the standard deviation of a field.

    Parameters
    ----------
    points : (n, 2) array; values : (n,) array
        Of a nodal field: `V.dof_points` and `posterior.standard_errors()[name]`.
    sensors : (k, 2) array, optional
        Places marked on the map, numbered in their order.
    triangles : (m, 3) integers, optional
        Of the mesh, `mesh.t.T`; by default those of Delaunay.
    """
    from matplotlib.tri import Triangulation
    points, ax = float64_array("points", points, (None, 2)), new_axes(ax)
    values = float64_array("values", values, (len(points),))
    mesh = Triangulation(points[:, 0], points[:, 1], triangles=triangles)
    image = ax.tripcolor(mesh, values, shading="gouraud", cmap="cividis")
    ax.figure.colorbar(image, ax=ax, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel, aspect="equal")
    coloured(ax)
    if sensors is not None:
        _sensors(ax, float64_array("sensors", sensors, (None, 2)))
    return ax


def _sensors(ax, places):
    ax.plot(*places.T, "o", ms=6, mfc="w", mec=RED, mew=1.5)
    for number, place in enumerate(places, start=1):
        ax.annotate(str(number), place, xytext=(5, 5), textcoords="offset points", color=RED,
                    bbox={"fc": "w", "ec": "none", "alpha": 0.7, "pad": 1.0})
