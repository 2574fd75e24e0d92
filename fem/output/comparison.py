"""What was found beside the truth, and their difference."""

from typing import Any

import numpy as np

from fem.output.axes import labelled, limits, plane
from fem.output.pieces import cut, quantity_of
from fem.output.plot import curve, outline, scalar, shades
from fem.output.sampled import domain_of, facets_of, mesh_of
from pcl.support.axes import key, level
from pcl.support.style import BLUE, COLUMN, INK, PAGE, styled


@styled
def plot_comparison(space: Any, found: Any, truth: Any, axes: Any = None, *, field: str | None = None,
                    show: str | int | None = None, label: str | None = None, unit: str = "",
                    length: str = "", cmap: str = "viridis") -> Any:
    """Truth and what was found with the same colours, and found − truth around zero.

    On an interval: both curves in one picture, the difference in another.

    Parameters
    ----------
    space, field, label, unit, length, cmap : see `fem.plot`
    found, truth : as u there; they need not be of the same kind
    axes : three matplotlib axes (two on an interval), optional
    show : 'magnitude' (by default) or the number of a component of vectors and tensors

    Returns
    -------
    axes : ndarray

    Raises
    ------
    ValueError
        As in `fem.plot`, or another number of axes.

    Examples
    --------
    >>> import fem
    >>> V = fem.Space(fem.unit_square(2))
    >>> x, y = V.dof_points.T
    >>> axes = fem.plot_comparison(V, found=x + 0.1 * y, truth=x, label="head", unit="m")
    >>> len(axes)
    3
    """
    space = domain_of(space)
    mesh = mesh_of(space)
    dim = mesh.p.shape[0]
    if dim == 3:
        raise ValueError("the mesh lies in space; expected an interval or a plane mesh. Use "
                         "fem.plot_slice for each of them.")
    axes = _axes(axes, 2 if dim == 1 else 3)
    both = [quantity_of(space, u, field, name) for name, u in (("truth", truth), ("found", found))]
    degree = max(q.degree for q in both)
    pieces = cut(mesh, degree)
    true, guess = (scalar(q.values(space, pieces), show or "magnitude", dim)[0] for q in both)
    word = "value" if label is None else label
    if dim == 1:
        return _curves(axes, pieces, true, guess, labelled(word, unit), length)
    bounds, off = limits(np.concatenate([true, guess])), np.nanmax(np.abs(guess - true))
    off = off if off > 0 else 1.0
    text, gap = labelled(word, unit), labelled("difference", unit)
    for ax, values, title, limit, colours, under in (
            (axes[0], true, "truth", bounds, cmap, text), (axes[1], guess, "found", bounds, cmap, text),
            (axes[2], guess - true, "found − truth", (-off, off), "RdBu_r", gap)):
        shades(ax, pieces, values, degree, limit, colours, under)
        outline(ax, mesh, facets_of(space))
        plane(ax, vertical="y" if ax is axes[0] else "", unit=length if ax is axes[0] else "")
        ax.set(xlabel=labelled("x", length), title=title)
    return axes


def _axes(axes, count):
    if axes is None:
        import matplotlib.pyplot as plt
        if count == 2:
            return plt.subplots(2, 1, figsize=(COLUMN, 3.8), sharex=True, layout="constrained")[1]
        from matplotlib.layout_engine import ConstrainedLayoutEngine
        return plt.subplots(1, 3, figsize=(PAGE, 2.1), sharex=True, sharey=True,
                            layout=ConstrainedLayoutEngine(wspace=0.1))[1]
    axes = np.asarray(axes, dtype=object).ravel()
    if len(axes) != count:
        raise ValueError(f"axes holds {len(axes)}; expected {count}.")
    return axes


def _curves(axes, pieces, true, guess, label, length):
    curve(axes[0], pieces, guess, label, length, color=BLUE, label="found")
    curve(axes[0], pieces, true, label, length, color=INK, linestyle="--", linewidth=1.0, label="truth")
    key(axes[0])
    curve(axes[1], pieces, guess - true, "found − truth", length, color=BLUE)
    level(axes[1], 0.0)
    axes[0].set_xlabel("")
    return axes
